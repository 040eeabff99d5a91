"""What an equation does to waves, read off the user's own ``pde`` by applying it to some.

A plane wave goes through a linear equation with constant coefficients with a factor, its symbol:
``L exp(i k·x) = p(k) exp(i k·x)``. It is found from waves at points of the domain, with what the
``pde`` gives for zero (the source) taken away. Of other equations it is found how far they steepen
a wave.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from . import _host
from .spec import Array, Box

#: Random waves that linearity and constant coefficients are tested on.
N_TESTS = 64

#: Relative deviation that passes for round-off, in single precision.
TOLERANCE = 5e-3


#: How far fronts are looked for beyond the wavenumber of the initial data. Measured: with the
#: equations of Burgers and of Allen and Cahn this is better than half and a quarter of it.
FRONTS_WITHIN = 8.0

#: Share of what an equation does to a wave from which on it counts as not linear.
_NOT_LINEAR = 0.05

#: Wavenumbers at which a balance is looked for, in a geometric sequence over six decades.
BALANCED = 1024

#: Free waves are those that hardly decay: share of p that is not real, on average.
_DAMPED = 0.1

#: Fewer of the random wavenumbers than this share on one side of zero are round-off.
_RARE = 5e-3


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
        self._apply = functools.partial(_apply, data, variables)
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
        cos, sin, nothing = self._apply((x, _cos(k)), (x, _sin(k)), (x,))
        return _turned(cos - nothing, sin - nothing, k, x)

    def _check(self, k: Array, x: Array, generator: np.random.Generator) -> None:
        phase = generator.uniform(0, 2 * np.pi, (len(k), 1))
        one, other = _host.Wave(phase * 0 + 1, k, phase), _sin(k[::-1], 2.5)
        nothing, cos, sin, far_cos, far_sin, *parts, together = self._apply(
            (x,),
            (x, _cos(k)),
            (x, _sin(k)),
            (x[::-1], _cos(k)),
            (x[::-1], _sin(k)),
            (x, one),
            (x, other),
            (x, one, other),
        )
        here = _turned(cos - nothing, sin - nothing, k, x)
        there = _turned(far_cos - nothing[::-1], far_sin - nothing[::-1], k, x[::-1])
        size = np.abs(here) + 1e-3 * np.abs(here).max()
        if not np.isfinite(here).all() or not size.all():
            raise NoSymbol("it gives no finite value for waves, or none that depends on them")

        # Linearity first: of a nonlinear equation the factors differ from point to point as well.
        lacking = (together - nothing) - sum(part - nothing for part in parts)
        if (np.abs(lacking) > TOLERANCE * (size + 2.5 * size[::-1])).any():
            raise NoSymbol("it is not linear")
        if (np.abs(here - there) > TOLERANCE * size).any():
            raise NoSymbol("its coefficients vary over the domain")


def _apply(data: Any, variables: Any, *fields: tuple[Any, ...]) -> list[Array]:
    """The equation's residual for each field, given as (points, wave, ...), in one call.

    A call is what costs: TensorFlow and JAX compile in each.
    """
    points = np.concatenate([x for x, *_ in fields])
    most = max(len(waves) for _, *waves in fields)
    sums = []
    for i in range(most):
        each = [waves[i] if i < len(waves) else _sin(0 * x, 0.0) for x, *waves in fields]
        sums.append(_host.Wave(*map(np.concatenate, zip(*each, strict=True))))
    try:
        found = _host.wave_residuals(data, points, sums, variables)
    except Exception as error:  # whatever a user's pde does with one output
        raise NoSymbol(
            f"the pde could not be applied to a wave ({type(error).__name__}: {error})"
        ) from None
    if len(found) != 1:
        raise NoSymbol(f"it is a system of {len(found)} equations")
    return np.split(found[0], len(fields))


def _sin(k: Array, amplitude: float = 1.0) -> _host.Wave:
    zero = np.zeros((len(k), 1))
    return _host.Wave(zero + amplitude, k, zero)


def _cos(k: Array) -> _host.Wave:
    return _sin(k)._replace(phase=np.full((len(k), 1), np.pi / 2))


def _turned(cos: Array, sin: Array, k: Array, x: Array) -> np.ndarray:
    """p from what an equation makes of cos k·x and sin k·x at x."""
    return np.asarray((cos + 1j * sin) * np.exp(-1j * (k * x).sum(1)))


class FreeWaves:
    """Waves ``exp(i k·x)`` that solve an equation without its source: p(k) = 0.

    The Helmholtz, the wave and the transport equation have them; Laplace's and those of diffusion,
    whose free solutions decay, have not.

    Attributes:
        along: Wavenumber of those along each axis, shape (d,); NaN where there are none.

    Args:
        highest: Largest wavenumber of each axis that is looked at, shape (d,), radians per unit of
            the coordinates.
        n: Wavenumbers looked at along each axis, and twice as many in all directions.
    """

    def __init__(self, symbol: Symbol, highest: Array, n: int = 1024) -> None:
        dim = len(highest)
        generator = np.random.default_rng(0)
        radius = np.exp(generator.uniform(np.log(1e-3), 0, (2 * n, 1)))
        self._k = radius * generator.uniform(-1, 1, (2 * n, dim)) * highest
        grid = np.linspace(0, 1, n + 1)
        axes = [grid[:, None] * np.eye(dim)[j] * highest for j in range(dim)]
        # In one call, see above.
        self._p, *along = np.split(
            symbol(np.concatenate([self._k, *axes])), 2 * n + (n + 1) * np.arange(dim)
        )
        roots = [_last_root(np.abs(p[1:]), abs(p[0])) for p in along]
        self.along = np.array(
            [np.nan if i is None else k * grid[i + 1] for i, k in zip(roots, highest, strict=True)]
        )

    def within(self, highest: Array) -> bool:
        """Whether there are any with wavenumbers up to these, shape (d,).

        It is so where p, real but for one constant factor, takes both signs.
        """
        share = np.abs(self._k / highest).max(axis=1)
        # The last decade: at low wavenumbers the lowest derivative alone decides.
        p = self._p[(share <= 1) & (share > 0.1)]
        p = p[p != 0] / np.abs(p[p != 0])
        p = p * np.exp(-0.5j * np.angle((p**2).sum()))
        if len(p) == 0 or np.abs(p.imag).mean() > _DAMPED:
            return False
        positive = float((p.real > 0).mean())
        return min(positive, 1 - positive) > _RARE


def _last_root(size: Array, typical: float) -> int | None:
    """Where |p| on a grid, of this typical size, comes down to zero for the last time, or None."""
    lowest = np.flatnonzero((size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:])) + 1
    roots = [i for i in lowest if size[i] < 0.02 * max(typical, float(np.median(size)))]
    return int(roots[-1]) if roots else None


def balance(symbol: Symbol, k: Array, axis: int, highest: float) -> float | None:
    """Wavenumber along one axis at which its terms balance what known waves along the others do.

    The smallest k_j with ``|p(k_j alone) - p(0)| = |p(k without k_j)|``: the dominant balance
    (Bender and Orszag, Advanced Mathematical Methods for Scientists and Engineers, 1978, ch. 3) of
    an equation in which the axis stands alone. It is c k for the wave and the transport equation,
    either way, and the rate ν k² of diffusion.

    Args:
        k: Wavenumbers, shape (d,); that of ``axis`` is not used.
        highest: The largest that is of interest.

    Returns:
        At most ``highest``; None where nothing acts along the axis, or along the others.
    """
    at_rest = np.array(k, dtype=float)
    at_rest[axis] = 0.0
    alone = np.zeros((BALANCED + 1, len(at_rest)))
    alone[1:, axis] = np.geomspace(1e-6, 1.0, BALANCED) * highest
    wanted, nothing, *sizes = symbol(np.concatenate([at_rest[None], alone]))
    own = np.abs(np.array(sizes) - nothing)
    if wanted == 0 or not own.any():
        return None
    there = np.flatnonzero(own >= abs(wanted))
    return float(alone[there[0] + 1, axis]) if len(there) else highest


def steepening(data: Any, domain: Box, k: Array, amplitude: float, variables: Any = ()) -> float:
    """How many times the wavenumber of its initial data a solution may reach that nothing drives.

    An equation that is not linear passes waves on to higher wavenumbers until what it does to them
    by its derivatives balances what it does by its other terms: the dominant balance of a boundary
    layer (Bender and Orszag, Advanced Mathematical Methods for Scientists and Engineers, 1978,
    ch. 9). With w a wave of this amplitude and r the residual less that for zero, L the linear part
    of r and L_0 that of a constant, fronts form up to the q of::

        rms(r[w] - L[w]) + rms(L_0 w) = rms(L[w] - L_0 w),    w = A sin(q k·x + φ)

    as Burgers' equation makes them of width ν/A, and Allen and Cahn's of √(diffusion/reaction).
    It is a matter of orders of magnitude, and there are none where the equation has a source.

    Args:
        data: A ``dde.data.TimePDE`` of one unknown function, the last coordinate being time.
        domain: Box of the coordinates.
        k: Wavenumber of the initial data, shape (d,), radians per unit; 0 for time.
        amplitude: A, of the initial data.
        variables: The problem's external trainable variables; their present values count.

    Returns:
        q, from 1 to ``FRONTS_WITHIN``.
    """
    generator = np.random.default_rng(0)
    x = generator.uniform(domain.lower, domain.upper, (N_TESTS, domain.dim))
    phase = generator.uniform(0, 2 * np.pi, (N_TESTS, 1))
    factors = np.geomspace(1, FRONTS_WITHIN, 13)
    small = 1e-3 * amplitude

    def wave(factor: float, size: float) -> _host.Wave:
        return _host.Wave(0 * phase + size, factor * np.tile(k, (N_TESTS, 1)), phase)

    constant = _cos(0 * x)._replace(amplitude=0 * phase + small)
    fields = [(x, wave(q, size)) for size in (small, amplitude) for q in factors]
    try:
        source, at_rest, *found = _apply(data, variables, (x,), (x, constant), *fields)
    except NoSymbol:
        return 1.0
    linear, full = np.array(found).reshape(2, len(factors), N_TESTS) - source
    linear *= amplitude / small
    values = amplitude * np.sin(factors[:, None] * (x @ k) + phase.T)
    reaction = (at_rest - source) / small * values
    others = _rms(full - linear)
    if not np.isfinite(full).all() or _rms(source) > TOLERANCE * others[0]:
        return 1.0
    if others[0] < _NOT_LINEAR * _rms(linear[0]):
        return 1.0
    held = others + _rms(reaction) < _rms(linear - reaction)
    return float(factors[max(int(held.argmax()) - 1, 0)] if held.any() else factors[-1])


def _rms(values: Array) -> Array:
    return np.sqrt((values**2).mean(axis=-1))
