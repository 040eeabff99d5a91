"""Every public entry point with what is fed to it and what its answers must hold to.

An input has a right answer, or an error that a ``raise`` of this package (or of DeepXDE, whose
arguments a drop-in passes on) gave: an error that comes
from below, out of NumPy or a framework, fails. So does an answer that takes long, and one that
leaves something behind: random states, working directory, environment, default types, ``dde.nn``,
``dde.grad``.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import math
import os
import random
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deepxde as dde
import hypothesis.extra.numpy as arrays_of
import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deepxde_repnet
from deepxde_repnet import (
    Box,
    Checkpoint,
    Guard,
    RepSpec,
    dynamics,
    frequencies,
    magnitude,
    modes,
    records,
    resume,
    solve,
    spectrum,
)
from deepxde_repnet.theory import gain, initialize, reference
from deepxde_repnet.train import ProgressBar, _files

# DeepXDE's own checks of the arguments that it gets from a drop-in are as good as ours.
CHECKING = tuple(str(Path(package.__file__).parent) for package in (deepxde_repnet, dde))

#: Seconds that no single input may take; a hang takes longer on any machine.
LONGEST = 120.0

floats = st.floats(width=32)
moderate = st.floats(2.0**-6, 128.0)
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    floats,
    st.sampled_from([math.nan, math.inf, -math.inf, 0, -1.0, "", "a", b"", 1j, 10**400, object()]),
    st.lists(floats, max_size=4),
    st.lists(st.text(max_size=2), max_size=2),
    st.just(np.ones((2, 2))),
    st.just(np.empty(0)),
    st.just({}),
)


def mostly(valid: st.SearchStrategy, share: int = 12) -> st.SearchStrategy:
    """Valid values, and junk in place of one of ``share``."""
    return st.integers(1, share).flatmap(lambda i: junk if i == share else valid)


def maybe(valid: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(st.none(), mostly(valid))


class Refused(Exception):
    """What was called said that its input makes no sense, and no exception could reach here."""


@dataclass
class Entry:
    """One entry point.

    Attributes:
        arguments: Strategy of a dict of keyword arguments for ``call``.
        call: The entry point, and whatever asserts that its answer is right.
        draws: Whether it may draw from the global random states, as its documentation says.
        examples: The number of inputs of the short version.
    """

    arguments: st.SearchStrategy
    call: Callable[..., Any]
    draws: bool = False
    examples: int = 15
    outcomes: Counter = field(default_factory=Counter)


ENTRIES: dict[str, Entry] = {}


def entry(draws: bool = False, examples: int = 15, **arguments: st.SearchStrategy) -> Callable:
    def register(call: Callable[..., Any]) -> Callable[..., Any]:
        name = call.__name__.removeprefix("of_")
        ENTRIES[name] = Entry(st.fixed_dictionaries(arguments), call, draws, examples)
        return call

    return register


def surroundings(draws: bool) -> dict[str, Any]:
    """What a call must leave as it was."""
    found: dict[str, Any] = {
        "working directory": os.getcwd(),
        "environment": dict(os.environ),
        "default type": (torch.get_default_dtype(), torch.get_default_device()),
        "float of DeepXDE": (dde.config.real(np), dde.config.autodiff, dde.config.random_seed),
        "dde.nn": sorted(vars(dde.nn)),
        "dde.grad": (dde.grad.jacobian, dde.grad.hessian, dde.grad.clear),
        "gradients are taken": torch.is_grad_enabled(),
        "errors of NumPy": np.geterr(),
    }
    if not draws:
        found["random"] = random.getstate()
        found["NumPy's random"] = np.random.get_state()[1].tolist()
        found["PyTorch's random"] = torch.get_rng_state().tolist()
    return found


def raised_here(error: BaseException) -> bool:
    """Whether a ``raise`` of the package or of DeepXDE gave an error, and nothing below it."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return False
    name, line = at.tb_frame.f_code.co_filename, at.tb_lineno
    return name.startswith(CHECKING) and linecache.getline(name, line).strip().startswith("raise")


def examine(name: str, examples: int) -> Counter:
    """Feed an entry point with so many inputs; an AssertionError has the smallest bad one."""
    tested = ENTRIES[name]
    tested.outcomes = Counter()
    # PyTorch's first optimizer sets a variable of the environment.
    _shared("model", _model)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(tested.arguments)
    def on(arguments: dict[str, Any]) -> None:
        tested.outcomes[outcome(tested, arguments)] += 1

    on()
    return tested.outcomes


