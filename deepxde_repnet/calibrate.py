"""Domain and slope scale of a RepNet out of the problem it is to solve, before training.

Everything is read from the model's data at zero network output: source terms (differentiated
automatically), boundary and initial data, and targets. Nothing looks at an exact solution.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls

from . import _host
from .nets import FourierNet, RepNet, RepOperator, completed_fourier, leaves_open
from .spec import (
    SLOPE_PER_TARGET_WAVENUMBER,
    SLOPE_PER_WAVENUMBER,
    Array,
    Box,
    RepSpec,
    slope_scale_from_wavenumber,
)
from .symbol import FreeWaves, NoSymbol, Symbol, oscillation
from .theory import frequencies, waves
from .theory.gain import fitting_gain, sines_gain, slope_preserving_gain
from .theory.spectrum import resolved_wavenumber, wavenumber, wavenumber_from_gradient

#: Smallest wavenumber assumed, in normalised units: one wave over the whole domain. A smooth
#: solution needs no steeper features, and flatter ones would be linear over the domain.
LOWEST_WAVENUMBER = np.pi

#: Share of sines in the first layer of a network that fits targets without an equation. Measured.
SINES_OF_FITS = 1.0

#: The same where the equation lets free waves through, of which its solution is then made. Where it
#: does not, sines fit small waves of the source and miss the large, flat ones. Measured.
SINES_OF_WAVES = 1.0

#: Share of the sines of a network that fits targets whose waves are taken from them. Measured.
WAVES_OF_SINES = 0.5

#: How far beyond the problem's wavenumber free waves are looked for.
_WAVES_WITHIN = 2.0

#: Where the band of a FourierFNN ends whose frequencies are left open, over the wavenumber.
BAND_PER_WAVENUMBER = 2.0

#: Output functions that an operator's wavenumber is estimated from, at most.
MAX_FUNCTIONS = 32

#: Points beyond this many half widths from the centre are far outside the domain.
FAR_OUTSIDE = 2.0


@dataclass(frozen=True)
class Estimate:
    """Wavenumber of a problem and where it comes from.

    Attributes:
        wavenumber: Radians per unit of each coordinate, shape (d,); NaN where nothing says.
        sources: Per axis, the name of what gave it, or "".
    """

    wavenumber: Array
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Chosen:
    """What decides on a first layer, before a feature transform and what was given.

    Attributes:
        origin: Where the domain is from.
        wave: Wavenumber per coordinate, (d,), in radians per unit of length; None where the slope
            scale is given.
        said: Where the wavenumber is from.
        steepness: Slope scale per wavenumber.
        targets: What targets without an equation say of their wavenumber; None with an equation.
        sines: Share of sines in the first layer, unless it is given.
        samples: Targets that the waves of some of the sines are drawn from; none where the user has
            said how fast they oscillate.
        highest: Largest wavenumbers that the training points resolve, shape (d,).
    """

    domain: Box
    origin: str
    wave: Array | None
    said: str
    steepness: float
    targets: Estimate | None
    sines: float = 0.0
    samples: tuple[_host.Samples, ...] = ()
    highest: Array | None = None


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


def calibrate(model: Any, arguments: dict[str, Any]) -> None:
    """Hook before ``Model.compile``: complete the model's RepNet, and say what was chosen.

    Raises:
        ValueError: If the data hold NaN or infinity, or the domain cannot be worked out.
    """
    net = model.net
    if isinstance(net, RepOperator):
        _calibrate_operator(model, arguments["verbose"])
    if not isinstance(net, RepNet):
        return
    x, y = _host.training_points(model.data)
    if not isinstance(x, np.ndarray) or x.ndim != 2:
        if net.settled:
            return
        raise ValueError(
            f"{type(model.data).__name__} does not give its points as one array (N, d), which "
            f"{type(net).__name__} needs; give {type(net).__name__} a domain and a wavenumber."
        )
    _check_finite(model.data, x, y)
    if not net.settled:
        settle = _settle_fourier if isinstance(net, FourierNet) else _settle
        _host.announce(settle(model, x, y, arguments), arguments["verbose"])
    if _host.input_transform(net) is None:
        warn_outside(net, x)


def _settle(model: Any, x: np.ndarray, y: Any, arguments: dict[str, Any]) -> str:
    net, given = model.net, model.net.given
    x = np.asarray(x, dtype=float)
    domain, origin = _domain(model, x)
    estimate, targets = _estimate(model, x, y, arguments, domain.dim)
    fit = bool(targets)
    limit = _resolved(x, domain)
    notes: list[str] = []
    steepness = SLOPE_PER_WAVENUMBER
    highest = limit / domain.half_width
    symbol = None if fit else _symbol_if_any(model, domain, highest, arguments)
    free = FreeWaves(symbol, highest) if symbol else None
    if given.slope_scale is not None:
        wave, said = None, "given"
    elif given.wavenumber is not None:
        wave, said = _one_each(net, "wavenumber", domain.dim, "coordinates"), "given"
    else:
        estimate = _with_free_waves(model, estimate, highest, symbol, free)
        wave, said = _wavenumber(net, estimate, domain, limit, notes)
        if fit:
            steepness = SLOPE_PER_TARGET_WAVENUMBER
    reach = highest if wave is None else np.minimum(_WAVES_WITHIN * wave, highest)
    if not given.takes_sines:
        sines = 0.0
    elif fit:
        sines = SINES_OF_FITS
    else:
        # Of features it is not known which waves they make.
        plain = _host.input_transform(net) is None
        sines = SINES_OF_WAVES if plain and free and free.within(reach) else 0.0
    chosen = Chosen(
        domain,
        origin,
        wave,
        said,
        steepness,
        estimate if fit else None,
        sines,
        targets if given.scale_open else (),
        limit,
    )
    message, spec = _completed(net, x, chosen, notes)
    net.calibrate(spec)
    return message


def _resolved(x: Array, domain: Box) -> Array:
    """Highest wavenumber that training points x resolve, shape (d,), in normalised units."""
    spread = np.ptp(x, axis=0) / 2
    spread = np.where(spread > 0, spread, domain.half_width)
    return np.asarray(resolved_wavenumber(len(x), spread) * domain.half_width)


def _symbol_if_any(
    model: Any, domain: Box, highest: Array, arguments: dict[str, Any]
) -> Symbol | None:
    """The symbol of the problem's equation where it has one and something depends on it."""
    given = model.net.given
    for_scale = given.scale_open and _host.has_time(model.data)
    if not for_scale and not (given.sines is None and given.takes_sines):
        return None
    try:
        return Symbol(model.data, domain, highest, _variables(arguments))
    except NoSymbol:
        return None


