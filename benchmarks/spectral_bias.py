"""When each wave of function-1d is learned, predicted and measured: examples/spectral_bias.py.

    python benchmarks/spectral_bias.py [--seeds 5]

The table goes to ``docs/_tables/spectral_bias.rst``, the picture of seed 0 to ``docs/_static``, the
results to ``benchmarks/results/spectral_bias.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import write_table  # noqa: E402
from deepxde_repnet import modes  # noqa: E402
from examples import spectral_bias as example  # noqa: E402

SEEDS = 5


def run(seed: int, picture: Path | None, iterations: int = 2000) -> dict[str, Any]:
    """Steps until 1/e of each wave is left, by network; None where it does not get there."""
    shallow, deep = example.main(seed, iterations, picture)
    found = {
        f"one layer, {name}": {"predicted": predicted.tolist(), "measured": _finite(measured)}
        for name, (predicted, measured, _) in shallow.items()
    }
    for name, record in deep.items():
        measured = modes.learning_time(record.steps, record.error)
        found[f"three layers, {name}"] = {"measured": _finite(measured)}
    return found


def _finite(times: np.ndarray) -> list[float | None]:
    return [float(t) if np.isfinite(t) else None for t in times]


def rows(runs: list[dict[str, Any]]) -> list[list[str]]:
    table = [["", *(f"k = {k:.1f}" for k in example.WAVES)]]
    for name, first in runs[0].items():
        if "predicted" in first:
            table.append([f"{name}: predicted", *(f"{t:.0f}" for t in first["predicted"])])
        measured = np.array([r[name]["measured"] for r in runs], dtype=float).T
        name = f"{name}: measured" if "predicted" in first else name
        table.append([name, *map(_said, np.where(np.isnan(measured), np.inf, measured))])
    return table


def _said(times: np.ndarray) -> str:
    if not np.isfinite(times).any():
        return _one(np.inf)
    median, low, high = np.median(times), times.min(), times.max()
    return f"{_one(median)} ({_one(low)} to {_one(high)})"


def _one(time: float) -> str:
    return f"{time:.0f}" if np.isfinite(time) else "never"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = parser.parse_args().seeds
    picture = ROOT / "docs" / "_static" / "spectral_bias.png"
    runs = [run(seed, picture if seed == 0 else None) for seed in range(seeds)]
    path = ROOT / "benchmarks" / "results" / "spectral_bias.json"
    path.write_text(json.dumps(runs, indent=1) + "\n")
    write(runs)


def write(runs: list[dict[str, Any]]) -> None:
    notes = (
        "Steps until 1/e of the error of a wave is left, k in radians per unit length; median "
        f"(range) of {len(runs)} seeds, 2000 steps at most. Written by "
        "``benchmarks/spectral_bias.py``."
    )
    write_table("spectral_bias", rows(runs), notes)


if __name__ == "__main__":
    main()