def outcome(tested: Entry, arguments: dict[str, Any]) -> str:
    before, start = surroundings(tested.draws), time.monotonic()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("error", RuntimeWarning)
            tested.call(**arguments)
        found = "right answer"
    except AssertionError:
        raise
    except Refused:
        found = "refused"
    except Exception as error:
        if not raised_here(error):
            raise AssertionError(f"an error from below: {error!r}") from error
        found = type(error).__name__
    taken, after = time.monotonic() - start, surroundings(tested.draws)
    assert taken < LONGEST, f"it took {taken:.0f} s"
    changed = [key for key in before if before[key] != after[key]]
    assert not changed, f"left behind: {changed}"
    return found


# -------------------------------------------------------------------------------------------------
# Specification

size = st.integers(1, 6)
sizes = st.lists(size, min_size=3, max_size=5)
activations = st.sampled_from(["tanh", "sin", "relu", "gelu", "silu", "sigmoid", "Tanh", "elu"])
initializers = st.sampled_from(["Glorot uniform", "He normal", "LeCun normal", "zeros"])
per_axis = st.one_of(moderate, st.lists(moderate, min_size=1, max_size=3))
corners = st.lists(st.tuples(floats, moderate), min_size=1, max_size=3).map(
    lambda pairs: ([a for a, _ in pairs], [a + w for a, w in pairs])
)
REP = {
    "wavenumber": maybe(per_axis),
    "slope_scale": maybe(per_axis),
    "hidden_gain": maybe(moderate),
    "parameterization": maybe(st.sampled_from(["shift", "scaled", "log-scale"])),
    "seed": mostly(st.integers(0, 2**31)),
    "sines": maybe(st.floats(0, 1)),
}


@entry(lower=mostly(corners.map(lambda c: c[0])), upper=mostly(corners.map(lambda c: c[1])))
def of_Box(lower, upper):
    box = Box(lower, upper)
    assert box.dim == len(box.lower) == len(box.upper)
    assert np.isfinite(box.half_width).all() and (box.half_width > 0).all(), box
    np.testing.assert_allclose(box.normalise(np.array(box.upper)), 1, atol=1e-6)
    np.testing.assert_allclose(box.normalise(np.array(box.lower)), -1, atol=1e-6)


@entry(
    layer_sizes=mostly(sizes),
    activation=mostly(activations),
    kernel_initializer=mostly(initializers),
    **REP | {"parameterization": mostly(st.sampled_from(["shift", "scaled", "log-scale"]))},
)
def of_RepSpec(**arguments):
    spec = RepSpec(**arguments)
    assert spec.fans[0][0][0] == spec.dim
    assert 0 <= spec.n_sines <= spec.layer_sizes[1]


def _network(kind, layer_sizes, activation, kernel_initializer, **options):
    net = kind(layer_sizes, activation, kernel_initializer, **options)
    if net.settled:
        assert net.spec is not None
    if net.spec is None:
        return
    box = net.spec.domain
    x = np.linspace(box.lower, box.upper, 5)
    y = dde.backend.to_numpy(net(torch.as_tensor(x, dtype=torch.float32)))
    assert y.shape == (5, net.spec.fans[-1][-1][1] * len(net.spec.fans[-1]))
    named = isinstance(net.spec.activation, str)
    if named and not net.spec.activation.upper().startswith("LAAF"):
        exact = reference.forward(net.spec, net.to_numpy(), x).value
        scale = 1 + np.abs(exact).max()
        # In float32 steep ridges far from the origin lose digits: what the float can hold.
        steep = np.max(np.asarray(net.spec.slope_scale) * (1 + np.abs(box.center) / box.half_width))
        assert np.abs(y - exact).max() < 1e-4 * scale * (1 + steep), (y, exact)


NETWORK = {
    "activation": mostly(activations),
    "kernel_initializer": mostly(initializers),
    "domain": maybe(corners),
    **REP,
}
distributions = st.one_of(
    moderate,
    st.builds(frequencies.Normal, moderate, moderate),
    st.builds(lambda a, w: frequencies.Uniform(a, a + w), moderate, moderate),
    st.builds(lambda a, w: frequencies.LogUniform(a, a + w), moderate, moderate),
    st.builds(frequencies.StudentT, moderate, moderate),
    st.builds(frequencies.Samples, st.lists(moderate, min_size=1, max_size=4)),
)
of_all_axes = st.one_of(
    distributions,
    st.lists(mostly(distributions), min_size=1, max_size=4),
    st.lists(moderate, min_size=1, max_size=4).map(np.array),
    st.sampled_from(["operator", frequencies, frequencies.Normal, np.ones((3, 2))]),
)


@entry(
    draws=True,
    layer_sizes=mostly(sizes),
    activation=mostly(activations),
    kernel_initializer=mostly(initializers),
    domain=maybe(corners),
    frequencies=maybe(of_all_axes),
    trainable=mostly(st.booleans()),
    seed=mostly(st.integers(0, 2**31)),
)
def of_FourierFNN(**arguments):
    net = deepxde_repnet.FourierFNN(**arguments)
    if net.spec is not None:
        x = np.linspace(net.spec.domain.lower, net.spec.domain.upper, 5)
        y = net(torch.as_tensor(x, dtype=torch.float32))
        assert y.shape == (5, net.spec.fans[-1][-1][1]) and torch.isfinite(y).all()