def _with_free_waves(
    model: Any,
    estimate: Estimate | None,
    highest: Array,
    symbol: Symbol | None,
    free: FreeWaves | None,
) -> Estimate | None:
    """The estimate with at least the wavenumbers of the equation's free waves.

    Source and conditions do not say that a Helmholtz equation has a wavenumber of its own: of its
    free waves along each axis, ``p(k_j) = 0``. Nor do the conditions of a wave equation, which say
    how its solution oscillates in space, say anything about time: ``p(k_x, k_t) = 0``. Where an
    equation has no symbol, or no such root as with diffusion, the estimate is as it was.

    Args:
        highest: Largest wavenumbers that the training points resolve, shape (d,).
        symbol, free: Of the equation, or None.
    """
    if symbol is None or free is None or estimate is None:
        return estimate
    found = np.full(len(highest), np.nan)
    if not _host.has_time(model.data):
        found = free.along
    else:
        space = estimate.wavenumber[:-1]
        known = np.isfinite(space).all() and np.any(space > 0)
        if known and not np.any(space > highest[:-1]):
            with contextlib.suppress(NoSymbol):
                root = oscillation(symbol, np.append(space, 0.0), len(space), float(highest[-1]))
                found[-1] = np.nan if root is None else root
    larger = np.isfinite(found) & ~(estimate.wavenumber >= found)
    named = zip(larger, estimate.sources, strict=True)
    return Estimate(
        np.where(larger, found, estimate.wavenumber),
        tuple("free waves of the equation" if own else source for own, source in named),
    )


