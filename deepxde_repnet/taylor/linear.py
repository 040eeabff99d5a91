"""A linearised residual, in the arrays of whatever framework."""

from __future__ import annotations

from .features import Axes, Tensor


class NotPointwise(ValueError):
    """A residual couples points in a way that is not supported."""

    def __init__(self) -> None:
        super().__init__(
            "a residual at one point depends on the solution at another point; only differential "
            "equations, and conditions that compare pairs of points, can be solved in this way."
        )


#: Relative difference between what a row answers and what it would answer if it were of one point.
COUPLED = 1e-10

#: Equal weights of all rows, not powers of two: points that are coupled answer each in proportion,
#: and only round-off differs.
EQUAL_WEIGHTS = (0.7, 1.1, 1.3)

#: Largest round-off relative to the largest that was seen with equal weights.
ROUND_OFF = 1e3


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
