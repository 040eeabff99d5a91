"""What checkpoints cost: the time of one, and of writing one every 30 s, against a training step.

    DDE_BACKEND=pytorch python benchmarks/checkpoint_cost.py [--backends pytorch jax tensorflow]

[2] + [64]*3 + [1] on the Helmholtz equation with Adam, at 2500 points. In turns, blocks of steps
are trained and checkpoints written (with the flush to the disk), so that both see the same machine.
One every 30 s takes ``seconds of one / 30`` of the time; what the callback does in the other
steps, to look at the clock, is measured in a loop of its own. The table goes to
``docs/_tables/checkpoint_cost.rst``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.processes import in_own_process  # noqa: E402
from benchmarks.rst import write_table  # noqa: E402

BACKENDS = ("pytorch", "tensorflow", "jax")
EVERY = 30.0
ROUNDS = 20


def measure(rounds: int) -> dict:
    import deepxde as dde
    import numpy as np

    from deepxde_repnet import Checkpoint, RepFNN
    from examples.pinn_forward import helmholtz_2d

    model = dde.Model(helmholtz_2d.problem(per_axis=50), helmholtz_2d.network(RepFNN))
    model.compile("adam", lr=1e-3, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(folder, seconds=3600)
        # A long run's history: shown every 100 steps for 100 000.
        model.train(iterations=5, callbacks=[checkpoint], verbose=0)
        history = model.losshistory
        for name in ("steps", "loss_train", "loss_test", "metrics_test"):
            getattr(history, name).extend(getattr(history, name)[-1:] * 1000)
        state, steps, writes = model.train_state, [], []
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in range(5):
                model._train_step(state.X_train, state.y_train, state.train_aux_vars)
            if dde.backend.backend_name == "jax":
                dde.backend.jax.block_until_ready(model.params)
            middle = time.perf_counter()
            path = checkpoint.save()
            assert path is not None
            writes.append(time.perf_counter() - middle)
            steps.append((middle - start) / 5)
        size = path.stat().st_size
        start = time.perf_counter()
        for _ in range(1000):
            checkpoint.on_epoch_end()
        looking = (time.perf_counter() - start) / 1000
        checkpoint._lock.give_up()
    share = np.array(writes) / EVERY + looking / np.array(steps)
    return {
        "step_ms": 1e3 * float(np.median(steps)),
        "checkpoint_ms": 1e3 * float(np.median(writes)),
        "slowest_checkpoint_ms": 1e3 * float(np.max(writes)),
        "looking_us": 1e6 * looking,
        "kB": size / 1e3,
        "percent": 100 * float(np.median(share)),
        "slowest_percent": 100 * float(np.max(share)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.rounds)))
        return
    path = ROOT / "benchmarks" / "results" / "checkpoint_cost.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for backend in arguments.backends:
        results[backend] = in_own_process(__file__, backend, "--rounds", str(arguments.rounds))
        print(backend, results[backend], flush=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
    header = ["Backend", "A step (ms)", "A checkpoint (ms)", "Slowest (ms)", "Size (kB)", "Cost"]
    rows = [header]
    for backend, r in results.items():
        rows.append(
            [
                backend,
                f"{r['step_ms']:.1f}",
                f"{r['checkpoint_ms']:.0f}",
                f"{r['slowest_checkpoint_ms']:.0f}",
                f"{r['kB']:.0f}",
                f"{r['percent']:.2f} %",
            ]
        )
    notes = (
        f"[2] + [64]*3 + [1] at 2500 points with Adam, a checkpoint every {EVERY:.0f} s, medians "
        f"of {arguments.rounds}. Written by ``benchmarks/checkpoint_cost.py``."
    )
    write_table("checkpoint_cost", rows, notes)


if __name__ == "__main__":
    main()
