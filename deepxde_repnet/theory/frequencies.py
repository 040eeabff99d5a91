"""Distributions of the wavenumbers that a Fourier-feature layer starts with.

Wavenumbers are in radians per unit of the coordinate. A feature pair cos k·x, sin k·x spans the
same functions for k and -k, so that every distribution here is symmetric: its density is that of
both signs, and one that is given for positive k is split evenly between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import stats
from scipy.integrate import trapezoid

from ..spec import Array, as_array, as_complex, as_count, as_float, is_number

_LARGEST = 1e150  # wavenumber, whose square float64 holds; its inverse is the smallest scale

#: Points of the grid on which a density given as a function is integrated.
GRID = 4097


@runtime_checkable
class Distribution(Protocol):
    """Of the wavenumber along one axis."""

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        """Draw n wavenumbers, shape (n,), radians per unit of the coordinate."""

    def density(self, k: Array) -> Array:
        """Probability density at wavenumbers k of any shape, both signs, in units of 1/k."""


@dataclass(frozen=True)
class Normal:
    """``k ~ N(±mean, scale²)``, each sign with probability 1/2.

    Args:
        scale: Standard deviation, radians per unit of the coordinate.
        mean: Centre of the band, likewise; 0 gives the usual random Fourier features (Rahimi and
            Recht, NeurIPS 2007).

    Raises:
        ValueError: If the scale is not positive or the mean is negative.
    """

    scale: float
    mean: float = 0.0

    def __post_init__(self) -> None:
        _check(self, "scale", positive=True)
        _check(self, "mean")

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        return _signed(generator, self.mean + self.scale * generator.standard_normal(n))

    def density(self, k: Array) -> Array:
        k, one = as_array("k", k), stats.norm(self.mean, self.scale)
        return np.asarray((one.pdf(k) + one.pdf(-k)) / 2)


@dataclass(frozen=True)
class Uniform:
    """``|k| ~ U(low, high)``: one speed of learning for the whole band (see ``dynamics``).

    Args:
        low, high: Ends of the band, radians per unit of the coordinate, 0 <= low < high.

    Raises:
        ValueError: If the band is empty or not finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_band(self)

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        return _signed(generator, generator.uniform(self.low, self.high, n))

    def density(self, k: Array) -> Array:
        k = np.abs(as_array("k", k))
        inside = (k >= self.low) & (k <= self.high)
        return np.where(inside, 0.5 / (self.high - self.low), 0.0)


