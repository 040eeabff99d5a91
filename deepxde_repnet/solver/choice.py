"""Which features: family, slope scale along each axis, and how many, by the unseen residual."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

from ..spec import Array
from .solution import Trial

#: Slope scale per wavenumber (radians per half width) where a search starts, by family.
FAMILIES = {"tanh": 0.4, "sin": 1.0}
MULTIPLES = (0.5, 1.0, 2.0, 4.0)
FIRST_SIZE = 300
STALLED = 0.8  # growing stops when the residual falls to no less than this part of it
GAIN = 0.98  # a search along the slope scale goes on where the residual falls below this part
MISFIT = 1.3  # ratio of what is taken for noise
MORE = 1.2  # growing by less than this is not worth its time
CHEAP = 1000  # features
BEHIND = 30.0  # a family is dropped when its residual is that many times the other's
SATURATED = 0.7  # rank per feature
GROWTH = 1.5  # of the slope scale, tried up and down whenever the number of features has grown

#: (family, slope scale, features, best so far) -> a trial.
Solve = Callable[[str, tuple[float, ...], int, Trial | None], Trial]


def choose(
    solve: Solve,
    finished: Callable[[Trial], bool],
    rescue: Callable[[Trial], Trial],
    wavenumber: Array,
    tol: float,
    most: int,
) -> None:
    """Try features small, keep the best by the residual at unseen points, and grow.

    Args:
        solve: Solves on certain features.
        finished: Whether nothing more is wanted than a trial, the best so far.
        rescue: What else is tried once, on the first number of features, where the best of them
            is not enough; the better one of it and what it was given.
        wavenumber: Radians per half width, along each axis; where the search starts.
        tol: Relative residual at unseen points to stop at.
        most: Largest number of features.
    """

    def attempt(family: str, scale: Array, size: int, best: Trial | None) -> Trial:
        return solve(family, tuple(float(s) for s in scale), size, best)

    size = min(FIRST_SIZE, most)
    trials: list[Trial] = []
    best: Trial | None = None
    for found in first(solve, wavenumber, size):
        trials.append(found)
        best = better(best, found)
        if finished(best):
            return
    assert best is not None
    best = rescue(best)
    if finished(best):
        return
    best = _each_axis(attempt, best, size)
    sizes, residuals = [size], [best.fit.unseen]
    while not finished(best) and MORE * size < most:
        size = _next_size(sizes, residuals, tol, most, len(wavenumber))
        # What is best while nothing is resolved need not be best when it is.
        for leader in _leaders([*trials, best], sizes[-1]) if size < CHEAP else [best]:
            grown = attempt(leader.family, _grown_scale(leader, size), size, best)
            trials.append(grown)
            if size < 2 * CHEAP and not (grown.fit.unseen <= tol):
                grown = _neighbours(attempt, grown, best, both=size < CHEAP)
                trials.append(grown)
            best = better(best, grown)
            if finished(best):
                return
        if best.fit.unseen > STALLED * residuals[-1]:
            return
        sizes.append(size)
        residuals.append(best.fit.unseen)


def first(solve: Solve, wavenumber: Array, size: int) -> Iterator[Trial]:
    """Every family with slope scales around the one that the wavenumber suggests."""
    for family, factor in FAMILIES.items():
        for multiple in MULTIPLES:
            scale = tuple(float(s) for s in multiple * factor * wavenumber)
            yield solve(family, scale, size, None)


def _leaders(trials: list[Trial], size: int) -> list[Trial]:
    """The best of each family of that size, the best of all first, without those far behind."""
    leaders = []
    for family in FAMILIES:
        own = [t for t in trials if t.family == family and t.features == size]
        if own:
            leaders.append(functools.reduce(better, own))
    leaders.sort(key=lambda t: t.fit.unseen)
    return [t for t in leaders if not t.fit.unseen > BEHIND * leaders[0].fit.unseen]


def _grown_scale(trial: Trial, size: int) -> Array:
    """The slope scale for more features.

    Features of one scale span a space whose numerical dimension is bounded: where that is used up,
    more of them need steeper ones, along d axes by the d-th root of their ratio.
    """
    scale = np.array(trial.slope_scale)
    if trial.fit.rank < SATURATED * trial.features:
        scale = scale * (size / trial.features) ** (1 / len(scale))
    return scale


def _neighbours(attempt: Callable[..., Trial], grown: Trial, best: Trial, both: bool) -> Trial:
    """Go up or down with the slope scale while that helps."""
    for factor in (GROWTH, 1 / GROWTH)[: 2 if both else 1]:
        before = grown
        while True:
            scale = factor * np.array(grown.slope_scale)
            near = attempt(grown.family, scale, grown.features, better(best, grown))
            if better(grown, near) is grown:
                break
            gained, grown = _gains(grown, near), near
            if not gained:
                break
        if grown is not before:
            break
    return grown


def _next_size(sizes: list[int], residuals: list[float], tol: float, most: int, dim: int) -> int:
    """Where the residual is expected at half of ``tol``, if it falls on as exp(-c n^(1/d))."""
    size = 2.0 * sizes[-1]
    if len(sizes) > 1:
        before, now = (n ** (1 / dim) for n in sizes[-2:])
        rate = np.log(residuals[-2] / residuals[-1]) / (now - before)
        wanted = (now + np.log(2 * residuals[-1] / tol) / rate) ** dim
        size = np.clip(wanted, 1.25 * sizes[-1], 2.5 * sizes[-1])
    return min(int(np.ceil(size / 10)) * 10, most)


def _gains(before: Trial, now: Trial) -> bool:
    """Whether the residual has fallen by enough to go on in that direction."""
    return not now.fit.unseen > GAIN * before.fit.unseen


def better(one: Trial | None, other: Trial) -> Trial:
    """The one with the smaller residual at unseen points.

    Where given values carry noise, they are no part of that residual; a trial that attributes
    clearly more of them to noise than the other has not found the solution. Nor has one whose
    unknowns have left all bounds.
    """
    if one is None or not np.isfinite(one.fit.unseen):
        return other
    if bool(one.fit.diverged) != bool(other.fit.diverged):
        return other if one.fit.diverged else one
    for a, b in ((one, other), (other, one)):
        taken = {name: a.fit.noise.get(name, 0.0) for name in a.fit.noise | b.fit.noise}
        if any(b.fit.noise.get(name, 0.0) > MISFIT * s > 0 for name, s in taken.items()):
            return a
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
                gained, best, improved = _gains(best, found), found, True
                if not gained:
                    break
            if improved:
                break
    return best
