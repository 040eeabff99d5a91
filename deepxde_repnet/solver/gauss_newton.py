"""Damped Gauss-Newton on the output layer; for a linear problem its first step is the solution."""

from __future__ import annotations

import contextlib
import math
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..spec import Array
from ..taylor.features import Axes, Tensor
from ..taylor.framework import taylor
from . import noise
from .equations import Equation, Problem, Rows, State, System, norms, total
from .least_squares import Damped, LeastSquares, NormalEquations, triangularise
from .solution import Fit

MAX_STEPS = 40

#: Ratio of unseen to fitted residual from which more damping is tried.
OVERFIT = 1.5

#: Tolerance from which the normal equations are tried first, and the part of the residual that
#: their damping may be.
ROUGH, NEGLIGIBLE = 1e-4, 0.3

#: Whole steps in a row, and how many times larger the residual may be on the way.
IN_A_ROW, FAR = 3, 30.0

#: Damping ε where some of the equations are solved by themselves.
SOME_DAMPING = 1e-12

#: Part of a step below which nothing is gained.
SHORTEST = 1e-3

#: The iteration has converged when the weighted residual falls by less than this factor.
LAST_GAIN = 1.05

#: An unknown that has grown to so many times its first value, or 1, has left all bounds where the
#: equations do not hold; no step goes beyond the second number.
DIVERGED, OUT_OF_BOUNDS = 1e4, 1e9


