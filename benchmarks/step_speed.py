"""A training step: DeepXDE's own on three backends, accelerated on PyTorch, and the floor.

    python benchmarks/step_speed.py [--points ...] [--widths ...] [--rounds 12]

RepFNN, [2] + [width]*3 + [1] and tanh (``sines=0``) in float32, trains with Adam on an equation
with first (u_x + u_y = f) or second derivatives (Laplacian u = f) in the unit square. Each of the
five trains in a process of its own, which take turns of 0.3 s; ratios are taken round by round. The
floor is what the matrix products of the passes alone take, in blocks of 1024 points, for the
components that have to be carried (the value, the sum in the equation, of second order also the
first derivatives): forward one each, back two each. Peak memory is that of a process that makes
three steps, less what it has before. Results go to ``benchmarks/results/step_speed.json``, tables
to ``docs/_tables/step_speed.rst`` and ``docs/_tables/step_memory.rst``, and the figure to
``docs/_static/step_speed.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.processes import in_own_process, in_turns, take_turns  # noqa: E402
from benchmarks.rst import write_table  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "step_speed.json"
#: Name -> backend, the accelerated one first: the others are related to it.
RUNNERS = {
    "accelerated": "pytorch",
    "pytorch": "pytorch",
    "tensorflow": "tensorflow",
    "tensorflow XLA": "tensorflow",
    "jax": "jax",
}
HEADERS = {
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "tensorflow XLA": "TensorFlow, XLA",
    "jax": "JAX",
}
POINTS = (1000, 1600, 10_000, 100_000)
WIDTHS = (32, 64, 256)
#: XLA takes seconds for DeepXDE's step on TensorFlow on a processor, so it is measured once.
XLA_AT = (1600, 64, 2)
#: Sizes beyond which a step takes many seconds.
LARGEST = 10_000 * 256
MEMORY_AT = 100_000


def make(points: int, width: int, order: int):
    """A compiled model with data to train on."""
    import deepxde as dde

    import deepxde_repnet

    def equation(x, y):
        if order == 1:
            return dde.grad.jacobian(y, x, i=0, j=0) + dde.grad.jacobian(y, x, i=0, j=1) - 1
        return dde.grad.hessian(y, x, i=0, j=0) + dde.grad.hessian(y, x, i=1, j=1) - 1

    def on_jax(x, y):
        if order == 1:
            terms = [dde.grad.jacobian(y, x, i=0, j=j)[0] for j in (0, 1)]
        else:
            terms = [dde.grad.hessian(y, x, i=j, j=j)[0] for j in (0, 1)]
        return terms[0] + terms[1] - 1

    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    boundary = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on: on)
    data = dde.data.PDE(
        geom,
        on_jax if dde.backend.backend_name == "jax" else equation,
        boundary,
        num_domain=points - 200,
        num_boundary=100,
        train_distribution="pseudo",
    )
    net = deepxde_repnet.RepFNN(
        [2] + [width] * 3 + [1], "tanh", "Glorot uniform", slope_scale=1.0, sines=0, seed=1
    )
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, verbose=0)
    model.train_state.set_data_train(*data.train_next_batch())
    return model


def carried_components(order: int) -> int:
    """The value and u_x + u_y; or the value, u_x, u_y and u_xx + u_yy."""
    return 2 * order


def floor(points: int, width: int, order: int) -> float:
    """Seconds for the matrix products of one step."""
    import torch

    carried = carried_components(order)
    rows = carried * 1024
    h, kernel = torch.rand(rows, width), torch.rand(width, width)
    times = []
    for _ in range(60):
        start = time.perf_counter()
        for _ in range(2):
            h @ kernel, h @ kernel.T, h.T @ h
        times.append(time.perf_counter() - start)
    return min(times) * points / 1024


def runner(name: str, points: int, width: int, order: int) -> None:
    """Steps of one of ``RUNNERS``, as often as stdin says; "replayed" is accelerated as a graph."""
    import deepxde as dde

    if name == "tensorflow XLA":
        dde.config.enable_xla_jit()
    model = make(points, width, order)
    ready = {"served": True}
    if name in ("accelerated", "replayed"):
        from deepxde_repnet import accelerate

        before = model.train_step
        accelerate(model, graph=name == "replayed")
        ready = {"served": model.train_step != before}
    state = model.train_state

    def step() -> None:
        model._train_step(state.X_train, state.y_train, state.train_aux_vars)

    def wait() -> None:
        if dde.backend.backend_name == "jax":
            dde.backend.jax.block_until_ready(model.params)
        elif dde.backend.backend_name == "pytorch" and dde.backend.torch.cuda.is_available():
            dde.backend.torch.cuda.synchronize()

    take_turns(step, wait, ready)


def measure(points: int, width: int, order: int, rounds: int) -> dict:
    """Milliseconds a step, and how many times as long as the accelerated one's."""
    sizes = (points, width, order)
    tail = list(map(str, sizes))
    names = [name for name in RUNNERS if name != "tensorflow XLA" or sizes == XLA_AT]
    ready, times = in_turns(__file__, [[RUNNERS[name], name, *tail] for name in names], rounds)
    found: dict = {"served": ready[0]["served"], "ms": {}, "ratio": {}}
    for name, column in zip(names, times.T.tolist(), strict=True):
        found["ms"][name] = 1e3 * statistics.median(column)
        ratios = [theirs / ours for theirs, ours in zip(column, times[:, 0].tolist(), strict=True)]
        found["ratio"][name] = statistics.quantiles(ratios, n=4)
    found["floor_ms"] = in_own_process(__file__, "pytorch", "floor", *tail)["ms"]
    return found


