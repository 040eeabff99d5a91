"""How fast the solution of a problem oscillates, read from its data before training.

Everything is taken at zero network output: source terms (differentiated automatically), boundary
and initial data, and targets. Nothing looks at an exact solution.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _host
from .nets import FourierNet, leaves_open
from .spec import FAST_WAVES, Array, Box
from .symbol import FreeWaves, NoSymbol, Symbol, balance, steepening
from .theory.spectrum import resolved_wavenumber, wavenumber, wavenumber_from_gradient

#: Smallest wavenumber assumed, in normalised units: one wave over the whole domain. A smooth
#: solution needs no steeper features, and flatter ones would be linear over the domain.
LOWEST_WAVENUMBER = np.pi

#: Name of what says how fast a solution changes in time.
BALANCE = "balance of the equation"

#: Name of what says how steep a solution becomes.
FRONTS = "fronts"

#: Output functions that an operator's wavenumber is estimated from, at most.
MAX_FUNCTIONS = 32


@dataclass(frozen=True)
class Estimate:
    """Wavenumber of a problem and where it comes from.

    Attributes:
        wavenumber: Radians per unit of each coordinate, shape (d,); NaN where nothing says.
        sources: Per axis, the name of what gave it, or "".
    """

    wavenumber: Array
    sources: tuple[str, ...]


def estimate_wavenumber(samples: list[_host.Samples], dim: int) -> Estimate:
    """The largest wavenumber per axis over the equations, conditions and targets of a problem.

    For each of them ``k_j = rms(∂r/∂x_j) / rms(r - mean)``, r being its residual with zero for
    the network's output: by automatic differentiation where it reaches, else by nearest neighbours.

    Args:
        samples: As ``_host.zero_residuals`` gives them.
        dim: Number of coordinates d.

    Returns:
        The estimate; 0 for an axis along which everything is constant.
    """
    best = np.full(dim, np.nan)
    sources = [""] * dim
    for sample in samples:
        finite = np.isfinite(sample.values).all(axis=1)
        values, points = sample.values[finite], sample.points[finite]
        if len(values) == 0 or _negligible(values, points):
            continue
        found = None
        name = "source term" if sample.name.startswith("PDE") else sample.name
        if sample.gradients is not None:
            gradients = sample.gradients[finite]
            usable = np.isfinite(gradients).all(axis=(1, 2))
            if usable.any() and np.any(gradients[usable] != 0):
                found = wavenumber_from_gradient(values[usable], gradients[usable])
        if found is None:
            found = wavenumber(points, values)
        for j in range(dim):
            if np.isfinite(found[j]) and not found[j] <= best[j]:
                best[j], sources[j] = found[j], name if found[j] > 0 else ""
    return Estimate(best, tuple(sources))


def _negligible(values: Array, points: Array) -> bool:
    """Whether values vary only by round-off, as sin(2πx) does on the boundary of [0, 1]."""
    epsilon = float(np.finfo(_host.real(np)).eps)
    size = 1.0 + float(np.abs(points).max(initial=0.0))
    spread = float((values - values.mean(axis=0)).std())
    return spread <= 64 * epsilon * max(size, float(np.abs(values).max()))


def estimate_from_problem(
    model: Any, x: Array, y: Any, arguments: dict[str, Any], dim: int
) -> tuple[Estimate | None, list[_host.Samples]]:
    """What the problem says of its wavenumber, and what it is at zero output.

    None and nothing where it cannot be evaluated, or where all that depends on it is given.
    """
    given = model.net.given
    if not given.scale_open and not leaves_open(given):
        return None, []
    samples = _samples(model, x, y, arguments)
    if samples is None:
        return None, []
    said = given.scale_open or fitted(samples) is not None
    return estimate_wavenumber(samples, dim) if said else None, samples


def fitted(samples: list[_host.Samples]) -> _host.Samples | None:
    """The targets of a problem without an equation."""
    return samples[0] if {sample.name for sample in samples} == {"target"} else None


def _samples(model: Any, x: Array, y: Any, arguments: dict[str, Any]) -> list[_host.Samples] | None:
    """The problem's residuals at zero output, None where it fails; warns if one is not finite."""
    variables = variables_of(arguments)
    name = type(model.net).__name__
    try:
        samples = _host.zero_residuals(model, np.asarray(x, _host.real(np)), y, variables)
    except Exception as error:  # a user's PDE may fail for a network that is zero
        if model.net.given.scale_open:
            warnings.warn(
                f"{name}: the problem could not be evaluated with zero for the network's output "
                f"({type(error).__name__}: {error}), so it says nothing about its wavenumber; "
                "assuming one wave over the domain. If the solution oscillates faster, give "
                f"{name}(..., {scale_argument(model.net)}=...), in radians per unit length.",
                UserWarning,
                stacklevel=6,
            )
        return None
    for sample in samples:
        bad = ~np.isfinite(sample.values).all(axis=1)
        if bad.any():
            where = np.array2string(sample.points[bad][0], precision=4)
            warnings.warn(
                f"{name}: {sample.name} is not finite at {bad.sum()} of {len(bad)} training points "
                f"when the network is zero, first at x = {where}. If it is not finite in training "
                "either, exclude these points (exclusions= of dde.data.PDE).",
                UserWarning,
                stacklevel=6,
            )
    return samples


