"""Damped Gauss-Newton on the output layer; for a linear problem its first step is the solution."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..taylor.features import Axes
from .equations import Equation, Problem, Rows, State, System
from .least_squares import CUTOFFS, Solutions, triangularise
from .solution import Fit

MAX_STEPS = 40

#: The iteration has converged when the weighted residual falls by less than this factor.
LAST_GAIN = 1.05


@dataclass(frozen=True)
class Points:
    """Equations at the points to be fitted and at others.

    Attributes:
        factors, check_factors: For each residual, what makes it comparable with the others.
        size, check_size: Norm of all weighted residuals of the zero field.
        linear: Whether the problem is linear.
    """

    fit: list[Equation]
    check: list[Equation]
    factors: list[float]
    check_factors: list[float]
    size: float
    check_size: float
    linear: bool


class Clock:
    """Seconds spent by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def tick(self, stage: str) -> None:
        """Count the time since the last call to a stage."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


def norms(rows: list[Rows], factors: list[float]) -> list[float]:
    """Weighted norm of each residual."""
    return [
        f * float(torch.linalg.vector_norm(r.linear.residual))
        for r, f in zip(rows, factors, strict=True)
    ]


def total(rows: list[Rows], factors: list[float]) -> float:
    """Norm of all weighted residuals."""
    return float(np.linalg.norm(norms(rows, factors)))


def field_of(system: System, unknowns: Any) -> State:
    """The field of a set of unknowns, each derivative evaluated once at each set of points."""
    known: dict[tuple[int, Axes], tuple[Any, Any]] = {}

    def state(x: torch.Tensor, axes: Axes) -> torch.Tensor:
        key = (id(x), axes)
        if key not in known:
            # x is kept too: its id must not be used again while it stands for it here.
            known[key] = (x, system.field(x, axes, unknowns))
        return known[key][1]

    return state


def solve_features(
    problem: Problem, system: System, points: Points, clock: Clock, start: State | None = None
) -> Fit:
    """Minimise the weighted residuals over the output layer.

    Each step linearises at the current field and solves for the whole field, not for a change of
    it, so that the coefficients stay as small as the equations allow. It is halved until the
    weighted residual falls.

    Args:
        start: The field to linearise at first, of other features perhaps; None is the zero field.
    """
    state = start
    others = len(problem.values())
    unknowns = torch.zeros(system.unknowns, dtype=torch.float64)
    unknowns[system.unknowns - others :] = problem.values()
    rows, checked = problem.linearise(points.fit, state), problem.linearise(points.check, state)
    # A field of other features is not one of these: there is nothing to fall below.
    merit = total(rows, points.factors) if start is None else float("inf")
    errors = torch.zeros(others, dtype=torch.float64)
    converged, steps, cutoff, rank = False, 0, CUTOFFS[0], 0
    clock.tick("equations")
    while steps < MAX_STEPS and not converged:
        steps += 1
        values = problem.values()
        affine = [r.affine(state, values) for r in rows]
        upper = triangularise(system.blocks(affine, points.factors), system.unknowns)
        clock.tick("assembly and QR")
        solutions = Solutions(upper)
        clock.tick("SVD")
        affine = [r.affine(state, values) for r in checked]
        best = _best_cutoff(system, affine, points.check_factors, solutions)
        clock.tick("unseen points")
        target = solutions.unknowns[:, best]
        step, accepted = 1.0, None
        while accepted is None and step > 1e-3:
            candidate = target if step == 1.0 else unknowns + step * (target - unknowns)
            trial = field_of(system, candidate)
            problem.set_values(candidate[system.unknowns - others :])
            trial_rows = problem.linearise(points.fit, trial)
            trial_merit = total(trial_rows, points.factors)
            if points.linear or trial_merit < merit:
                accepted = candidate
            elif merit == float("inf"):
                break  # not even a number
            else:
                step /= 2
        if accepted is None:
            problem.set_values(values)
            # Nothing in this direction is better: at the bottom, or stuck well above it.
            converged = merit < 1e-6 * points.size
            break
        converged = points.linear or (step == 1.0 and merit < LAST_GAIN * trial_merit)
        unknowns, state, rows, merit = accepted, trial, trial_rows, trial_merit
        cutoff, rank = CUTOFFS[best], solutions.ranks[best]
        equations = sum(map(len, rows))
        # Of a residual that is noise alike in all weighted equations.
        variance = merit**2 / max(equations - rank, 1)
        errors = torch.sqrt(variance * solutions.inverse_diagonal(best, others))
        checked = problem.linearise(points.check, state)
        clock.tick("equations")
    fitted, unseen = norms(rows, points.factors), norms(checked, points.check_factors)
    return Fit(
        unknowns=unknowns,
        cutoff=cutoff,
        rank=rank,
        residual=float(np.linalg.norm(fitted)) / points.size,
        unseen=float(np.linalg.norm(unseen)) / points.check_size,
        by_equation={
            r.name: (a / points.size, b / points.check_size)
            for r, a, b in zip(rows, fitted, unseen, strict=True)
        },
        steps=steps,
        converged=converged,
        variables=tuple(map(float, problem.values())),
        standard_errors=tuple(map(float, errors)),
    )


def _best_cutoff(
    system: System, rows: list[Rows], factors: list[float], solutions: Solutions
) -> int:
    """Index of the cut-off whose solution fits the unseen rows best."""
    squares: Any = 0.0
    for block in system.blocks(rows, factors):
        errors = block[:, :-1] @ solutions.unknowns - block[:, -1:]
        squares = squares + (errors**2).sum(0)
    return int(torch.argmin(squares))
