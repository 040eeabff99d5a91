"""Which features: family, slope scale along each axis, and how many, by the unseen residual."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..spec import Array
from .solution import Trial

#: Slope scale per wavenumber (radians per half width) where a search starts, by family.
FAMILIES = {"tanh": 0.4, "sin": 1.0}
MULTIPLES = (0.5, 1.0, 2.0, 4.0)
FIRST_SIZE = 300
GROWTH = 1.5  # of the slope scale, tried up and down whenever the number of features has grown


def choose(
    solve: Callable[[str, tuple[float, ...], int, Trial | None], Trial],
    wavenumber: Array,
    tol: float,
    most: int,
) -> list[Trial]:
    """Try features small, keep the best by the residual at unseen points, and grow.

    Args:
        solve: (family, slope scale, features, best so far) -> a trial.
        wavenumber: Radians per half width, along each axis; where the search starts.
        tol: Relative residual at unseen points to stop at.
        most: Largest number of features.

    Returns:
        All trials in the order of trying; the last of each number of features need not be its best.
    """
    trials: list[Trial] = []

    def attempt(family: str, scale: Array, size: int, best: Trial | None) -> Trial:
        trials.append(solve(family, tuple(float(s) for s in scale), size, best))
        return trials[-1]

    def enough(trial: Trial) -> bool:
        return trial.fit.unseen <= tol

    size = min(FIRST_SIZE, most)
    best: Trial | None = None
    for family, factor in FAMILIES.items():
        for multiple in MULTIPLES:
            found = attempt(family, multiple * factor * wavenumber, size, None)
            best = better(best, found)
            if enough(best):
                return trials
    assert best is not None
    best = _each_axis(attempt, best, size)
    while not enough(best) and size < most:
        size = min(2 * size, most)
        before = best.fit.unseen
        grown = attempt(best.family, np.array(best.slope_scale), size, best)
        for factor in (GROWTH, 1 / GROWTH):
            if enough(grown):
                break
            while True:
                near = attempt(best.family, factor * np.array(grown.slope_scale), size, grown)
                if better(grown, near) is grown:
                    break
                grown = near
            if grown.slope_scale != best.slope_scale:
                break
        best = better(best, grown)
        if best.fit.unseen > 0.5 * before:
            break
    return trials


def better(one: Trial | None, other: Trial) -> Trial:
    """The one with the smaller residual at unseen points."""
    if one is None or not np.isfinite(one.fit.unseen):
        return other
    return other if other.fit.unseen < one.fit.unseen else one


def _each_axis(attempt: Callable[..., Trial], best: Trial, size: int) -> Trial:
    """Double or halve the slope scale along one axis at a time, while that helps."""
    dim = len(best.slope_scale)
    for axis in range(dim if dim > 1 else 0):
        for factor in (2.0, 0.5):
            improved = False
            while True:
                scale = np.array(best.slope_scale)
                scale[axis] *= factor
                found = attempt(best.family, scale, size, None)
                if better(best, found) is best:
                    break
                best, improved = found, True
            if improved:
                break
    return best
