"""Wavenumbers of sampled functions: how fast data vary along each axis, and what points resolve.

The wavenumber of a function v along axis j is::

    k_j = rms(∂v/∂x_j) / rms(v - mean v)

in radians per unit of x_j; it is ``|k_j|`` for v = sin(k·x + phase). It is what the slope scale of
a RepNet is chosen from. Functions with several outputs are treated as one vector: squares are
summed over the outputs.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from ..spec import is_integer

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_MAX_PAIRS = 60_000
_MAX_ANISOTROPY = 30.0  # of the metric; k may differ by more between the axes
_PLAUSIBLE_NOISE = 0.1  # relative to the rms of the data
_LARGEST = 1e150
_ROUND_OFF = 8 * float(np.finfo(np.float64).eps)


def wavenumber(points: ArrayLike, values: ArrayLike) -> FloatArray:
    """Wavenumber per axis of a function known at scattered points.

    For pairs of neighbouring points the structure function is, to leading order in the distance,

        E (v_i - v_k)² = a + sum_j g_j (x_ij - x_kj)²,    g_j = rms(∂v/∂x_j)²

    with a twice the variance of the noise in v. The g_j, all non-negative, are fitted by weighted
    least squares over each point's nearest neighbours, also in coordinates rescaled so that the
    function varies equally fast along all axes. The noise a is fitted where it stands out of the
    curvature of the structure function, and the neighbourhoods are then widened until the signal
    stands out of the noise. Noise above a tenth of the data's rms looks like oscillation that the
    points do not resolve. It is taken for noise where the points are dense (at least 1000, and
    100 per axis), so that k of white noise is then about zero, and for oscillation elsewhere.

    Measured in one and two dimensions on products of sines and plane waves, at 60 to 4000 points
    (grid, random, Hammersley) with at least 6 points per wavelength and axis: 90 % of the
    estimates are within 7 % of the truth, or within 12 % with noise of 5 %; the worst are off by
    16 % and 30 % (tests/theory/test_spectrum.py, seed 5). In four dimensions 90 % are within 15 %
    from 4 points per wavelength. With fewer points k comes out too small, but between half and
    twice `resolved_wavenumber` unless the points are dense; on a grid it is that of an alias.

    Args:
        points: Sample points, (N, d), in any order; equal points are merged.
        values: Samples, (N,) or (N, m).

    Returns:
        k, shape (d,), in radians per unit of the points' coordinates. NaN along an axis in which
        neighbours do not differ (samples on the line t = 0 say nothing about t), and everywhere
        for fewer than four distinct points; otherwise zero for constant values. Along axes that
        vary only together, as on a diagonal line, the variation is shared between them.

    Raises:
        ValueError: The shapes do not fit, an entry is not finite, or a coordinate is beyond 1e150.
    """
    x, v = _samples(points, values)
    k = np.full(x.shape[1], np.nan)
    lower, width = x.min(axis=0), np.ptp(x, axis=0)
    axes = np.flatnonzero(width > np.maximum(1e-12 * np.abs(x).max(axis=0), 1 / _LARGEST))
    if axes.size == 0:
        return k
    x, v = _merge((x[:, axes] - lower[axes]) / width[axes], v)
    if len(x) < 4:
        return k
    differ = _pairs(_Sample(x, x[:, :0], v), np.ones(axes.size), 0).dx2.any(axis=0)
    seen = axes[differ]
    if _is_constant(v):
        k[seen] = 0.0
    elif seen.size > 0:
        sample = _Sample(x[:, differ], x[:, ~differ], v / math.sqrt(_variance(v)))
        k[seen] = np.sqrt(_squared_wavenumbers(sample)) / width[seen]
    return k


def wavenumber_from_gradient(values: ArrayLike, gradients: ArrayLike) -> FloatArray:
    """Wavenumber per axis from exact gradients, k_j = rms(∂v/∂x_j) / rms(v - mean v).

    Args:
        values: v at N points, (N,) or (N, m).
        gradients: ∂v/∂x there, (N, d) or (N, m, d).

    Returns:
        k, shape (d,), in radians per unit of x; zero where the values are constant.

    Raises:
        ValueError: The shapes do not fit, an entry is not finite, or the ratio overflows.
    """
    v = _numbers("values", values)
    g = _numbers("gradients", gradients)
    if v.ndim not in (1, 2) or g.ndim != v.ndim + 1 or g.shape[:-1] != v.shape or g.size == 0:
        raise ValueError(
            "values must be (N,) with gradients (N, d), or (N, m) with gradients (N, m, d); "
            f"got {v.shape} and {g.shape}"
        )
    v = v.reshape(len(v), -1)
    g = g.reshape(*v.shape, -1)
    _check_finite("values or gradients", np.column_stack([v, g.reshape(len(v), -1)]))
    if _is_constant(v):
        return np.zeros(g.shape[-1])
    (v, of_v), (g, of_g) = _scaled(v), _scaled(g)
    slopes = np.mean(np.sum(g**2, axis=1), axis=0)
    with np.errstate(over="ignore"):
        k = np.ldexp(np.sqrt(slopes / _variance(v)), of_g - of_v)
    if not np.isfinite(k).all():
        raise ValueError("the gradients are too large for the values: their ratio overflows")
    return np.asarray(k)


def resolved_wavenumber(n_points: int, half_widths: ArrayLike) -> FloatArray:
    """The largest wavenumber per axis that N points spread over a box resolve.

    With the spacing h = 2 N^(-1/d) in normalised coordinates, waves shorter than about 4 h are
    invisible: k_j = π / (2 h) / half_width_j.

    Args:
        n_points: N.
        half_widths: Half of each side of the box, (d,), in the units of the coordinates.

    Returns:
        k, shape (d,), in radians per unit of the coordinates.

    Raises:
        ValueError: N is not a positive integer, or a half-width is not positive and finite.
    """
    half = _numbers("half_widths", half_widths)
    if half.ndim != 1 or half.size == 0 or not (np.all(np.isfinite(half)) and np.all(half > 0)):
        raise ValueError(
            f"half_widths must be positive and finite, one per axis, got {half_widths!r}"
        )
    if not is_integer(n_points) or n_points < 1:
        raise ValueError(f"n_points must be a positive integer, got {n_points!r}")
    h = 2 * int(n_points) ** (-1 / half.size)
    return np.asarray(math.pi / (2 * h) / half)


class _Sample(NamedTuple):
    """Distinct points, scaled to [0, 1], and values there."""

    x: FloatArray  # (n, d), the axes along which neighbours differ
    apart: FloatArray  # (n, e), the other axes: pairs never cross between different values
    v: FloatArray  # (n, m), of unit variance


class _Pairs(NamedTuple):
    """Pairs of neighbours: squared differences, and the point whose neighbour it is."""

    dx2: FloatArray  # (M, d)
    dv2: FloatArray  # (M,)
    anchor: IntArray  # (M,)


class _Fit(NamedTuple):
    """Fit of E dv2 = noise + sum_j slopes_j dx2_j, with standard errors."""

    noise: float
    noise_error: float
    slopes: FloatArray  # (d,)
    signal: float  # mean of the sum over the pairs
    signal_error: float


def _squared_wavenumbers(sample: _Sample) -> FloatArray:
    """k² per unit of the sample's x, shape (d,)."""
    n, dim = sample.x.shape
    metric = np.ones(dim)
    for _ in range(3):
        pairs = _pairs(sample, metric, 0)
        fit = _fit(pairs, with_noise=False)
        previous, metric = metric, _metric(fit.slopes)
        if np.array_equal(metric, previous):
            break
    nearest = float(np.mean(pairs.dv2))
    if nearest == 0:
        return np.zeros(dim)
    saturation = min(nearest / 2, 1.0)

    noisy = _fit(_pairs(sample, metric, 1), with_noise=True)
    per_axis = n ** (1 / dim)
    plausible = noisy.noise < 2 * _PLAUSIBLE_NOISE**2 and n >= 150 and per_axis >= 40
    dense = n >= 1000 and per_axis >= 100
    if (
        noisy.noise > 3 * noisy.noise_error
        # The curvature of the structure function alone leaves about this much of an intercept.
        and noisy.noise > min(2.5 * saturation, 0.6) * nearest
        and (plausible or dense)
    ):
        above = _fit_above_noise(sample, metric)
        # Noise can only have raised the slopes.
        return np.minimum(above.slopes / max(1 - above.noise / 2, 0.01), fit.slopes)

    # The structure function flattens with distance. This undoes it as for a sine on a grid, where
    # dv2 / 2 is 1 - cos(k dx) instead of (k dx)²/2.
    return fit.slopes * (math.acos(1 - saturation) ** 2 / (2 * saturation))


