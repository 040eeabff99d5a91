"""The parts of a boundary by name: faces of the bounding box, the rest, and the initial time."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import deepxde as dde
import numpy as np

from .core import bounding_box, is_batched
from .points import seeded


@dataclass(frozen=True)
class Side:
    """A part of the boundary on which a condition could be given.

    Attributes:
        name: "x = 0", "t = 0", "the rest of the boundary".
        points: (N, d).
        normal: The direction along which a derivative could be given there, (N, d), of unit length.
        along: Name of that direction: an axis, or "its normal".
    """

    name: str
    points: np.ndarray
    normal: np.ndarray
    along: str


def axis_names(geom: Any) -> list[str]:
    """x, y, z, x_4 and so on, and t for time."""
    bounds = bounding_box(geom)
    assert bounds is not None
    dim = len(bounds[0])
    timed = hasattr(geom, "timedomain") or isinstance(geom, dde.geometry.TimeDomain)
    space = dim - timed
    names = list("xyz"[:space]) if space <= 3 else [f"x_{i + 1}" for i in range(space)]
    return names + ["t"] * timed


def sides(data: Any, n: int = 200) -> list[Side]:
    """The parts of a problem's boundary; of time only the beginning, where conditions belong."""
    geom = data.geom
    names = axis_names(geom)
    bounds = bounding_box(geom)
    assert bounds is not None
    lower, upper = (np.asarray(b, float) for b in bounds)
    found = []
    with seeded(0):
        if "t" in names:
            start = float(lower[-1])
            inside = np.asarray(geom.random_points(n), float)
            inside[:, -1] = start
            found.append(Side(f"t = {start:g}", inside, _along(len(names) - 1, inside), "t"))
        if names == ["t"]:
            return found
        points = np.asarray(geom.random_boundary_points(n), float)
    rest = np.ones(len(points), bool)
    for axis, name in enumerate(names):
        for value in (lower[axis], upper[axis]):
            on = np.isclose(points[:, axis], value, atol=1e-6 * (upper[axis] - lower[axis]))
            if name == "t" or not on.any():
                continue
            rest &= ~on
            here = points[on]
            found.append(Side(f"{name} = {value:g}", here, _along(axis, here), name))
    if rest.any():
        normal = np.asarray(geom.boundary_normal(points[rest]), float)
        unit = np.isclose(np.linalg.norm(normal, axis=1), 1.0, atol=1e-3)
        if unit.any():
            here = points[rest][unit]
            found.append(Side("the rest of the boundary", here, normal[unit], "its normal"))
    return found


def _along(axis: int, points: np.ndarray) -> np.ndarray:
    normal = np.zeros_like(points)
    normal[:, axis] = 1.0
    return normal


def part_of(condition: Any, indices: np.ndarray) -> Any:
    """A point set with some of its points only."""
    part = copy.copy(condition)
    part.points = condition.points[indices]
    if getattr(condition.values, "ndim", 0):
        part.values = condition.values[indices]
    if is_batched(condition):
        part.batch_size = None
    return part
