"""Where a nonlinear problem starts: at zero, at a field that meets the conditions, or as told."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .. import _host
from ..spec import Array
from ..taylor.features import Axes, Tensor
from ..taylor.framework import taylor
from ..taylor.linear import Linear
from .equations import Rows, State
from .gauss_newton import field_of
from .least_squares import LeastSquares, triangularise

if TYPE_CHECKING:
    from .task import _Task

#: Damping ε of these small problems.
DAMPING = 1e-12

#: Weight of the slopes of a field that meets the conditions, over each half width, against them.
FLAT = 1e-3

#: Constants that are tried where no field is known at which the equations are finite.
CONSTANTS = (1.0, -1.0, 0.1)


def is_finite(rows: list[Rows]) -> bool:
    """Whether all residuals, and their derivatives, are finite."""
    return not any(_bad(row).any() for row in rows)


def _bad(row: Rows) -> Array:
    """Where a residual or a derivative of it is not finite, (R,) or (N,)."""
    bad = ~np.isfinite(taylor.to_numpy(row.linear.residual))
    if row.linear.rows is None:
        for slope in row.linear.slopes.values():
            bad = bad | ~np.isfinite(taylor.to_numpy(slope)).all(axis=1)
    return np.asarray(bad)


def not_finite(rows: list[Rows], state: State | None) -> str:
    """What to say of residuals that are not finite."""
    named = [(row.name, int(_bad(row).sum()), len(_bad(row))) for row in rows]
    name, bad, count = max(named, key=lambda entry: entry[1] / max(entry[2], 1))
    if state is None and bad == count:
        return (
            f"{name} is not finite at any of {count} points where the solution is zero: it is "
            "singular there (a division by it, its logarithm, the slope of its root). Start from a "
            "field where it is finite: start=, a function of the points; or let an output "
            "transform keep the solution away from zero: output_transform=lambda x, y: 1 + y."
        )
    return (
        f"{name} is not finite at {bad} of {count} points, whatever the solution is there; exclude "
        "these points (exclusions= of the data)."
    )


def elsewhere(task: _Task, at_zero: list[Rows]) -> State:
    """A state at which the equations are finite, where they are not for the zero field.

    Raises:
        ValueError: If none is known.
    """
    equations = task.few_equations()
    for state in (of_conditions(task, at_zero), *map(_constant(task), CONSTANTS)):
        rows = task.problem.linearise(equations, state)
        if is_finite(rows):
            return state
    raise ValueError(not_finite(at_zero, None if _all_bad(at_zero) else state))


def _all_bad(rows: list[Rows]) -> bool:
    return any(bool(_bad(row).all()) for row in rows)


def of_conditions(task: _Task, rows: list[Rows]) -> State:
    """The flattest field that meets the conditions, linearised at the zero field."""
    conditions = [r for r in rows if not r.name.startswith("PDE") and not _bad(r).any()]
    if not conditions:
        return _constant(task)(1.0)
    slopes = _slopes(task, rows[0].x)
    weights = [1.0] * len(conditions) + [FLAT] * len(slopes)
    return _least_squares(task, [*conditions, *slopes], weights)


def _slopes(task: _Task, x: Tensor) -> list[Rows]:
    """The derivative of each output along each axis, over a half width, as residuals."""
    outputs = task.problem.n_outputs
    zeros = taylor.zeros((len(x),), x)
    found = []
    for output, axis in itertools.product(range(outputs), range(task.domain.dim)):
        slope = taylor.zeros((len(x), outputs), x)
        slope[:, output] = float(task.domain.half_width[axis])
        linear = Linear(zeros, {(axis,): slope}, None, taylor.zeros((len(x), 0), x))
        found.append(Rows(f"slope of output {output + 1}", x, linear))
    return found


def given(task: _Task, function: Callable[[Array], Array]) -> State:
    """The field of a user's function: the outputs after the output transform, if there is one.

    Raises:
        ValueError: If it does not return finite numbers, (N, m) for N points.
    """
    x = task.few_equations()[0].x
    points = taylor.to_numpy(x)
    with _host.double_numbers():
        values = np.asarray(function(points), dtype=float)
    outputs = task.problem.n_outputs
    if values.shape == (len(points),) and outputs == 1:
        values = values[:, None]
    if values.shape != (len(points), outputs) or not np.isfinite(values).all():
        raise ValueError(
            f"start= must return finite numbers of the shape ({len(points)}, {outputs}) for "
            f"{len(points)} points, and it returned the shape {values.shape}."
        )
    wanted = taylor.asarray(values)
    zeros = taylor.zeros((len(points), outputs), x)

    def difference(_: Tensor, y: Tensor) -> list[Tensor]:
        return [y[:, i : i + 1] - wanted[:, i : i + 1] for i in range(outputs)]

    transform = task.problem.transform
    found = taylor.linearise(difference, x, lambda axes: zeros, transform, ())
    rows = [Rows(f"output {i + 1}", x, linear) for i, linear in enumerate(found)]
    return _least_squares(task, rows, [1.0] * len(rows))


def _least_squares(task: _Task, rows: list[Rows], weights: list[float]) -> State:
    system = task.small_system()
    factors = [w / math.sqrt(len(row)) for row, w in zip(rows, weights, strict=True)]
    count = len(task.first_values)
    padded = [_with_variables(row, count) for row in rows]
    upper = triangularise(system.blocks(padded, factors), system.unknowns)
    return field_of(system, LeastSquares(upper).solve(DAMPING).unknowns)


def _with_variables(row: Rows, count: int) -> Rows:
    """The same equation, which the problem's other unknowns are not to change."""
    linear = row.linear
    none = taylor.zeros((len(row), count), row.x)
    fixed = Linear(linear.residual, linear.slopes, linear.rows, none)
    return Rows(row.name, row.x, fixed, row.data)


def _constant(task: _Task) -> Callable[[float], State]:
    def of(value: float) -> State:
        def state(x: Tensor, axes: Axes) -> Tensor:
            zeros = taylor.zeros((len(x), task.problem.n_outputs), x)
            return zeros if axes else zeros + value

        return state

    return of
