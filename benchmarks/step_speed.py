"""A training step: DeepXDE's own on every backend, accelerated on PyTorch, and the floor.

    python benchmarks/step_speed.py [--backends ...] [--points ...] [--widths ...] [--blocks 8]

RepFNN, [2] + [width]*3 + [1] and tanh in float32, trains with Adam on an equation with first
(u_x + u_y = f) or second derivatives (Laplacian u = f) in the unit square. In one process the
models take turns, a block of steps each, and ratios are taken block by block. The floor is what the
matrix products of the passes alone take, in blocks of 1024 points: forward one for the value and
for each derivative, back two each. Peak memory is that of a process that makes three steps, less
what it has before. Results go to ``benchmarks/results/step_speed.json``, tables to
``docs/_tables/step_speed.rst`` and ``docs/_tables/step_memory.rst``, and the figure to
``docs/_static/step_speed.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.processes import in_own_process  # noqa: E402
from benchmarks.rst import write_table  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "step_speed.json"
BACKENDS = ("pytorch", "tensorflow", "jax")
POINTS = (1000, 1600, 10_000, 100_000)
WIDTHS = (32, 64, 256)
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
        [2] + [width] * 3 + [1], "tanh", "Glorot uniform", slope_scale=1.0, seed=1
    )
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, verbose=0)
    model.train_state.set_data_train(*data.train_next_batch())
    return model


def floor(points: int, width: int, order: int) -> float:
    """Seconds for the matrix products of one step."""
    import torch

    carried = 1 + 2 * order
    rows = carried * 1024
    h, kernel = torch.rand(rows, width), torch.rand(width, width)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(2):
            h @ kernel, h @ kernel.T, h.T @ h
        times.append(time.perf_counter() - start)
    return min(times) * points / 1024


def measure(points: int, width: int, order: int, blocks: int) -> dict:
    """Milliseconds a step, in this process and on its backend."""
    import deepxde as dde
    import numpy as np

    from benchmarks.step_cost import paired

    torch = dde.backend.backend_name == "pytorch"
    models = [make(points, width, order) for _ in range(2 if torch else 1)]
    if not torch:
        times = paired(models, 2, blocks)
        return {"ms": 1e3 * float(np.median(times[:, 0]))}
    from deepxde_repnet import accelerate

    before = models[1].train_step
    accelerate(models[1])
    times = paired(models, 2, blocks)
    ratio = times[:, 0] / times[:, 1]
    return {
        "ms": 1e3 * float(np.median(times[:, 0])),
        "accelerated_ms": 1e3 * float(np.median(times[:, 1])),
        "ratio": float(np.median(ratio)),
        "quartiles": [float(q) for q in np.percentile(ratio, [25, 75])],
        "accelerated": models[1].train_step != before,
        "floor_ms": 1e3 * floor(points, width, order),
    }


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
    header = ["Points", "Width", "Derivatives", "TensorFlow", "JAX", "PyTorch"]
    rows = [[*header, "accelerated", "Ratio", "Quartiles", "Floor"]]
    for key, found in sorted(steps.items(), key=lambda item: [int(k) for k in item[0].split()]):
        points, width, order = key.split()
        torch = found.get("pytorch")
        if torch is None:
            continue
        low, high = torch["quartiles"]
        others = [f"{found[b]['ms']:.1f}" if b in found else "" for b in ("tensorflow", "jax")]
        ratio = f"{torch['ratio']:.2f}" if torch["accelerated"] else "own step kept"
        rows.append(
            [
                points,
                width,
                {"1": "first", "2": "second"}[order],
                *others,
                f"{torch['ms']:.1f}",
                f"{torch['accelerated_ms']:.1f}",
                ratio,
                f"{low:.2f} to {high:.2f}",
                f"{torch['floor_ms']:.1f}",
            ]
        )
    closing = (
        f"Milliseconds a step, medians of {results['blocks']} paired blocks; "
        f"{results['machine']}. Written by ``benchmarks/step_speed.py``."
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

    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    own = [
        (int(key.split()[0]), found["pytorch"])
        for key, found in steps.items()
        if key.split()[1:] == ["64", "2"] and "pytorch" in found
    ]
    own.sort(key=lambda pair: pair[0])
    names = {"ms": "DeepXDE", "accelerated_ms": "accelerated", "floor_ms": "matrix products alone"}
    for name, label in names.items():
        axes.loglog([n for n, _ in own], [f[name] for _, f in own], "o-", label=label)
    axes.set(xlabel="points", ylabel="ms a step", title="PyTorch, width 64, second derivatives")
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--points", nargs="+", type=int, default=POINTS)
    parser.add_argument("--widths", nargs="+", type=int, default=WIDTHS)
    parser.add_argument("--orders", nargs="+", type=int, default=(1, 2), choices=(1, 2))
    parser.add_argument("--blocks", type=int, default=8, help="paired blocks of two steps")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables")
    parser.add_argument("--here", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        if arguments.here[0] == "memory":
            print(json.dumps(memory(arguments.here[1] == "accelerated")))
        else:
            print(json.dumps(measure(*map(int, arguments.here))))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"steps": {}, "memory": {}}
    if not arguments.tables:
        threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
        results["machine"] = f"{os.cpu_count()} cores, OMP_NUM_THREADS={threads}"
        results["blocks"] = arguments.blocks
        for points in arguments.points:
            for width in arguments.widths:
                if points * width > LARGEST and width > 64:
                    continue
                for order in arguments.orders:
                    held = results["steps"].setdefault(f"{points} {width} {order}", {})
                    for backend in arguments.backends:
                        sizes = map(str, (points, width, order, arguments.blocks))
                        held[backend] = in_own_process(__file__, backend, *sizes)
                        print(points, width, order, backend, held[backend], flush=True)
                        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        if "pytorch" in arguments.backends:
            for name in ("own", "accelerated"):
                found = in_own_process(__file__, "pytorch", "memory", name)
                results["memory"][name] = found["mib"]
                print("memory", name, results["memory"][name], flush=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


if __name__ == "__main__":
    main()
