"""The swap of one line, ``dde.nn.FNN`` for ``RepFNN``, in ordinary scripts.

    python benchmarks/swap_panel.py                     # every script, 5 seeds
    python benchmarks/swap_panel.py --only heat wave --nets RepFNN --seeds 2
    python benchmarks/swap_panel.py --redo              # also what has been run before
    python benchmarks/swap_panel.py --table             # the table again, from the stored results
    python benchmarks/swap_panel.py --tiny              # a few steps each, into a new folder

The scripts are those of ``benchmarks/swap_problems``: their solutions do not oscillate, or they
have few points. Both networks are given the same sizes, activation and initializer and nothing
else, and are trained on the same points for the same number of steps. Each run has a fresh process;
what came out is kept in ``benchmarks/results/swap_panel.json`` and not run again, and the table is
written to ``docs/_tables/``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import joblib

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.processes import in_clean_fork  # noqa: E402
from benchmarks.rst import list_table  # noqa: E402
from benchmarks.suite.runner import ENVIRONMENT  # noqa: E402
from benchmarks.suite.store import machine  # noqa: E402
from benchmarks.swap_problems import PROBLEMS  # noqa: E402
from benchmarks.swap_problems.problem import GROUPS, Problem  # noqa: E402
from deepxde_repnet.cli.cluster import side_by_side  # noqa: E402

NETS = ("FNN", "RepFNN")
SEEDS = 5
TINY = 3  # steps
TIME_LIMIT = 600  # seconds for one run
RESULTS = Path("benchmarks") / "results" / "swap_panel.json"
TABLE = Path("docs") / "_tables" / "swap_panel.rst"
NO_WORSE, BETTER = 1.1, 3.0  # ratios of medians that the table counts


class Cell(NamedTuple):
    problem: str
    net: str
    seed: int

    @property
    def key(self) -> str:
        return " | ".join(map(str, self))


def run_cell(name: str, net: str, seed: int, steps: int | None) -> dict[str, Any]:
    """Train one network in this process."""
    import deepxde as dde

    import deepxde_repnet
    from benchmarks.swap_problems.training import train

    constructors = {"FNN": dde.nn.FNN, "RepFNN": deepxde_repnet.RepFNN}
    return train(name, constructors[net], seed, steps)


def in_own_process(cell: Cell, steps: int | None) -> tuple[Cell, dict[str, Any]]:
    modules = ["deepxde_repnet", "benchmarks.swap_problems.training"]
    return cell, in_clean_fork(run_cell, *cell, steps, modules=modules, limit=TIME_LIMIT)


def load(root: Path) -> dict[str, Any]:
    path = root / RESULTS
    return json.loads(path.read_text()) if path.exists() else {"cells": {}}


def run(
    cells: list[Cell], redo: bool, jobs: int = 1, root: Path = ROOT, steps: int | None = None
) -> dict[str, Any]:
    """Run what has not been run, and keep each result as it comes."""
    os.environ.update(ENVIRONMENT)
    results = load(root)
    todo = [cell for cell in cells if redo or cell.key not in results["cells"]]
    with side_by_side(jobs) as parallel:
        for cell, result in parallel(joblib.delayed(in_own_process)(c, steps) for c in todo):
            results["machine"] = machine()
            results["cells"][cell.key] = result
            (root / RESULTS).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
            print(cell.key, json.dumps(result, ensure_ascii=False), flush=True)
    return results


def median_and_range(errors: list[float]) -> str:
    shown = f"{statistics.median(errors):.1e} ({min(errors):.1e} to {max(errors):.1e})"
    return shown.replace("inf", "failed")


def entries(problem: Problem, results: dict[str, Any]) -> tuple[list[str], float | None] | None:
    """One line of the table and its ratio; None where nothing has been run."""
    errors: dict[str, list[float]] = {}
    points: list[int] = []
    for key, cell in results["cells"].items():
        name, net, _ = key.split(" | ")
        if name == problem.name:
            errors.setdefault(net, []).append(cell.get("error", math.inf))
            points = cell.get("points", points)
    if not errors:
        return None
    ratio = None
    if errors.keys() >= set(NETS):
        before, after = (statistics.median(errors[net]) for net in NETS)
        ratio = after / before if math.isfinite(before) else None
    line = [
        f"{problem.title}; {problem.of}" if problem.of else problem.title,
        " + ".join(map(str, filter(None, points))),
        *(median_and_range(errors[net]) if net in errors else "" for net in NETS),
        "" if ratio is None else f"{ratio:.2g}",
    ]
    return line, ratio


def summary(ratios: list[float]) -> str:
    """What all scripts say together that both networks were trained on."""
    if not ratios:
        return "No script has been run with both networks."
    no_worse = sum(ratio <= NO_WORSE for ratio in ratios)
    better = sum(ratio <= 1 / BETTER for ratio in ratios)
    worse = sum(ratio >= BETTER for ratio in ratios)
    return (
        f"RepFNN's median error is at most {NO_WORSE:g} times FNN's on {no_worse} of {len(ratios)} "
        f"scripts; at least {BETTER:g} times smaller on {better}, and at least {BETTER:g} times "
        f"larger on {worse}."
    )


def write_table(results: dict[str, Any], root: Path = ROOT) -> None:
    """Every script that has been run, for the docs."""
    rows = [["Script", "Points", *(f"``{net}``" for net in NETS), "Ratio of medians"]]
    ratios = []
    for group in GROUPS:
        lines = []
        for problem in PROBLEMS.values():
            if problem.group == group and (found := entries(problem, results)):
                line, ratio = found
                lines.append(line)
                ratios += [] if ratio is None else [ratio]
        if lines:
            rows += [[f"**{group}**", *[""] * (len(rows[0]) - 1)], *lines]
    seeds = {key.rpartition(" | ")[2] for key in results["cells"]}
    facts = results["machine"]
    notes = (
        f"{summary(ratios)} Median (smallest to largest) of {len(seeds)} seeds: the relative L2 "
        "error at points that no network was trained on, or what stands behind the semicolon, "
        "relative (the largest of several constants). Points: of the equation or with given "
        "values, and of the conditions. Written by ``benchmarks/swap_panel.py``; PyTorch "
        f"{facts['torch']}, DeepXDE {facts['deepxde']}, float32, {facts['threads']} thread."
    )
    path = root / TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(list_table(rows, notes))
    print("\n".join(" | ".join(row) for row in rows), summary(ratios), sep="\n")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=PROBLEMS, metavar="NAME", help=", ".join(PROBLEMS)
    )
    parser.add_argument("--nets", nargs="+", choices=NETS, default=NETS)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side, one thread each")
    parser.add_argument("--redo", action="store_true", help="run again what has been run")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--tiny", action="store_true", help="a few steps each, into a new folder")
    given = parser.parse_args(arguments)
    root, steps, seeds = ROOT, None, given.seeds
    if given.tiny:
        root, steps, seeds = Path(tempfile.mkdtemp(prefix="swap_panel-")), TINY, 1
        (root / RESULTS).parent.mkdir(parents=True)
        print(f"Results and table: {root}")
    names = [] if given.table else given.only or list(PROBLEMS)
    # Seed by seed: stopped early, every script and network has as many runs.
    cells = [Cell(name, net, seed) for seed in range(seeds) for name in names for net in given.nets]
    results = run(cells, given.redo, given.jobs, root, steps)
    if not results["cells"]:
        raise SystemExit("Nothing has been run yet.")
    write_table(results, root)


if __name__ == "__main__":
    main()
