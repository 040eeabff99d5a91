"""Solve one problem, and many of them, each in a fresh process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..processes import in_clean_fork

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path("benchmarks") / "results" / "verdicts.json"
SEEDS = 5
TIME_LIMIT = 300  # seconds for one run
TEST_POINTS = 2000
#: Read by DeepXDE and PyTorch when they are imported, which a new process does once for all runs.
ENVIRONMENT = {"DDE_BACKEND": "pytorch", "OMP_NUM_THREADS": "1"}


def key(name: str, seed: int) -> str:
    return f"{name} | {seed}"


def relative(difference: Any, exact: Any) -> float:
    return float(np.linalg.norm(difference) / (np.linalg.norm(exact) or 1.0))


def run_cell(name: str, seed: int) -> dict[str, Any]:
    """Solve one problem in this process.

    ``error`` is the largest relative error of an output or an unknown, ``field_error`` that of all
    outputs together, both at points that were not fitted; ``deviation`` is the largest error of an
    unknown in standard errors. None where there is nothing to compare with.
    """
    import deepxde as dde

    import deepxde_repnet

    from . import PROBLEMS

    with contextlib.redirect_stdout(io.StringIO()):
        dde.config.set_default_float("float64")
    dde.config.set_random_seed(seed)
    problem = PROBLEMS[name]
    case = problem.build()
    options = dict(case.options)
    if case.unknowns:
        options["external_trainable_variables"] = [unknown for unknown, _ in case.unknowns]

    begin = time.perf_counter()
    solution = deepxde_repnet.solve(case.problem, tol=problem.tol, seed=seed, verbose=0, **options)
    seconds = time.perf_counter() - begin

    errors, deviations, field_error = [], [], None
    if case.exact is not None:
        data = getattr(case.problem, "data", case.problem)
        x = data.geom.random_points(TEST_POINTS).astype(float)
        exact, predicted = case.exact(x), solution.predict(x)
        field_error = relative(predicted - exact, exact)
        errors += [relative(p - e, e) for p, e in zip(predicted.T, exact.T, strict=True)]
    for estimate, (_, truth) in zip(solution.variables, case.unknowns, strict=True):
        if truth is not None:
            errors.append(abs(estimate.value / truth - 1))
            deviations.append(abs(estimate.value - truth) / (estimate.standard_error or np.nan))
    return {
        "verdict": solution.verdict,
        "determined": bool(solution.determined),
        "error": number(max(errors, default=None)),
        "field_error": number(field_error),
        "deviation": number(max(deviations, default=None)),
        "error_estimate": number(solution.error_estimate),
        "noise": {condition: number(size) for condition, size in solution.noise.items()},
        "seconds": round(seconds, 3),
    }


def number(value: Any) -> float | None:
    """As JSON has it: infinity for what is not a number, since an error is then not small."""
    if value is None:
        return None
    return float(value) if np.isfinite(value) else float("inf")


def in_fresh_process(name: str, seed: int) -> dict[str, Any]:
    """The result of ``run_cell``, or how it failed."""
    modules = ["deepxde_repnet", "benchmarks.verdicts"]
    return in_clean_fork(run_cell, name, seed, modules=modules, limit=TIME_LIMIT)


def run(names: list[str], seeds: int, redo: bool, root: Path = ROOT) -> dict[str, Any]:
    """Run what has not been run, seed by seed, and keep each result as it comes."""
    os.environ.update(ENVIRONMENT)
    path = root / RESULTS
    results = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    for seed in range(seeds):
        for name in names:
            if key(name, seed) in results["cells"] and not redo:
                continue
            results["machine"] = machine()
            cell = results["cells"][key(name, seed)] = in_fresh_process(name, seed)
            path.write_text(json.dumps(results, indent=1) + "\n")
            print(key(name, seed), json.dumps(cell), flush=True)
    return results


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "threads": 1,
        "python": platform.python_version(),
        "deepxde": version("deepxde"),
        "torch": version("torch"),
    }