def _variables(arguments: dict[str, Any]) -> Any:
    variables = arguments.get("external_trainable_variables") or []
    return variables if isinstance(variables, (list, tuple)) else [variables]


def _settle_fourier(model: Any, x: np.ndarray, y: Any, arguments: dict[str, Any]) -> str:
    """Complete a FourierFNN: its box, and its frequencies where they are not prescribed."""
    net, given = model.net, model.net.given
    x = np.asarray(x, dtype=float)
    domain, origin = _domain(model, x)
    name = type(net).__name__
    transformed = _host.input_transform(net) is not None
    box = _features_box(net, x) if transformed else domain
    notes = [f"{box.dim} features over {box}"] if transformed else []
    if given.frequencies is not None and not isinstance(given.frequencies, str):
        joint, said = frequencies.parse(given.frequencies, box.dim), "frequencies given"
    elif transformed:
        raise ValueError(
            f"{name}: frequencies are not worked out behind a feature transform, whose features "
            f"have ranges of their own; give {name}(..., frequencies=...), in radians per unit of "
            "the features."
        )
    else:
        limit = _resolved(x, domain)
        highest = limit / domain.half_width
        estimate, _ = _estimate(model, x, y, arguments, domain.dim)
        read = _symbol_if_any if given.frequencies is None else _symbol
        symbol = read(model, domain, highest, arguments)
        free = FreeWaves(symbol, highest) if symbol else None
        estimate = _with_free_waves(model, estimate, highest, symbol, free)
        wave, source = _wavenumber(net, estimate, domain, limit, notes)
        high = np.minimum(BAND_PER_WAVENUMBER * wave, highest)
        if given.frequencies is None:
            joint = tuple(frequencies.Uniform(0.0, float(k)) for k in high)
            said = f"frequencies uniform up to {_show(high)} rad per unit length ({source})"
        else:
            # Below half a wave over the domain there is nothing to tell apart from a constant.
            low = np.minimum(LOWEST_WAVENUMBER / 2 / domain.half_width, high / 2)
            assert symbol is not None
            joint = frequencies.from_symbol(symbol, low, high)
            said = f"frequencies of the operator up to {_show(high)} rad per unit length ({source})"
    net.calibrate(completed_fourier(given, box, joint))
    return f"{name}: " + ", ".join([f"domain {domain} ({origin})", said, *notes])


def _symbol(model: Any, domain: Box, highest: Array, arguments: dict[str, Any]) -> Symbol:
    """The symbol that a FourierFNN's frequencies are asked to come from."""
    name = type(model.net).__name__
    try:
        return Symbol(model.data, domain, highest, _variables(arguments))
    except NoSymbol as error:
        raise ValueError(
            f'{name}: frequencies="operator" needs one linear equation with constant coefficients, '
            f"and {error}. Prescribe a distribution of deepxde_repnet.frequencies instead."
        ) from None


