"""Given values with noise: how much there is, and what it is worth against the equations.

Residuals of given values are taken for independent noise of one standard deviation σ_i in each set
of points, unknown, and the equations are to hold much better than that. Where there are more
outputs than equations, as when a coefficient a(x) is sought, a high derivative of each output is
taken for random too, of a size τ_o unknown as well: it is what keeps the noise from becoming steep
coefficients. σ and τ are found from the data by the fixed point of restricted maximum likelihood
(Harville, Maximum likelihood approaches to variance component estimation, Journal of the American
Statistical Association 72, 1977; MacKay, Bayesian interpolation, Neural Computation 4, 1992):

    σ_i² = ‖r_i‖² / (N_i - p_i),    p_i = tr(W_i A_i C A_iᵀ),    C = (AᵀWA)⁻¹,
    τ_o² = ‖L_o β‖² / γ_o,          γ_o = n_o - tr(L_o C L_oᵀ)/τ_o²,

p_i the number of unknowns that the values of set i determine, γ_o the number of those of output o
that its penalty does not.

What remains of given values is called noise only if it looks like noise: it is no larger than the
values themselves, and that of a point says nothing about that of the nearest other one (Moran,
Notes on continuous stochastic phenomena, Biometrika 37, 1950).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from ..spec import Array
from ..taylor.framework import taylor
from ..taylor.linear import Linear
from .equations import Rows, norms

if TYPE_CHECKING:
    from .gauss_newton import Descent

#: Rounds of the fixed point, steps in each, and steps at the end.
ROUNDS, STEPS, LAST_STEPS = 16, 4, 10

#: The fixed point is reached when no size changes by more than this factor, or, after some rounds,
#: when those of the noise have not changed for that many.
SETTLED, LEAST_ROUNDS, ALIKE = 1.1, 6, 3

#: Ratio of a geometric series of changes that is believed, and the largest change of a logarithm in
#: one round: where the values determine nearly all unknowns the next sizes are quotients of little.
LONGEST, LARGEST = 0.75, math.log(10)

#: Equations hold at least as well as this part of the noise.
EXACT = 0.03

#: Order of the derivative along each axis that is penalised. Of a(x) in diffusion_1d_inverse with
#: 1% noise, 300 features, orders 2, 3 and 4 gave errors of 0.085, 0.055 and 0.053.
ORDER = 4

#: The least τ_o, relative to that of a wave of the problem's wavenumber and the output's size, and
#: the largest that a search starts with.
SMOOTHEST, ROUGHEST = 1e-4, 30.0

#: Where coefficients are sought: noise relative to the values that is taken for granted at first,
#: and the error of the equations relative to it, stage by stage, with the steps in each.
GUESS = 0.03
STAGES = (50.0, 25.0, 12.0, 6.0, 3.0, 1.5, 0.7, 0.3, 0.1, EXACT)
STEPS_PER_STAGE = 3


#: Standard deviations of the correlation of white residuals above which they are not white, and the
#: part of the values' size above which nothing of them has been explained.
WHITE, EXPLAINED = 3.0, 0.9

#: The least noise that a search from an exact fit starts with, relative to the values.
LITTLE = 1e-4

#: Noise relative to the values below which there is none.
ROUND_OFF = 1e-14

#: Residual, relative to that at the start, from which an exact fit has been found.
FOUND = 1e-3


def weigh(descent: Descent, another: Callable[[], Descent], data: list[int]) -> Descent:
    """Solve, and weigh given values, residuals ``data``, by the noise that they carry.

    Where coefficients are sought there can be two fixed points: smooth coefficients with much
    noise, and rough ones with little. The first is looked for from fields that are smooth; where
    what it leaves does not look like noise, the second from the exact fit.
    """
    if not descent.points.open:
        descent.run()
        if _carry_noise(descent, data):
            _settle(descent, data, [], [])
        return descent
    penalties = _penalties(descent)
    _settle(descent, data, penalties, _approach(descent, data, penalties))
    if not descent.noise or all(looks_like_noise(descent, i) for i in data):
        return descent
    other = fit_exactly(another(), another, data)
    other.converged = other.stuck = False
    penalties = _penalties(other)
    _settle(other, data, penalties, _from_exact(other, data, penalties))
    better = not other.noise or all(looks_like_noise(other, i) for i in data)
    return other if better else descent


def _from_exact(descent: Descent, data: list[int], penalties: list[Rows]) -> list[float]:
    """The sizes σ_i √N_i and τ_o of an exact fit, and a solution with them."""
    norms_now, whole = descent.norms(), norms(descent.points.rows, descent.points.factors)
    noise = [max(norms_now[i], LITTLE * whole[i]) for i in data]
    waves = _as_waves(descent, penalties)
    rough = [
        float(np.clip(taylor.norm(values) / math.sqrt(size), SMOOTHEST * wave, ROUGHEST * wave))
        for values, size, wave in zip(
            _derivatives(descent, penalties), descent.system.sizes, waves, strict=True
        )
    ]
    _use(descent, data, noise, penalties, rough)
    descent.run(STEPS)
    return [*noise, *rough]


def looks_like_noise(descent: Descent, i: int) -> bool:
    """Whether what is left of given values, residual i, looks like noise in them."""
    row = descent.place.rows[i]
    values = taylor.to_numpy(descent.points.rows[i].linear.residual)
    return is_noise(taylor.to_numpy(row.x[: len(row)]), descent.misfit(i), values)


def fit_exactly(descent: Descent, another: Callable[[], Descent], data: list[int]) -> Descent:
    """Solve with given values that are taken to be exact.

    Coefficients sought as outputs and a field that starts from zero are a product of unknowns:
    where the plain iteration does not find them, another one is led there by values that are fitted
    first (``_approach``) and let go.
    """
    descent.run()
    points = descent.points
    if not points.open or descent.place.merit <= FOUND * points.size or descent.stopped:
        return descent
    other = another()
    _approach(other, data, _penalties(other))
    other.noise.clear()
    other.reweigh(list(points.factors), list(points.check_factors), [])
    other.run()
    return other if other.place.merit < descent.place.merit else descent


def is_white(x: Array, residual: Array) -> bool:
    """Whether residuals at points x (N, d) look independent of one another.

    Moran's I over nearest neighbours, ``Σ r_i r_n(i) / Σ r_i²``, has the mean -1/N and about the
    variance 1.5/N for independent residuals: 1/N, and as much again for mutual neighbours, of which
    there are between a half and two thirds.
    """
    count = len(residual)
    square = float((residual**2).sum())
    if count < 4 or square == 0:
        return True
    spread = np.ptp(x, axis=0)
    scaled = x / np.where(spread > 0, spread, 1.0)
    _, nearest = cKDTree(scaled).query(scaled, k=2)
    # A point given twice is its own second neighbour under another index.
    neighbour = np.where(nearest[:, 0] == np.arange(count), nearest[:, 1], nearest[:, 0])
    return float((residual * residual[neighbour]).sum()) / square < WHITE * math.sqrt(1.5 / count)


def is_noise(x: Array, residual: Array, values: Array) -> bool:
    """Whether what a solution leaves of given values looks like noise in them.

    Args:
        residual, values: What is left, and the residual of the zero field, (N,).
    """
    left, whole = float(np.linalg.norm(residual)), float(np.linalg.norm(values))
    return left < EXPLAINED * whole and is_white(x, residual)


def _approach(descent: Descent, data: list[int], penalties: list[Rows]) -> list[float]:
    """From the zero field to one near the solution; the sizes σ_i √N_i and τ_o then in use.

    Values and coefficients sought at once are a product of unknowns, and from the zero field the
    iteration ends in coefficients without sense. So the values are fitted first and the equations
    may be wrong; the coefficients that suit the fit best are found, and by and by the equations are
    taken more seriously.
    """
    sizes = norms(descent.points.rows, descent.points.factors)
    given = [sizes[i] for i in data]
    noise = [GUESS * norm for norm in given]
    # Values that are zero say nothing of a size, and nothing can be divided by it.
    size = math.hypot(*given) or descent.points.size
    noise = [n or GUESS * size for n in noise]
    rough = [size / math.sqrt(n) for n in descent.system.sizes]
    for exact in STAGES:
        _use(descent, data, noise, penalties, rough, exact)
        descent.run(STEPS_PER_STAGE)
        waves = _as_waves(descent, penalties)
        least = [SMOOTHEST * size / math.sqrt(n) for n in descent.system.sizes]
        rough = [max(pair) for pair in zip(waves, least, strict=True)]
    return [*noise, *rough]


def _settle(descent: Descent, data: list[int], penalties: list[Rows], used: list[float]) -> None:
    """Weigh and solve until the sizes no longer change; ``used`` are those in use, if any."""
    points = descent.points
    change, target, lower, alike = np.zeros(0), math.inf, math.inf, 0
    for turn in range(ROUNDS):
        if penalties and not _carry_noise(descent, data):
            # Exact values: from so near, nothing has to be held smooth.
            descent.noise.clear()
            descent.reweigh(list(points.factors), list(points.check_factors), [])
            descent.run()
            return
        # What is a polynomial of low degree would have none, and an infinite weight.
        least = [SMOOTHEST * size for size in _as_waves(descent, penalties)]
        rough = map(max, _roughness(descent, penalties), least)
        # Values that are met to the last digit have none: nothing can be divided by it.
        whole = norms(points.rows, points.factors)
        pairs = zip(_noise(descent, data), data, strict=True)
        found = [*(max(size, ROUND_OFF * (whole[i] or points.size)) for size, i in pairs), *rough]
        before = change
        change = np.clip(np.log(np.divide(found, used or found)), -LARGEST, LARGEST)
        alike = alike + 1 if used and max(abs(change[: len(data)])) < math.log(SETTLED) else 0
        settled = bool(used) and max(abs(change)) < math.log(SETTLED)
        # The size of what is smooth to round-off may go on changing: it makes no difference.
        if (settled and lower > target / SETTLED) or (alike >= ALIKE and turn >= LEAST_ROUNDS):
            descent.converged = descent.stuck = False
            descent.run(LAST_STEPS)
            descent.converged = True
            return
        sizes = np.exp(np.log(used or found) + _lengthened(change, before))
        used = [float(s) for s in sizes]
        target, lower = lower, _use(descent, data, used[: len(data)], penalties, used[len(data) :])
        descent.run(STEPS)
    descent.converged = False


def _lengthened(change: Array, before: Array) -> Array:
    """Changes whose predecessors went the same way, continued as a geometric series."""
    if len(change) != len(before):
        return change
    ratio = np.divide(change, before, out=np.zeros_like(change), where=before != 0)
    return np.asarray(change / (1 - np.clip(ratio, 0, LONGEST)))


def _use(
    descent: Descent,
    data: list[int],
    noise: list[float],
    penalties: list[Rows],
    rough: list[float],
    exact: float = EXACT,
) -> float:
    """Weigh by these sizes; ``exact`` is the error of the equations relative to the noise.

    Returns:
        The error of the equations that goes with it, with the factors of the points.
    """
    points, rows = descent.points, descent.points.rows
    total = math.hypot(*noise)
    wanted = exact * total if exact > EXACT else min(points.tol * points.size, exact * total)
    # Much more weight than the features can bear would be taken from the values.
    reached = math.hypot(*(n for i, n in enumerate(descent.norms()) if i not in data))
    target = max(wanted, min(0.1 * reached, max(exact, 1.0) * total))
    count = sum(len(rows[i]) for i in data)
    descent.unit = target / math.sqrt(count)
    factors, check_factors = list(points.factors), list(points.check_factors)
    for i, size in zip(data, noise, strict=True):
        # A value counts as much as another that carries the same noise.
        weight = target * math.sqrt(len(rows[i]) / count) / size
        factors[i] *= weight
        check_factors[i] *= weight
        descent.noise[rows[i].name] = float(size / (points.factors[i] * math.sqrt(len(rows[i]))))
    weighted = [(row, descent.unit / size) for row, size in zip(penalties, rough, strict=True)]
    descent.reweigh(factors, check_factors, weighted)
    return target


def _carry_noise(descent: Descent, data: list[int]) -> bool:
    """Whether given values are fitted worse than is wanted, and worse than the equations."""
    points, fitted = descent.points, descent.norms()
    misfit = float(np.linalg.norm([fitted[i] for i in data])) / points.size
    if points.open:  # where the equations can be bent to any values
        return misfit > 0.1 * points.tol
    rest = [u for i, u in enumerate(descent.unseen) if i not in data]
    unseen = float(np.linalg.norm(rest)) / points.check_size
    # Weighed alike, the equations take up some of the noise themselves.
    return misfit > max(0.1 * points.tol, 0.3 * unseen)


def _determined(descent: Descent, row: Rows, factor: float) -> float:
    """tr(W A C Aᵀ): the number of unknowns that weighted rows determine."""
    assert descent.solved is not None
    (matrix,) = descent.system.by_row([row], [factor])
    return float(((matrix[:, :-1] @ descent.solved.root) ** 2).sum())


def _noise(descent: Descent, data: list[int]) -> list[float]:
    """σ_i √N_i of each set of values, with the factors of the points."""
    found = []
    fitted, affine = descent.norms(), descent.affine()
    for i in data:
        determined = _determined(descent, affine[i], descent.factors[i])
        count = len(affine[i])
        found.append(fitted[i] * math.sqrt(count / max(count - determined, 1.0)))
    return found


def _penalties(descent: Descent) -> list[Rows]:
    """Rows of the derivatives of each output along each axis, a Rows for each output."""
    points, wavenumber = descent.points.smooth
    outputs, count, dim = len(descent.system.sizes), len(points), len(wavenumber)
    x = taylor.cat([points] * dim)
    nothing = taylor.zeros((len(x),), x)
    variables = taylor.zeros((len(x), len(descent.problem.values())), x)
    rows = []
    for output in range(outputs):
        slopes = {}
        for axis, k in enumerate(wavenumber):
            slope = taylor.zeros((len(x), outputs), x)
            here = slice(axis * count, (axis + 1) * count)
            slope[here, output] = float(1 / (k**ORDER * math.sqrt(len(x))))
            slopes[(axis,) * ORDER] = slope
        name = f"derivatives of output {output + 1}"
        rows.append(Rows(name, x, Linear(nothing, slopes, None, variables)))
    return rows


def _as_waves(descent: Descent, penalties: list[Rows]) -> list[float]:
    """τ_o of waves of the problem's wavenumber and of the size of each output."""
    field, sizes = descent.field, descent.system.sizes
    return [
        float(taylor.norm(field(row.x, ())[:, output])) / math.sqrt(len(row.x) * sizes[output])
        for output, row in enumerate(penalties)
    ]


def _derivatives(descent: Descent, penalties: list[Rows]) -> list[Any]:
    """What the penalties want small, of each output."""
    field = descent.field
    return [
        sum((s * field(row.x, axes)).sum(1) for axes, s in row.linear.slopes.items())
        for row in penalties
    ]


def _roughness(descent: Descent, penalties: list[Rows]) -> list[float]:
    """τ_o of each output."""
    found, start = [], 0
    for output, values in enumerate(_derivatives(descent, penalties)):
        assert descent.solved is not None
        size = descent.system.sizes[output]
        fixed = _determined(descent, penalties[output], descent.penalties[output][1])
        fixed += float(descent.solved.ridge[start : start + size].sum())
        found.append(float(taylor.norm(values)) / math.sqrt(max(size - fixed, 1.0)))
        start += size + 1
    return found
