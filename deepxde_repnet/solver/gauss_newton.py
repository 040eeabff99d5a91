"""Damped Gauss-Newton on the output layer; for a linear problem its first step is the solution."""

from __future__ import annotations

import contextlib
import math
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..taylor.features import Axes, Tensor
from ..taylor.framework import taylor
from .equations import Equation, Problem, Rows, State, System
from .least_squares import DAMPINGS, Damped, LeastSquares, triangularise
from .solution import Fit

MAX_STEPS = 40

#: Ratio of unseen to fitted residual from which more damping is tried.
OVERFIT = 1.5

#: The iteration has converged when the weighted residual falls by less than this factor.
LAST_GAIN = 1.05


@dataclass(frozen=True)
class Points:
    """Equations at the points to be fitted and at others.

    Attributes:
        rows, checked: Their residuals, linearised at the zero field.
        factors, check_factors: For each residual, what makes it comparable with the others.
        size, check_size: Norm of all weighted residuals of the zero field.
        linear: Whether the problem is linear.
    """

    fit: list[Equation]
    check: list[Equation]
    rows: list[Rows]
    checked: list[Rows]
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
    return [f * float(taylor.norm(r.linear.residual)) for r, f in zip(rows, factors, strict=True)]


def total(rows: list[Rows], factors: list[float]) -> float:
    """Norm of all weighted residuals."""
    return float(np.linalg.norm(norms(rows, factors)))


def field_of(system: System, unknowns: Any) -> State:
    """The field of a set of unknowns, each derivative evaluated once at each set of points."""
    known: dict[tuple[int, Axes], tuple[Any, Any]] = {}

    def state(x: Tensor, axes: Axes) -> Tensor:
        key = (id(x), axes)
        if key not in known:
            # x is kept too: its id must not be used again while it stands for it here.
            known[key] = (x, system.field(x, axes, unknowns))
        return known[key][1]

    return state


def solve_features(
    problem: Problem, system: System, points: Points, clock: Clock, start: State | None = None
) -> Fit:
    """Minimise the weighted residuals over the output layer and the problem's other unknowns.

    Args:
        start: The field to linearise at first, of other features perhaps; None is the zero field.
    """
    with contextlib.nullcontext() if points.linear else system.keeping():
        descent = Descent(problem, system, points, clock, start)
        while not descent.finished:
            descent.step()
        return descent.fit()