branches = st.lists(size, min_size=2, max_size=2)


@entry(draws=True, layer_sizes=mostly(sizes), **NETWORK)
def of_RepFNN(**arguments):
    _network(deepxde_repnet.RepFNN, **arguments)


@entry(
    draws=True,
    layer_sizes=mostly(
        st.tuples(size, st.lists(mostly(st.one_of(size, branches)), min_size=1, max_size=3)).map(
            lambda pair: [pair[0], *pair[1], 2]
        )
    ),
    **NETWORK,
)
def of_RepPFNN(**arguments):
    _network(deepxde_repnet.RepPFNN, **arguments)


OPERATOR = {
    "layer_sizes_branch": mostly(st.tuples(size, size).map(lambda s: [*s, 4])),
    "layer_sizes_trunk": mostly(st.tuples(st.just(1), size).map(lambda s: [*s, 4])),
    **NETWORK,
    "branch_slope_scale": maybe(moderate),
    "branch_domain": maybe(corners),
}


@entry(draws=True, **OPERATOR)
def of_RepDeepONet(**arguments):
    _operator(deepxde_repnet.RepDeepONet, **arguments)


@entry(draws=True, **OPERATOR)
def of_RepDeepONetCartesianProd(**arguments):
    _operator(deepxde_repnet.RepDeepONetCartesianProd, **arguments)


def _operator(kind, layer_sizes_branch, layer_sizes_trunk, activation, kernel_initializer, **rest):
    net = kind(layer_sizes_branch, layer_sizes_trunk, activation, kernel_initializer, **rest)
    if net.settled:
        inputs = (torch.ones(3, layer_sizes_branch[0]), torch.ones(3, layer_sizes_trunk[0]))
        assert torch.isfinite(net(inputs)).all()


# -------------------------------------------------------------------------------------------------
# Theory

supported = st.sampled_from(["tanh", "relu", "sin", "gelu", "silu", "softplus"])
MAGNITUDE = {
    "activation": mostly(supported),
    "layer_sizes": mostly(st.lists(st.integers(1, 80), min_size=3, max_size=5)),
    "hidden_gain": mostly(moderate),
    "points": maybe(st.just([[0.5], [0.25]])),
}


def _holds(value: float) -> bool:
    return math.isfinite(value) and value > 0


@entry(
    **MAGNITUDE,
    slope_scale=mostly(per_axis),
    output_scale=mostly(moderate),
    sines=mostly(st.floats(0, 1)),
)
def of_magnitude_predict(**arguments):
    found = magnitude.predict(**arguments)
    assert _holds(found.output_rms) and _holds(found.slope_rms) and _holds(found.omega), found


@entry(examples=5, **MAGNITUDE, slope_rms=maybe(moderate), omega=maybe(moderate))
def of_magnitude_slope_scale_for(**arguments):
    s = magnitude.slope_scale_for(**arguments)
    _attained(arguments, slope_scale=s)


@entry(
    examples=5,
    **{k: v for k, v in MAGNITUDE.items() if k != "hidden_gain"},
    slope_scale=mostly(per_axis),
    slope_rms=maybe(moderate),
    omega=maybe(moderate),
)
def of_magnitude_hidden_gain_for(**arguments):
    g = magnitude.hidden_gain_for(**arguments)
    _attained(arguments, hidden_gain=g)


def _attained(arguments, **found):
    targets = {"slope_rms": arguments.pop("slope_rms"), "omega": arguments.pop("omega")}
    predicted = magnitude.predict(**arguments, **found)
    for name, target in targets.items():
        if target is not None:
            assert math.isclose(getattr(predicted, name), target, rel_tol=1e-3), (found, predicted)


@entry(**MAGNITUDE, slope_scale=mostly(per_axis), output_rms=mostly(moderate))
def of_magnitude_output_scale_for(output_rms, **arguments):
    v = magnitude.output_scale_for(output_rms=output_rms, **arguments)
    predicted = magnitude.predict(**arguments, output_scale=v)
    assert math.isclose(predicted.output_rms, output_rms, rel_tol=1e-6)


@entry(activation=mostly(supported), q=mostly(st.one_of(moderate, st.lists(moderate, min_size=1))))
def of_magnitude_moments(**arguments):
    for moment in magnitude.moments(**arguments)[:2]:
        assert np.isfinite(moment).all() and (moment >= 0).all()


rows = st.integers(1, 30)