def _completed(net: Any, x: Array, chosen: Chosen, notes: list[str]) -> tuple[str, RepSpec]:
    """The specification with its layer's box, slope scale and gain; the line that says them."""
    domain, wave = chosen.domain, chosen.wave
    given = net.given
    if _host.input_transform(net) is None:
        layer_domain = domain
        scale = (
            np.asarray(given.slope_scale)
            if wave is None
            else slope_scale_from_wavenumber(wave, domain.half_width, chosen.steepness)
        )
    else:
        layer_domain, scale = _through_transform(net, x, domain, wave, chosen.steepness)
        notes.append(f"{layer_domain.dim} features over {layer_domain}")
    spec = given.completed(
        layer_domain, scale, given.hidden_gain or 1.0, dim=layer_domain.dim, sines=chosen.sines
    )
    spec = replace(spec, waves=_waves(net, spec, chosen))
    normalised = chosen.targets.wavenumber * domain.half_width if chosen.targets else None
    gain = given.hidden_gain or _gain(spec, scale, normalised)
    parts = [f"domain {domain} ({chosen.origin})"]
    if wave is not None:
        parts.append(f"wavenumber {_show(wave)} rad per unit length ({chosen.said})")
    parts.append(f"slope scale {_show(scale)}" + (" (given)" if wave is None else ""))
    parts.append(f"hidden gain {gain:.3g}" + (" (given)" if given.hidden_gain else ""))
    if spec.n_sines:
        why = "given" if given.sines is not None else "targets" if chosen.targets else "free waves"
        parts.append(
            f"sines from {spec.n_sines} of the first layer's {spec.layer_sizes[1]} neurons ({why})"
        )
    if spec.waves:
        parts.append(f"{len(spec.waves)} of them waves of the targets")
    message = f"{type(net).__name__}: " + ", ".join([*parts, *notes])
    return message, replace(spec, hidden_gain=gain)


def _waves(net: Any, spec: RepSpec, chosen: Chosen) -> tuple[tuple[float, ...], ...]:
    """Slopes of the sines that are taken from the targets, in normalised units."""
    n = round(WAVES_OF_SINES * spec.n_sines)
    plain = _host.input_transform(net) is None
    if not (chosen.samples and chosen.highest is not None and plain and n and spec.dim > 1):
        return ()
    generator = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(1,)))
    (targets,) = chosen.samples
    found = waves.draw(
        chosen.domain.normalise(targets.points),
        targets.values,
        n,
        np.asarray(spec.slope_scale),
        chosen.highest,
        generator,
    )
    return tuple(map(tuple, found.tolist()))


def _calibrate_operator(model: Any, verbose: Any) -> None:
    net = model.net
    branch_open = net.branch_given is not None and net.branch_given.domain is None
    inputs = _host.operator_inputs(model.data)
    if inputs is None:
        if net.spec is not None and not branch_open:
            return
        branch = " and a branch_domain" if branch_open else ""
        raise ValueError(
            f"{type(model.data).__name__} does not give its training inputs as two arrays, "
            f"(functions, points), which {type(net).__name__} needs; give {type(net).__name__} a "
            f"domain and a wavenumber{branch}."
        )
    functions, points = inputs
    _check_finite(model.data, points, getattr(model.data, "train_y", None), functions)
    if not net.settled:
        message = _settle_operator(model, functions, np.asarray(points, dtype=float))
        _host.announce(message, verbose)
    if _host.input_transform(net) is None:
        warn_outside(net, points)


def _settle_operator(model: Any, functions: Array, x: Array) -> str:
    net, given = model.net, model.net.given
    domain, origin = _domain(model, x)
    estimate, fit = _operator_estimate(model, domain.dim)
    notes: list[str] = []
    if given.slope_scale is not None:
        wave, said = None, "given"
    elif given.wavenumber is not None:
        wave, said = _one_each(net, "wavenumber", domain.dim, "coordinates"), "given"
    else:
        _check_says_something(model, estimate)
        limit = _resolved(np.unique(x, axis=0), domain)
        wave, said = _wavenumber(net, estimate, domain, limit, notes)
    steepness = SLOPE_PER_TARGET_WAVENUMBER if fit and given.scale_open else SLOPE_PER_WAVENUMBER
    branch = None
    if net.branch_given is not None:
        branch = net.branch_given.domain or _branch_box(functions)
        notes.append(f"branch inputs in [{min(branch.lower):.4g}, {max(branch.upper):.4g}]")
    chosen = Chosen(domain, origin, wave, said, steepness, estimate if fit else None)
    message, spec = _completed(net, x, chosen, notes)
    net.calibrate(spec, branch)
    return message


def _operator_estimate(model: Any, dim: int) -> tuple[Estimate, bool]:
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


