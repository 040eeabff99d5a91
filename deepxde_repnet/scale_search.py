"""The slope scale that a problem's own points can carry, found by validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .estimates import show
from .spec import Array, Box, RepSpec
from .validation import Fit, NotServed, SmallProblem, wide

#: Validation residual below which first layers count as equally good: training reaches no less.
GOOD = 3e-4

#: Validation residual above which random features do not begin to resolve the solution. Steeper
#: ones are taken where they leave half of it.
LOST = 0.8

#: Part of the validation residual that half a scale has to leave, where it is too steep.
CLEARLY = 1 / 3

#: The flattest scale that is tried.
FLATTEST = 0.025


@dataclass(frozen=True)
class Found:
    """A scale with what it leaves.

    Attributes:
        scale: Shape (F,), normalised units.
        validation: Residual of the least-squares problem with it, relative.
        said: In a few words.
    """

    scale: Array
    validation: float
    said: str


def small_problem(model: Any, box: Box, variables: Any) -> SmallProblem | None:
    """The problem that candidates are judged by; None where it cannot be had.

    Args:
        box: Of the first layer's inputs.
        variables: The problem's external trainable variables.
    """
    try:
        return SmallProblem(model, box, np.full(box.dim, np.pi), variables)
    except NotServed:
        return None


def search(
    problem: SmallProblem, given: RepSpec, proposed: Array, activation: Any, sines: float | None
) -> Found:
    """The scale proposed, flatter where the points do not carry it, steeper where it sees nothing.

    What least squares leave says how steep features may be: training can steepen them, and does not
    flatten them. So half a scale is taken as long as that leaves clearly less, and a steeper one
    only where next to nothing is resolved; of all axes together first, and then of each.

    Args:
        given: What the network was given.
        proposed: Slope scale, shape (F,).
        activation, sines: Of all layers, and their share in the first where it is open.
    """

    def fit(scale: Array) -> Fit:
        return problem.fit(wide(given, scale, activation, sines))

    scale, found = proposed, fit(proposed)
    first = found.validation
    axes = [*np.eye(len(scale))] if len(scale) > 1 else []
    for direction in (np.ones(len(scale)), *axes):
        while (other := scale * 0.5**direction).min() >= FLATTEST:
            tried = fit(other)
            if max(tried.validation, GOOD) > CLEARLY * found.validation:
                break
            scale, found = other, tried
        if found.validation > LOST:
            for factor in (2.0, 4.0, 8.0, 16.0):
                other = scale * factor**direction
                tried = fit(other)
                if tried.validation < LOST / 2:
                    scale, found = other, tried
                    break
    said = f"validation residual {found.validation:.1e}"
    if not np.array_equal(scale, proposed):
        said += f", and {first:.1e} with {show(proposed)}"
    return Found(scale, found.validation, said)