def table(columns: st.SearchStrategy, elements: st.SearchStrategy) -> st.SearchStrategy:
    shape = st.tuples(rows, columns)
    return shape.flatmap(lambda s: arrays_of.arrays(np.float64, s, elements=elements))


coordinates = st.one_of(
    table(st.integers(1, 3), st.floats(-10, 10)), table(st.integers(1, 3), st.floats(width=64))
)


@st.composite
def sampled(draw):
    x = draw(coordinates)
    elements = draw(st.sampled_from([st.floats(-1, 1), st.floats(width=64), st.just(1.0)]))
    v = draw(arrays_of.arrays(np.float64, (len(x), draw(st.integers(1, 2))), elements=elements))
    return x, v


@entry(both=st.one_of(sampled(), st.tuples(mostly(coordinates), mostly(coordinates))))
def of_spectrum_wavenumber(both):
    k = spectrum.wavenumber(*both)
    assert k.shape == (np.shape(both[0])[1],)
    assert ((k >= 0) | np.isnan(k)).all() and not np.isinf(k).any(), k


@entry(
    both=st.one_of(
        sampled().map(lambda b: (b[1], np.repeat(b[0][:, None], b[1].shape[1], axis=1))),
        st.tuples(junk, junk),
    )
)
def of_spectrum_wavenumber_from_gradient(both):
    k = spectrum.wavenumber_from_gradient(*both)
    assert (k >= 0).all() and np.isfinite(k).all(), k


@entry(n_points=mostly(st.integers(1, 10**9)), half_widths=mostly(st.lists(moderate, min_size=1)))
def of_spectrum_resolved_wavenumber(**arguments):
    k = spectrum.resolved_wavenumber(**arguments)
    assert (k > 0).all() and np.isfinite(k).all()


# Several axes, and many points on them, make the large grids that are refused.
near = st.one_of(st.floats(-9, 9), st.floats(-9, 9), floats)
shapes = mostly(
    st.one_of(
        st.integers(4, 12), st.lists(st.integers(3, 12), min_size=1, max_size=3), st.just(10**9)
    ),
    6,
)
windows = st.one_of(st.none(), st.sampled_from(["hann", "flattop"]))
boxes = st.one_of(
    st.lists(st.tuples(near, moderate), min_size=1, max_size=3).map(
        lambda pairs: ([a for a, _ in pairs], [a + w for a, w in pairs])
    ),
    st.tuples(mostly(near), mostly(near)),
)


def _amplitudes(found, values):
    """What any modes give of values; of ones it is the mean alone."""
    n = len(found.points)
    if len(found.wavenumbers) == 0:
        return
    given = np.full(n, values) if isinstance(values, float) else values
    c = found.amplitudes(given)
    assert c.shape == (len(found.wavenumbers),)
    if np.ndim(values) == 0 and abs(values) < 1e6:
        assert np.isfinite(c).all()


VALUES = {"values": mostly(floats, 4)}


@entry(box=boxes, shape=shapes, window=mostly(windows), **VALUES)
def of_modes_Grid(box, values, **arguments):
    found = modes.Grid(*box, **arguments)
    assert found.points.shape == (math.prod(found.shape), len(found.lower))
    assert np.isfinite(found.wavenumbers).all() and found.bandwidth >= 1 - 1e-9
    _amplitudes(found, values)


near_points = st.one_of(
    table(st.just(1), st.floats(-9, 9)), table(st.integers(1, 2), st.floats(-9, 9)), coordinates
)


@entry(
    examples=30,
    points=mostly(near_points),
    wavenumbers=mostly(
        st.one_of(
            table(st.integers(1, 3), st.floats(-9, 9)), st.lists(floats, min_size=1, max_size=3)
        )
    ),
    **VALUES,
)
def of_modes_Known(points, wavenumbers, values):
    _amplitudes(modes.Known(points, wavenumbers), values)


@entry(
    examples=30,
    points=mostly(near_points),
    box=st.one_of(
        st.just((None, None)), st.just((-9, 9)), boxes, st.tuples(mostly(near), mostly(near))
    ),
    highest=st.one_of(st.none(), maybe(per_axis)),
    window=mostly(windows),
    **VALUES,
)
def of_modes_Scattered(points, box, values, **arguments):
    found = modes.Scattered(points, *box, **arguments)
    assert (np.abs(found.wavenumbers) <= found.highest).all()
    _amplitudes(found, values)


@entry(
    wavenumbers=mostly(st.one_of(coordinates, st.lists(floats, min_size=1, max_size=4))),
    amplitudes=st.one_of(junk, floats, st.just(1j)),
    edges=mostly(st.lists(floats, min_size=2, max_size=4, unique=True).map(sorted)),
    bandwidth=mostly(moderate),
)
def of_modes_shells(wavenumbers, amplitudes, edges, bandwidth):
    if isinstance(amplitudes, (float, complex)) and np.ndim(wavenumbers) > 0:
        amplitudes = np.full(len(wavenumbers), amplitudes)
    shape = modes.shells(wavenumbers, amplitudes, edges, bandwidth).shape
    assert shape == (*np.shape(amplitudes)[:-1], len(edges) - 1)


