"""Domain, slope scale, sines and gain of a RepNet out of the problem it is to solve.

Before training; what the problem says of its wavenumber is read by ``estimates``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls

from . import _host
from .estimates import (
    FRONTS,
    LOWEST_WAVENUMBER,
    Estimate,
    bounded,
    estimate_from_operator,
    estimate_from_problem,
    fitted,
    resolved,
    show,
    symbol_if_any,
    variables_of,
    with_free_waves,
    with_fronts,
)
from .nets import FourierNet, RepNet, RepOperator, completed_fourier
from .scale_search import LOST, search, small_problem
from .spec import (
    FAST_WAVES,
    PARAMETERIZATION_OF_WAVES,
    SLOPE_OF_TRAINED_SINES,
    SLOPE_PER_TARGET_WAVENUMBER,
    SLOPE_PER_WAVENUMBER,
    Array,
    Box,
    RepSpec,
    gentle_slope_scale,
    is_sine,
    slope_scale_from_wavenumber,
)
from .symbol import FreeWaves, NoSymbol, Symbol
from .theory import frequencies, waves
from .theory.gain import fitting_gain, sines_gain, slope_preserving_gain

#: Share of sines in the first layer of a network that fits targets without an equation. Measured.
SINES_OF_FITS = 1.0

#: The same where the equation lets free waves through, of which its solution is then made; later
#: layers are sines too there, unless ``sines=`` is given. Where it does not, sines fit small waves
#: of the source and miss the large, flat ones. Measured.
SINES_OF_WAVES = 1.0

#: Share of the sines of a network that fits targets whose waves are taken from them. Measured.
WAVES_OF_SINES = 0.5

#: How far beyond the problem's wavenumber free waves are looked for.
_WAVES_WITHIN = 2.0

#: Where the band of a FourierFNN ends whose frequencies are left open, over the wavenumber.
BAND_PER_WAVENUMBER = 2.0

#: Points beyond this many half widths from the centre are far outside the domain.
FAR_OUTSIDE = 2.0


@dataclass(frozen=True)
class Sampled:
    """Targets, and the largest wavenumbers that their points resolve: (d,), normalised units."""

    targets: _host.Samples
    highest: Array


@dataclass(frozen=True)
class Chosen:
    """What decides on a first layer, before a feature transform and what was given.

    Attributes:
        origin: Where the domain is from.
        wave: Wavenumber per coordinate, (d,), in radians per unit of length; None where the slope
            scale is given.
        said: Where the wavenumber is from.
        slopes: Slope scale for each coordinate, (d,), normalised units; None where it is given.
        targets: What targets without an equation say of their wavenumber; None with an equation.
        sines: Share of sines in the first layer, unless it is given.
        activation: Of all hidden layers, in place of the given one; None keeps that. With it goes
            the parameterization of the first layer, unless that is given.
        sampled: Targets that the waves of some of the sines are drawn from; None where the user has
            said how fast they oscillate.
    """

    domain: Box
    origin: str
    wave: Array | None
    said: str
    slopes: Array | None
    targets: Estimate | None
    sines: float = 0.0
    activation: str | None = None
    sampled: Sampled | None = None


def calibrate(model: Any, arguments: dict[str, Any]) -> None:
    """Hook before ``Model.compile``: complete the model's RepNet, and say what was chosen.

    Args:
        arguments: Those of ``Model.compile``; with ``"trained": False`` the features are not to be
            trained but taken as they are.

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
    estimate, samples = estimate_from_problem(model, x, y, arguments, domain.dim)
    targets = fitted(samples)
    fit = targets is not None
    limit = resolved(x, domain)
    notes: list[str] = []
    doubts: list[str] = []
    highest = limit / domain.half_width
    symbol = None if fit else symbol_if_any(model, domain, highest, arguments)
    free = FreeWaves(symbol, highest) if symbol else None
    if given.slope_scale is not None:
        wave, said = None, "given"
    elif given.wavenumber is not None:
        wave, said = _one_each(net, "wavenumber", domain.dim, "coordinates"), "given"
    else:
        estimate = with_free_waves(model, estimate, highest, symbol, free)
        if estimate is not None and not fit and symbol is None:
            estimate = with_fronts(model, x, samples, estimate, domain, highest, arguments, notes)
        wave, said, heard = bounded(net, estimate, domain, limit, notes, doubts)
    reach = highest if wave is None else np.minimum(_WAVES_WITHIN * wave, highest)
    sines, activation = 0.0, None
    if fit and given.takes_sines:
        sines = SINES_OF_FITS
    # Of features it is not known which waves they make.
    elif given.takes_sines and free and _host.input_transform(net) is None and free.within(reach):
        sines = SINES_OF_WAVES
        if given.sines is None and isinstance(given.activation, str):
            activation = "sin"
    slopes, problem = None, None
    if wave is not None:
        trained = given.scale_open and not fit and arguments.get("trained", True)
        steepness = SLOPE_PER_WAVENUMBER
        if given.scale_open and fit:
            steepness = SLOPE_PER_TARGET_WAVENUMBER
        elif trained and (sines or given.sines or is_sine(given.activation)):
            steepness = SLOPE_OF_TRAINED_SINES
        slopes = slope_scale_from_wavenumber(wave, domain.half_width, steepness)
        if trained:
            problem = small_problem(model, _box(net, x, domain), variables_of(arguments))
            fronts = FRONTS in said and (heard > FAST_WAVES).any()
            if steepness == SLOPE_PER_WAVENUMBER and not fronts:
                slopes = gentle_slope_scale(heard, problem.order if problem else 2)
    chosen = Chosen(
        domain,
        origin,
        wave,
        said,
        slopes,
        estimate if fit else None,
        sines,
        activation,
        Sampled(targets, limit) if targets is not None and given.scale_open else None,
    )
    box, scale = _layer(net, x, chosen, notes)
    if problem is not None:
        network = (chosen.activation or given.activation, sines if given.sines is None else None)
        found = search(problem, given, scale, *network)
        scale = found.scale
        notes.append(found.said)
        if found.validation < LOST:
            doubts.clear()
    for doubt in doubts:
        warnings.warn(doubt, UserWarning, stacklevel=5)
    message, spec = _completed(net, box, scale, chosen, notes)
    net.calibrate(spec)
    return message


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
        limit = resolved(x, domain)
        highest = limit / domain.half_width
        estimate, _ = estimate_from_problem(model, x, y, arguments, domain.dim)
        read = symbol_if_any if given.frequencies is None else _symbol
        symbol = read(model, domain, highest, arguments)
        free = FreeWaves(symbol, highest) if symbol and not _host.has_time(model.data) else None
        estimate = with_free_waves(model, estimate, highest, symbol, free)
        doubts: list[str] = []
        wave, source, _ = bounded(net, estimate, domain, limit, notes, doubts)
        high = np.minimum(BAND_PER_WAVENUMBER * wave, highest)
        for doubt in doubts:
            warnings.warn(doubt, UserWarning, stacklevel=5)
        if given.frequencies is None:
            joint = tuple(frequencies.Uniform(0.0, float(k)) for k in high)
            said = f"frequencies uniform up to {show(high)} rad per unit length ({source})"
        else:
            # Below half a wave over the domain there is nothing to tell apart from a constant.
            low = np.minimum(LOWEST_WAVENUMBER / 2 / domain.half_width, high / 2)
            assert symbol is not None
            joint = frequencies.from_symbol(symbol, low, high)
            said = f"frequencies of the operator up to {show(high)} rad per unit length ({source})"
    net.calibrate(completed_fourier(given, box, joint))
    return f"{name}: " + ", ".join([f"domain {domain} ({origin})", said, *notes])


