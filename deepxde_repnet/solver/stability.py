"""What a small residual says about the error: how firmly the equations determine the solution.

Near the solution the residuals are ``A β - b`` in the coefficients β, and E β is the field. With
``FᵀF = AᵀA + λ²D²`` from the last damped solve, the amplification of a direction v is

    s = ‖E v‖ / ‖F v‖,

how far the field moves, in the root mean square over validation points, for each unit of weighted
residual. Its largest values and their directions are those of E F⁻¹, found by subspace iteration
(Golub and Van Loan, Matrix Computations, 8.2.4). A direction that moves the field while nothing
but the damping λ resists it is a solution of the homogeneous problem, which then is not determined.

Where it is determined, the error follows from the residual r at points that were not fitted:

* the features correct themselves by ``min ‖A δ‖² + ‖A_v δ + r‖²``, A_v their equations at the
  validation points. That is the error within their span (e_in); no two stalled solutions are
  compared for it.
* no error is larger than s_max ‖r‖, the bound of every linear problem. A least-squares solution
  stays far below it (its residual is orthogonal to what the features can express; Bochev and
  Gunzburger, Least-Squares Finite Element Methods, 2009, 2.4) unless little of the solution is
  resolved.

``error = 3 e_in + s_max ‖r‖ max(√ρ, min(1, s_max ‖r‖))``, ρ the relative residual, is calibrated on
the table of verdicts (docs/reliability.rst), which gives its measured reliability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import solve_triangular

from ..spec import Array
from ..taylor.framework import taylor
from .equations import System, scales
from .least_squares import Damped

if TYPE_CHECKING:
    from .gauss_newton import Descent

#: Directions that are looked at, and iterations of their subspace.
DIRECTIONS, ITERATIONS = 24, 4

#: A direction is free when its equations cancel to this part of the size of their terms, and the
#: damping resists it with no less than that part of what the equations do.
CANCELLED, RESISTED = 1e-6, 0.1

#: Amplification, for a field of the solution's size, from which a direction is looked at again.
LOOSE = 100.0

#: Size of an output, relative to the largest, below which it is taken for zero.
NO_SIZE = 1e-13

#: Factor on the correction within the span of the features.
SAFETY = 3.0

#: Steps of conjugate gradients for the correction, and the reduction at which they end.
CORRECTIONS, CORRECTED = 20, 1e-8


@dataclass(frozen=True)
class Stability:
    """How firmly the equations hold a solution.

    Attributes:
        amplification: s of the loosest direction, for a field of the solution's size.
        free: Coefficients of the directions that the equations leave free, (n, k); each moves the
            field by 1 in the root mean square.
        loose: The same of those that only the damping holds, the features being too few to tell
            whether they are free or hardly held, (n, k).
        error: Relative root mean square error to be expected, over all outputs.
        bound: s_max ‖r‖, relative.
        from_noise: The part of ``error`` that the noise of given values makes.
    """

    amplification: float
    free: Array
    loose: Array
    error: float
    bound: float
    from_noise: float

    @property
    def own_error(self) -> float:
        """The part of ``error`` that more or other features could change."""
        return math.sqrt(max(self.error**2 - self.from_noise**2, 0.0))

    @property
    def determined(self) -> bool:
        """Whether no direction is free."""
        return self.free.shape[1] == 0


def examine(descent: Descent) -> Stability:
    """The stability of what a descent has found; nothing is known where it found nothing."""
    if descent.solved is None:
        nothing = np.zeros((descent.system.unknowns, 0))
        return Stability(math.inf, nothing, nothing, math.inf, math.inf, 0.0)
    return _Examination(descent).result()


class _Examination:
    def __init__(self, descent: Descent) -> None:
        assert descent.solved is not None
        self._descent = descent
        self._use(descent.solved)
        self._x = descent.points.check[0].x
        self._field, self._size = self._field_matrix()
        place = descent.place
        self._checked = [row.affine(place.state, place.values) for row in descent.checked()]
        # Values that carry noise say nothing new at points where they were fitted.
        self._counted = [not (descent.noise and row.data) for row in self._checked]

    def _use(self, solved: Damped) -> None:
        self._solved = solved
        self._factor = taylor.to_numpy(solved.factor)
        self._norms = taylor.to_numpy(solved.norms)[:, None]

    def _field_matrix(self) -> tuple[Array, float]:
        """E, with rows for the other unknowns, each relative to its value; and ‖E β‖."""
        descent = self._descent
        field = values_matrix(descent.system, self._x) / math.sqrt(len(self._x))
        unknowns = taylor.to_numpy(descent.place.unknowns)
        count = field.shape[1]
        size = float(np.linalg.norm(field @ unknowns[:count])) or 1.0
        others = np.abs(unknowns[count:])
        first = np.abs(taylor.to_numpy(descent.first_values))
        scale = np.where(others > 0, others, np.where(first > 0, first, 1.0))
        whole = np.zeros((len(field) + len(others), len(unknowns)))
        whole[: len(field), :count] = field
        whole[len(field) :, count:] = np.diag(size / scale)
        return whole, size

    def _unscaled(self, z: Array) -> Array:
        """``D⁻¹F⁻¹ z``: coefficients."""
        return np.asarray(solve_triangular(self._factor, z) / self._norms)

    def _transposed(self, v: Array) -> Array:
        """``F⁻ᵀD⁻¹ v``."""
        return np.asarray(solve_triangular(self._factor, v / self._norms, trans="T"))

    def result(self) -> Stability:
        amplification, directions = self._loosest()
        resisted, seen = self._resisted(amplification, directions)
        if self._solved.rough and resisted.any():
            # The normal equations need a damping that hides what is free.
            self._use(self._descent.precisely())
            amplification, directions = self._loosest()
            resisted, seen = self._resisted(amplification, directions)
        is_free = [
            r and self._is_free(v, s)
            for r, v, s in zip(resisted, directions.T, seen.T, strict=True)
        ]
        equations, right = self._validation()
        residual = float(np.linalg.norm(right))
        relative = residual / self._descent.points.check_size
        bound = float(amplification[0]) * residual / self._size
        inner = float(np.linalg.norm(self._field @ self._correction(equations, right))) / self._size
        from_noise = self._from_noise()
        error = SAFETY * inner + bound * max(math.sqrt(relative), min(1.0, bound))
        return Stability(
            amplification=float(amplification[0]) / self._size,
            free=directions[:, is_free],
            loose=directions[:, resisted],
            error=math.hypot(error, from_noise),
            bound=bound,
            from_noise=from_noise,
        )

    def _loosest(self) -> tuple[Array, Array]:
        """Largest amplifications, and their directions with ‖E v‖ = 1, (n, k)."""
        n = len(self._norms)
        start = np.random.default_rng(0).standard_normal((n, min(DIRECTIONS, n)))
        basis = start
        for _ in range(ITERATIONS):
            image = self._field @ self._unscaled(basis)
            basis, _ = np.linalg.qr(self._transposed(self._field.T @ image))
        moved = self._unscaled(basis)
        _, sizes, mixed = np.linalg.svd(self._field @ moved, full_matrices=False)
        return sizes, moved @ mixed.T / np.where(sizes > 0, sizes, 1.0)

    def _resisted(self, amplification: Array, directions: Array) -> tuple[Any, Array]:
        """Which directions the damping holds, not the equations; and what these do, (rows, k)."""
        descent = self._descent
        seen = np.zeros((len(descent.place.rows), len(amplification)))
        found = amplification > LOOSE * self._size
        if found.any():
            chosen = directions[:, found]
            products = descent.system.products(
                descent.affine(), descent.factors, taylor.asarray(chosen)
            )
            seen[:, found] = products
            damping = self._solved.weight * np.linalg.norm(self._norms * chosen, axis=0)
            found[found] = damping >= RESISTED * np.linalg.norm(products, axis=0)
        return found, seen

    def _is_free(self, direction: Array, seen: Array) -> bool:
        """Whether a direction solves the homogeneous problem as well as the features can."""
        descent, v = self._descent, taylor.asarray(direction)
        # Residuals are scaled for waves of the problem's wavenumber: a flatter field is measured
        # by what its own terms are worth, or it would pass for free in a problem of many scales.
        amplitudes = np.maximum(*(self._sizes(u) for u in (descent.place.unknowns, v)))
        # An output that is zero says nothing of its size.
        amplitudes = np.where(amplitudes > NO_SIZE, amplitudes, 1.0)
        proper = scales(descent.affine(), self._wavenumber(v), amplitudes)
        return float(np.linalg.norm(seen * np.divide(descent.scales, proper))) < CANCELLED

    def _sizes(self, unknowns: Any) -> Array:
        """Of each output, relative to the largest."""
        field = taylor.to_numpy(self._descent.system.field(self._x, (), unknowns))
        sizes = np.sqrt((field**2).mean(axis=0))
        return np.asarray(sizes / (float(sizes.max()) or 1.0))

    def _wavenumber(self, direction: Any) -> Array:
        """Of the field of a direction along each axis, not below one over its half width."""
        system, least = self._descent.system, 1.0 / self._descent.half_width
        value = float(taylor.norm(system.field(self._x, (), direction))) or 1.0
        found = [
            float(taylor.norm(system.field(self._x, (axis,), direction))) / value
            for axis in range(len(least))
        ]
        return np.maximum(found, least)

    def _validation(self) -> tuple[Array, Array]:
        """Weighted equations at validation points, and their residual."""
        descent = self._descent
        rows = [r for r, c in zip(self._checked, self._counted, strict=True) if c]
        factors = [f for f, c in zip(descent.check_factors, self._counted, strict=True) if c]
        stacked = taylor.to_numpy(taylor.cat(descent.system.by_row(rows, factors)))
        unknowns = taylor.to_numpy(descent.place.unknowns)
        return stacked[:, :-1], stacked[:, :-1] @ unknowns - stacked[:, -1]

    def _correction(self, equations: Array, right: Array) -> Array:
        """δ of ``min ‖F D δ‖² + ‖A_v δ + r‖²``, by conjugate gradients preconditioned with F."""
        residual = -self._transposed(equations.T @ right[:, None])
        z = np.zeros_like(residual)
        step = residual
        square = first = float((residual**2).sum())
        for _ in range(CORRECTIONS):
            if square <= CORRECTED**2 * first or square == 0:
                break
            there = equations @ self._unscaled(step)
            product = step + self._transposed(equations.T @ there)
            length = square / float((step * product).sum())
            z = z + length * step
            residual = residual - length * product
            square, before = float((residual**2).sum()), square
            step = residual + square / before * step
        return self._unscaled(z)[:, 0]

    def _from_noise(self) -> float:
        """Relative standard deviation of the field that the noise of given values makes.

        ``σ² tr(E C Eᵀ)``, C = (FᵀF)⁻¹, by random vectors (Hutchinson, Communications in Statistics
        18, 1989).
        """
        descent = self._descent
        if not descent.noise:
            return 0.0
        probes = np.random.default_rng(1).choice([-1.0, 1.0], (len(self._norms), DIRECTIONS))
        moved = self._field @ self._unscaled(probes)
        return descent.unit * math.sqrt(float((moved**2).sum()) / DIRECTIONS) / self._size


def values_matrix(system: System, x: Any, axes: tuple[int, ...] = ()) -> Array:
    """E: coefficients to a derivative of all outputs at points x, (outputs * N, n)."""
    outputs = len(system.sizes)
    blocks = []
    for output in range(outputs):
        slope = taylor.zeros((len(x), outputs), x)
        slope[:, output] = 1.0
        blocks.append(taylor.to_numpy(system.matrix(x, {axes: slope})))
    return np.vstack(blocks)