def _check_says_something(model: Any, estimate: Estimate) -> None:
    if np.any(estimate.wavenumber > 0):
        return
    name = type(model.net).__name__
    raise ValueError(
        f"{name}: the training data of {type(model.data).__name__} do not say how fast the output "
        "functions oscillate (no function is known at enough different points, or none varies). "
        f"Give {name}(..., wavenumber=...) in radians per unit of the trunk's coordinates (2*pi "
        "over the shortest wavelength), or slope_scale= in normalised units."
    )


def _branch_box(functions: Array) -> Box:
    """Range of each input of the branch, not below a thousandth of the widest."""
    lower, upper = functions.min(axis=0).astype(float), functions.max(axis=0).astype(float)
    center, half = (lower + upper) / 2, (upper - lower) / 2
    widest = float(half.max())
    half = np.maximum(half, 1e-3 * widest if widest > 0 else 1.0)
    return Box(center - half, center + half)


def _one_each(net: Any, name: str, n: int, what: str) -> Array:
    """A given number, or one for each of n, as an array (n,)."""
    values = np.asarray(getattr(net.given, name), dtype=float)
    if len(values) != n and np.ptp(values) > 0:
        raise ValueError(
            f"{type(net).__name__}: {name} has {len(values)} values but there are {n} {what}; "
            "give one number for all or one for each."
        )
    return values if len(values) == n else np.full(n, values[0])


def _domain(model: Any, x: Array) -> tuple[Box, str]:
    """Box of the problem's coordinates: as given, else of the geometry, else of the points."""
    given = model.net.given.domain
    if given is not None:
        return given, "given"
    lower, upper = x.min(axis=0), x.max(axis=0)
    bounds = _host.bounding_box(_host.geometry(model.data))
    if bounds is not None and np.all(np.isfinite(bounds)) and np.all(bounds[0] < bounds[1]):
        # Conditions and anchors may lie outside of the geometry, and so may all points of one whose
        # bounding box DeepXDE gets wrong (an Ellipse that is not centred at the origin).
        box = Box(*bounds)
        if (np.abs(box.normalise(np.stack([lower, upper]))) <= 1 + 1e-3).all():
            return box, "geometry"
        widened = Box(np.minimum(lower, box.lower), np.maximum(upper, box.upper))
        return widened, "geometry and training points"
    if not np.all(lower < upper):
        axis = int(np.argmax(lower >= upper))
        raise ValueError(
            f"all {len(x)} training points have x[{axis}] = {lower[axis]:.6g}, so the domain of "
            f"{type(model.net).__name__} cannot be worked out from them; give domain=(lower, "
            "upper) with one number per input in each."
        )
    return Box(lower, upper), "training points"


def _estimate(
    model: Any, x: Array, y: Any, arguments: dict[str, Any], dim: int
) -> tuple[Estimate | None, tuple[_host.Samples, ...]]:
    """What the problem says of its wavenumber, and its targets if it is a fit: no equation.

    None where it cannot be evaluated, or where all that depends on it is given.
    """
    given = model.net.given
    if not given.scale_open and not leaves_open(given):
        return None, ()
    samples = _samples(model, x, y, arguments)
    if samples is None:
        return None, ()
    fit = {sample.name for sample in samples} == {"target"}
    estimate = estimate_wavenumber(samples, dim) if given.scale_open or fit else None
    return estimate, tuple(samples) if fit else ()