@dataclass(frozen=True)
class LogUniform:
    """``log|k| ~ U(log low, log high)``: as many features in every octave of the band.

    Args:
        low, high: Ends of the band, radians per unit of the coordinate, 0 < low < high.

    Raises:
        ValueError: If the band is empty, not finite or begins at 0.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_band(self, from_zero=False)

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        ends = math.log(self.low), math.log(self.high)
        return _signed(generator, np.exp(generator.uniform(*ends, n)))

    def density(self, k: Array) -> Array:
        k = np.abs(as_array("k", k))
        inside = (k >= self.low) & (k <= self.high)
        octaves = math.log(self.high) - math.log(self.low)
        return np.where(inside, 0.5 / (np.maximum(k, self.low) * octaves), 0)


@dataclass(frozen=True)
class StudentT:
    """``k/scale`` has Student's t distribution: a normal's centre with tails that reach far.

    Args:
        scale: Radians per unit of the coordinate.
        df: Degrees of freedom; 1 is the Cauchy distribution, many are a normal one.

    Raises:
        ValueError: If one of them is not positive and finite.
    """

    scale: float
    df: float = 2.0

    def __post_init__(self) -> None:
        _check(self, "scale", positive=True)
        _check(self, "df", positive=True)

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        return self.scale * generator.standard_t(self.df, n)

    def density(self, k: Array) -> Array:
        return np.asarray(stats.t(self.df, scale=self.scale).pdf(as_array("k", k)))


@dataclass(frozen=True)
class Density:
    """``|k|`` has a density of your own over a band; it need not be normalised.

    Between the points of a grid of 4097 wavenumbers it is taken as linear.

    Args:
        function: Density at wavenumbers (n,), shape (n,), not negative.
        low, high: Ends of the band, radians per unit of the coordinate, 0 <= low < high.

    Raises:
        ValueError: If the band is empty, or the function is negative, not finite or zero all over.
    """

    function: Callable[[Array], Any]
    low: float
    high: float
    _grid: Array = field(init=False, repr=False, compare=False)
    _values: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_band(self)
        grid = np.linspace(self.low, self.high, GRID)
        if not callable(self.function):
            raise TypeError(f"Density: function={self.function!r} must be one of wavenumbers (n,).")
        values = as_array("Density: the function's values", self.function(grid))
        if values.shape not in ((), (1,), grid.shape):
            raise ValueError(
                f"Density: the function gives values of shape {values.shape} at {GRID} "
                "wavenumbers; give one for each."
            )
        values = np.broadcast_to(values, grid.shape)
        if not np.isfinite(values).all() or (values < 0).any() or not values.any():
            raise ValueError(
                f"Density: the function gives values from {values.min():.3g} to "
                f"{values.max():.3g} over [{self.low:g}, {self.high:g}]; a density must be "
                "finite, not negative, and somewhere positive."
            )
        values = _scaled(values)
        object.__setattr__(self, "_grid", grid)
        object.__setattr__(self, "_values", values / trapezoid(values, grid))

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        # By inversion: within a cell the distribution function is a parabola.
        step = self._grid[1] - self._grid[0]
        left, right = self._values[:-1], self._values[1:]
        mass = step * (left + right) / 2
        reached = np.concatenate([[0.0], np.cumsum(mass)])
        u = generator.uniform(0, reached[-1], n)
        cell = np.clip(np.searchsorted(reached, u, side="right") - 1, 0, GRID - 2)
        rest, a, b = (u - reached[cell]) / step, left[cell], right[cell]
        root = np.sqrt(np.maximum(a**2 + 2 * (b - a) * rest, 0))
        sum_ = a + root
        part = np.divide(2 * rest, sum_, out=np.zeros(n), where=sum_ > 0)
        return _signed(generator, self._grid[cell] + step * np.clip(part, 0, 1))

    def density(self, k: Array) -> Array:
        k = np.abs(as_array("k", k))
        return np.interp(k, self._grid, self._values, left=0, right=0) / 2


@dataclass(frozen=True)
class Samples:
    """Wavenumbers of your own, from which the network's are drawn with replacement.

    Args:
        values: Shape (n,) for one axis, or (n, d) for all axes together; radians per unit. Each
            drawn vector gets one random sign, which leaves cos and sin as they are.

    Raises:
        ValueError: If they are not numbers, not finite, or none.
    """

    values: Any

    def __post_init__(self) -> None:
        try:
            values = as_array("values", self.values)
        except ValueError:
            values = np.array([np.nan])
        if values.ndim not in (1, 2) or values.size == 0 or not np.isfinite(values).all():
            raise ValueError(
                "Samples: give finite wavenumbers, shape (n,) for one axis or (n, d) for all; "
                f"this is {self.values!r}."
            )
        object.__setattr__(self, "values", values)

    def sample(self, generator: np.random.Generator, n: int) -> Array:
        chosen = self.values[generator.integers(len(self.values), size=n)]
        sign = generator.integers(2, size=n) * 2.0 - 1.0
        return np.asarray(chosen * (sign if chosen.ndim == 1 else sign[:, None]))

    def density(self, k: Array) -> Array:
        """An estimate from the samples of one axis, by Gaussian kernels.

        Raises:
            ValueError: If the samples are of several axes, or all alike.
        """
        k, values = as_array("k", k), self.values
        if not np.isfinite(k).all():
            raise ValueError("Samples: k holds NaN or infinity; leave these wavenumbers out.")
        largest = float(np.abs(values).max())
        alike = np.ptp(np.abs(values)) <= max(1e-12 * largest, 1 / _LARGEST)
        if values.ndim > 1 or alike:
            raise ValueError("Samples: a density is estimated from different values of one axis.")
        # In units of the largest, whose squares float64 holds.
        estimate = stats.gaussian_kde(np.concatenate([values, -values]) / largest)
        return np.asarray(estimate(np.ravel(k) / largest).reshape(k.shape) / largest)


#: Of all axes: one distribution for each, or samples of vectors.
Joint = tuple[Distribution, ...] | Samples


def parse(frequencies: Any, dim: int) -> Joint:
    """What a user may write for ``frequencies``, as a distribution for each of d axes.

    Args:
        frequencies: A distribution (for every axis), a number (the scale of a normal one), an array
            of samples (n,) or (n, d), or a list with one distribution or number for each axis.
        dim: Number d of axes.

    Raises:
        ValueError, TypeError: If it is none of these, or fits another number of axes.
    """
    dim = as_count("dim", dim)
    if isinstance(frequencies, np.ndarray):
        frequencies = Samples(frequencies)
    if isinstance(frequencies, Samples) and frequencies.values.ndim == 2:
        if frequencies.values.shape[1] != dim:
            raise ValueError(
                f"frequencies has samples of {frequencies.values.shape[1]} axes but the network "
                f"has {dim} inputs; give an array (n, {dim})."
            )
        return frequencies
    if isinstance(frequencies, Sequence) and not isinstance(frequencies, (str, bytes)):
        if len(frequencies) != dim:
            raise ValueError(
                f"frequencies has {len(frequencies)} entries but the network has {dim} inputs; "
                "give one distribution for all or one per input."
            )
        return tuple(_one(entry) for entry in frequencies)
    return (_one(frequencies),) * dim


def sample(joint: Joint, generator: np.random.Generator, n: int) -> Array:
    """Draw n wavenumber vectors, shape (n, d), radians per unit of each coordinate.

    Raises:
        ValueError, TypeError: If ``joint`` is not what ``parse`` gives, or n no positive integer.
    """
    n = as_count("n", n)
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator={generator!r} must be a np.random.Generator.")
    if not isinstance(joint, Samples) and not (isinstance(joint, tuple) and joint):
        raise TypeError(f"joint={joint!r} must be what frequencies.parse(...) gives.")
    if isinstance(joint, Samples):
        return joint.sample(generator, n)
    return np.stack([_one(axis).sample(generator, n) for axis in joint], axis=1)


def from_symbol(
    symbol: Callable[[Array], Any],
    low: Sequence[float] | Array,
    high: Sequence[float] | Array,
    n: int = 2**16,
) -> Samples:
    """Wavenumbers with the density ``ρ ∝ |p|^-2`` over a band, p an equation's symbol.

    Under gradient flow the residual of an equation with symbol p is damped at the rate
    ``|p(k)|² ρ(k)`` at wavenumber k, so this density learns the whole band at one speed
    (``dynamics``; documentation page "Fourier features with frequencies of your own").

    Args:
        symbol: p at wavenumbers (n, d), shape (n,), complex.
        low, high: Ends of the band of ``|k_j|`` on each axis, radians per unit, shape (d,). Vectors
            with every ``|k_j|`` below ``low`` are left out: there p may be zero.
        n: Number of candidate vectors: they are resampled in proportion to ρ.

    Raises:
        ValueError: If the symbol vanishes, or is not finite, on the whole band, or this is none; or
            if n is so small that no wavenumber falls into it.
        TypeError: If the symbol is no function.
    """
    if not callable(symbol):
        raise TypeError(f"symbol={symbol!r} must be a function of wavenumbers (n, d).")
    n = as_count("n", n)
    low, high = np.atleast_1d(as_array("low", low)), np.atleast_1d(as_array("high", high))
    shapes = low.ndim == 1 and low.size > 0 and low.shape == high.shape
    if not (shapes and np.all((low >= 0) & (high > low) & (high < _LARGEST))):
        raise ValueError(
            f"the band from low={low} to high={high} must have 0 <= low < high < {_LARGEST:g}, one "
            "number for each axis."
        )
    generator = np.random.default_rng(0)
    k = generator.uniform(-high, high, (n, len(high)))
    k = k[(np.abs(k) >= low).any(axis=1)]
    if len(k) == 0:
        raise ValueError(f"none of the n={n} wavenumbers drawn lies in the band; draw more.")
    size = np.abs(as_complex("the symbol's values", symbol(k)))
    if size.shape not in ((), (1,), (len(k),)):
        raise ValueError(
            f"the symbol gives shape {size.shape} at {len(k)} wavenumbers; give one value for each."
        )
    size = np.broadcast_to(size, (len(k),))
    if not np.isfinite(size).all() or not size.any():
        raise ValueError("the symbol is zero or not finite over the band; give another band.")
    # Where p = 0 the equation says nothing: those wavenumbers come from the conditions.
    size = _scaled(size)
    floor = 1e-3 * float(np.sqrt((size**2).mean()))
    weight = np.maximum(size, floor) ** -2.0
    chosen = generator.choice(len(k), size=n, p=weight / weight.sum())
    return Samples(k[chosen])


def _one(entry: Any) -> Distribution:
    if isinstance(entry, np.ndarray):
        entry = Samples(entry)
    if isinstance(entry, Samples) and entry.values.ndim != 1:
        raise ValueError(
            f"frequencies has samples of shape {entry.values.shape} for one axis; give (n,) for "
            "it, or one array (n, d) for all axes together."
        )
    if is_number(entry):
        return Normal(as_float(entry))
    if isinstance(entry, type) or not isinstance(entry, Distribution):
        raise TypeError(
            f"frequencies={entry!r} is not understood; give Normal, Uniform, LogUniform, StudentT, "
            "Density or Samples of deepxde_repnet.frequencies, a number for the scale of a normal "
            "one, an array of wavenumbers, or a list with one of these per input."
        )
    return entry


def _scaled(values: Array) -> Array:
    """Over a power of two near the largest, which is not zero: float64 holds their squares."""
    return np.asarray(np.ldexp(values, -int(np.frexp(values.max())[1])))


def _signed(generator: np.random.Generator, k: Array) -> Array:
    return np.asarray(k * (generator.integers(2, size=len(k)) * 2.0 - 1.0))


def _check(owner: Any, name: str, positive: bool = False) -> None:
    value = as_float(getattr(owner, name))
    if not 0 <= value <= _LARGEST or (positive and value < 1 / _LARGEST):
        wanted = "positive and finite" if positive else "finite and not negative"
        wanted += f", from {1 / _LARGEST:g}" if positive else ""
        wanted += f" up to {_LARGEST:g}"
        given = getattr(owner, name)
        raise ValueError(f"{type(owner).__name__}: {name}={given!r} must be {wanted}.")


def _check_band(owner: Any, from_zero: bool = True) -> None:
    _check(owner, "low", positive=not from_zero)
    _check(owner, "high", positive=True)
    if not owner.low < owner.high:
        raise ValueError(
            f"{type(owner).__name__}: the band from low={owner.low:g} to high={owner.high:g} is "
            "empty; low must be less than high."
        )
