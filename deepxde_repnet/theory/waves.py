"""The waves that a function is made of, drawn from its values at points.

Sines are used best if their wavevectors have the density of the amplitudes, ``ρ(w) ∝ |û(w)|``
(Kammonen, Kiessling, Plecháč, Sandberg and Szepessy, Adaptive random Fourier features with
Metropolis sampling, Foundations of Data Science 2, 2020, arXiv 2007.10683, where the amplitudes are
fitted; here they are the transform of the values). One slope scale for an axis says how fast a
function varies, and neither in which directions nor that it has several scales.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from ..spec import Array

#: Points that the transform is taken over, at most, and wavevectors that are looked at first.
POINTS, POOL = 4096, 4000
#: Share of the pool that is spread over all that the points resolve; the others are of the scale.
SPREAD = 0.5
#: Steps of each wavevector in the end, and their length: a box of two units resolves about π/2.
STEPS, LENGTH = 30, 0.3
_AT_ONCE = 512


def draw(
    points: Array,
    values: Array,
    n: int,
    scale: Array,
    highest: Array,
    generator: np.random.Generator,
) -> Array:
    """n wavevectors of the density ``|û(w)|``, as far as it is above the noise of the points.

    With N of the points x_p, and y the values without their mean::

        |û(w)|² = Σ_i |1/N Σ_p y_pi exp(-i w·x_p)|² - log(m) Σ_i var(y_i) / N

    or zero if that is negative: N points drawn at random give the transform an error whose square
    exceeds the last term at one of m wavevectors. They are chosen among m that are drawn from
    N(0, scale²) and evenly up to ``highest``, by importance, and then moved by Metropolis'
    algorithm.

    Args:
        points: In normalised units, shape (N, d).
        values: Shape (N, m); rows that are not finite are left out.
        n: How many.
        scale: s, shape (d,).
        highest: Bounds of each component, shape (d,); what the points resolve.
        generator: What is drawn comes from it.

    Returns:
        Wavevectors in radians per normalised unit, shape (n, d), or (0, d) where none is clearly
        above the noise: its square twice the last term.
    """
    finite = np.isfinite(values).all(axis=1)
    points, values = points[finite], values[finite]
    dim = points.shape[1]
    if len(points) > POINTS:
        chosen = generator.choice(len(points), POINTS, replace=False)
        points, values = points[chosen], values[chosen]
    pool = _pool(scale, highest, generator)
    if len(points) < 2 or len(pool) == 0:
        return np.zeros((0, dim))
    values = values - values.mean(axis=0)
    noise = math.log(POOL) * float(values.var(axis=0).sum()) / len(values)

    def amplitude(w: Array) -> Array:
        within = (np.abs(w) <= highest).all(axis=1)
        return np.where(within, np.sqrt(np.maximum(_power(points, values, w) - noise, 0)), 0)

    found = amplitude(pool)
    if not found.max() ** 2 > noise:
        return np.zeros((0, dim))
    importance = found / _density(pool, scale, highest)
    chosen = generator.choice(len(pool), n, p=importance / importance.sum())
    w, here = pool[chosen], found[chosen]
    for _ in range(STEPS):
        moved = w + LENGTH * generator.standard_normal(w.shape)
        there = amplitude(moved)
        accepted = generator.random(n) * here < there
        w = np.where(accepted[:, None], moved, w)
        here = np.where(accepted, there, here)
    return w


def _pool(scale: Array, highest: Array, generator: np.random.Generator) -> Array:
    spread = round(SPREAD * POOL)
    near = scale * generator.standard_normal((POOL - spread, len(scale)))
    far = highest * generator.uniform(-1, 1, (spread, len(scale)))
    return np.concatenate([near[(np.abs(near) <= highest).all(axis=1)], far])


def _density(w: Array, scale: Array, highest: Array) -> Array:
    """Of what is in the pool, but for a factor."""
    near = norm.pdf(w / scale).prod(axis=1) / scale.prod()
    return np.asarray((1 - SPREAD) * near + SPREAD / (2 * highest).prod())


def _power(points: Array, values: Array, w: Array) -> Array:
    """Σ_i |1/N Σ_p y_pi exp(-i w·x_p)|² at wavevectors (m, d)."""
    found = []
    for first in range(0, len(w), _AT_ONCE):
        phase = w[first : first + _AT_ONCE] @ points.T
        parts = np.concatenate([np.cos(phase) @ values, np.sin(phase) @ values], axis=1)
        found.append((parts**2).sum(axis=1))
    return np.concatenate(found) / len(points) ** 2
