"""Linear least squares with many rows, by orthogonal triangularisation block by block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

#: Cut-offs tried, relative to the largest singular value. Below the smallest a singular value is
#: the round-off of its matrix.
CUTOFFS = (1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-8)


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
        stacked = block if upper is None else torch.cat([upper, block])
        upper = torch.linalg.qr(stacked, mode="r")[1]
    if upper is None:
        raise ValueError("there are no equations.")
    assert upper.shape[1] == unknowns + 1
    return upper


class Solutions:
    """Minimum-norm solutions of a least-squares problem for several cut-offs.

    Args:
        upper: As ``triangularise`` returns it.

    Attributes:
        ranks: For each cut-off in ``CUTOFFS``, how many singular values lie above it.
        unknowns: For each cut-off the solution, (n, len(CUTOFFS)).
    """

    def __init__(self, upper: Any) -> None:
        matrix, target = upper[:, :-1], upper[:, -1]
        scale = torch.linalg.vector_norm(matrix, dim=0)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        u, s, vt = torch.linalg.svd(matrix / scale, full_matrices=False)
        rotated = u.T @ target
        self.ranks = [int((s > cutoff * s[0]).sum()) for cutoff in CUTOFFS]
        columns = [vt[:r].T @ (rotated[:r] / s[:r]) / scale for r in self.ranks]
        self.unknowns = torch.stack(columns, dim=1)
        self._s, self._vt, self._scale = s, vt, scale

    def inverse_diagonal(self, cutoff: int, last: int) -> Any:
        """Diagonal of the (pseudo)inverse of AᵀA for the last unknowns, (last,)."""
        rank, start = self.ranks[cutoff], self._vt.shape[1] - last
        rows = self._vt[:rank, start:] / self._s[:rank, None]
        return (rows**2).sum(0) / self._scale[start:] ** 2