@st.composite
def histories(draw):
    n = draw(st.integers(1, 8))
    times = sorted(draw(st.lists(floats, min_size=n, max_size=n, unique=True)))
    elements = draw(st.sampled_from([st.floats(0, 1), st.floats(width=64), st.just(0.0)]))
    return times, draw(arrays_of.arrays(np.float64, (n, 2), elements=elements))


@entry(both=st.one_of(histories(), st.tuples(junk, junk)), over=mostly(st.integers(2, 9)))
def of_modes_learning_rate(both, over):
    rate = modes.learning_rate(*both, over)
    assert rate.shape == np.shape(both[1])


@entry(both=st.one_of(histories(), st.tuples(junk, junk)), fraction=mostly(st.floats(0.01, 0.99)))
def of_modes_learning_time(both, fraction):
    found = modes.learning_time(*both, fraction)
    assert found.shape == np.shape(both[1])[1:]
    assert (found[~np.isnan(found)] >= 0).all()


@entry(
    axes=mostly(
        st.lists(st.lists(floats, min_size=1, max_size=4).map(np.array), min_size=1, max_size=3)
    )
)
def of_modes_grid_points(axes):
    assert modes.grid_points(axes).shape == (math.prod(map(len, axes)), len(axes))


def _distribution(made):
    """An even density of at most one, and draws of the shape that is asked for."""
    k = np.linspace(0.0, 300.0, 10_001)
    rho = made.density(k)
    assert (rho >= 0).all() and np.allclose(rho, made.density(-k), rtol=1e-12)
    assert rho.sum() * 300 / 10_000 - rho.max() * 0.03 <= 0.5
    assert made.sample(np.random.default_rng(0), 5).shape == (5,)


@entry(scale=mostly(moderate), mean=mostly(moderate))
def of_frequencies_Normal(**arguments):
    _distribution(frequencies.Normal(**arguments))


@entry(low=mostly(st.floats(0, 9)), high=mostly(moderate))
def of_frequencies_Uniform(**arguments):
    _distribution(frequencies.Uniform(**arguments))


@entry(low=mostly(st.floats(0, 9)), high=mostly(moderate))
def of_frequencies_LogUniform(**arguments):
    _distribution(frequencies.LogUniform(**arguments))


@entry(scale=mostly(moderate), df=mostly(moderate))
def of_frequencies_StudentT(**arguments):
    _distribution(frequencies.StudentT(**arguments))


functions = st.sampled_from(
    [
        lambda k: 1.0 / (1.0 + np.abs(k).reshape(len(k), -1).max(axis=1)),
        lambda k: 1.0,
        lambda k: -1.0,
        lambda k: np.nan,
        lambda k: np.zeros(len(k)),
        lambda k: 1e300,
        lambda k: "a",
        lambda k: np.ones((2, 2)),
        lambda k: None,
    ]
)


@entry(function=mostly(functions), low=mostly(st.floats(0, 9)), high=mostly(moderate))
def of_frequencies_Density(**arguments):
    _distribution(frequencies.Density(**arguments))


@entry(values=mostly(st.one_of(st.lists(floats, min_size=1), coordinates)), k=mostly(floats, 3))
def of_frequencies_Samples(values, k):
    made = frequencies.Samples(values)
    drawn = made.sample(np.random.default_rng(0), 5)
    assert drawn.shape == (5, *np.shape(values)[1:]) and np.isfinite(drawn).all()
    assert (made.density(k) >= 0).all()


@entry(frequencies=mostly(of_all_axes), dim=mostly(st.integers(1, 4)), n=mostly(size))
def of_frequencies_parse(frequencies, dim, n):
    joint = deepxde_repnet.frequencies.parse(frequencies, dim)
    drawn = deepxde_repnet.frequencies.sample(joint, np.random.default_rng(0), n)
    assert drawn.shape == (n, dim) and np.isfinite(drawn).all()


@entry(
    joint=mostly(st.tuples(distributions, mostly(distributions))),
    generator=mostly(st.just("generator"), 6),
    n=mostly(size),
)
def of_frequencies_sample(joint, generator, n):
    generator = np.random.default_rng(0) if isinstance(generator, str) else generator
    assert frequencies.sample(joint, generator, n).shape == (n, 2)


@entry(
    symbol=mostly(functions, 4),
    low=mostly(st.lists(st.floats(0, 1), min_size=1, max_size=2)),
    high=mostly(st.lists(moderate, min_size=1, max_size=2)),
    n=mostly(st.integers(1, 99)),
)
def of_frequencies_from_symbol(n, **arguments):
    assert frequencies.from_symbol(**arguments, n=n).values.shape == (n, np.size(arguments["low"]))


