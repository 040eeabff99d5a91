"""FourierFNN, and the symbols of equations."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

import deepxde as dde
import numpy as np

import deepxde_repnet
from deepxde_repnet import frequencies
from deepxde_repnet.spec import Box
from deepxde_repnet.symbol import FreeWaves, NoSymbol, Symbol, balance
from deepxde_repnet.theory import initialize, reference

from .oracle import TOLERANCE
from .registry import check, without
from .support import (
    BACKEND,
    assert_close,
    assert_fields_close,
    calibrated,
    call,
    compiled,
    features,
    fields,
    fit,
    float_type,
    helmholtz,
    points,
    raises,
    train,
    wavenumber_said,
    weights,
)

PI = np.pi
FourierFNN = deepxde_repnet.FourierFNN


def network(dim: int = 2, **options: Any) -> Any:
    return FourierFNN([dim, 12, 10, 1], "tanh", "Glorot uniform", seed=4, **options)


@check()
def check_fourier_signature() -> None:
    """DeepXDE's arguments in their places; ours by keyword only."""
    expected = [(p.name, p.default) for p in inspect.signature(dde.nn.FNN).parameters.values()]
    parameters = inspect.signature(FourierFNN).parameters.values()
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert [(p.name, p.default) for p in positional] == expected
    own = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert own == {"frequencies": None, "trainable": True, "domain": None, "seed": None}
    assert FourierFNN.__doc__ and "frequencies:" in FourierFNN.__doc__
    assert dde.nn.FourierFNN is FourierFNN


@check(
    floats=["float32", "float64"],
    cases={"trained": {"trainable": True}, "fixed": {"trainable": False}},
)
def check_fourier_oracle(trainable: bool) -> None:
    """Values and derivatives before and after a step; what is fixed stays, the rest moves."""
    lower, upper = [0.0, -3.0], [1.0, 10.0]
    chosen = [frequencies.Uniform(2.0, 9.0), frequencies.Normal(0.8)]
    net = network(frequencies=chosen, trainable=trainable, domain=(lower, upper))
    x = points(20, lower, upper)
    model, said = compiled(fit(x, np.sin(x.sum(axis=1, keepdims=True))), net, lr=1e-2)
    assert said == "", "nothing was left to choose"
    tolerance = TOLERANCE[float_type()]
    before = fields(model, x)
    drawn = initialize.draw(net.spec)
    assert_fields_close(before, reference.forward(net.spec, drawn, x), tolerance)

    held = weights(model)
    wavenumbers = held[0][0].direction * np.array(net.spec.slope_scale) / net.spec.domain.half_width
    assert wavenumbers.shape == (6, 2)
    assert ((np.abs(wavenumbers[:, 0]) >= 2) & (np.abs(wavenumbers[:, 0]) <= 9)).all()

    train(model, 2)
    after = weights(model)
    assert_fields_close(fields(model, x), reference.forward(net.spec, after, x), tolerance)
    moved = np.abs(after[0][0].direction - held[0][0].direction).max()
    assert (moved > 1e-3) == trainable and (trainable or moved == 0)
    assert np.abs(after[1][0].kernel - held[1][0].kernel).max() > 1e-3


@check(backends=without("jax", "tensorflow.compat.v1"))
def check_fourier_save_and_restore() -> None:
    """A file carries the frequencies, fixed ones too."""
    x = points(40, [0], [1])
    for trainable in (True, False):
        options = {"frequencies": 20.0, "trainable": trainable}
        model, _ = compiled(fit(x, np.sin(9 * x)), network(1, **options), lr=1e-2)
        train(model, 2)
        expected = np.asarray(model.predict(x))
        other_net = FourierFNN([1, 12, 10, 1], "tanh", "Glorot uniform", seed=5, **options)
        other, _ = compiled(fit(3 * x, np.sin(9 * x)), other_net, lr=1e-2)
        with tempfile.TemporaryDirectory() as folder:
            other.restore(model.save(str(Path(folder, "model"))))
        assert_close(np.asarray(other.predict(x)), expected, 1e-6, "values")


@check()
def check_fourier_calibration() -> None:
    net = network(2)
    said = calibrated(helmholtz(n=900), net)
    assert "FourierFNN: domain [0, 1] x [0, 1] (geometry)" in said, said
    assert "frequencies uniform up to" in said and "(source term" in said, said
    for axis in net.spec.frequencies:
        assert isinstance(axis, frequencies.Uniform) and abs(axis.high / (8 * PI) - 1) < 0.2

    net = network(2, frequencies="operator", trainable=False)
    said = calibrated(helmholtz(n=900), net)
    assert "frequencies of the operator up to" in said, said
    # ρ ∝ 1/|k² - |w|²|²: the waves of the homogeneous equation, |w| = k = 4π.
    length = np.linalg.norm(net.spec.frequencies.values, axis=1)
    assert (np.abs(length / (4 * PI) - 1) < 0.1).mean() > 0.5