class Descent:
    """Damped Gauss-Newton; a linear problem is solved by its first step.

    Each step linearises at the current field and solves for the whole field, not for a change of
    it, so that the coefficients stay as small as the equations allow. It is halved until the
    weighted residual falls.
    """

    def __init__(
        self,
        problem: Problem,
        system: System,
        points: Points,
        clock: Clock,
        start: State | None = None,
    ) -> None:
        self.problem, self.system, self.points, self.clock = problem, system, points, clock
        self.steps, self.converged, self.stuck = 0, False, False
        self._others = len(problem.values())
        self._state = start
        self.unknowns = taylor.asarray(np.zeros(system.unknowns))
        self.unknowns[system.unknowns - self._others :] = problem.values()
        self._rows, self._checked = points.rows, points.checked
        if start is not None or self._others:
            self._rows = problem.linearise(points.fit, start)
            self._checked = problem.linearise(points.check, start)
        # A field of other features is not one of these: there is nothing to fall below.
        self._merit = total(self._rows, points.factors) if start is None else math.inf
        self._solved: Damped | None = None
        self._unseen: list[float] = []
        clock.tick("equations")

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to gain, or no more steps are allowed."""
        return self.converged or self.stuck or self.steps >= MAX_STEPS

    def step(self) -> None:
        """Linearise, solve, and accept what makes the residual fall."""
        points, system = self.points, self.system
        self.steps += 1
        values = self.problem.values()
        affine = [r.affine(self._state, values) for r in self._rows]
        upper = triangularise(system.blocks(affine, points.factors), system.unknowns)
        self.clock.tick("assembly and QR")
        affine = [r.affine(self._state, values) for r in self._checked]
        solved, unseen = self._least_unseen(LeastSquares(upper), affine)
        if points.linear:
            self._solved, self._unseen, self.unknowns = solved, unseen, solved.unknowns
            self._merit, self.converged = solved.residual, True
            return
        accepted = self._accept(solved.unknowns, values)
        if accepted is None:
            # Nothing in this direction is better: at the bottom, or stuck well above it.
            self.problem.set_values(values)
            self.converged = self._merit < 1e-6 * points.size
            self.stuck = not self.converged
        else:
            full, merit = accepted
            resting = full and self._merit < LAST_GAIN * merit
            # The zero field can be at rest and no minimum: a(x) u'' has no slope in a there.
            self.converged = resting and (self.steps > 2 or merit < 1e-3 * points.size)
            self._merit, self._solved = merit, solved
            self._checked = self.problem.linearise(points.check, self._state)
            self._unseen = norms(self._checked, points.check_factors)
        self.clock.tick("equations")

    def _least_unseen(
        self, problem: LeastSquares, checked: list[Rows]
    ) -> tuple[Damped, list[float]]:
        """The solution with the damping that fits the unseen rows best, and how it fits each."""
        blocks = self.system.by_row(checked, self.points.check_factors)
        self.clock.tick("unseen points")
        best: tuple[Damped, list[float]] | None = None
        for damping in DAMPINGS:
            solved = problem.solve(damping)
            self.clock.tick("solve")
            unseen = [float(taylor.norm(b[:, :-1] @ solved.unknowns - b[:, -1])) for b in blocks]
            self.clock.tick("unseen points")
            if best is not None and np.linalg.norm(unseen) >= np.linalg.norm(best[1]):
                break
            best = solved, unseen
            # A solution that fits the unseen points as well as its own wants no more damping.
            fitted = solved.residual / self.points.size
            if np.linalg.norm(unseen) / self.points.check_size < OVERFIT * fitted:
                break
        assert best is not None
        return best

    def _accept(self, target: Any, values: Tensor) -> tuple[bool, float] | None:
        """Go to the target or part of the way; whether it was all of it, and the new residual."""
        step = 1.0
        while step > 1e-3:
            candidate = target if step == 1.0 else self.unknowns + step * (target - self.unknowns)
            state = field_of(self.system, candidate)
            self.problem.set_values(candidate[self.system.unknowns - self._others :])
            rows = self.problem.linearise(self.points.fit, state)
            merit = total(rows, self.points.factors)
            if merit < self._merit:
                self.unknowns, self._state, self._rows = candidate, state, rows
                return step == 1.0, merit
            if self._merit == math.inf:
                return None  # not even a number
            step /= 2
        return None

    def fit(self) -> Fit:
        """What has been found."""
        points, solved = self.points, self._solved
        unseen = self._unseen or norms(self._checked, points.check_factors)
        errors = taylor.asarray(np.zeros(self._others))
        rank = 0 if solved is None else solved.rank
        if solved is not None and self._others:
            # Of a residual that is noise alike in all weighted equations.
            count = sum(map(len, self._rows))
            variance = self._merit**2 / max(count - rank, 1)
            errors = (variance * solved.inverse_diagonal(self._others)) ** 0.5
        return Fit(
            unknowns=self.unknowns,
            damping=0.0 if solved is None else solved.damping,
            rank=rank,
            residual=self._merit / points.size,
            unseen=float(np.linalg.norm(unseen)) / points.check_size,
            fitted_by_equation=() if points.linear else self._fitted(),
            unseen_by_equation=tuple(u / points.check_size for u in unseen),
            steps=self.steps,
            converged=self.converged,
            variables=tuple(map(float, self.problem.values())),
            standard_errors=tuple(map(float, errors)),
        )

    def _fitted(self) -> tuple[float, ...]:
        fitted = norms(self._rows, self.points.factors)
        return tuple(norm / self.points.size for norm in fitted)