FLOW = {
    "sigma": mostly(moderate),
    "dim": mostly(st.integers(1, 4)),
    "units": mostly(st.sampled_from(["radians", "cycles"])),
}
flows = st.builds(
    dynamics.gradient_flow, moderate, st.just(1), symbol=st.one_of(st.none(), functions)
)


def _flow(found):
    assert found.diffusion >= 0 and _holds(found.damping)


@entry(**FLOW, symbol=maybe(functions))
def of_dynamics_gradient_flow(**arguments):
    _flow(dynamics.gradient_flow(**arguments))


@entry(**FLOW, volume=mostly(moderate))
def of_dynamics_mean_square(**arguments):
    _flow(dynamics.mean_square(**arguments))


@entry(**FLOW)
def of_dynamics_random_phase(**arguments):
    _flow(dynamics.random_phase(**arguments))


wavenumbers = st.lists(st.floats(-9, 9), min_size=1, max_size=5)
lines = st.lists(st.floats(-9, 9), min_size=2, max_size=5, unique=True).map(sorted)
fraction = mostly(st.floats(0.01, 0.99))


@entry(flow=mostly(flows), density=mostly(functions, 4), k=mostly(wavenumbers), left=fraction)
def of_dynamics_learning_time(**arguments):
    assert dynamics.learning_time(**arguments).shape == np.shape(arguments["k"])[:1]


@entry(
    flow=mostly(flows),
    wanted=mostly(functions, 4),
    low=mostly(st.floats(0, 9)),
    high=mostly(moderate),
    left=fraction,
)
def of_dynamics_density_for(**arguments):
    density, unit = dynamics.density_for(**arguments)
    _distribution(density)
    assert _holds(unit)


@entry(values=mostly(wavenumbers), x=mostly(lines), k=mostly(wavenumbers))
def of_dynamics_transform(values, x, k):
    if isinstance(values, list) and isinstance(x, list) and len(values) > len(x):
        values = values[: len(x)]
    assert dynamics.transform(values, x, k).shape == (len(k),)


@entry(
    flow=mostly(flows),
    density=mostly(functions, 4),
    initial=mostly(functions, 4),
    times=mostly(st.lists(st.floats(0, 1), min_size=1, max_size=3).map(sorted)),
    axes=mostly(st.lists(mostly(lines), min_size=1, max_size=2)),
    step=mostly(st.floats(0.1, 1)),
)
def of_dynamics_evolve(**arguments):
    found = dynamics.evolve(**arguments)
    assert found.values.shape == (len(arguments["times"]), len(found.k))


@entry(
    flow=mostly(flows),
    density=mostly(functions, 4),
    initial=mostly(wavenumbers),
    n=st.integers(2, 5),
    times=mostly(st.lists(st.floats(0, 1), min_size=1, max_size=3)),
    axis=mostly(lines),
)
def of_dynamics_kernel_flow(initial, n, **arguments):
    if isinstance(initial, list):
        initial = np.resize(initial, n)
    x = np.linspace(-1, 1, n)
    found = dynamics.kernel_flow(initial=initial, x=x, **arguments)
    assert found.shape == (np.size(arguments["times"]), n)


specs = st.builds(
    lambda sizes, activation, initializer, scale, g, parameterization, seed: RepSpec(
        sizes,
        activation,
        initializer,
        domain=Box([0.0] * sizes[0], [1.0] * sizes[0]),
        slope_scale=(scale,) * sizes[0],
        hidden_gain=g,
        parameterization=parameterization,
        seed=seed,
    ),
    sizes,
    activations.filter(lambda name: name not in ("elu",)),
    initializers,
    moderate,
    moderate,
    st.sampled_from(["shift", "scaled", "log-scale"]),
    st.integers(0, 2**63),
)


@entry(spec=specs)
def of_theory_draw(spec):
    weights = initialize.draw(spec)
    for level, fans in zip(weights, spec.fans, strict=True):
        for layer, (n_in, n_out) in zip(level, fans, strict=True):
            shape = (
                layer.direction.shape[::-1] if hasattr(layer, "direction") else layer.kernel.shape
            )
            assert shape == (n_in, n_out)


@entry(spec=specs, x=mostly(st.lists(st.floats(0, 1), min_size=1, max_size=4)))
def of_theory_forward(spec, x):
    numbers = isinstance(x, list) and all(isinstance(entry, (int, float)) for entry in x)
    points = np.outer(np.asarray(x), np.ones(spec.dim)) if numbers else x
    found = reference.forward(spec, initialize.draw(spec), points)
    assert np.isfinite(found.value).all() and found.value.shape == (
        len(points),
        spec.fans[-1][0][1],
    )


