"""The shape of a residual: a row for each point, and as many columns as it compares outputs.

DeepXDE takes the mean of the squares of whatever comes. An array ``(N,)`` subtracted from a column
``(N, 1)`` is an ``(N, N)`` table of all pairs of points, and its mean is of another problem.
"""

from __future__ import annotations

from typing import Any

import deepxde as dde
import numpy as np

_FUNCTION = (
    "Its function must return a column: f(x)[:, None] in place of f(x), if that is of shape (N,); "
    "x[:, 0:1] is a column and x[:, 0] is not."
)
_VALUES = "Its values must be a column: values[:, None] in place of values of shape (N,)."
#: How an equation is to be written.
COLUMNS = (
    "Write it with columns: y[:, 0:1] and x[:, 0:1] are such, y[:, 0] and x[:, 0] are not, and "
    "f[:, None] makes a column of f of shape (N,)."
)


class WrongShape(ValueError):
    """A residual that is not a column with a row for each point."""


def check_shape(name: str, condition: Any, residual: Any, n_points: int, n_outputs: int) -> None:
    """Refuse a residual of the equations (``condition`` None) or of a condition at its points.

    More columns than one are right where all outputs are compared at once: y - 1 in an equation or
    an ``OperatorBC``, or a ``PointSetBC`` with a list of components.

    Raises:
        WrongShape: With the condition's name and what to write instead.
    """
    shape = tuple(int(n) for n in np.shape(residual))
    rows = _rows(condition, n_points)
    columns = 1
    for n in shape[1:]:
        columns *= n
    if columns == 0:
        return  # of an output that is not there: there may be more
    right = bool(shape) and (rows is None or shape[0] == rows)
    if right:
        several = _columns(condition)
        table = 1 < columns == shape[0] and not (condition is None and columns <= n_outputs)
        right = columns == several if several is not None else not table
    if not right:
        wanted = f"({rows or 'N'}, {_columns(condition) or 1})"
        raise WrongShape(
            f"{name} gives a residual of shape {shape} at {n_points} points and must give a "
            f"column, {wanted}. {_mend(condition)}"
        )


def wrong_values(name: str, error: RuntimeError) -> WrongShape | None:
    """DeepXDE's own refusal of a function with several columns, with the condition's name."""
    if "N by 1" not in str(error):
        return None
    return WrongShape(f"{name}: {error}")


def _rows(condition: Any, n_points: int) -> int | None:
    """Rows of a residual at so many points; None for conditions that are not DeepXDE's."""
    if condition is None:
        return n_points
    if isinstance(condition, (dde.icbc.PeriodicBC, dde.icbc.Interface2DBC)):
        return n_points // 2
    known = dde.icbc.BC, dde.icbc.IC, dde.icbc.PointSetBC, dde.icbc.PointSetOperatorBC
    return n_points if isinstance(condition, known) and _is_from_deepxde(condition) else None


def _columns(condition: Any) -> int | None:
    """Columns of a residual; None where the user's code decides on them."""
    if condition is None or not _is_from_deepxde(condition):
        return None
    if isinstance(condition, (dde.icbc.OperatorBC, dde.icbc.PointSetOperatorBC)):
        return None
    component = getattr(condition, "component", 0)
    return len(component) if isinstance(component, list) else 1


def _is_from_deepxde(condition: Any) -> bool:
    """Whether its residual is computed by DeepXDE's own method."""
    return str(type(condition).error.__module__).startswith("deepxde.")


def _mend(condition: Any) -> str:
    if isinstance(condition, dde.icbc.PointSetBC):
        return _VALUES
    with_function = (
        dde.icbc.DirichletBC,
        dde.icbc.NeumannBC,
        dde.icbc.RobinBC,
        dde.icbc.IC,
        dde.icbc.Interface2DBC,
    )
    return _FUNCTION if isinstance(condition, with_function) else COLUMNS
