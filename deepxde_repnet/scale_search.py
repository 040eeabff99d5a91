"""The slope scale that a problem's own points can carry, found by validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import validation
from .estimates import show
from .spec import FLATTEST_SLOPE, SLOPE_PER_WAVENUMBER, Array, Box, RepSpec

#: Validation residual below which first layers count as equally good: training reaches no less.
GOOD = 3e-4

#: Validation residual above which random features do not begin to resolve the solution.
LOST = 0.5

#: Part of the validation residual that half a scale has to leave, where it is too steep.
CLEARLY = 1 / 3

#: Halvings, and doublings, at most.
MOST = 6


@dataclass(frozen=True)
class Found:
    """A scale with what it leaves.

    Attributes:
        scale: Shape (F,), normalised units.
        validation, fitted: Residuals of the least-squares problem with it, relative.
        said: In a few words.
    """

    scale: Array
    validation: float
    fitted: float
    said: str


def validated(
    model: Any,
    given: RepSpec,
    box: Box,
    proposed: Array,
    activation: Any,
    sines: float | None,
    variables: Any,
) -> Found | None:
    """The scale proposed, flatter where the points do not carry it, steeper where it sees nothing.

    What least squares leave says how steep features may be: training can steepen them, and does not
    flatten them. So half a scale is taken as long as that leaves clearly less, and twice as long as
    next to nothing is resolved; of all axes together first, and then of each.

    Args:
        given: What the network was given.
        box: Of the first layer's inputs.
        proposed: Slope scale from the problem's wavenumber, shape (F,).
        activation, sines: Of all layers, and their share in the first where it is open.
        variables: The problem's external trainable variables.

    Returns:
        None where the problem cannot be judged so.
    """
    expected = np.maximum(proposed / SLOPE_PER_WAVENUMBER, np.pi)
    try:
        problem = validation.SmallProblem(model, box, expected, variables)
    except validation.NotServed:
        return None

    def fit(scale: Array) -> validation.Fit:
        return problem.fits([validation.wide(given, scale, activation, sines)])[0]

    scale, found = proposed, fit(proposed)
    first = found.validation
    every = np.ones(len(scale))
    axes = [*np.eye(len(scale))] if len(scale) > 1 else []
    for direction in (every, *axes):
        for factor in (0.5, 2.0):
            for _ in range(MOST):
                other = scale * factor**direction
                if factor > 1 and found.validation < LOST:
                    break
                if other.min() < FLATTEST_SLOPE / 2:
                    break
                tried = fit(other)
                needed = found.validation * (CLEARLY if factor < 1 else 1.0)
                if max(tried.validation, GOOD) > needed:
                    break
                scale, found = other, tried
    said = f"validation residual {found.validation:.1e}"
    if not np.array_equal(scale, proposed):
        said += f", and {first:.1e} with {show(proposed)}"
    return Found(scale, found.validation, found.fitted, said)