@entry(spec=specs, slope_scale=moderate, wavenumber=moderate)
def of_theory_gain(spec, slope_scale, wavenumber):
    scale = np.full(spec.dim, slope_scale)
    assert _holds(gain.slope_preserving_gain(spec, scale))
    assert _holds(gain.fitting_gain(spec, scale, wavenumber))


# -------------------------------------------------------------------------------------------------
# Problems


def _interval(**options: Any) -> Any:
    geom = dde.geometry.Interval(0, 1)

    def pde(x, u):
        return dde.grad.hessian(u, x) + dde.backend.sin(3 * x)

    condition = dde.icbc.DirichletBC(geom, lambda x: 0 * x, lambda _, on: on)
    return dde.data.PDE(geom, pde, [condition], num_domain=8, num_boundary=2, **options)


# Made once: what a problem draws when it is made is DeepXDE's.
_DATA: dict[str, Any] = {}


def _is(word: str, value: Any) -> bool:
    """Whether a value stands for what an entry makes itself; an array does not compare to that."""
    return isinstance(value, str) and value == word


def _shared(name: str, make: Callable[[], Any]) -> Any:
    if name not in _DATA:
        _DATA[name] = make()
    return _DATA[name]


@entry(
    draws=True,
    examples=6,
    problem=mostly(st.just("data")),
    tol=mostly(st.sampled_from([1e-3, 1e-2, 0.1])),
    max_features=mostly(st.sampled_from([20, 40])),
    seed=mostly(st.integers(0, 100)),
    verbose=st.just(0),
    points=mostly(st.sampled_from(["own", "data"])),
    parameters=mostly(st.just("output")),
    wavenumber=maybe(moderate),
    loss_weights=maybe(st.lists(moderate, min_size=2, max_size=2)),
    external_trainable_variables=maybe(st.just([])),
)
def of_solve(problem, **arguments):
    found = solve(_shared("pde", _interval) if _is("data", problem) else problem, **arguments)
    assert np.isfinite(found.predict(np.array([[0.5]]))).all() and str(found)
    assert math.isfinite(found.residual)


@entry(draws=True, x=mostly(table(st.just(1), st.floats(-2, 2))))
def of_Solution_predict(x):
    solution = _shared("solution", lambda: solve(_interval(), tol=0.1, max_features=20, verbose=0))
    y = solution.predict(x)
    assert y.shape[1] == 1 and np.isfinite(y).all()


@st.composite
def targets(draw):
    x, y = draw(sampled())
    return x, y


@entry(draws=True, examples=20, both=targets(), sines=maybe(st.floats(0, 1)))
def of_compile(both, sines):
    """The calibration in ``Model.compile``, of a fit to whatever values."""
    with np.errstate(over="ignore"):  # what float32 does not hold is infinite
        x, y = (np.asarray(a, np.float32) for a in both)
    data = dde.data.DataSet(X_train=x, y_train=y, X_test=x, y_test=y)
    net = deepxde_repnet.RepFNN(
        [x.shape[1], 6, y.shape[1]], "tanh", "Glorot uniform", seed=0, sines=sines
    )
    dde.Model(data, net).compile("sgd", lr=1e-3, verbose=0)
    assert net.settled and _holds(net.spec.hidden_gain)
    assert all(map(_holds, net.spec.slope_scale))


# -------------------------------------------------------------------------------------------------
# Training


@entry(
    folder=mostly(st.text(min_size=1, max_size=4)),
    every=maybe(st.integers(1, 10**6)),
    seconds=maybe(moderate),
    keep=mostly(st.integers(1, 10)),
)
def of_Checkpoint(**arguments):
    made = Checkpoint(**arguments)
    assert made.every is not None or made.seconds is not None


@entry(
    every=mostly(st.integers(1, 100)),
    rollback=maybe(st.floats(0.01, 0.99)),
    attempts=mostly(st.integers(1, 9)),
)
def of_Guard(**arguments):
    Guard(**arguments)


def _model() -> Any:
    model = dde.Model(
        _interval(), deepxde_repnet.RepFNN([1, 4, 1], "tanh", "Glorot uniform", seed=0)
    )
    model.compile("adam", lr=1e-3, verbose=0)
    return model


RECORDER = {
    "period": maybe(st.integers(1, 9)),
    "file": mostly(st.none(), 6),
    "verbose": mostly(st.integers(0, 1)),
}
points_in_the_interval = np.linspace(0, 1, 12)[:, None]
any_modes = st.one_of(
    st.builds(modes.Grid, st.just(0), st.just(1), st.integers(4, 20), windows),
    st.just(modes.Known(points_in_the_interval, [1.0, 4.0])),
    st.just(modes.Scattered(points_in_the_interval)),
)


