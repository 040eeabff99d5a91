"""Linear least squares with many rows, by orthogonal triangularisation block by block.

The matrix of a problem's equations on random features has no gap in its singular values: they fall
to the round-off and many of them lie there. What is solved is therefore

    min |A β - b|² + λ² |D β|²,    D the norms of the columns of A, λ = ε |A D⁻¹|_F,

with ε as small as the unseen points allow, by a second triangularisation, of R and λ D (Golub and
Van Loan, Matrix Computations, 6.1.6). It gives the digits of a truncated singular value
decomposition (Adcock and Huybrechs, Frames and numerical approximation, SIAM Review 61, 2019)
at a fifth of its cost.

Where the coefficients are wanted to a few digits only, the normal equations AᵀA β = Aᵀb give them
with a larger ε at a quarter of that cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..taylor.framework import taylor

#: Dampings ε that are tried. Below the smallest is the round-off of the matrix.
DAMPINGS = (1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)

#: The same for the normal equations, whose round-off is that of the matrix squared.
NORMAL_DAMPINGS = (1e-8, 1e-7, 1e-6)

#: Singular values of the last unknowns, what is left of columns of norm 1, that are round-off.
ROUND_OFF, NORMAL_ROUND_OFF = 1e-11, 1e-6


def triangularise(blocks: Iterable[Any], unknowns: int) -> Any:
    """R of the QR decomposition of ``[A | b]`` stacked over all blocks of rows.

    Golub and Van Loan, Matrix Computations, 5.3: R holds all that least squares needs, and it is
    the same whether the rows come at once or in blocks.

    Args:
        blocks: Tensors (rows, unknowns + 1), the right-hand side last. They may be overwritten.

    Returns:
        R, (k, unknowns + 1) with k at most unknowns + 1.
    """
    upper = None
    for block in blocks:
        stacked = block if upper is None else taylor.cat([upper, block])
        upper = taylor.triangle(stacked)
    if upper is None:
        raise ValueError("there are no equations.")
    assert upper.shape[1] == unknowns + 1
    return upper


def substituted(factor: Any, right: Any, last: int, round_off: float) -> Any:
    """x of ``factor @ x = right``, of least norm in the last unknowns.

    Damping bounds the coefficients of features. A few unknowns of another kind can be undetermined
    by themselves, two factors of one product for instance, and their change would be a quotient of
    round-off: directions with a singular value below that are left out (Golub and Van Loan, Matrix
    Computations, 5.5).

    Args:
        factor: Upper triangle, (n, n).
        right: (n,).
        last: Number of these unknowns.
    """
    if last == 0:
        return taylor.solve_triangular(factor, right[:, None])[:, 0]
    first = len(factor) - last
    left, sizes, across = taylor.svd(factor[first:, first:])
    parts = taylor.where(sizes > round_off, left.T @ right[first:], 0.0)
    ends = across.T @ (parts / taylor.where(sizes > round_off, sizes, 1.0))
    rest = right[:first] - factor[:first, first:] @ ends
    begins = taylor.solve_triangular(factor[:first, :first], rest[:, None])[:, 0]
    return taylor.cat([begins, ends])


class LeastSquares:
    """A least-squares problem that can be solved with several dampings.

    Args:
        upper: As ``triangularise`` returns it.
        last: Number of unknowns of another kind than the others, which come last.
    """

    dampings = DAMPINGS

    def __init__(self, upper: Any, last: int = 0) -> None:
        self._last = last
        norms = taylor.norm(upper[:, :-1], dim=0)
        self._norms = taylor.where(norms > 0, norms, 1.0)
        self._upper = taylor.cat([upper[:, :-1] / self._norms, upper[:, -1:]], dim=1)

    def solve(self, damping: float) -> Damped:
        """The solution with ε = ``damping``."""
        n = len(self._norms)
        weight = damping * n**0.5  # the Frobenius norm of n columns of norm 1
        below = weight * taylor.eye(n, n + 1, self._upper)
        factor = taylor.triangle(taylor.cat([self._upper, below]))
        scaled = substituted(factor[:n, :n], factor[:n, n], self._last, ROUND_OFF)
        residual = taylor.norm(self._upper[:, :-1] @ scaled - self._upper[:, -1])
        return Damped(
            damping,
            scaled / self._norms,
            float(residual),
            factor[:n, :n],
            self._norms,
            weight,
        )


class NormalEquations:
    """A least-squares problem that can be solved with several dampings, to a few digits.

    The Cholesky decomposition of ``AᵀA + λ²D²`` needs λ² above the round-off of the first (Golub
    and Van Loan, Matrix Computations, 5.3.2 and 4.2.6).

    Args:
        blocks: As those of ``triangularise``.
        last: Number of unknowns of another kind than the others, which come last.
    """

    dampings = NORMAL_DAMPINGS

    def __init__(self, blocks: Iterable[Any], last: int = 0) -> None:
        self._last = last
        products = sum(taylor.gram(block) for block in blocks)
        norms = taylor.diagonal(products)[:-1] ** 0.5
        self._norms = taylor.where(norms > 0, norms, 1.0)
        products[:-1] /= self._norms[:, None]
        products[:, :-1] /= self._norms
        self._products = products

    def solve(self, damping: float) -> Damped | None:
        """The solution with ε = ``damping``; None where round-off does not let it be found."""
        n = len(self._norms)
        weight = damping * n**0.5
        damped = self._products + weight**2 * taylor.eye(n + 1, n + 1, self._products)
        # The last column becomes F⁻ᵀ D⁻¹Aᵀb whatever stands below it. There would be the minimum,
        # which round-off can make negative.
        damped[n, n] *= 2.0
        factor = taylor.cholesky(damped)
        if factor is None:
            return None
        scaled = substituted(factor[:n, :n], factor[:n, n], self._last, NORMAL_ROUND_OFF)
        # |A β - b|² is the quadratic form of [AᵀA, Aᵀb; bᵀA, bᵀb] at (β, -1).
        extended = taylor.cat([scaled, -taylor.ones((1,), scaled)])
        residual = float(extended @ (self._products @ extended))
        return Damped(
            damping,
            scaled / self._norms,
            max(residual, 0.0) ** 0.5,
            factor[:n, :n],
            self._norms,
            weight,
            rough=True,
        )


@dataclass(frozen=True)
class Damped:
    """A damped solution.

    Attributes:
        damping: ε.
        unknowns: β, (n,).
        residual: ``|A β - b|``.
        factor, norms, weight: With F = ``factor`` and D = ``norms``, ``D Fᵀ F D`` is
            ``AᵀA + λ²D²``, λ = ``weight``.
        rough: Whether it is from the normal equations.
    """

    damping: float
    unknowns: Any
    residual: float
    factor: Any
    norms: Any
    weight: float
    rough: bool = False

    @property
    def penalty(self) -> float:
        """``λ |D β|``, which the damping adds to what is minimised."""
        return self.weight * float(taylor.norm(self.norms * self.unknowns))

    @cached_property
    def root(self) -> Any:
        """``D⁻¹ F⁻¹``, (n, n): its product with its transpose is ``(AᵀA + λ²D²)⁻¹``."""
        one = taylor.eye(len(self.norms), len(self.norms), self.factor)
        return taylor.solve_triangular(self.factor, one) / self.norms[:, None]

    @cached_property
    def ridge(self) -> Any:
        """Share of each unknown that the damping fixes and not the equations, (n,), 0 to 1."""
        return (self.weight * self.norms) ** 2 * (self.root**2).sum(1)

    @property
    def rank(self) -> int:
        """Number of unknowns that the equations determine: Σ σ²/(σ² + λ²), rounded.

        The effective degrees of freedom (Hansen, Rank-Deficient and Discrete Ill-Posed Problems,
        SIAM 1998, 7.2).
        """
        return round(len(self.norms) - float(self.ridge.sum()))

    def inverse_diagonal(self, last: int) -> Any:
        """Diagonal of ``(AᵀA + λ²D²)⁻¹`` for the last unknowns, (last,)."""
        start = len(self.norms) - last
        corner = self.factor[start:, start:]
        one = taylor.eye(last, last, corner)
        inverse = taylor.solve_triangular(corner, one)
        return (inverse**2).sum(1) / self.norms[start:] ** 2