def memory(accelerated: bool) -> dict:
    """Peak memory of three steps, less what there is before them, in this process."""
    import resource

    model = make(MEMORY_AT, 64, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if accelerated:
        from deepxde_repnet import accelerate

        accelerate(model, compile=False)
    state = model.train_state
    for _ in range(3):
        model._train_step(state.X_train, state.y_train, state.train_aux_vars)
    return {"mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def write(results: dict) -> None:
    """Tables and figure out of the results."""
    steps = results["steps"]
    header = ["Points", "Width", "Derivatives", "Floor", "Accelerated", *HEADERS.values()]
    rows = [[*header, *(f"{name} / accelerated" for name in HEADERS.values())]]
    for key, found in sorted(steps.items(), key=lambda item: [int(k) for k in item[0].split()]):
        points, width, order = key.split()
        ratios = [found["ratio"].get(name) for name in HEADERS]
        rows.append(
            [
                points,
                width,
                {"1": "first", "2": "second"}[order],
                f"{found['floor_ms']:.1f}",
                f"{found['ms']['accelerated']:.1f}" + ("" if found["served"] else " (own step)"),
                *(f"{found['ms'][name]:.1f}" if name in found["ms"] else "" for name in HEADERS),
                *("" if r is None else f"{r[1]:.2f} ({r[0]:.2f} to {r[2]:.2f})" for r in ratios),
            ]
        )
    closing = (
        f"Milliseconds a step, medians of {results['rounds']} rounds in which they took turns; "
        f"ratios with their quartiles; {results['machine']}. "
        "Written by ``benchmarks/step_speed.py``."
    )
    write_table("step_speed", rows, closing)
    held = results["memory"]
    rows = [["", "MiB"], *[[name, f"{mib:.0f}"] for name, mib in held.items()]]
    closing = (
        f"Peak memory of three steps with {MEMORY_AT} points, width 64 and second derivatives, "
        "less that of the process before. Written by ``benchmarks/step_speed.py``."
    )
    write_table("step_memory", rows, closing)
    draw(steps, ROOT / "docs" / "_static" / "step_speed.png")


def draw(steps: dict, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    own = sorted(
        (int(key.split()[0]), found)
        for key, found in steps.items()
        if key.split()[1:] == ["64", "2"]
    )
    points = [n for n, _ in own]
    for name, label in {**HEADERS, "accelerated": "PyTorch, accelerated"}.items():
        if name == "tensorflow XLA":
            continue
        axes.loglog(points, [f["ms"][name] for _, f in own], "o-", label=label)
    floors = [f["floor_ms"] for _, f in own]
    axes.loglog(points, floors, "k:", label="matrix products alone")
    axes.set(xlabel="points", ylabel="ms a step", title="Width 64, second derivatives")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", nargs="+", type=int, default=POINTS)
    parser.add_argument("--widths", nargs="+", type=int, default=WIDTHS)
    parser.add_argument("--orders", nargs="+", type=int, default=(1, 2), choices=(1, 2))
    parser.add_argument("--rounds", type=int, default=12, help="in which all take a turn")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables")
    parser.add_argument("--here", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        name, *sizes = arguments.here
        if name == "memory":
            print(json.dumps(memory(sizes[0] == "accelerated")))
        elif name == "floor":
            print(json.dumps({"ms": 1e3 * floor(*map(int, sizes))}))
        else:
            runner(name, *map(int, sizes))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"steps": {}, "memory": {}}
    if not arguments.tables:
        threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
        results["machine"] = f"{os.cpu_count()} cores, OMP_NUM_THREADS={threads}"
        results["rounds"] = arguments.rounds
        for points in arguments.points:
            for width in arguments.widths:
                if points * width > LARGEST and width > 64:
                    continue
                for order in arguments.orders:
                    key = f"{points} {width} {order}"
                    results["steps"][key] = measure(points, width, order, arguments.rounds)
                    print(key, results["steps"][key], flush=True)
                    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        if MEMORY_AT in arguments.points:
            for name in ("own", "accelerated"):
                found = in_own_process(__file__, "pytorch", "memory", name)
                results["memory"][name] = found["mib"]
                print("memory", name, found["mib"], flush=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


if __name__ == "__main__":
    main()
