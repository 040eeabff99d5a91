"""One training in one and in two processes, one thread each. (PyTorch)

    python benchmarks/scaling.py [--points 20000] [--steps 20] [--repeats 3]

RepFNN, [2] + [64]*3 + [1], trains on a Poisson equation in float64, accelerated but not compiled.
Processes are started by torchrun; the runs with one and two processes take turns. The loss after
all steps is compared too. The table goes to ``docs/_tables/scaling.rst``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import write_table  # noqa: E402


def train(points: int, steps: int, path: str) -> None:
    """In every process; the first writes seconds a step and the loss."""
    import deepxde as dde
    import numpy as np
    import torch

    import deepxde_repnet

    torch.set_num_threads(1)
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(0)
    geom = dde.geometry.Rectangle([0, 0], [1, 1])

    def equation(x, y):
        return dde.grad.hessian(y, x, i=0, j=0) + dde.grad.hessian(y, x, i=1, j=1) - 1

    boundary = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on: on)
    data = dde.data.PDE(geom, equation, boundary, num_domain=points, num_boundary=400)
    net = deepxde_repnet.RepFNN(
        [2] + [64] * 3 + [1], "tanh", "Glorot uniform", slope_scale=1.0, seed=1
    )
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, verbose=0)
    deepxde_repnet.accelerate(model, compile=False, block=1024, verbose=0)
    deepxde_repnet.distribute(model)
    model.train(iterations=2, display_every=10**9, verbose=0)
    state = model.train_state
    start = time.perf_counter()
    for _ in range(steps):
        model._train_step(state.X_train, state.y_train, state.train_aux_vars)
    seconds = (time.perf_counter() - start) / steps
    model._test(verbose=0)
    if os.environ.get("RANK", "0") == "0":
        found = {"ms": 1e3 * seconds, "loss": float(np.sum(state.loss_train))}
        Path(path).write_text(json.dumps(found))


def run(processes: int, points: int, steps: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [sys.executable, *launch, __file__, "--here", str(path)]
        command += ["--points", str(points), "--steps", str(steps)]
        environment = os.environ | {
            "DDE_BACKEND": "pytorch",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{processes} processes failed:\n{done.stderr[-2000:]}")
        return json.loads(path.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        train(arguments.points, arguments.steps, arguments.here)
        return
    pairs = []
    for _ in range(arguments.repeats):
        pairs.append([run(n, arguments.points, arguments.steps) for n in (1, 2)])
        print(pairs[-1], flush=True)
    one, two = ([pair[i]["ms"] for pair in pairs] for i in (0, 1))
    ratio = statistics.median(a / b for a, b in zip(one, two, strict=True))
    apart = max(abs(a["loss"] / b["loss"] - 1) for a, b in pairs)
    rows = [
        ["Points", "One process (ms)", "Two (ms)", "Ratio", "Losses differ by"],
        [
            str(arguments.points),
            f"{statistics.median(one):.0f}",
            f"{statistics.median(two):.0f}",
            f"{ratio:.2f}",
            f"{apart:.0e}",
        ],
    ]
    notes = (
        f"A step, medians of {arguments.repeats} runs of {arguments.steps} steps, one thread a "
        f"process, {os.cpu_count()} cores. Written by ``benchmarks/scaling.py``."
    )
    write_table("scaling", rows, notes)


if __name__ == "__main__":
    main()
