"""fastlsq: error and time of a solution, at a scale of its own choice or at one given to it.

Run by ``run.py``. Features, points and solver are those fastlsq comes with: 1500 features, 4500
points inside and 900 for the conditions, float64. Its automatic scale is one number for all axes,
the best of nine by the error against the exact solution; the search draws its features with seeds
of its own, so that it comes to the same whatever the seed, and is run once for each problem.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import fastlsq
import torch
from fastlsq.solvers import FastLSQSolver
from fastlsq.tuning import auto_select_scale

from benchmarks.libraries.fastlsq_problems import PROBLEMS as ASSEMBLED
from benchmarks.libraries.problems import PROBLEMS
from benchmarks.libraries.watch import one_core

#: As ``solve_linear`` and ``solve_nonlinear`` have them: blocks, features in each, points, trials.
BLOCKS, BLOCK = 3, 500
POINTS = {"n_pde": 3 * BLOCKS * BLOCK, "n_bc": 3 * BLOCKS * BLOCK // 5}
TRIALS = {"linear": 5, "nonlinear": 3}


def kind(problem: Any) -> str:
    return "nonlinear" if hasattr(problem, "build_newton_step") else "linear"


def search(name: str, trials: int | None, scales: list[float] | None) -> dict[str, Any]:
    """fastlsq's automatic scale, by the search that its solvers call; all of it by default."""
    problem = ASSEMBLED[name]()
    nonlinear = kind(problem) == "nonlinear"
    began = time.perf_counter()
    scale = auto_select_scale(
        problem,
        solver_class=lambda dim: FastLSQSolver(dim, normalize=nonlinear),
        n_blocks=BLOCKS,
        hidden_size=BLOCK,
        **POINTS,
        scales=scales,
        n_trials=trials or TRIALS[kind(problem)],
        newton_mode=nonlinear,
        verbose=False,
    )
    return {"scale": scale, "seconds": time.perf_counter() - began}


def solve(name: str, scale: float | list[float], seed: int) -> dict[str, Any]:
    """One solution. ``scale`` is in radians per unit of length, one number or one per axis."""
    torch.manual_seed(seed)
    problem = ASSEMBLED[name]()
    options: dict[str, Any] = {"scale": scale, "return_metrics": False, "verbose": False}
    began = time.perf_counter()
    if kind(problem) == "nonlinear":
        found = fastlsq.solve_nonlinear(problem, **options)
    else:
        # ``solve_linear`` takes one number, and the factors for the axes from the problem.
        if isinstance(scale, list):
            problem.scale_multipliers, options["scale"] = scale, 1.0
        found = fastlsq.solve_linear(problem, **options)
    seconds = time.perf_counter() - began
    error = PROBLEMS[name].error(lambda x: found["u_fn"](torch.as_tensor(x)).numpy())
    return {"error": error, "seconds": seconds, "features": BLOCKS * BLOCK}


def main(cell: dict[str, Any]) -> dict[str, Any]:
    one_core()
    torch.set_num_threads(1)
    if cell["entry"] == "search":
        return search(cell["problem"], cell.get("trials"), cell.get("scales"))
    return solve(cell["problem"], cell["scale"], cell["seed"])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