def slow_source(n: int = 400) -> Any:
    """u'' + 40² u = sin πx: the source says nothing of the equation's own waves."""
    interval = dde.geometry.Interval(0, 1)

    def pde(x: Any, y: Any) -> Any:
        second, u = dde.grad.hessian(y, x), _values(y)
        return _values(second) + 1600 * u - dde.backend.sin(PI * x)

    ends = dde.icbc.DirichletBC(interval, lambda x: np.zeros((len(x), 1)), lambda _, on: on)
    return dde.data.PDE(interval, pde, ends, num_domain=n, num_boundary=2)


@check()
def check_wavenumber_of_a_static_equation() -> None:
    """The equation's own waves count whatever network it is that leaves its scale open."""
    net = network(1)
    said = calibrated(slow_source(), net)
    assert "(free waves of the equation)" in said, said
    assert abs(net.spec.frequencies[0].high / 80 - 1) < 0.02, net.spec.frequencies
    layers = [1, 8, 8, 1]
    for net in (
        deepxde_repnet.RepFNN(layers, "tanh", "Glorot uniform", sines=0.0, seed=1),
        deepxde_repnet.RepFNN(layers, "tanh", "Glorot uniform", seed=1),
    ):
        said = calibrated(slow_source(), net)
        assert "(free waves of the equation)" in said, said
        assert abs(wavenumber_said()[0] / 40 - 1) < 0.02, said
    assert "sines in all hidden layers" in said, said


@check()
def check_fourier_refusals() -> None:
    with raises(ValueError, "13 features", "even", "14"):
        FourierFNN([1, 13, 1], "tanh", "Glorot uniform")
    with raises(ValueError, "frequencies='band'", "operator"):
        network(1, frequencies="band")
    with raises(TypeError, "frequencies", "Normal"):
        network(1, frequencies=frequencies.Normal)
    with raises(ValueError, "2 inputs", "3 entries"):
        network(2, frequencies=[1.0, 2.0, 3.0])
    if BACKEND != "tensorflow.compat.v1":
        with raises(RuntimeError, "FourierFNN", "compile", "frequencies="):
            call(network(1), points(3, [0], [1]))

    def squared(x: Any, y: Any) -> Any:
        first = dde.grad.jacobian(y, x, i=0, j=0)
        return (first[0] if isinstance(first, tuple) else first) ** 2 - 1

    data = dde.data.PDE(dde.geometry.Interval(0, 1), squared, [], num_domain=50)
    with raises(ValueError, "FourierFNN", "not linear", "Prescribe"):
        calibrated(data, network(1, frequencies="operator"))
    x = points(40, [0], [1])
    with raises(ValueError, "FourierFNN", "no differential equation"):
        calibrated(fit(x, np.sin(9 * x)), network(1, frequencies="operator"))
    net = network(1, frequencies="operator")
    net.apply_feature_transform(features if BACKEND != "paddle" else lambda x: 3 * x)
    with raises(ValueError, "feature transform"):
        calibrated(helmholtz(), net)


def symbol_of(equation: Any, dim: int = 1, highest: float = 30.0) -> Symbol:
    """Of ``equation(x, u, d1, d2)``, with d1(j) and d2(j) the derivatives along x_j."""

    def pde(x: Any, y: Any) -> Any:
        def first(j: int) -> Any:
            return _values(dde.grad.jacobian(y, x, i=0, j=j))

        def second(j: int) -> Any:
            return _values(dde.grad.hessian(y, x, i=j, j=j))

        return equation(x, _values(y), first, second)

    cube = dde.geometry.Hypercube([0] * dim, [2] * dim)
    data = dde.data.PDE(cube, pde, [], num_domain=10)
    return Symbol(data, Box([0] * dim, [2] * dim), np.full(dim, highest))


def _values(y: Any) -> Any:
    return y[0] if isinstance(y, tuple) else y


@check(floats=["float32", "float64"])
def check_symbol() -> None:
    k = np.array([[1.0, 2.0], [20.0, -3.0], [0.5, 0.0]])
    # Advection, diffusion, reaction and a source that varies: p = i k_1 + 0.1 |k|² + 3.
    symbol = symbol_of(
        lambda x, u, d1, d2: d1(0) - 0.1 * d2(0) - 0.1 * d2(1) + 3 * u + x[:, 0:1] ** 2, dim=2
    )
    expected = 1j * k[:, 0] + 0.1 * (k**2).sum(1) + 3
    tolerance = 1e-3 if float_type() is np.float32 else 1e-9
    assert_close(symbol(k), expected, tolerance, "symbol")