def _symbol(model: Any, domain: Box, highest: Array, arguments: dict[str, Any]) -> Symbol:
    """The symbol that a FourierFNN's frequencies are asked to come from."""
    name = type(model.net).__name__
    try:
        return Symbol(model.data, domain, highest, variables_of(arguments))
    except NoSymbol as error:
        raise ValueError(
            f'{name}: frequencies="operator" needs one linear equation with constant coefficients, '
            f"and {error}. Prescribe a distribution of deepxde_repnet.frequencies instead."
        ) from None


def _box(net: Any, x: Array, domain: Box) -> Box:
    """Of the first layer's inputs."""
    return domain if _host.input_transform(net) is None else _features_box(net, x)


def _layer(net: Any, x: Array, chosen: Chosen, notes: list[str]) -> tuple[Box, Array]:
    """Box and slope scale of the first layer, from the wavenumber unless they are given."""
    if _host.input_transform(net) is not None:
        box, scale = _through_transform(net, x, chosen.domain, chosen.slopes)
        notes.append(f"{box.dim} features over {box}")
        return box, scale
    slopes = net.given.slope_scale if chosen.slopes is None else chosen.slopes
    return chosen.domain, np.asarray(slopes)


def _completed(
    net: Any, layer_domain: Box, scale: Array, chosen: Chosen, notes: list[str]
) -> tuple[str, RepSpec]:
    """The specification with its layer's box, slope scale and gain; the line that says them."""
    domain, wave = chosen.domain, chosen.wave
    given = net.given
    spec = given.completed(
        layer_domain,
        scale,
        given.hidden_gain or 1.0,
        dim=layer_domain.dim,
        sines=chosen.sines,
        activation=chosen.activation,
        parameterization=PARAMETERIZATION_OF_WAVES if chosen.activation else None,
    )
    spec = replace(spec, waves=_waves(net, spec, chosen))
    normalised = chosen.targets.wavenumber * domain.half_width if chosen.targets else None
    gain = given.hidden_gain or _gain(spec, scale, normalised)
    parts = [f"domain {domain} ({chosen.origin})"]
    if wave is not None:
        parts.append(f"wavenumber {show(wave)} rad per unit length ({chosen.said})")
    parts.append(f"slope scale {show(scale)}" + (" (given)" if wave is None else ""))
    parts.append(f"hidden gain {gain:.3g}" + (" (given)" if given.hidden_gain else ""))
    if spec.sines_in_place_of(given):
        parts.append("sines in all hidden layers (free waves)")
    elif spec.n_sines:
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
    if not (chosen.sampled and plain and n and spec.dim > 1):
        return ()
    generator = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(1,)))
    targets = chosen.sampled.targets
    found = waves.draw(
        chosen.domain.normalise(targets.points),
        targets.values,
        n,
        np.asarray(spec.slope_scale),
        chosen.sampled.highest,
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
    estimate, fit = estimate_from_operator(model, domain.dim)
    notes: list[str] = []
    if given.slope_scale is not None:
        wave, said = None, "given"
    elif given.wavenumber is not None:
        wave, said = _one_each(net, "wavenumber", domain.dim, "coordinates"), "given"
    else:
        _check_says_something(model, estimate)
        limit = resolved(np.unique(x, axis=0), domain)
        wave, said, _ = bounded(net, estimate, domain, limit, notes, [])
    steepness = SLOPE_PER_TARGET_WAVENUMBER if fit and given.scale_open else SLOPE_PER_WAVENUMBER
    branch = None
    if net.branch_given is not None:
        branch = net.branch_given.domain or _branch_box(functions)
        notes.append(f"branch inputs in [{min(branch.lower):.4g}, {max(branch.upper):.4g}]")
    slopes = None
    if wave is not None:
        slopes = slope_scale_from_wavenumber(wave, domain.half_width, steepness)
    chosen = Chosen(domain, origin, wave, said, slopes, estimate if fit else None)
    message, spec = _completed(net, *_layer(net, x, chosen, notes), chosen, notes)
    net.calibrate(spec, branch)
    return message


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


def _through_transform(net: Any, x: Array, domain: Box, slopes: Array | None) -> tuple[Box, Array]:
    """Box and slope scale for the features of a transform f, by the chain rule.

    A ridge over normalised features with slope scale s_m has along x_j the mean square slope
    ``sum_m s_m² <(∂f_m/∂x_j)²>/h_m²``; that is set to the square of the slope scale for x_j by
    non-negative least squares, with a little weight on equal scales where several features could
    serve.
    """
    box = _features_box(net, x)
    if slopes is None:
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
    target = slopes**2
    even = target.max() / max(float(speed.sum(axis=1).max()), 1e-12)
    ridge = 1e-3 * max(float(speed.max()), 1e-12)
    squares, _ = nnls(
        np.vstack([speed, ridge * np.eye(box.dim)]),
        np.concatenate([target, np.full(box.dim, ridge * even)]),
    )
    lowest = slope_scale_from_wavenumber(np.full(box.dim, LOWEST_WAVENUMBER), np.ones(box.dim))
    return box, np.maximum(np.sqrt(squares), np.minimum(lowest, np.sqrt(target.max())))


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