def _fit_above_noise(sample: _Sample, metric: FloatArray) -> _Fit:
    """The fit in the smallest neighbourhoods where the signal stands out of the noise.

    Failing that, the fit where it stands out most, or if it nowhere does the widest.
    """
    n, dim = sample.x.shape
    clearest = 3.0
    for level in itertools.count(1):
        pairs = _pairs(sample, metric, level)
        fit = _fit(pairs, with_noise=True)
        clarity = fit.signal / fit.signal_error if fit.signal_error > 0 else 0.0
        if clarity > 3:
            metric = _metric(fit.slopes)
        if clarity > clearest:
            clearest, best = clarity, fit
        if clarity > 10:
            return _fit(_pairs(sample, metric, level), with_noise=True)
        saturated = np.mean(pairs.dv2) - fit.noise > 1
        if saturated or _furthest_rank(n, dim, level) == n - 1:
            break
    return best if clearest > 3 else fit


def _metric(slopes: FloatArray) -> FloatArray:
    """Factors on the axes, at most 1, that make the function vary equally along all of them.

    They are rounded so that round-off in the values does not decide between equal distances.
    """
    k = np.sqrt(slopes)
    if k.max() == 0:
        return np.ones_like(k)
    octaves = np.log2(np.maximum(k / k.max(), 1 / _MAX_ANISOTROPY))
    return np.asarray(2 ** (np.round(4 * octaves) / 4))


