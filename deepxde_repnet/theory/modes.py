"""How much of a sampled function each wave holds: spectra of grids, given modes, scattered points.

A real function u is written as a sum of waves::

    u(x) = Re Σ_k c_k exp(i k·x) = Σ_k [a_k cos(k·x) + b_k sin(k·x)],      c_k = a_k - i b_k

with wave vectors k in radians per unit of the coordinates. ``|c_k|`` is the *amplitude* of a wave,
in the units of u: it is A for A sin(k·x + phase), and for k = 0 the size of the mean. Of k and -k,
which are the same wave, one is kept. In several dimensions a product of sines is a sum of waves:
sin(px) sin(qy) has the amplitude 1/2 at (p, q) and at (p, -q).

Three classes have points and turn values there into amplitudes, by a linear map that is worked out
once:

- `Grid`: all waves of a regular grid over a box, by the fast Fourier transform.
- `Known`: the waves that are named, at points anywhere, by least squares.
- `Scattered`: all waves that scattered points resolve, by least squares and the transform.

What the amplitudes say about training is in `learning_rate` and `learning_time`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve

from ..spec import as_array, as_complex, as_count, as_float
from .spectrum import resolved_wavenumber

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: Windows as sums of cosines, w(t) = Σ_m (-1)^m a_m cos(2π m t) with t from 0 to 1 over the box.
#: Those of "flattop" are the five-term window of SciPy and of spectrum analysers.
WINDOWS: dict[str | None, tuple[float, ...]] = {
    None: (1.0,),
    "hann": (0.5, 0.5),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}

_EXTENSION = 1.5  # period of the functions that scattered values are fitted with, over the box
_RIDGE = 1e-9  # of that fit, relative to the mean square of the values of a basis function
_MAX_ENTRIES = 40_000_000  # of a matrix, 320 MB in double precision
_NARROWEST = 1e-10  # side of a box relative to its distance from zero
_SMALLEST = 1e-150  # side of a box, and the inverse of the largest, whose squares float64 holds


class Modes(Protocol):
    """What `Grid`, `Known` and `Scattered` have in common.

    Attributes:
        points: Where values are needed, (N, d).
        wavenumbers: The wave vectors k, (M, d), in radians per unit of the coordinates.
        bandwidth: Number of neighbouring modes that a wave is spread over, in power; see `shells`.
    """

    points: FloatArray
    wavenumbers: FloatArray
    bandwidth: float

    def amplitudes(self, values: ArrayLike) -> ComplexArray:
        """c, (M,), of values (N,) at the points."""
        ...


class Grid:
    """All waves of a regular grid over a box, by the fast Fourier transform.

    The points are the centres of ``shape`` equal cells, and the waves those with a whole number of
    periods in the box, k_j = 2π n_j / (upper_j - lower_j), below the highest that the grid tells
    apart, ``|n_j| < shape_j / 2``. With a window w::

        c_k = 2 Σ_i w(x_i) u(x_i) exp(-i k·x_i) / Σ_i w(x_i)        (half of it for k = 0)

    A window of None is exact for a function that is periodic over the box. Any other seems to jump
    from one end of the box to the other, and the jump is read as high frequencies, falling only as
    1/k. With the window ``"hann"``, which vanishes at the ends, these fall as 1/k³; a wave then
    shows in the two modes beside its own as well, by half, and one that lies between two modes
    reads up to 15 % low. With ``"flattop"`` it reads 0.1 % low at most, in the largest of the about
    nine modes that it shows in, if it has at least five periods in the box.

    Args:
        lower: Lower corner of the box, a number or one per axis.
        upper: Upper corner, likewise.
        shape: Number of points along each axis, one number for all or one per axis, at least 4.
        window: None, ``"hann"`` or ``"flattop"``.

    Raises:
        ValueError: The corners are not finite or not in order, or the shape or window is not one
            of these.
    """

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        shape: int | Sequence[int],
        window: str | None = "hann",
    ) -> None:
        low, high = _corners(lower, upper)
        sizes = _shape(shape, low.size)
        weights = _window(window, sizes)
        self.lower, self.upper, self.shape, self.window = low, high, sizes, window
        axes = [
            a + (b - a) * (np.arange(n) + 0.5) / n for a, b, n in zip(low, high, sizes, strict=True)
        ]
        self.points = grid_points(axes)
        index = grid_points(
            [np.fft.fftfreq(n, 1 / n) for n in sizes[:-1]]
            + [np.fft.rfftfreq(sizes[-1], 1 / sizes[-1])]
        )
        self._kept = np.flatnonzero(
            np.all(np.abs(index) < np.array(sizes) / 2, axis=1) & _leads(index)
        )
        self.wavenumbers = 2 * np.pi * index[self._kept] / (high - low)
        self._weights = weights / weights.sum()
        first = self.points[0]
        self._factors = np.where(np.any(self.wavenumbers != 0, axis=1), 2.0, 1.0) * np.exp(
            -1j * self.wavenumbers @ first
        )
        self.bandwidth = float(weights.size * np.sum(weights**2) / weights.sum() ** 2)

    def amplitudes(self, values: ArrayLike) -> ComplexArray:
        """c, shape (M,), of values at the points, shape (N,).

        Raises:
            ValueError: There is not one number for each point.
        """
        v = _values(values, len(self.points)).reshape(self.shape)
        with _quiet():
            transform = np.fft.rfftn(v * self._weights).ravel()
            return np.asarray(self._factors * transform[self._kept])


class Known:
    """Waves whose wave vectors are given, fitted to values at any points.

    The amplitudes c are those of least squares, ``min Σ_i [u(x_i) - Re Σ_k c_k exp(i k·x_i)]²``,
    for all waves together: exact, wherever the points are, for a function that is a sum of these
    waves. What else is in it is shared out among them.

    Args:
        points: (N, d).
        wavenumbers: The wave vectors (M, d), or (M,) in one dimension, in radians per unit of the
            coordinates. The zero vector stands for the mean.

    Raises:
        ValueError: The shapes do not fit, two wave vectors are the same wave, or the points do not
            tell the waves apart.
    """

    bandwidth = 1.0

    def __init__(self, points: ArrayLike, wavenumbers: ArrayLike) -> None:
        x = _points(points)
        k = as_array("wavenumbers", wavenumbers)
        if k.ndim == 1 and x.shape[1] == 1:
            k = k[:, None]
        if k.ndim != 2 or k.shape[1] != x.shape[1] or k.size == 0 or not np.all(np.isfinite(k)):
            raise ValueError(
                f"wavenumbers must be finite and of shape (M, {x.shape[1]}), one wave vector a "
                f"row, for points of shape {x.shape}; got shape {k.shape}."
            )
        if len(x) * 2 * len(k) > _MAX_ENTRIES:
            raise ValueError(
                f"{len(x)} points and {len(k)} wavenumbers make too large a matrix; give fewer."
            )
        with _quiet():
            phase = x @ k.T
        if not np.all(np.isfinite(phase)):
            raise ValueError(
                "points times wavenumbers are too large for float64; give both in another unit."
            )
        design = np.concatenate([np.cos(phase), np.sin(phase[:, np.any(k != 0, axis=1)])], axis=1)
        if len(x) < design.shape[1]:
            raise ValueError(
                f"{len(x)} points cannot determine {design.shape[1]} coefficients; give at least "
                "that many points, or fewer wavenumbers."
            )
        u, s, vt = np.linalg.svd(design, full_matrices=False)
        if s[-1] < 1e-6 * s[0]:
            raise ValueError(
                "the points do not tell these waves apart (two are the same or nearly so on the "
                "points, or one is faster than the points resolve); leave out wavenumbers, or "
                "give more points over a larger part of the domain."
            )
        self.points, self.wavenumbers = x, k
        self._oscillating = np.any(k != 0, axis=1)
        self._inverse = (vt.T / s) @ u.T

    def amplitudes(self, values: ArrayLike) -> ComplexArray:
        """c, shape (M,), of values at the points, shape (N,).

        Raises:
            ValueError: There is not one number for each point.
        """
        v = _values(values, len(self.points))
        with _quiet():
            coefficients = self._inverse @ v
        c = coefficients[: len(self.wavenumbers)].astype(np.complex128)
        c[self._oscillating] -= 1j * coefficients[len(self.wavenumbers) :]
        return np.asarray(c)


class Scattered:
    """All waves that scattered points in a box resolve: least squares, then `Grid`.

    Values at the points are fitted with waves whose period is 1.5 times the box, which represent
    functions that are not periodic over it as well (a Fourier extension), up to the wavenumber
    ``highest`` along each axis and with a slight ridge. The fit is evaluated on a regular grid over
    the box and transformed there. Both steps are one matrix, worked out once: with P waves in the
    fit and G points of the grid it takes about N P² + N P G multiplications and N G numbers of
    memory, and each use N G multiplications.

    Args:
        points: (N, d), spread over the box; where there are none, nothing is known.
        lower: Lower corner of the box, a number or one per axis; None for that of the points.
        upper: Upper corner, likewise.
        highest: Largest wavenumber along each axis, in radians per unit of the coordinates, one
            number or one per axis. None for half of what points at equal distances would resolve
            (`spectrum.resolved_wavenumber`), for random points have gaps.
        window: As for `Grid`.

    Raises:
        ValueError: The shapes do not fit, points lie outside of the box, or there are fewer points
            than waves up to ``highest``, or so many of both that the matrix would not fit.
    """

    def __init__(
        self,
        points: ArrayLike,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        *,
        highest: ArrayLike | None = None,
        window: str | None = "hann",
    ) -> None:
        x = _points(points)
        low, high = _corners(
            x.min(axis=0) if lower is None else lower, x.max(axis=0) if upper is None else upper
        )
        if low.size != x.shape[1] or np.any(x < low) or np.any(x > high):
            raise ValueError(
                f"points of shape {x.shape} between {x.min(axis=0)} and {x.max(axis=0)} do not lie "
                f"in the box from {low} to {high}; give lower and upper that hold them all."
            )
        side = high - low
        if highest is None:
            top = resolved_wavenumber(len(x), side / 2) / 2
        else:
            top = as_array("highest", highest)
            if top.shape not in ((), (1,), side.shape) or not np.all((top > 0) & (top < np.inf)):
                raise ValueError(
                    f"highest={highest!r} must be positive and finite, one number or one for each "
                    f"of {side.size} axes."
                )
            top = np.broadcast_to(top, side.shape).copy()
        # Floats, which hold any of these numbers, until it is known that they are small.
        with _quiet():
            waves = np.maximum(np.floor(top * _EXTENSION * side / (2 * np.pi)), 1)
            basis_size = float(np.prod(2 * waves + 1))
            # Four points of the grid per shortest wave.
            shape = np.maximum(np.ceil(4 * top * side / (2 * np.pi)), 8)
            grid_size = float(np.prod(shape))
        if not basis_size <= len(x):
            raise ValueError(
                f"{len(x)} points cannot determine the {basis_size:.0f} coefficients of waves up "
                f"to {top} rad per unit; lower highest, or leave it out."
            )
        if not len(x) * max(basis_size, grid_size) <= _MAX_ENTRIES:
            raise ValueError(
                f"{len(x)} points and {grid_size:.0f} points of the grid make too large a matrix; "
                "give fewer points, or a lower highest."
            )
        counts = waves.astype(int)
        grid = Grid(low, high, [int(n) for n in shape], window)
        design = _extension((x - low) / side, counts)
        gram = design.T @ design
        gram[np.diag_indices_from(gram)] += _RIDGE * len(x)
        resample = cho_solve(cho_factor(gram), _extension((grid.points - low) / side, counts).T)
        kept = np.all(np.abs(grid.wavenumbers) <= top, axis=1)
        self.points, self.lower, self.upper, self.highest = x, low, high, top
        self.bandwidth, self.wavenumbers = grid.bandwidth, grid.wavenumbers[kept]
        self._grid, self._kept = grid, kept
        self._resample = np.ascontiguousarray(resample.T @ design.T)

    def amplitudes(self, values: ArrayLike) -> ComplexArray:
        """c, shape (M,), of values at the points, shape (N,).

        Raises:
            ValueError: There is not one number for each point.
        """
        v = _values(values, len(self.points))
        with _quiet():
            on_grid = self._resample @ v
        return np.asarray(self._grid.amplitudes(on_grid)[self._kept])


def shells(
    wavenumbers: ArrayLike, amplitudes: ArrayLike, edges: ArrayLike, bandwidth: float = 1.0
) -> FloatArray:
    """Amplitude of all waves together whose ``|k|`` lies in each interval between the edges.

    ``A = sqrt(Σ |c_k|² / bandwidth)``: the waves' sum has the mean square A²/2 over the box. The
    bandwidth corrects for a window that shows one wave in several modes.

    Args:
        wavenumbers: k, (M, d) or (M,).
        amplitudes: c, (..., M), complex or their absolute values.
        edges: B + 1 increasing numbers, in radians per unit; an interval holds its lower edge.
        bandwidth: That of the modes.

    Returns:
        A, shape (..., B).

    Raises:
        ValueError: The shapes do not fit, the edges do not increase, or the bandwidth is not
            positive.
    """
    k, c = as_array("wavenumbers", wavenumbers), as_complex("amplitudes", amplitudes)
    bounds, spread = as_array("edges", edges), as_float(bandwidth)
    if k.ndim not in (1, 2) or c.shape[-1:] != k.shape[:1]:
        raise ValueError(
            f"wavenumbers of shape {k.shape} do not fit amplitudes of shape {c.shape}; give (M, d) "
            "or (M,), and (..., M)."
        )
    if bounds.ndim != 1 or bounds.size < 2 or not np.all(bounds[1:] > bounds[:-1]):
        raise ValueError(f"edges must be at least two increasing numbers, got {edges!r}.")
    if not 0 < spread < math.inf:
        raise ValueError(f"bandwidth={bandwidth!r} must be positive and finite.")
    with _quiet():
        size = np.abs(k) if k.ndim == 1 else np.linalg.norm(k, axis=1)
        shell = np.searchsorted(bounds, size, side="right") - 1
        member = shell[:, None] == np.arange(bounds.size - 1)
        return np.asarray(np.sqrt(np.abs(c) ** 2 @ member / spread))


def learning_rate(times: ArrayLike, errors: ArrayLike, over: int = 5) -> FloatArray:
    """How fast each mode is learnt, ``r = -d log|e| / dt``, along training.

    The slope of a straight line through ``log|e|`` at ``over`` times in a row, by least squares,
    given at the middle one; near the two ends the window is cut off.

    Args:
        times: t, (T,), increasing; of steps the rate is per step.
        errors: e, (T, M): amplitudes of the error, of any sort that `Modes` gives.
        over: Number of times, at least 2.

    Returns:
        r, (T, M). Positive where the error falls; NaN where it is zero or not finite.

    Raises:
        ValueError: The shapes do not fit, or the times do not increase.
    """
    t, e = _history(times, errors)
    over = as_count("over", over, least=2)
    if len(t) < 2:
        raise ValueError(f"a rate needs at least two times; got {len(t)}.")
    with np.errstate(divide="ignore"):
        log = np.log(e)
    log[~np.isfinite(log)] = np.nan
    rate = np.empty_like(log)
    for i in range(len(t)):
        first = max(0, min(i - over // 2, len(t) - 2))
        window = slice(first, max(first + 2, i - over // 2 + over))
        centred = t[window] - t[window].mean()
        unit = np.abs(centred).max()  # without which squares of small times vanish
        centred /= unit
        rate[i] = -(centred @ log[window]) / (centred @ centred) / unit
    return rate


def learning_time(
    times: ArrayLike, errors: ArrayLike, fraction: float = math.exp(-1)
) -> FloatArray:
    """When each mode's error first falls to a fraction of what it was at first.

    Between two times ``log|e|`` is taken for a straight line.

    Args:
        times: t, (T,), increasing.
        errors: e, (T, M): amplitudes of the error.
        fraction: Between 0 and 1. 1/e is one over the rate where the error decays exponentially.

    Returns:
        Shape (M,), in the units of the times and counted from the first of them; infinity where it
        does not get there, NaN where the error before that is not finite.

    Raises:
        ValueError: The shapes do not fit, the times do not increase, or the fraction is not
            between 0 and 1.
    """
    t, e = _history(times, errors)
    if not 0 < as_float(fraction) < 1:
        raise ValueError(f"fraction={fraction!r} must be between 0 and 1.")
    there = e <= fraction * e[0]
    reached = there.any(axis=0)
    last = np.argmax(there, axis=0)  # the first time that it is there: not the first of all
    mode = np.flatnonzero(reached & (last > 0))
    after, before = last[mode], last[mode] - 1
    tiny = np.finfo(float).tiny
    high, low = np.log(e[before, mode]), np.log(np.maximum(e[after, mode], tiny))
    aim = np.log(e[0, mode]) + math.log(fraction)
    found = np.where(reached, 0.0, np.inf)
    with _quiet():
        part = np.minimum((high - aim) / (high - low), 1.0)
    found[mode] = t[before] + (t[after] - t[before]) * part - t[0]
    return found


def _quiet() -> np.errstate:
    """Values that are not finite, as of a training that diverges, give such amplitudes."""
    return np.errstate(over="ignore", invalid="ignore")


def _history(times: ArrayLike, errors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    t = as_array("times", times)
    with _quiet():
        e = np.abs(as_complex("errors", errors))
    if t.ndim != 1 or e.ndim != 2 or len(t) != len(e) or t.size == 0:
        raise ValueError(f"times must be (T,) and errors (T, M), got {t.shape} and {e.shape}.")
    if not (np.all(np.isfinite(t)) and np.all(t[1:] > t[:-1])):
        raise ValueError("times must increase, and be finite.")
    return t, e


def _extension(x: FloatArray, counts: NDArray[np.int_]) -> FloatArray:
    """Products over the axes of 1, cos and sin with the extended period, of x in [0, 1]^d."""
    result = np.ones((len(x), 1))
    for column, count in zip(x.T, counts, strict=True):
        phase = 2 * np.pi / _EXTENSION * np.outer(column - 0.5, np.arange(1, count + 1))
        factor = np.concatenate([np.ones((len(x), 1)), np.cos(phase), np.sin(phase)], axis=1)
        result = (result[:, :, None] * factor[:, None, :]).reshape(len(x), -1)
    return result


def _leads(index: FloatArray) -> NDArray[np.bool_]:
    """Whether the last entry of each row that is not zero is positive, or all are zero."""
    leads = np.ones(len(index), dtype=bool)
    undecided = np.ones(len(index), dtype=bool)
    for column in index.T[::-1]:
        leads[undecided] = column[undecided] >= 0
        undecided &= column == 0
    return leads


def _window(window: str | None, shape: tuple[int, ...]) -> FloatArray:
    if not (window is None or isinstance(window, str)) or window not in WINDOWS:
        raise ValueError(f'window={window!r} is not known; write None, "hann" or "flattop".')
    result = np.ones(())
    for n in shape:
        t = (np.arange(n) + 0.5) / n
        terms = [(-1) ** m * a * np.cos(2 * np.pi * m * t) for m, a in enumerate(WINDOWS[window])]
        result = result[..., None] * np.sum(terms, axis=0)
    return np.asarray(result)


def grid_points(axes: Sequence[NDArray[np.floating]]) -> FloatArray:
    """Points of the product of axes, the last one fastest, (N, d).

    Raises:
        ValueError: The axes are no list of arrays (n,), or make too many points.
    """
    axes = [as_array("axes", axis) for axis in axes] if isinstance(axes, (list, tuple)) else []
    if not axes or any(axis.ndim != 1 for axis in axes):
        raise ValueError("axes must be a list of arrays (n,), one for each axis.")
    if math.prod(map(len, axes)) > _MAX_ENTRIES:
        raise ValueError(f"axes make more than {_MAX_ENTRIES} points.")
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _corners(lower: ArrayLike, upper: ArrayLike) -> tuple[FloatArray, FloatArray]:
    low, high = np.atleast_1d(as_array("lower", lower)), np.atleast_1d(as_array("upper", upper))
    finite = np.all(np.isfinite(low)) and np.all(np.isfinite(high))
    same = low.ndim == 1 and low.size > 0 and low.shape == high.shape
    if not (same and finite and np.all(low < high)):
        raise ValueError(
            f"lower={lower!r} and upper={upper!r} must be finite corners of a box, one number per "
            "axis, each of lower less than that of upper."
        )
    with _quiet():
        side, largest = high - low, np.maximum(np.abs(low), np.abs(high))
    if not np.all((side > _NARROWEST * largest) & (side > _SMALLEST) & (side < 1 / _SMALLEST)):
        raise ValueError(
            f"the box from {low} to {high} has a side that float64 does not resolve; shift or "
            "scale the coordinate so that its range is comparable with its values."
        )
    return low, high


def _shape(shape: int | Sequence[int], dim: int) -> tuple[int, ...]:
    sizes = np.atleast_1d(as_array("shape", shape))
    if sizes.shape == (1,):
        sizes = np.repeat(sizes, dim)
    whole = sizes.shape == (dim,) and np.all(np.isfinite(sizes)) and np.all(sizes % 1 == 0)
    if not whole or sizes.min() < 4 or np.asarray(shape).dtype.kind not in "iu":
        raise ValueError(
            f"shape={shape!r} must be an integer of at least 4, or one for each of {dim} axes."
        )
    if math.prod(sizes) > _MAX_ENTRIES:
        raise ValueError(f"shape={shape!r} is a grid of more than {_MAX_ENTRIES} points.")
    return tuple(int(n) for n in sizes)


def _points(points: ArrayLike) -> FloatArray:
    x = as_array("points", points)
    if x.ndim != 2 or x.size == 0 or not np.all(np.isfinite(x)):
        raise ValueError(f"points must be finite and of shape (N, d), got shape {x.shape}.")
    return x


def _values(values: ArrayLike, n: int) -> FloatArray:
    v = as_array("values", values)
    if v.shape != (n,):
        raise ValueError(f"there are {n} points, and values of shape {v.shape}; give ({n},).")
    return v
