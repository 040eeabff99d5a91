"""A linearised residual, in the arrays of whatever framework."""

from __future__ import annotations

from .features import Axes, Tensor


class NotPointwise(ValueError):
    """A residual couples points in a way that is not supported."""


class Linear:
    """A residual r, (R,), near a state: r + Σ_A Σ_i c_A,i δ(D_A u_i) + J δθ.

    Attributes:
        residual: r, (R,).
        slopes: c_A by axes, (N, m); of point p in row ``rows[p]``.
        rows: The row that a point belongs to, (N,), or None where row p is that of point p.
        variables: J, (R, q), q the number of entries of the other unknowns.
    """

    def __init__(
        self,
        residual: Tensor,
        slopes: dict[Axes, Tensor],
        rows: Tensor | None,
        variables: Tensor,
    ) -> None:
        self.residual, self.slopes, self.rows, self.variables = residual, slopes, rows, variables