def _samples(model: Any, x: Array, y: Any, arguments: dict[str, Any]) -> list[_host.Samples] | None:
    """The problem's residuals at zero output, None where it fails; warns if one is not finite."""
    variables = _variables(arguments)
    name = type(model.net).__name__
    try:
        samples = _host.zero_residuals(model, np.asarray(x, _host.real(np)), y, variables)
    except Exception as error:  # a user's PDE may fail for a network that is zero
        if model.net.given.scale_open:
            warnings.warn(
                f"{name}: the problem could not be evaluated with zero for the network's output "
                f"({type(error).__name__}: {error}), so it says nothing about its wavenumber; "
                "assuming one wave over the domain. If the solution oscillates faster, give "
                f"{name}(..., {_option(model.net)}=...), in radians per unit length.",
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


def _gain(spec: RepSpec, scale: Array, targets: Array | None) -> float:
    """Hidden gain: slope preserving for equations, larger where only targets are fitted.

    With sines in the first layer it is 1 for equations, and smaller for targets in several
    variables. Measured.

    Args:
        targets: Wavenumber of the targets in normalised units, shape (d,); None where there is an
            equation.
    """
    if spec.n_sines:
        return 1.0 if targets is None else sines_gain(spec.dim)
    if targets is not None and np.any(targets > 0):
        # Ω compares the length of the whole gradient with the value.
        return fitting_gain(spec, scale, float(np.sqrt(np.nansum(targets**2))))
    return slope_preserving_gain(spec, scale)


def _wavenumber(
    net: Any, estimate: Estimate | None, domain: Box, limit: Array, notes: list[str]
) -> tuple[Array, str]:
    """Wavenumber per coordinate between the lowest and the highest resolved, and its source."""
    name = type(net).__name__
    if estimate is None:
        return LOWEST_WAVENUMBER / domain.half_width, "not known; lowest"
    normalised = estimate.wavenumber * domain.half_width
    if not np.any(normalised > 0):
        warnings.warn(
            f"{name}: neither the source term nor the conditions vary, so nothing says how fast "
            "the solution oscillates; assuming one wave over the domain. If it oscillates faster "
            f"give {name}(..., {_option(net)}=...), in radians per unit length.",
            UserWarning,
            stacklevel=5,
        )
        return LOWEST_WAVENUMBER / domain.half_width, "nothing varies; lowest"
    highest = float(np.nanmax(normalised))
    silent = ~np.isfinite(normalised)
    if silent.any():
        axes = ", ".join(f"x[{j}]" for j in np.flatnonzero(silent))
        notes.append(f"nothing said about {axes}: as along the others")
    normalised = np.where(silent, highest, normalised)
    if np.any(normalised > limit):
        warnings.warn(
            f"{name}: the problem's wavenumber {_show(normalised / domain.half_width)} is "
            f"higher than the training points resolve, {_show(limit / domain.half_width)}; the "
            "scale is bounded by that. Train on more points, or on points drawn anew "
            f"(dde.callbacks.PDEPointResampler), and pass {_option(net)}=.",
            UserWarning,
            stacklevel=5,
        )
        normalised = np.minimum(normalised, limit)
    normalised = np.maximum(normalised, np.minimum(LOWEST_WAVENUMBER, limit))
    said = ", ".join(dict.fromkeys(source for source in estimate.sources if source))
    return normalised / domain.half_width, said


def _through_transform(
    net: Any, x: Array, domain: Box, wave: Array | None, steepness: float
) -> tuple[Box, Array]:
    """Box and slope scale for the features of a transform f, by the chain rule.

    A ridge over normalised features with slope scale s_m has along x_j the mean square slope
    ``sum_m s_m² <(∂f_m/∂x_j)²>/h_m²``; that is set to ``(0.4 k_j)²`` by non-negative least squares,
    with a little weight on equal scales where several features could serve. ``steepness`` stands
    for the 0.4.
    """
    box = _features_box(net, x)
    if wave is None:
        return box, _one_each(net, "slope_scale", box.dim, "features")
    # The best step of a central difference, and the transform may be undefined outside the domain.
    step = float(np.finfo(_host.real(np)).eps) ** (1 / 3) * domain.half_width
    lowest_x = np.minimum(domain.lower, x.min(axis=0))
    highest_x = np.maximum(domain.upper, x.max(axis=0))
    columns = []
    for j in range(domain.dim):
        left, right = x.copy(), x.copy()
        left[:, j] = np.maximum(x[:, j] - step[j], lowest_x[j])
        right[:, j] = np.minimum(x[:, j] + step[j], highest_x[j])
        slope = (_host.transform_points(net, right) - _host.transform_points(net, left)) / (
            right[:, j : j + 1] - left[:, j : j + 1]
        )
        # In normalised units on both sides.
        columns.append(((slope * domain.half_width[j] / box.half_width) ** 2).mean(axis=0))
    speed = np.array(columns)
    target = slope_scale_from_wavenumber(wave, domain.half_width, steepness) ** 2
    even = target.max() / max(float(speed.sum(axis=1).max()), 1e-12)
    ridge = 1e-3 * max(float(speed.max()), 1e-12)
    squares, _ = nnls(
        np.vstack([speed, ridge * np.eye(box.dim)]),
        np.concatenate([target, np.full(box.dim, ridge * even)]),
    )
    lowest = slope_scale_from_wavenumber(np.full(box.dim, LOWEST_WAVENUMBER), np.ones(box.dim))
    return box, np.maximum(np.sqrt(squares), np.minimum(lowest, np.sqrt(target.max())))


def _option(net: Any) -> str:
    """The argument that says how fast the solution oscillates."""
    return "frequencies" if isinstance(net, FourierNet) else "wavenumber"


def _features_box(net: Any, x: Array) -> Box:
    """Range of the features of a transform at the training points."""
    features = _host.transform_points(net, x)
    lower, upper = features.min(axis=0), features.max(axis=0)
    flat = ~(lower < upper)
    return Box(np.where(flat, lower - 1.0, lower), np.where(flat, upper + 1.0, upper))


def warn_outside(net: Any, x: Any) -> None:
    """Warn, once per network, when points lie far outside the domain."""
    domain = net.spec.domain
    if getattr(net, "_warned_outside", False) or x.shape[-1] != domain.dim or len(x) == 0:
        return
    far = (np.abs(domain.normalise(np.asarray(x, dtype=float))) > FAR_OUTSIDE).any(axis=1)
    if not far.any():
        return
    object.__setattr__(net, "_warned_outside", True)
    where = np.array2string(np.asarray(x)[far][0], precision=4)
    warnings.warn(
        f"{type(net).__name__}: {far.sum()} of {len(x)} points lie far outside its domain "
        f"{domain}, first x = {where}; it has no features there. Give the domain that holds them: "
        f"{type(net).__name__}(..., domain=(lower, upper)).",
        UserWarning,
        stacklevel=4,
    )


def check_prediction_points(model: Any, arguments: dict[str, Any]) -> None:
    """Hook before ``Model.predict``: warn once when points lie far outside the domain."""
    x = arguments["x"]
    net = model.net
    if not isinstance(net, (RepNet, RepOperator)) or net.spec is None:
        return
    if _host.input_transform(net) is not None:
        return
    if isinstance(net, RepOperator) and isinstance(x, (tuple, list)) and len(x) == 2:
        x = x[1]
    if isinstance(x, np.ndarray) and x.ndim == 2:
        warn_outside(net, x)


def _check_finite(data: Any, x: np.ndarray, y: Any, functions: np.ndarray | None = None) -> None:
    arrays = [("training points", x)]
    if functions is not None:
        arrays.append(("input functions", functions))
    if y is not None and isinstance(y, np.ndarray):
        arrays.append(("targets", y))
    arrays += _host.condition_values(data)
    for name, array in arrays:
        rows = ~np.isfinite(np.asarray(array, dtype=float)).reshape(len(array), -1).all(axis=1)
        if rows.any():
            raise ValueError(
                f"the {name} hold NaN or infinity in {rows.sum()} of {len(rows)} rows, first row "
                f"{int(np.argmax(rows))}; training on them gives NaN. Remove these rows."
            )


def _show(values: Array) -> str:
    shown = [f"{v:.4g}" for v in np.atleast_1d(values)]
    if len(shown) == 1 or len(set(shown)) == 1:
        return shown[0]
    return "(" + ", ".join(shown) + ")"