def _recorder(kind, net=None, **arguments):
    recorder = kind(**arguments)
    if recorder.file is None:
        _model().train(iterations=2, callbacks=[recorder], verbose=0)
        assert recorder.record.steps[0] == 0


@entry(
    draws=True,
    modes=maybe(any_modes),
    reference=maybe(functions),
    component=mostly(st.just(0)),
    inputs=maybe(st.just(lambda x: x.astype(np.float32))),
    **RECORDER,
)
def of_SpectrumRecorder(**arguments):
    _recorder(deepxde_repnet.SpectrumRecorder, **arguments)


@entry(draws=True, modes=maybe(any_modes), component=mostly(st.just(0)), **RECORDER)
def of_ResidualSpectrumRecorder(**arguments):
    _recorder(deepxde_repnet.ResidualSpectrumRecorder, **arguments)


@entry(draws=True, net=maybe(st.none()), **RECORDER)
def of_FirstLayerRecorder(**arguments):
    _recorder(deepxde_repnet.FirstLayerRecorder, **arguments)


@entry(every=mostly(moderate), file=maybe(st.builds(io.StringIO)))
def of_ProgressBar(**arguments):
    assert ProgressBar(**arguments).every > 0


@entry(
    draws=True,
    examples=10,
    model=mostly(st.just("model")),
    # Compiling takes seconds, and sets variables of the environment.
    compile=mostly(st.just(False)).map(lambda v: False if v is None or v is True else v),
    block=maybe(st.sampled_from([64, 512])),
    memory=maybe(moderate),
    verbose=mostly(st.integers(0, 1)),
)
def of_accelerate(model, **arguments):
    model = _model() if _is("model", model) else model
    deepxde_repnet.accelerate(model, **arguments)
    model.train(iterations=1, verbose=0)
    assert np.isfinite(model.train_state.loss_train).all()


@entry(draws=True, model=mostly(st.just("model"), 3), verbose=mostly(st.integers(0, 1), 3))
def of_distribute(model, verbose):
    model = _model() if _is("model", model) else model
    deepxde_repnet.distribute(model, verbose=verbose)


@entry(
    content=st.one_of(
        st.binary(max_size=40),
        st.binary(max_size=40).map(lambda tail: records.MAGIC + tail),
        st.dictionaries(st.sampled_from(["kind", "row", "steps"]), junk, max_size=3),
    ),
    framed=st.booleans(),
    path=mostly(st.just("file"), 4),
)
def of_records_load(content, framed, path):
    """Files that are no records: bytes, and archives of something else with a whole header."""
    if isinstance(content, dict):
        buffer = io.BytesIO()
        np.savez(buffer, **{k: np.array(repr(v)) for k, v in content.items()})
        content = buffer.getvalue()
        if framed:
            frame = records._FRAME.pack(len(content), zlib.crc32(content))
            content = records.MAGIC + frame + content
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "file")
        file.write_bytes(content)
        records.load(file if _is("file", path) else path)
    raise AssertionError("it was taken for a record")


trees = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=3),
        st.just(np.arange(3.0)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=2), st.sampled_from(["$array", "fingerprint", "progress"])),
            inner,
            max_size=3,
        ),
        st.tuples(inner, inner),
    ),
    max_leaves=8,
)


@entry(model=mostly(st.just("model")), folder=mostly(st.just("folder")), content=trees)
def of_resume(model, folder, content):
    """A folder with a file that is sealed and holds something else; it is refused."""
    model = _shared("model", _model) if _is("model", model) else model
    with tempfile.TemporaryDirectory() as name:
        Path(name, "00000001-step-5.npz").write_bytes(_files.to_bytes(content))
        try:
            step = resume(model, name if _is("folder", folder) else folder)
        finally:
            left = sorted(p.name for p in Path(name).iterdir())
            assert left == ["00000001-step-5.npz"], "reading has written"
        assert step == 0 and not _is("folder", folder), "something else was loaded"


@entry(content=trees)
def of_file(content):
    """What is written is what is read, whatever it is."""
    found = _files.from_bytes(_files.to_bytes(content))
    assert _same(found, content), (found, content)


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(b, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in b)
    if isinstance(b, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and a == b


@entry(
    content=trees,
    changes=st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 40),
)
def of_file_with_another_seal(content, changes, cut):
    """A file whose content was changed and sealed again: read or refused, never an accident."""
    import hashlib

    body = bytearray(_files.to_bytes(content)[:-64])
    tail = bytes(body[-(_files._SEAL_LENGTH - 64) :])
    inner = body[: len(body) - len(tail)]
    for place, value in changes:
        inner[place % len(inner)] = value
    whole = bytes(inner[: len(inner) - cut]) + tail
    _files.from_bytes(whole + hashlib.sha256(whole).hexdigest().encode())
