"""Coefficients of a solution for single precision: smaller ones, of nearly the same field.

A sum of features rounds by the unit of round-off times the norm of its coefficients. With β the
coefficients found, those for single precision minimise, for a damping ε,

    |A (γ - β)|² + |H (γ - β)|² + ε² |D γ|²

where A are the linearised equations, H the features themselves, so that the values are kept where
the equations leave them open, and D the norms of the columns. What the values were compared with
and how they were weighed, which noise and penalties have a say in, plays no part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..taylor.features import Tensor
from ..taylor.framework import taylor
from ..taylor.linear import Linear
from .equations import Rows, System
from .least_squares import LeastSquares, triangularise

#: Dampings that are tried.
DAMPINGS = (1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)


def for_single_precision(
    system: System, rows: list[Rows], factors: list[float], unknowns: Tensor, fit: Any, check: Any
) -> Tensor:
    """The unknowns for which change and round-off together are the least at other points.

    Args:
        rows, factors: Equations linearised at the solution, and their weights.
        unknowns: Of the solution.
        fit, check: Points (N, d) where the values are kept, and where the outcome is compared.
    """
    values = _values(system, fit, rows[0])
    all_factors = [*factors, *[len(fit) ** -0.5] * len(values)]
    problem = LeastSquares(
        triangularise(
            (_of_solution(b, unknowns) for b in system.blocks([*rows, *values], all_factors)),
            system.unknowns,
        )
    )
    exact = system.field(check, (), unknowns)
    sizes = [float(taylor.norm(exact[:, o])) or 1.0 for o in range(len(system.sizes))]
    round_off = float(np.finfo(np.float32).eps) * len(check) ** 0.5

    def loss(candidate: Tensor) -> float:
        """Change and round-off of all outputs, each relative to its size."""
        change = system.field(check, (), candidate) - exact
        total, start = 0.0, 0
        for output, size in enumerate(system.sizes):
            own = candidate[start : start + size + 1]
            lost = float(taylor.norm(change[:, output])) + round_off * float(taylor.norm(own))
            total += lost / sizes[output]
            start += size + 1
        return total

    candidates = [unknowns, *(problem.solve(damping).unknowns for damping in DAMPINGS)]
    return min(candidates, key=loss)


def _values(system: System, x: Tensor, like: Rows) -> list[Rows]:
    """Rows of the value of each output at points x."""
    outputs, found = len(system.sizes), []
    nothing = taylor.zeros((len(x),), x)
    variables = taylor.zeros((len(x), like.linear.variables.shape[1]), x)
    for output in range(outputs):
        slope = taylor.zeros((len(x), outputs), x)
        slope[:, output] = 1.0
        linear = Linear(nothing, {(): slope}, None, variables)
        found.append(Rows(f"values of output {output + 1}", x, linear))
    return found


def _of_solution(block: Tensor, unknowns: Tensor) -> Tensor:
    """``[A | A β]`` of ``[A | b]``."""
    block[:, -1] = block[:, :-1] @ unknowns
    return block
