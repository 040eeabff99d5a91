"""Does an accelerated model train as DeepXDE's own step does? (PyTorch, float64)

    DDE_BACKEND=pytorch python benchmarks/same_training.py [--steps 200] [--lbfgs 30]

Every problem of ``training_problems.py`` is trained from the same seed with DeepXDE's own step and
accelerated; the largest relative difference of a loss or an unknown at the end goes to
``docs/_tables/same_training.rst``. L-BFGS is taken to fewer iterations: it amplifies rounding, and
the last column shows by how much, DeepXDE's own step against itself with parameters moved by 1e-15.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import write_table  # noqa: E402
from benchmarks.training_problems import PROBLEMS, train  # noqa: E402
from deepxde_repnet import accelerate  # noqa: E402


def fast(model) -> None:
    accelerate(model, compile=False, block=128, verbose=0)


def moved(model) -> None:
    """A difference of a few units in the last place."""
    import torch

    with torch.no_grad():
        for parameter in model.net.parameters():
            parameter.mul_(1 + 1e-15)


def difference(make, optimizer: str, steps: int, prepare) -> float:
    """Largest relative difference between DeepXDE's own training and another."""
    own, other = train(make, optimizer, steps), train(make, optimizer, steps, prepare)
    worst = 0.0
    for a, b in zip(own, other, strict=True):
        a, b = np.array(a), np.array(b)
        worst = max(worst, float(np.max(np.abs(a - b) / np.abs(a), initial=0.0)))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="of Adam")
    parser.add_argument("--lbfgs", type=int, default=30, help="iterations of L-BFGS")
    arguments = parser.parse_args()
    header = [
        "Problem",
        f"Adam, {arguments.steps} steps",
        f"L-BFGS, {arguments.lbfgs} iterations",
        "DeepXDE against itself, parameters moved by 1e-15, L-BFGS",
    ]
    rows = [header]
    for name, make in PROBLEMS.items():
        found = [
            difference(make, "adam", arguments.steps, fast),
            difference(make, "L-BFGS", arguments.lbfgs, fast),
            difference(make, "L-BFGS", arguments.lbfgs, moved),
        ]
        rows.append([name, *(f"{value:.0e}" for value in found)])
        print(*rows[-1], sep=" | ", flush=True)
    notes = (
        "Largest relative difference of a loss or an unknown at the end, float64, seed 3. "
        "Written by ``benchmarks/same_training.py``."
    )
    write_table("same_training", rows, notes)


if __name__ == "__main__":
    main()
