"""FourierFNN on poisson-1d-multiscale: frequencies of the operator against normal ones.

    python benchmarks/fourier.py [--jobs 2] [--seeds 5]

Frequencies drawn from the operator's ``ρ ∝ |p|^-2``, from one normal distribution of each of
several widths, and the automatic band; trained and fixed. Every run has the budget of the suite's
study, on one thread. Finished runs are kept in ``benchmarks/results/fourier.json``; the table goes
to ``docs/_tables/fourier.rst``.
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

from benchmarks import rst  # noqa: E402
from benchmarks.suite import runner  # noqa: E402
from benchmarks.suite.studies import FOURIER_WIDTHS, SEEDS, STUDIES  # noqa: E402

STUDY = "poisson-1d-multiscale"
NETS = (
    "FourierFNN",
    "FourierFNN operator",
    "FourierFNN operator, fixed",
    *(f"FourierFNN N({k})" for k in FOURIER_WIDTHS),
    *(f"FourierFNN N({k}), fixed" for k in FOURIER_WIDTHS),
)
PATH = ROOT / "benchmarks" / "results" / "fourier.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    results = json.loads(PATH.read_text()) if PATH.exists() else {}
    todo = [
        runner.Cell(STUDY, net, seed)
        for seed in range(arguments.seeds)
        for net in NETS
        if f"{net} | {seed}" not in results
    ]
    for cell, result, _ in runner.side_by_side(todo, arguments.jobs):
        kept = {k: result[k] for k in ("status", "error", "message") if k in result}
        results[f"{cell.net} | {cell.seed}"] = kept
        PATH.write_text(json.dumps(results, indent=1) + "\n")
    write_table(results)


def write_table(results: dict[str, Any]) -> None:
    rows = [["Frequencies", "Error: median (range)", "Runs"]]
    for net in NETS:
        runs = [r for key, r in results.items() if key.rpartition(" | ")[0] == net]
        # A run that failed counts as the worst, and is never left out.
        errors = [r["error"] if r["status"] == "done" else np.inf for r in runs]
        if errors:
            said = f"{np.median(errors):.1e} ({min(errors):.1e} to {max(errors):.1e})"
            name = net.removeprefix("FourierFNN").strip() or "automatic band"
            rows.append([name, said, str(len(errors))])
    notes = (
        f"Relative L2 error of u on {STUDY} after {STUDIES[STUDY].budget:g} s of computing time on "
        "one thread. N(k): normal of standard deviation k radians per unit length. Written by "
        "``benchmarks/fourier.py``."
    )
    rst.write_table("fourier", rows, notes)


if __name__ == "__main__":
    main()
