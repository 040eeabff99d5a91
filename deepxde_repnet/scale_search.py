"""The slope scale that a problem's own points can carry, found by validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import validation
from .estimates import show
from .spec import SLOPE_PER_WAVENUMBER, Array, Box, RepSpec

#: Validation residual below which first layers count as equally good: training reaches no less.
GOOD = 1e-4

#: Ratio of validation residuals up to which the scale of the source term stays.
ACCEPTABLE = 3.0

#: Multiples of that scale which are tried.
MULTIPLES = (1.0, 2.0, 0.5, 0.25, 0.125, 0.0625)

#: Flattest scale that is tried; flatter features are straight over the domain.
FLATTEST = 0.05

#: Ratio of validation residuals from which an axis takes another scale than the others.
BETTER = 2.0

#: Validation residual from which nothing has been resolved, and nothing can be chosen by it.
HOPELESS = 0.5


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
    """The scale proposed, or the flattest of those that leave clearly less.

    What least squares leave says how steep features may be: training can steepen them, and does not
    flatten them. So the flattest of the scales that are about equally good is taken, unless that
    proposed is one of them, which is what an oscillating solution needs to be found at all.

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

    def fits(scales: list[Array]) -> list[validation.Fit]:
        return problem.fits([validation.wide(given, s, activation, sines) for s in scales])

    scales = [m * proposed for m in MULTIPLES if m >= 1 or (m * proposed).max() >= FLATTEST]
    found = fits(scales)
    score = [max(fit.validation, GOOD) for fit in found]
    least = min(score)
    if least > HOPELESS:
        return Found(proposed, found[0].validation, found[0].fitted, "no scale resolves it")
    chosen = 0
    if score[0] > ACCEPTABLE * least:
        chosen = max(i for i, s in enumerate(score) if s <= ACCEPTABLE * least)
    scale, fit = scales[chosen], found[chosen]
    for axis in range(len(scale) if len(scale) > 1 else 0):
        for factor in (0.5, 2.0):
            for other in _along(scale, axis, factor):
                (tried,) = fits([other])
                if max(tried.validation, GOOD) * BETTER > max(fit.validation, GOOD):
                    break
                scale, fit = other, tried
    said = f"validation residual {fit.validation:.1e}"
    if not np.array_equal(scale, proposed):
        said += f", and {found[0].validation:.1e} with {show(proposed)}"
    return Found(scale, fit.validation, fit.fitted, said)


def _along(scale: Array, axis: int, factor: float, times: int = 4) -> Iterator[Array]:
    """The scale with one axis ever flatter, or steeper."""
    for i in range(1, times + 1):
        other = scale.copy()
        other[axis] *= factor**i
        if other[axis] < FLATTEST:
            return
        yield other