def estimate_from_operator(model: Any, dim: int) -> tuple[Estimate, bool]:
    """Wavenumber of sampled functions of an operator, and whether they are targets.

    k² is averaged over the functions with their variances for weights, as for one function with
    many outputs.
    """
    samples = _host.operator_values(model.net, model.data, MAX_FUNCTIONS)
    squares, weights = np.zeros(dim), np.zeros(dim)
    for sample in samples:
        finite = np.isfinite(sample.values).all(axis=1)
        values, points = sample.values[finite], sample.points[finite]
        if len(values) == 0 or _negligible(values, points):
            continue
        found = wavenumber(points, values)
        variance = float(values.var(axis=0).sum())
        heard = np.isfinite(found)
        squares[heard] += variance * found[heard] ** 2
        weights[heard] += variance
    found = np.full(dim, np.nan)
    found[weights > 0] = np.sqrt(squares[weights > 0] / weights[weights > 0])
    name = samples[0].name if samples else ""
    return Estimate(found, tuple(name if k > 0 else "" for k in found)), name == "targets"


def with_free_waves(
    model: Any,
    estimate: Estimate | None,
    highest: Array,
    symbol: Symbol | None,
    free: FreeWaves | None,
) -> Estimate | None:
    """The estimate with at least the wavenumbers that the equation itself has.

    Source and conditions do not say that a Helmholtz equation has a wavenumber of its own: of its
    free waves along each axis, ``p(k_j) = 0``. Nor do the conditions of an equation in time, which
    say how its solution oscillates in space, say anything about time: there it is what balances
    them (``symbol.balance``). Where an equation has no symbol, the estimate is as it was.

    Args:
        highest: Largest wavenumbers that the training points resolve, shape (d,).
        symbol: Of the equation, or None.
        free: Its free waves; not used where there is time.
    """
    if symbol is None or estimate is None:
        return estimate
    found = np.full(len(highest), np.nan)
    if not _host.has_time(model.data):
        found = free.along if free else found
    else:
        space = estimate.wavenumber[:-1]
        known = np.isfinite(space).all() and np.any(space > 0)
        if known and not np.any(space > highest[:-1]):
            with contextlib.suppress(NoSymbol):
                root = balance(symbol, np.append(space, 0.0), len(space), float(highest[-1]))
                found[-1] = np.nan if root is None else root
    larger = np.isfinite(found) & ~(estimate.wavenumber >= found)
    named = zip(larger, estimate.sources, strict=True)
    name = BALANCE if _host.has_time(model.data) else "free waves of the equation"
    return Estimate(
        np.where(larger, found, estimate.wavenumber),
        tuple(name if own else source for own, source in named),
    )


def with_fronts(
    model: Any,
    x: Array,
    samples: list[_host.Samples],
    estimate: Estimate,
    domain: Box,
    highest: Array,
    arguments: dict[str, Any],
    notes: list[str],
) -> Estimate:
    """The estimate with at least the wavenumber of fronts that form from the initial data.

    Nothing in the data announces them; ``symbol.steepening`` says how far an equation goes.

    Args:
        x: Training points (N, d).
        samples: As ``estimate_from_problem`` gives them.
        highest: Largest wavenumbers that the training points resolve, shape (d,).
        notes: What there is to say of it is added to these.
    """
    if not _host.has_time(model.data):
        return estimate
    initial = [(s.points, s.values) for s in samples if s.name.endswith("(IC)")]
    if _host.output_transform(model.net) is not None:
        initial.append((x, _host.zero_output(model.net, np.asarray(x, _host.real(np)))))
    initial = [(points, values) for points, values in initial if np.isfinite(values).all()]
    sizes = [float(np.sqrt((values**2).mean())) for _, values in initial]
    if not any(sizes):
        return estimate
    points, values = initial[int(np.argmax(sizes))]
    k = np.append(np.nan_to_num(wavenumber(points, values)[:-1]), 0.0)
    if _negligible(values, points) or not k.any():
        return estimate
    amplitude = math.sqrt(2) * max(sizes)
    q = steepening(model.data, domain, k, amplitude, variables_of(arguments))
    found = np.minimum(q * k, highest)
    # Where nothing is said of an axis, fronts along another are no reason to make it steep.
    known = _along_all(estimate, domain, notes)
    larger = (q > 1) & ~(known.wavenumber >= found)
    named = zip(larger, known.sources, strict=True)
    return Estimate(
        np.where(larger, found, known.wavenumber),
        tuple(FRONTS if own else source for own, source in named),
    )


