"""Where the boundary has a normal, whatever the geometry.

At a corner or an edge it has none. DeepXDE gives the mean of those around it (``Hypercube``), that
of the side tried first (``Polygon``), zero (composed geometries) or an error (``Triangle``). A
condition on the derivative along any of these contradicts those on the sides.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import deepxde as dde
import numpy as np

from .core import in_time

#: Distance at which the boundary is looked at, relative to the shortest side of the bounding box.
STEP = 1e-4

#: Tangent of the largest angle between the boundary and the plane normal to the normal. A radius of
#: curvature of ``STEP / 2 / SLOPE`` of the shortest side is just within it.
SLOPE = 0.05


def uses_normals(condition: Any) -> bool:
    """Whether a condition compares along the boundary's normal."""
    kinds = (dde.icbc.NeumannBC, dde.icbc.RobinBC, dde.icbc.Interface2DBC)
    return isinstance(condition, kinds)


def has_normal(geometry: Any, points: np.ndarray) -> np.ndarray:
    """At which of the points (N, d) the geometry's normal n is that of its boundary, (N,).

    It has length 1, and for d - 1 directions t orthogonal to it and to each other, each in both
    senses, ``x + h (t - s n)`` is inside and ``x + h (t + s n)`` is not. At a corner or on an edge
    one of these fails for whatever n, if the angle differs by more than s from 180 degrees: one of
    the t has a component across the edge.

    Where no point passes, the geometry is of another kind, such as a cloud of points, and all do.
    """
    if in_time(geometry):
        geometry, points = geometry.geometry, points[:, :-1]
    normals = _normals(geometry, points)
    regular = np.abs(np.linalg.norm(normals, axis=1) - 1) < 1e-3
    lower, upper = geometry.bbox
    step = STEP * float(np.min(np.asarray(upper) - np.asarray(lower)))
    there = np.flatnonzero(regular)
    for sense in (step, -step):
        for tangents in _tangents(normals[there]):
            for depth, wanted in ((-SLOPE, True), (SLOPE, False)):
                near = points[there] + sense * tangents + step * depth * normals[there]
                regular[there] &= np.asarray(geometry.inside(near)).ravel() == wanted
    return regular if regular.any() else np.ones(len(points), dtype=bool)


def _tangents(normals: np.ndarray) -> list[np.ndarray]:
    """d - 1 directions orthogonal to each normal and to each other, (N, d) each.

    All but one column of the reflection that takes the axis nearest to n to -n or n.
    """
    count, dim = normals.shape
    if dim == 1 or count == 0:
        return []
    rows, largest = np.arange(count), np.abs(normals).argmax(axis=1)
    mirror = normals.copy()
    mirror[rows, largest] += np.sign(normals[rows, largest])
    scale = 2 / (mirror**2).sum(axis=1)
    found = []
    for j in range(1, dim):
        axis = np.zeros_like(normals)
        axis[rows, (largest + j) % dim] = 1.0
        found.append(axis - (scale * (mirror * axis).sum(axis=1))[:, None] * mirror)
    return found


def _normals(geometry: Any, points: np.ndarray) -> np.ndarray:
    """The geometry's normals (N, d); zero where it gives none that is finite."""
    # What DeepXDE prints where it finds vertices is what is looked for here.
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        try:
            normals = np.array(geometry.boundary_normal(points), dtype=float)
        except ValueError:  # one of the points is a vertex
            normals = np.zeros(points.shape)
            for i, point in enumerate(points):
                with contextlib.suppress(ValueError):
                    normals[i] = geometry.boundary_normal(point[None])
        except NotImplementedError:  # which the condition then says
            normals = np.zeros(points.shape)
    return np.nan_to_num(normals, posinf=0.0, neginf=0.0)