@check(
    cases={
        "wave": {"equation": lambda x, u, d1, d2: d2(1) - 4 * d2(0), "expected": 10},
        "transport": {"equation": lambda x, u, d1, d2: d1(1) + 4 * d1(0), "expected": 20},
        "the other way": {"equation": lambda x, u, d1, d2: d1(1) - 4 * d1(0), "expected": 20},
        "diffusion": {"equation": lambda x, u, d1, d2: d1(1) - 0.4 * d2(0), "expected": 10},
        "fast diffusion": {"equation": lambda x, u, d1, d2: d1(1) - 4 * d2(0), "expected": 40},
        "no time": {"equation": lambda x, u, d1, d2: d2(0), "expected": None},
    }
)
def check_balance(equation: Any, expected: float | None) -> None:
    found = balance(symbol_of(equation, dim=2), np.array([5.0, 0.0]), 1, 40.0)
    if expected is None:
        assert found is None, found
    else:
        assert found is not None and abs(found / expected - 1) < 0.02, found


@check(
    cases={
        "helmholtz": {
            "equation": lambda x, u, d1, d2: -d2(0) - d2(1) - 49 * u,
            "along": (7, 7),
            "from_": 5,
        },
        "wave": {"equation": lambda x, u, d1, d2: d2(1) - 4 * d2(0), "from_": 0.5},
        "transport": {"equation": lambda x, u, d1, d2: d1(1) + 4 * d1(0), "from_": 0.5},
        "klein-gordon": {
            "equation": lambda x, u, d1, d2: d2(1) - d2(0) + 49 * u,
            "along": (np.nan, 7),
            "from_": 10,
        },
        "poisson": {"equation": lambda x, u, d1, d2: -d2(0) - d2(1)},
        "screened": {"equation": lambda x, u, d1, d2: -d2(0) - d2(1) + 49 * u},
        "heat": {"equation": lambda x, u, d1, d2: d1(1) - d2(0)},
        "overdamped": {"equation": lambda x, u, d1, d2: d2(1) - d2(0) + 40 * d1(1)},
    }
)
def check_free_waves(equation: Any, along: Any = (np.nan, np.nan), from_: Any = None) -> None:
    """Where they are, and from which largest wavenumber on there are any."""
    free = FreeWaves(symbol_of(equation, dim=2), np.full(2, 30.0))
    np.testing.assert_allclose(free.along, along, atol=0.03)
    assert free.within(np.full(2, 30.0)) == (from_ is not None)
    if from_ is not None:
        assert free.within(np.full(2, 1.2 * from_))
        assert not free.within(np.full(2, 0.6 * from_)) or np.isnan(along).all()


@check(
    cases={
        "product": {"equation": lambda x, u, d1, d2: u * d1(0), "why": "not linear"},
        "absolute": {"equation": lambda x, u, d1, d2: (u**2 + 1e-9) ** 0.5, "why": "not linear"},
        "varying": {"equation": lambda x, u, d1, d2: x * d2(0), "why": "coefficients vary"},
        "system": {"equation": lambda x, u, d1, d2: [u, d1(0)], "why": "system of 2"},
        "outputs": {"equation": lambda x, u, d1, d2: {}["v"], "why": "KeyError"},
    }
)
def check_no_symbol(equation: Any, why: str) -> None:
    with raises(NoSymbol, why):
        symbol_of(equation)


@check()
def check_wavenumber_of_free_waves() -> None:
    """A wave equation, of which nothing says how fast it oscillates in time but itself."""
    geometry = dde.geometry.GeometryXTime(
        dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1)
    )

    def pde(x: Any, y: Any) -> Any:
        in_time = _values(dde.grad.hessian(y, x, i=1, j=1))
        return in_time - 9 * _values(dde.grad.hessian(y, x, i=0, j=0))

    start = dde.icbc.IC(geometry, lambda x: np.sin(4 * PI * x[:, 0:1]), lambda _, on: on)
    data = dde.data.TimePDE(geometry, pde, [start], num_domain=2000, num_initial=100)
    net = deepxde_repnet.RepFNN([2, 8, 8, 1], "tanh", "Glorot uniform", seed=1)
    said = calibrated(data, net)
    assert "balance of the equation" in said, said
    np.testing.assert_allclose(wavenumber_said(), [4 * PI, 12 * PI], rtol=0.1)
