"""Points of a problem, drawn anew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import deepxde as dde
import numpy as np

from .core import conditions, is_point_set, undisturbed
from .normals import has_normal, uses_normals


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """NumPy's global generator, which DeepXDE draws from, seeded here and restored afterwards."""
    with undisturbed():
        np.random.seed(seed)
        yield


def interior_points(data: Any, n: int, even: bool) -> np.ndarray:
    """About n points inside the geometry, evenly spread or (pseudo)random, less the excluded."""
    points = _drawn(data.geom.random_points, n, even)
    return points[~_excluded(data, points)]


def condition_points(data: Any, condition: Any, n: int, even: bool) -> np.ndarray:
    """About n points of one condition, by its own filter; a point set's own points, all of them.

    The filter is offered what DeepXDE offers it: points on the boundary, at the initial time and
    inside, and the script's anchors. If it takes none of these, the script's own points.

    As in DeepXDE, excluded points belong to no condition other than a point set. Those where the
    boundary has no normal belong to none on the derivative along it.

    Shape (m, d). In one dimension, where a boundary is two points, there are no more than it has.
    """
    if is_point_set(condition):
        return np.asarray(condition.points, dtype=float)
    geom = data.geom
    if hasattr(condition, "on_boundary2"):  # pairs of points, which only even spacing makes
        pairs = condition.collocation_points(geom.uniform_boundary_points(4 * n))
        pairs = _without_pairs(np.asarray(pairs, dtype=float), partial(_excluded, data))
        return _with_normals(condition, pairs)
    sources = [geom.random_boundary_points]
    if hasattr(geom, "random_initial_points"):
        sources.append(geom.random_initial_points)
    sources.append(geom.random_points)
    found = [np.empty((0, geom.dim))]
    for source in sources:
        # What is drawn next does not depend on whether there was anything to look for.
        with undisturbed():
            share = _share(condition, source, 64) or _share(condition, source, 1000)
        if share > 0:
            found.append(_drawn(source, int(min(np.ceil(n / share), 60 * n)), even))
    # Where a condition holds at single points or on a line inside, no drawn point is there.
    if data.anchors is not None:
        found.append(_taken(condition, data.anchors))
    if not any(map(len, found)):
        found.append(_taken(condition, data.train_x_all))
    points = _unique(np.vstack(found))
    points = points[~_excluded(data, points)]
    if len(points) == 0:
        return points
    points = np.asarray(condition.collocation_points(points), dtype=float)
    if isinstance(condition, dde.icbc.PeriodicBC):
        # The other point of a pair may be an excluded one.
        points = _without_pairs(points, partial(_excluded, data))
    return _with_normals(condition, points)


def script_points(data: Any) -> list[np.ndarray]:
    """The points of the script itself: of the equations first, then of each condition.

    Of ``dde.data.PDE.losses``: the conditions' points come first in ``train_x``, ``num_bcs`` of
    each, and the equations hold at those that follow. Conditions on the derivative along the
    boundary's normal have none where there is no normal.
    """
    counts = [int(n) for n in data.num_bcs or []]
    parts = np.split(np.asarray(data.train_x, dtype=float), np.cumsum(counts))
    given = zip(conditions(data), parts[:-1], strict=True)
    return [parts[-1], *(_with_normals(condition, points) for condition, points in given)]


def _excluded(data: Any, points: np.ndarray) -> np.ndarray:
    """Which points (N, d) are among those that the data leave out, by DeepXDE's own comparison."""
    excluded = getattr(data, "exclusions", None)
    near = np.zeros(len(points), dtype=bool)
    for one in () if excluded is None else excluded:
        near |= np.isclose(points, one).all(axis=1)
    return near


def _without_pairs(points: np.ndarray, left_out: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Pairs of points, the first of all of them and then the second, less those left out."""
    if len(points) % 2:
        return points  # which the condition refuses, and says why
    kept = ~left_out(points).reshape(2, -1).any(axis=0)
    return points[np.tile(kept, 2)]


def _with_normals(condition: Any, points: np.ndarray) -> np.ndarray:
    """A condition's points (N, d), less those without a normal if it compares along normals."""
    if not uses_normals(condition) or len(points) == 0:
        return points
    if isinstance(condition, dde.icbc.Interface2DBC):
        return _without_pairs(points, lambda points: ~has_normal(condition.geom, points))
    return points[has_normal(condition.geom, points)]


def _share(condition: Any, source: Callable[..., Any], n: int) -> float:
    """Part of the points from a source that a condition takes."""
    probe = _drawn(source, n, even=False)
    return len(_taken(condition, probe)) / len(probe)


def _taken(condition: Any, points: np.ndarray) -> np.ndarray:
    """Those of the points (N, d) that a condition takes; DeepXDE's filter needs at least one."""
    points = np.asarray(points, dtype=float)
    return np.asarray(condition.filter(points)) if len(points) else points


def _drawn(source: Callable[..., Any], n: int, even: bool) -> np.ndarray:
    """Different points; on composed geometries DeepXDE repeats those of an even distribution."""
    if even and n > 64:
        # Many of them are slow to draw, to be thrown away.
        even = _is_complete(_unique(source(64, random="Hammersley")), 64)
    points = _unique(source(n, random="Hammersley" if even else "pseudo"))
    if even and not _is_complete(points, n):
        points = _unique(source(n, random="pseudo"))
    return points.astype(float)


def _is_complete(points: np.ndarray, n: int) -> bool:
    return len(points) >= 0.99 * n


def _unique(points: np.ndarray) -> np.ndarray:
    return np.unique(points, axis=0)


def wave_data() -> Any:
    """Values of a wave at 64 points: the least that there is to train on."""
    interval = dde.geometry.Interval(0, 1)
    return dde.data.Function(interval, lambda x: np.sin(4 * np.pi * x), 64, 64)