def _furthest_rank(n: int, dim: int, level: int) -> int:
    return min(dim * int(2 ** (level + 1)), n - 1)


def _pairs(sample: _Sample, metric: FloatArray, level: int) -> _Pairs:
    """Each point with neighbours of rank up to d 2^(level + 1), nearest in x and in x * metric.

    The latter are the more informative, and the former make sure that no axis is lost: on a grid
    all of the latter may lie along one axis. The number of pairs is limited by taking fewer points
    and, among many neighbours, fewer ranks.
    """
    n, dim = sample.x.shape
    furthest = _furthest_rank(n, dim, level)
    anchor = np.arange(n)
    if n * furthest > _MAX_PAIRS:
        count = min(n, max(_MAX_PAIRS // furthest, 200))
        anchor = np.sort(np.random.default_rng(0).choice(n, count, replace=False))
    taken = min(furthest, _MAX_PAIRS // anchor.size)
    ranks = np.linspace(1, furthest, taken).round().astype(np.intp)
    metrics = [metric] if np.all(metric == 1) else [np.ones(dim), metric]
    neighbours = []
    for factors in metrics:
        position = np.column_stack([sample.x * factors, sample.apart])
        # The point itself is its neighbour of rank 1.
        _, neighbour = cKDTree(position).query(position[anchor], k=list(ranks + 1))
        neighbours.append(np.ravel(neighbour))
    i, j = np.tile(np.repeat(anchor, ranks.size), len(metrics)), np.concatenate(neighbours)
    together = np.all(sample.apart[i] == sample.apart[j], axis=1)
    i, j = i[together], j[together]
    return _Pairs(
        dx2=(sample.x[i] - sample.x[j]) ** 2,
        dv2=np.sum((sample.v[i] - sample.v[j]) ** 2, axis=1),
        anchor=i,
    )


def _fit(pairs: _Pairs, *, with_noise: bool) -> _Fit:
    """Weighted non-negative least squares of dv2 on dx2, and a constant if `with_noise`.

    The standard deviation of dv2 is in proportion to its mean, so the weights are the inverse of
    the fitted mean, from a few iterations. A floor keeps very close pairs, where round-off and
    clustering matter, from dominating. Standard errors are clustered by points.
    """
    scale = np.mean(pairs.dx2, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design = pairs.dx2 / scale
    mean = np.mean(design, axis=1)
    if with_noise:
        design = np.column_stack([np.ones(len(design)), design])
    for _ in range(3):
        weight = 1 / (mean + 0.25 * np.median(mean))
        weighted = design * weight[:, None]
        gram = weighted.T @ weighted
        # Axes that vary only together are not told apart by the data: the ridge lets them share.
        # An axis along which none of these pairs differ gets a slope of zero.
        diagonal = np.diag(gram)
        factor = np.linalg.cholesky(gram + np.diag(np.where(diagonal > 0, 1e-6 * diagonal, 1.0)))
        target = solve_triangular(factor, weighted.T @ (weight * pairs.dv2), lower=True)
        coefficients, _ = nnls(factor.T, target)
        mean = design @ coefficients
        if not np.median(mean) > 0:
            break
    score = weighted * (weight * (pairs.dv2 - mean))[:, None]
    by_point = np.stack([np.bincount(pairs.anchor, weights=column) for column in score.T], axis=1)
    bread = np.linalg.pinv(gram)
    covariance = bread @ (by_point.T @ by_point) @ bread
    average = np.mean(design, axis=0)
    first = 1 if with_noise else 0
    average[:first] = 0.0
    return _Fit(
        noise=float(coefficients[0]) if with_noise else 0.0,
        noise_error=math.sqrt(max(covariance[0, 0], 0.0)) if with_noise else 0.0,
        slopes=coefficients[first:] / scale,
        signal=float(average @ coefficients),
        signal_error=math.sqrt(max(float(average @ covariance @ average), 0.0)),
    )


def _merge(x: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distinct points in a canonical order, with the mean of the values at each.

    Rounding makes distances that are equal on a grid equal in floating point, so that neighbours
    do not depend on the origin and the units of the coordinates.
    """
    x, group = np.unique(np.round(x, 9), axis=0, return_inverse=True)
    group = np.ravel(group)
    sums = [np.bincount(group, weights=column) for column in v.T]
    return x, np.stack(sums, axis=1) / np.bincount(group)[:, None]


def _variance(v: FloatArray) -> float:
    return float(np.mean(np.sum((v - v.mean(axis=0)) ** 2, axis=1)))


def _is_constant(v: FloatArray) -> bool:
    """Whether all columns of v, (N, m), are constant to round-off."""
    return bool(np.all(np.ptp(v, axis=0) <= _ROUND_OFF * np.max(np.abs(v), axis=0)))


def _samples(points: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x = _numbers("points", points)
    v = _numbers("values", values)
    if x.ndim != 2 or v.ndim not in (1, 2) or len(x) != len(v) or 0 in (*x.shape[1:], v.size):
        raise ValueError(
            f"points must be (N, d) and values (N,) or (N, m), got {x.shape} and {v.shape}"
        )
    v = v.reshape(len(v), -1)
    _check_finite("points or values", np.column_stack([x, v]))
    if np.abs(x).max(initial=0.0) > _LARGEST:
        raise ValueError(
            f"points have coordinates beyond {_LARGEST:g}, whose squares float64 does not hold; "
            "give them in another unit"
        )
    return x, _scaled(v)[0]


def _scaled(values: FloatArray) -> tuple[FloatArray, int]:
    """The values over a power of two near their size, so that squares stay in range, and it."""
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    return np.ldexp(values, -exponent), exponent


def _numbers(name: str, values: ArrayLike) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be an array of numbers, got {values!r}") from None


def _check_finite(what: str, rows: FloatArray) -> None:
    bad = int(np.sum(~np.all(np.isfinite(rows), axis=1)))
    if bad:
        raise ValueError(
            f"{bad} of {len(rows)} rows of {what} are not finite; leave those rows out"
        )
