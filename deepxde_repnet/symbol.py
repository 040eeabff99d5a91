"""The symbol p(k) of a linear equation with constant coefficients, read off the user's own ``pde``.

A plane wave goes through such an equation with a factor: ``L exp(i k·x) = p(k) exp(i k·x)``. It is
found by applying the ``pde`` to waves at points of the domain, with what it gives for zero (the
source) taken away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _host
from .spec import Array, Box

#: Random waves that linearity and constant coefficients are tested on.
N_TESTS = 64

#: Relative deviation that passes for round-off, in single precision.
TOLERANCE = 5e-3


class NoSymbol(ValueError):
    """The equation is not linear, its coefficients vary, or it is not a single one."""


class Symbol:
    """p at wavenumbers k (n, d), shape (n,), complex; k in radians per unit of the coordinates.

    Args:
        data: A ``dde.data.PDE`` or ``TimePDE`` of one unknown function.
        domain: Box of the coordinates, in which the equation is tested.
        highest: Largest wavenumber of each axis that it is tested at, shape (d,).
        variables: The problem's external trainable variables; their present values count.

    Raises:
        NoSymbol: If the problem has no symbol; the message says why.
    """

    def __init__(self, data: Any, domain: Box, highest: Array, variables: Any = ()) -> None:
        if not hasattr(data, "pde") or data.pde is None:
            raise NoSymbol(f"{type(data).__name__} has no differential equation")
        if getattr(data, "auxiliary_var_fn", None) is not None:
            raise NoSymbol("its coefficients come as auxiliary variables, which may vary")
        self._data, self._variables = data, variables
        generator = np.random.default_rng(0)
        lower, upper = np.array(domain.lower), np.array(domain.upper)
        self._point = lower + 0.4142 * (upper - lower)
        k = generator.uniform(-1, 1, (N_TESTS, domain.dim)) * highest
        x = generator.uniform(lower, upper, (N_TESTS, domain.dim))
        self._check(k, x, generator)

    def __call__(self, k: Array) -> np.ndarray:
        k = np.atleast_2d(np.asarray(k, dtype=float))
        return self._factor(k, np.broadcast_to(self._point, k.shape))

    def _factor(self, k: Array, x: Array) -> np.ndarray:
        zero = np.zeros((len(k), 1))
        rows = np.concatenate([x, x, x])
        wave = _host.Wave(
            np.concatenate([zero + 1, zero + 1, zero]),
            np.concatenate([k, k, k]),
            np.concatenate([zero + np.pi / 2, zero, zero]),
        )
        cos, sin, nothing = np.split(self._apply(rows, [wave]), 3)
        turn = np.exp(-1j * (k * x).sum(1))
        return np.asarray(((cos - nothing) + 1j * (sin - nothing)) * turn)

    def _apply(self, x: Array, waves: list[_host.Wave]) -> Array:
        try:
            found = _host.wave_residuals(self._data, x, waves, self._variables)
        except Exception as error:  # whatever a user's pde does with one output
            raise NoSymbol(
                f"the pde could not be applied to a wave ({type(error).__name__}: {error})"
            ) from None
        if len(found) != 1:
            raise NoSymbol(f"it is a system of {len(found)} equations")
        return found[0]

    def _check(self, k: Array, x: Array, generator: np.random.Generator) -> None:
        n = len(k)
        zero = np.zeros((n, 1))
        here, there = self._factor(k, x), self._factor(k, x[::-1])
        size = np.abs(here) + 1e-3 * np.abs(here).max()
        if not np.isfinite(here).all() or not size.all():
            raise NoSymbol("it gives no finite value for waves, or none that depends on them")

        # Linearity first: of a nonlinear equation the factors differ from point to point as well.
        phase = generator.uniform(0, 2 * np.pi, (n, 1))
        one, other = _host.Wave(zero + 1, k, phase), _host.Wave(zero + 2.5, k[::-1], 0 * phase)
        nothing = self._apply(x, [_host.Wave(zero, k, phase)])
        parts = [self._apply(x, [wave]) - nothing for wave in (one, other)]
        together = self._apply(x, [one, other]) - nothing
        scale = size + 2.5 * size[::-1]
        if (np.abs(together - sum(parts)) > TOLERANCE * scale).any():
            raise NoSymbol("it is not linear")
        if (np.abs(here - there) > TOLERANCE * size).any():
            raise NoSymbol("its coefficients vary over the domain")


def oscillation(symbol: Symbol, k: Array, axis: int, highest: float, n: int = 4096) -> float | None:
    """Wavenumber along one axis of free waves with known ones along the others, or None.

    It is the root of ``p(k_1, ..., k_axis, ...)`` with the largest value below ``highest``, sought
    on a grid of n points; an equation whose solutions decay along the axis has none.

    Args:
        k: Wavenumbers, shape (d,); that of ``axis`` is not used.
    """
    grid = np.linspace(0, highest, n + 1)[1:]
    points = np.tile(np.asarray(k, dtype=float), (n, 1))
    points[:, axis] = grid
    size = np.abs(symbol(points))
    at_rest = points[:1].copy()
    at_rest[:, axis] = 0
    typical = float(np.abs(symbol(at_rest))[0])
    lowest = np.flatnonzero((size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:])) + 1
    roots = [i for i in lowest if size[i] < 0.02 * max(typical, float(np.median(size)))]
    return float(grid[roots[-1]]) if roots else None