def _along_all(estimate: Estimate, domain: Box, notes: list[str]) -> Estimate:
    """The estimate with axes of which nothing is said as the fastest of the others, and a note."""
    normalised = estimate.wavenumber * domain.half_width
    silent = ~np.isfinite(normalised)
    if silent.all() or not silent.any():
        return estimate
    axes = ", ".join(f"x[{j}]" for j in np.flatnonzero(silent))
    notes.append(f"nothing said about {axes}: as along the others")
    filled = np.where(silent, normalised[~silent].max(), normalised)
    return Estimate(filled / domain.half_width, estimate.sources)


def symbol_if_any(
    model: Any, domain: Box, highest: Array, arguments: dict[str, Any]
) -> Symbol | None:
    """The symbol of the problem's equation where it has one and something depends on it."""
    given = model.net.given
    if not given.scale_open and not (given.sines is None and given.takes_sines):
        return None
    try:
        return Symbol(model.data, domain, highest, variables_of(arguments))
    except NoSymbol:
        return None


def resolved(x: Array, domain: Box) -> Array:
    """Highest wavenumber that training points x resolve, shape (d,), in normalised units."""
    spread = np.ptp(x, axis=0) / 2
    spread = np.where(spread > 0, spread, domain.half_width)
    return np.asarray(resolved_wavenumber(len(x), spread) * domain.half_width)


def bounded(
    net: Any,
    estimate: Estimate | None,
    domain: Box,
    limit: Array,
    notes: list[str],
    doubts: list[str],
) -> tuple[Array, str, Array]:
    """Wavenumber per coordinate between the lowest and the highest resolved, and its source.

    Args:
        notes: What there is to say of it is added to these.
        doubts: Likewise what there is to warn of, unless something else decides.

    Returns:
        The wavenumber; where it is from; and the same in normalised units, with 0 where nothing
        faster than the lowest was found, and no more than a few waves for a rate in time.
    """
    name = type(net).__name__
    if estimate is None:
        return LOWEST_WAVENUMBER / domain.half_width, "not known; lowest", 0 * domain.half_width
    if not np.any(estimate.wavenumber > 0):
        doubts.append(
            f"{name}: neither the source term nor the conditions vary, so nothing says how fast "
            "the solution oscillates; assuming one wave over the domain. If it oscillates faster "
            f"give {name}(..., {scale_argument(net)}=...), in radians per unit length."
        )
        lowest = LOWEST_WAVENUMBER / domain.half_width
        return lowest, "nothing varies; lowest", 0 * domain.half_width
    normalised = _along_all(estimate, domain, notes).wavenumber * domain.half_width
    if np.any(normalised > limit):
        warnings.warn(
            f"{name}: the problem's wavenumber {show(normalised / domain.half_width)} is "
            f"higher than the training points resolve, {show(limit / domain.half_width)}; the "
            "scale is bounded by that. Train on more points, or on points drawn anew "
            f"(dde.callbacks.PDEPointResampler), and pass {scale_argument(net)}=.",
            UserWarning,
            stacklevel=5,
        )
        normalised = np.minimum(normalised, limit)
    lowest = np.minimum(LOWEST_WAVENUMBER, limit)
    raised = normalised < lowest
    said = _said(estimate.sources, raised)
    heard = np.where(raised, 0.0, normalised)
    rates = np.array([source == BALANCE for source in estimate.sources])
    heard = np.where(rates, np.minimum(heard, FAST_WAVES), heard)
    return np.maximum(normalised, lowest) / domain.half_width, said, heard


def _said(sources: tuple[str, ...], raised: np.ndarray) -> str:
    """Where the wavenumbers of all axes are from; those raised to the lowest are from nothing."""
    decided = [source for source, low in zip(sources, raised, strict=True) if source and not low]
    named = ", ".join(dict.fromkeys(decided))
    if not raised.any():
        return named
    if raised.all():
        slower = ", ".join(dict.fromkeys(source for source in sources if source))
        return f"lowest: nothing faster in {slower}"
    axes = ", ".join(f"x[{j}]" for j in np.flatnonzero(raised))
    lowest = f"lowest along {axes}, where nothing faster was found"
    return f"{named}; {lowest}" if named else lowest


def variables_of(arguments: dict[str, Any]) -> Any:
    """The external trainable variables that ``Model.compile`` is given, in a list."""
    variables = arguments.get("external_trainable_variables") or []
    return variables if isinstance(variables, (list, tuple)) else [variables]


def scale_argument(net: Any) -> str:
    """The argument that says how fast the solution oscillates."""
    return "frequencies" if isinstance(net, FourierNet) else "wavenumber"


def show(values: Array) -> str:
    """Values as messages give them: one where all are the same."""
    shown = [f"{v:.4g}" for v in np.atleast_1d(values)]
    if len(shown) == 1 or len(set(shown)) == 1:
        return shown[0]
    return "(" + ", ".join(shown) + ")"
