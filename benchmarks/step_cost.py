"""Cost of a training step of RepFNN relative to dde.nn.FNN, on every backend.

    python benchmarks/step_cost.py [--backends pytorch jax ...]

Both networks, [2] + [64]*3 + [1] and tanh, train on the Helmholtz equation (second derivatives) at
2500 points with Adam. In one process they take turns, a block of steps each; the ratio is taken
block by block, so that it holds when the machine's speed drifts. ``dde.nn.FNN`` against itself is
measured in the same way: its distance from 1 is the noise. The table goes to
``docs/_tables/step_cost.rst``.
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

BACKENDS = ("pytorch", "tensorflow", "tensorflow.compat.v1", "jax", "paddle")
BLOCKS = 60


def paired(models: list, steps: int, blocks: int | None = None):
    """Seconds a step of models that take turns, one block of steps each, shape (blocks, models).

    The order of the turns alternates. The models are compiled and have data to train on.
    """
    import deepxde as dde
    import numpy as np

    def block(model) -> float:
        state = model.train_state
        start = time.perf_counter()
        for _ in range(steps):
            model._train_step(state.X_train, state.y_train, state.train_aux_vars)
        if dde.backend.backend_name == "jax":
            dde.backend.jax.block_until_ready(model.params)
        return (time.perf_counter() - start) / steps

    for model in models:
        block(model)
    times = np.empty((blocks or BLOCKS, len(models)))
    for number, row in enumerate(times):
        order = range(len(models))
        for i in order if number % 2 else reversed(order):
            row[i] = block(models[i])
    return times


def measure(steps: int) -> dict:
    """Milliseconds a step and the paired ratios, in this process and on its backend."""
    import deepxde as dde
    import numpy as np

    import deepxde_repnet
    from examples.pinn_forward import helmholtz_2d

    def ready(net_class: type):
        model = dde.Model(helmholtz_2d.problem(per_axis=50), helmholtz_2d.network(net_class))
        model.compile("adam", lr=1e-3, verbose=0)
        model.train(iterations=5, verbose=0)
        return model

    times = paired([ready(dde.nn.FNN), ready(deepxde_repnet.RepFNN), ready(dde.nn.FNN)], steps)
    ratio, noise = times[:, 1] / times[:, 0], times[:, 2] / times[:, 0]
    return {
        "fnn_ms": 1e3 * float(np.median(times[:, 0])),
        "repfnn_ms": 1e3 * float(np.median(times[:, 1])),
        "ratio": float(np.median(ratio)),
        "quartiles": [float(q) for q in np.percentile(ratio, [25, 75])],
        "fnn_against_itself": float(np.median(noise)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--steps", type=int, default=5, help="steps in a block")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.steps)))
        return
    path = ROOT / "benchmarks" / "results" / "step_cost.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for backend in arguments.backends:
        results[backend] = in_own_process(__file__, backend, "--steps", str(arguments.steps))
        print(backend, results[backend], flush=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    header = ["Backend", "FNN (ms)", "RepFNN (ms)", "Ratio", "Quartiles", "FNN against itself"]
    rows = [header]
    for backend, r in results.items():
        low, high = r["quartiles"]
        rows.append(
            [
                backend,
                f"{r['fnn_ms']:.1f}",
                f"{r['repfnn_ms']:.1f}",
                f"{r['ratio']:.3f}",
                f"{low:.3f} to {high:.3f}",
                f"{r['fnn_against_itself']:.3f}",
            ]
        )
    notes = (
        f"A step with 2500 points, medians over {BLOCKS} paired blocks of {arguments.steps} steps, "
        f"{os.cpu_count()} cores. Written by ``benchmarks/step_cost.py``."
    )
    write_table("step_cost", rows, notes)


if __name__ == "__main__":
    main()