@dataclass(frozen=True)
class Points:
    """Equations at the points to be fitted and at others.

    Attributes:
        rows, checked: Their residuals, linearised at the zero field.
        factors, check_factors: For each residual, what makes it comparable with the others.
        size, check_size: Norm of all weighted residuals of the zero field.
        linear: Whether the problem is linear.
        tol: Relative residual that is wanted.
        noisy: Whether given values may carry noise and are then weighted by it.
        open: Whether there are more outputs than equations: some are coefficients to be found.
        smooth: (x, κ): points where high derivatives of such outputs are penalised, and the
            wavenumber along each axis, radians per unit of length, that they are compared with.
        scales: Size of the terms of each residual, for a wave of that wavenumber.
        half_width: Of the domain, along each axis.
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
    tol: float
    noisy: bool
    open: bool
    smooth: tuple[Any, Array]
    scales: list[float]
    half_width: Array


class OutOfTime(Exception):
    """The seconds that a solve may take are over."""


class Clock:
    """Seconds spent by stage, and how many there are.

    Args:
        limit: Seconds for the whole, or None.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.perf_counter()
        self._end = math.inf if limit is None else self._last + limit
        #: Whether there is something to return when time is over.
        self.armed = False

    def left(self) -> float:
        """Seconds that are left."""
        return self._end - time.perf_counter()

    def unlimited(self) -> None:
        """Let what remains to be done be done."""
        self._end = math.inf

    def tick(self, stage: str) -> None:
        """Count the time since the last call to a stage."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now
        if self.armed and now > self._end:
            raise OutOfTime


def _outputs(row: Rows) -> Any:
    """At how many points a residual depends on each output, (m,); 0 where it does on none."""
    return sum((c != 0).sum(0) for c in row.linear.slopes.values())


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
) -> tuple[Descent, Fit]:
    """Minimise the weighted residuals over the output layer and the problem's other unknowns.

    An iteration that is interrupted, or out of time, is left where it stands (``Fit.stopped``).

    Args:
        start: The field to linearise at first, of other features perhaps; None is the zero field.

    Raises:
        OutOfTime, KeyboardInterrupt: If that comes before the first step.
    """
    values = problem.values()

    def descent() -> Descent:
        problem.set_values(values)
        return Descent(problem, system, points, clock, start)

    with contextlib.nullcontext() if points.linear else system.keeping():
        first = descent()
        data = [i for i, row in enumerate(points.rows) if row.data]
        try:
            if not data:
                first.run()
            elif points.noisy:
                first = noise.weigh(first, descent, data)
            else:
                first = noise.fit_exactly(first, descent, data)
        except (OutOfTime, KeyboardInterrupt) as reason:
            if not first.moved:
                raise
            clock.unlimited()
            first.stop(reason)
        return first, first.fit()


@dataclass
class Place:
    """Where the iteration is.

    Attributes:
        unknowns: Of the features and, last, of the problem.
        state: The field; None is the zero field.
        values: The problem's own unknowns.
        rows: Residuals there, linearised, at the fitted points.
        checked: The same at the unseen points; None until they are looked at.
        merit: Norm of all that is minimised.
    """

    unknowns: Tensor
    state: State | None
    values: Tensor
    rows: list[Rows]
    checked: list[Rows] | None
    merit: float


class Descent:
    """Damped Gauss-Newton; a linear problem is solved by its first step.

    A step linearises at the current field and solves for the whole field, not for a change of it,
    so that the coefficients stay as small as the equations allow. It is accepted where the weighted
    residual has fallen. Where it has not, two more such solutions are tried from there, since the
    residual of a product of unknowns often rises once before it falls, and then a half, a quarter
    and so on of the way from where the step began.
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
        self.steps, self.converged = 0, False
        self.factors, self.check_factors = list(points.factors), list(points.check_factors)
        #: Rows that are wanted small besides, with their factors; no residuals of the problem.
        self.penalties: list[tuple[Rows, float]] = []
        #: Standard deviation of the noise found in each residual, and that of its weighted rows.
        self.noise: dict[str, float] = {}
        self.unit = 0.0
        self.solved: Damped | None = None
        self.unseen: list[float] = []
        #: Whether it has left its start, and why it ended before its end.
        self.moved = False
        self.stopped: str | None = None
        self.scales, self.half_width = points.scales, points.half_width
        # Noise is told from the equations by digits that the normal equations do not give.
        self._rough = points.tol >= ROUGH and not any(row.data for row in points.rows)
        self._length = 1.0  # of the last step, relative to the whole one
        values = problem.values()
        self.first_values = 1.0 * values
        self._others = len(values)
        unknowns = taylor.asarray(np.zeros(system.unknowns))
        unknowns[system.unknowns - self._others :] = values
        rows, checked = points.rows, points.checked
        if start is not None or self._others:
            rows, checked = (
                problem.linearise(points.fit, start),
                problem.linearise(points.check, start),
            )
        # A field of other features is not one of these: there is nothing to fall below.
        merit = total(rows, points.factors)
        self.stuck = not math.isfinite(merit)
        if start is not None:
            merit = math.inf
        self.place = Place(unknowns, start, values, rows, checked, merit)
        clock.tick("equations")

    @classmethod
    def at(
        cls, problem: Problem, system: System, points: Points, clock: Clock, fit: Fit
    ) -> Descent:
        """Where a solution has been found, the equations linearised there and solved once."""
        start = None if points.linear else field_of(system, fit.unknowns)
        descent = cls(problem, system, points, clock, start)
        descent.place.unknowns = fit.unknowns
        descent.solved, _ = descent._solve(descent.place)
        descent.moved, descent.converged = True, fit.converged
        return descent

    def run(self, most: int = MAX_STEPS) -> None:
        """Step until there is nothing more to gain, or no more steps are allowed."""
        last = self.steps + most
        while not (self.converged or self.stuck or self.steps >= last):
            self.step()

    def reweigh(
        self, factors: list[float], check_factors: list[float], penalties: list[Any]
    ) -> None:
        """Go on from here with other weights."""
        self.factors, self.check_factors, self.penalties = factors, check_factors, penalties
        self.converged = self.stuck = False
        if not self.points.linear:
            self.place.merit = self._total(self.place.rows, self.place.state)

    def stop(self, reason: BaseException) -> None:
        """Leave the iteration where it stands."""
        self.stopped = "out of time" if isinstance(reason, OutOfTime) else "interrupted"
        self.converged = False
        self.problem.set_values(self.place.values)
        self.unseen = []

    def diverged(self) -> list[int]:
        """Which of the problem's other unknowns have left all bounds."""
        values = np.abs(taylor.to_numpy(self.place.values))
        return [int(i) for i in np.flatnonzero(~(values < DIVERGED * self._bounds()))]

    def _bounds(self) -> Array:
        return np.maximum(np.abs(taylor.to_numpy(self.first_values)), 1.0)

    @property
    def field(self) -> State:
        """The field that has been found."""
        return field_of(self.system, self.place.unknowns)

    def affine(self) -> list[Rows]:
        """The equations at the fitted points, linearised here, where all unknowns are zero."""
        return [row.affine(self.place.state, self.place.values) for row in self.place.rows]

    def norms(self) -> list[float]:
        """Norm of each residual at the fitted points, with the factors of the points."""
        if self.points.linear:
            return self.system.errors(self.place.rows, self.points.factors, self.place.unknowns)
        return norms(self.place.rows, self.points.factors)

    def step(self) -> None:
        """Linearise, solve, and accept what makes the residual fall."""
        start, size = self.place, self.points.size
        self.steps += 1
        solved, unseen = self._solve(start)
        if not math.isfinite(float(taylor.norm(solved.unknowns))):
            # A derivative is infinite here, such as that of a root at zero.
            self.stuck = True
            return
        self.solved, self.unseen = solved, unseen
        if self.points.linear:
            start.unknowns, start.merit = self.solved.unknowns, self.solved.residual
            self.converged = self.moved = self.clock.armed = True
            return
        place = self._whole(start, self.solved) or self._part_way(start, self.solved.unknowns)
        if place is None:
            # Nothing in this direction is better: at the bottom, or stuck well above it.
            self.problem.set_values(start.values)
            self.converged = start.merit < 1e-6 * size or bool(self.noise)
            self.stuck = not self.converged
        else:
            self.place = place
            self.moved = self.clock.armed = True
            resting = self._length == 1 and start.merit < LAST_GAIN * place.merit
            # The zero field can be at rest and no minimum: a(x) u'' has no slope in a there.
            self.converged = resting and (self.steps > 2 or place.merit < 1e-3 * size)
        self.unseen = norms(self._checked(self.place), self.points.check_factors)
        self.clock.tick("equations")

    def checked(self) -> list[Rows]:
        """Residuals at the unseen points, linearised where the iteration is."""
        return self._checked(self.place)

    def misfit(self, i: int) -> Array:
        """Residual i at the fitted points, in its own unit."""
        row = self.place.rows[i]
        if not self.points.linear:
            return np.asarray(taylor.to_numpy(row.linear.residual))
        (block,) = self.system.by_row([row], [1.0])
        return np.asarray(taylor.to_numpy(block[:, :-1] @ self.place.unknowns - block[:, -1]))

    def precisely(self) -> Damped:
        """The equations linearised here and solved with the least damping."""
        upper = triangularise(self.system.blocks(self.affine(), self.factors), self.system.unknowns)
        return LeastSquares(upper, self._others).solve(LeastSquares.dampings[0])

    def linearised(self, rows: list[Rows], factors: list[float]) -> tuple[Damped, list[float]]:
        """The solution of some of the equations alone, and the norm of what each leaves."""
        upper = triangularise(self.system.blocks(rows, factors), self.system.unknowns)
        solved = LeastSquares(upper, self._others).solve(SOME_DAMPING)
        return solved, self.system.errors(rows, factors, solved.unknowns)

    def _whole(self, start: Place, solved: Damped) -> Place | None:
        """The first of a few whole steps in a row where the residual is below the start's."""
        for left in reversed(range(IN_A_ROW)):
            place = self._at(solved.unknowns)
            if place.merit < start.merit:
                self._length = 1.0
                return place
            if not left or not place.merit < FAR * start.merit < math.inf:
                return None
            solved = self._solve(place)[0]
        return None

    def _part_way(self, start: Place, target: Tensor) -> Place | None:
        """The first place, halving the way to the target, where the residual has fallen."""
        length = 0.5
        while length > SHORTEST and math.isfinite(start.merit):
            place = self._at(start.unknowns + length * (target - start.unknowns))
            if place.merit < start.merit:
                self._length = length
                return place
            length /= 2
        return None

    def _at(self, unknowns: Tensor) -> Place:
        state = field_of(self.system, unknowns)
        values = 1.0 * unknowns[self.system.unknowns - self._others :]
        if not (np.abs(taylor.to_numpy(values)) < OUT_OF_BOUNDS * self._bounds()).all():
            return Place(unknowns, state, values, [], None, math.inf)
        self.problem.set_values(values)
        rows = self.problem.linearise(self.points.fit, state)
        merit = self._total(rows, state)
        self.clock.tick("equations")
        return Place(unknowns, state, values, rows, None, merit)

    def _checked(self, place: Place) -> list[Rows]:
        """Residuals at the unseen points, where the problem's own unknowns are those of the place.

        Most places of a search along a line are left without a look at them.
        """
        if place.checked is None:
            place.checked = self.problem.linearise(self.points.check, place.state)
            self.clock.tick("equations")
        return place.checked

    def _total(self, rows: list[Rows], state: State | None) -> float:
        """Norm of all weighted residuals, and of the penalties, of a field."""
        merit = total(rows, self.factors)
        if state is None:
            return merit
        for row, factor in self.penalties:
            for axes, slope in row.linear.slopes.items():
                values = (slope * state(row.x, axes)).sum(1)
                merit = math.hypot(merit, factor * float(taylor.norm(values)))
        return merit

    def _solve(self, place: Place) -> tuple[Damped, list[float]]:
        """The solution of the equations linearised at a place, where the iteration is.

        It is damped as little as fits the unseen points best; how it fits each of their residuals
        comes second.
        """
        # The other unknowns by their change: one that no equation sees here, like the factor of a
        # field that is still zero, stays as it is.
        nothing = 0.0 * place.values
        affine = [row.affine(place.state, nothing) for row in place.rows]
        # What no equation depends on here, like a in a(x) u'' = f where u is zero, stays as it is:
        # with a penalty alone its coefficients would be quotients of round-off.
        there = sum(_outputs(row) for row in affine) > 0
        penalties = [
            (row, f) for row, f in self.penalties if bool((_outputs(row) > 0)[there].any())
        ]
        rows = affine + [row for row, _ in penalties]
        factors = self.factors + [factor for _, factor in penalties]
        checked = [row.affine(place.state, nothing) for row in self._checked(place)]
        self.clock.tick("equations")
        unseen = self.system.by_row(checked, self.check_factors)
        self.clock.tick("unseen points")
        best = self._roughly(rows, factors, unseen) if self._rough else None
        if best is None:
            upper = triangularise(self.system.blocks(rows, factors), self.system.unknowns)
            self.clock.tick("assembly and QR")
            best = self._least_damped(LeastSquares(upper, self._others), unseen)
        assert best is not None
        unknowns = best[0].unknowns
        if self._others:
            unknowns[self.system.unknowns - self._others :] += place.values
        pairs = zip(best[1], self.points.check_factors, self.check_factors, strict=True)
        return best[0], [norm * given / used for norm, given, used in pairs]

    def _roughly(
        self, rows: list[Rows], factors: list[float], unseen: list[Tensor]
    ) -> tuple[Damped, list[float]] | None:
        """The solution by the normal equations, where it is good enough or hardly damped."""
        normal = NormalEquations(self.system.blocks(rows, factors), self._others)
        self.clock.tick("assembly and QR")
        best = self._least_damped(normal, unseen)
        if best is not None:
            solved, left = best
            enough = np.linalg.norm(left) <= self.points.tol * self.points.check_size
            if enough or solved.penalty < NEGLIGIBLE * solved.residual:
                return best
        self._rough = False
        return None

    def _least_damped(
        self, problem: LeastSquares | NormalEquations, blocks: list[Tensor]
    ) -> tuple[Damped, list[float]] | None:
        """The least damped solution that fits the unseen points best, and what it leaves there."""
        best: tuple[Damped, list[float]] | None = None
        for damping in problem.dampings:
            solved = problem.solve(damping)
            self.clock.tick("solve")
            if solved is None:
                continue
            unseen = [float(taylor.norm(b[:, :-1] @ solved.unknowns - b[:, -1])) for b in blocks]
            self.clock.tick("unseen points")
            if best is not None and np.linalg.norm(unseen) >= np.linalg.norm(best[1]):
                break
            best = solved, unseen
            # A solution that fits the unseen points as well as its own wants no more damping.
            fitted = solved.residual / self.points.size
            if np.linalg.norm(unseen) / self.points.check_size < OVERFIT * fitted:
                break
        return best

    def fit(self) -> Fit:
        """What has been found."""
        points, solved = self.points, self.solved
        unseen = self.unseen or norms(self._checked(self.place), points.check_factors)
        # A linear problem's residuals are worked out where they are printed.
        fitted = [] if points.linear and not self.noise else self.norms()
        # What is noise is not to be fitted.
        counted = [not (self.noise and row.data) for row in self.place.rows]
        rank = 0 if solved is None else solved.rank
        errors = taylor.asarray(np.full(self._others, math.nan))
        if solved is not None and self._others and not self.diverged():
            unit = self.unit
            if not self.noise:
                # The residual as noise alike in all weighted equations.
                count = sum(map(len, self.place.rows))
                unit = self.place.merit / math.sqrt(max(count - rank, 1))
            errors = unit * solved.inverse_diagonal(self._others) ** 0.5
        return Fit(
            unknowns=self.place.unknowns,
            damping=0.0 if solved is None else solved.damping,
            rank=rank,
            residual=_finite(
                (_norm_of(fitted, counted) if fitted else self.place.merit) / points.size
            ),
            unseen=_finite(_norm_of(unseen, counted) / points.check_size),
            fitted_by_equation=tuple(f / points.size for f in fitted),
            unseen_by_equation=tuple(u / points.check_size for u in unseen),
            steps=self.steps,
            converged=self.converged,
            variables=tuple(map(float, self.problem.values())),
            standard_errors=tuple(map(float, errors)),
            noise=dict(self.noise),
            diverged=tuple(self.diverged()),
            stopped=self.stopped,
        )


def _finite(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _norm_of(parts: list[float], counted: list[bool]) -> float:
    return float(np.linalg.norm([p for p, c in zip(parts, counted, strict=True) if c]))
