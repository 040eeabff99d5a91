"""Domain, slope scale and gain that the networks find in problems, at ``Model.compile``."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from typing import Any

import deepxde as dde
import numpy as np

from deepxde_repnet.spec import (
    SLOPE_PER_TARGET_WAVENUMBER,
    SLOPE_PER_WAVENUMBER,
    gentle_slope_scale,
)
from deepxde_repnet.theory import initialize, reference

from .oracle import TOLERANCE
from .registry import check, without
from .support import (
    BACKEND,
    NETWORKS,
    assert_close,
    assert_fields_close,
    calibrated,
    call,
    compiled,
    features,
    fields,
    fit,
    float_type,
    hard_boundary,
    helmholtz,
    network,
    plain,
    points,
    poisson,
    printed,
    raises,
    train,
    warned,
    wavenumber_said,
    weights,
    with_unknown,
)

PI = np.pi


def assert_domain(net: Any, lower: Sequence[float], upper: Sequence[float]) -> None:
    np.testing.assert_allclose(net.spec.domain.lower, lower, atol=1e-5)
    np.testing.assert_allclose(net.spec.domain.upper, upper, atol=1e-5)


def assert_scale(
    net: Any, k: Sequence[float], factor: float = SLOPE_PER_WAVENUMBER, tolerance: float = 0.15
) -> None:
    """What was found of wavenumbers k_j in physical units, within 15 %.

    Of a network that is given them, or that fits targets, that is a slope scale ``factor k_j h_j``.
    Of others the points have a say in the scale, and the wavenumber is what is told.
    """
    if net.given.wavenumber is None and factor == SLOPE_PER_WAVENUMBER:
        np.testing.assert_allclose(wavenumber_said() / np.array(k), 1.0, atol=tolerance)
        return
    expected = factor * np.array(k) * net.spec.domain.half_width
    ratio = np.array(net.spec.slope_scale) / expected
    assert np.all(np.abs(ratio - 1) < tolerance), (
        f"slope scale {net.spec.slope_scale} is {ratio} times the expected {expected}"
    )


# -------------------------------------------------------------------------------------------------
# Where the wavenumber comes from


@check()
def check_source_term() -> None:
    net = network(1)
    model, said = compiled(poisson((8 * PI,), dde.geometry.Interval(-1, 2)), net)
    assert_domain(net, [-1], [2])
    assert_scale(net, [8 * PI])
    for part in ("RepFNN: domain [-1, 2] (geometry)", "(source term)", "slope scale", "gain"):
        assert part in said, said
    # What was calibrated in place is what a network with this specification is born as.
    x = points(10, [-1], [2])
    drawn = reference.forward(net.spec, initialize.draw(net.spec), x)
    assert_close(np.asarray(model.predict(x)), drawn.value, 1e-4, "values")
    np.testing.assert_allclose(
        weights(model)[0][0].direction, initialize.draw(net.spec)[0][0].direction, rtol=1e-4
    )


@check(cases={p: {"parameterization": p} for p in ("shift", "scaled")})
def check_source_term_parameterization(parameterization: str) -> None:
    """What calibration changes is the same function whatever is trained."""
    net = network(1, parameterization=parameterization)
    model, _ = compiled(poisson((8 * PI,), dde.geometry.Interval(-1, 2), 64), net)
    x = points(10, [-1], [2])
    drawn = reference.forward(net.spec, initialize.draw(net.spec), x)
    assert_close(np.asarray(model.predict(x)), drawn.value, 1e-4, "values")


@check()
def check_hard_constraint() -> None:
    net = network()
    net.apply_output_transform(hard_boundary)
    model, _ = compiled(helmholtz(4 * PI), net)
    assert_domain(net, [0, 0], [1, 1])
    assert_scale(net, [4 * PI, 4 * PI])
    x = points(10, [0, 0], [1, 1])
    inner = reference.forward(net.spec, initialize.draw(net.spec), x).value
    assert_close(np.asarray(model.predict(x)), hard_boundary(x, inner), 1e-4, "values")


@check()
def check_wavenumber_per_axis() -> None:
    k = (2 * PI, 3 * PI)
    net = network()
    calibrated(poisson(k, dde.geometry.Rectangle([0, -2], [1, 2]), 1024), net)
    assert_domain(net, [0, -2], [1, 2])
    assert_scale(net, k)


@check()
def check_initial_condition_alone() -> None:
    """Diffusion: the source says nothing, and the initial condition nothing about time."""
    geometry = dde.geometry.GeometryXTime(
        dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 0.5)
    )

    def pde(x: Any, y: Any) -> Any:
        return plain(dde.grad.jacobian(y, x, i=0, j=1)) - plain(dde.grad.hessian(y, x, i=0, j=0))

    data = dde.data.TimePDE(
        geometry,
        pde,
        [
            dde.icbc.DirichletBC(geometry, lambda x: np.zeros((len(x), 1)), lambda _, on: on),
            dde.icbc.IC(geometry, lambda x: np.sin(4 * PI * x[:, 0:1]), lambda _, on: on),
        ],
        num_domain=300,
        num_boundary=20,
        num_initial=80,
    )
    net = network()
    said = calibrated(data, net)
    assert_domain(net, [0, 0], [1, 0.5])
    # The rate ν k² of diffusion, as far as 420 points resolve it: π/(2h), h = 2/√420.
    resolved = PI / 4 * np.sqrt(400) / 0.25
    assert_scale(net, [4 * PI, min((4 * PI) ** 2, resolved)])
    assert "condition 2 (IC), balance of the equation" in said, said
    # A rate is no wave; and what the points leave of it is the same on every backend.
    known = np.minimum(wavenumber_said() * net.spec.domain.half_width, [np.inf, 2 * PI])
    np.testing.assert_allclose(net.spec.slope_scale, gentle_slope_scale(known, 2), rtol=2e-3)
    assert abs(float(said.rpartition("validation residual ")[2]) / 0.73 - 1) < 0.1, said


@check()
def check_boundary_values_alone() -> None:
    """Laplace: sin(5πx) on one side, and nothing else that varies."""
    geometry = dde.geometry.Rectangle([0, 0], [1, 1])

    def pde(x: Any, y: Any) -> Any:
        return plain(dde.grad.hessian(y, x, i=0, j=0)) + plain(dde.grad.hessian(y, x, i=1, j=1))

    def top(x: Any, on: Any) -> Any:
        return on and dde.utils.isclose(x[1], 1)

    data = dde.data.PDE(
        geometry,
        pde,
        [
            dde.icbc.DirichletBC(geometry, lambda x: np.sin(5 * PI * x[:, 0:1]), top),
            dde.icbc.DirichletBC(
                geometry, lambda x: 0 * x[:, 0:1], lambda x, on: on and not top(x, on)
            ),
        ],
        num_domain=256,
        num_boundary=200,
    )
    net = network()
    said = calibrated(data, net)
    assert_scale(net, [5 * PI, 5 * PI])
    assert "condition 1 (DirichletBC)" in said and "x[1]" in said, said


@check()
def check_function() -> None:
    data = dde.data.Function(
        dde.geometry.Interval(-1, 1), lambda x: np.sin(10 * PI * x), num_train=200, num_test=10
    )
    net = network(1)
    said = calibrated(data, net)
    assert_domain(net, [-1], [1])
    assert_scale(net, [10 * PI], SLOPE_PER_TARGET_WAVENUMBER)
    assert "(target)" in said, said


@check()
def check_sines_of_fits() -> None:
    """The whole first layer where targets alone are fitted, and as it is given otherwise."""
    x = points(200, [0], [1])
    data = fit(x, np.sin(30 * x))
    net = network(1)
    said = calibrated(data, net)
    assert net.spec.sines == 1 and net.spec.hidden_gain == 1
    assert "sines from 16 of the first layer's 16 neurons" in said and "(given)" not in said, said

    # In several variables the first layer has directions to find.
    x3 = points(400, [0, 0, 0], [1, 1, 1])
    net = network(3)
    calibrated(fit(x3, np.sin(9 * x3.sum(1, keepdims=True))), net)
    assert net.spec.hidden_gain == 0.25

    net = network(1, sines=0.25)
    said = calibrated(data, net)
    assert (
        net.spec.sines == 0.25 and "sines from 4 of the first layer's 16 neurons (given)" in said
    ), said

    for without_sines in (
        network(1, sines=0),
        NETWORKS["PFNN"]([1, [8, 8], [8, 8], 2], "tanh", "He normal"),
    ):
        y = np.sin(30 * x @ np.ones((1, without_sines.given.layer_sizes[-1])))
        said = calibrated(fit(x, y), without_sines)
        assert without_sines.spec.sines == 0 and without_sines.spec.hidden_gain > 1
        assert "sines" not in said, said


@check(cases={p: {"parameterization": p} for p in ("log-scale", "shift", "scaled")})
def check_waves_of_targets(parameterization: str) -> None:
    """Half of the sines take theirs from targets in several variables; so does the network."""
    x = points(500, [0, 0], [1, 2])
    data = fit(x, np.sin(20 * x[:, :1] + 7 * x[:, 1:]))
    net = network(parameterization=parameterization)
    model, said = compiled(data, net)
    assert "16 neurons (targets), 8 of them waves of the targets" in said, said
    waves = np.array(net.spec.waves)
    assert waves.shape == (8, 2)
    one = np.sign(waves[:, :1]) * waves  # w and -w are the same sine
    assert np.median(np.linalg.norm(one - [10, 7], axis=1)) < PI, waves
    (first,), (drawn,) = weights(model)[0], initialize.draw(net.spec)[0]
    np.testing.assert_allclose(first.direction, drawn.direction, rtol=1e-5, atol=1e-6)
    slopes = first.slope(np.array(net.spec.slope_scale))
    np.testing.assert_allclose(slopes[:8], waves, rtol=1e-5, atol=1e-5)
    assert np.abs(slopes[8:] - slopes[:8]).min() > 1e-3

    # Nothing but a share of the neurons, one variable, or a scale that was given.
    x1 = points(200, [0], [1])
    for given, target in (
        (network(sines=0), data),
        (network(1), fit(x1, np.sin(30 * x1))),
        (network(wavenumber=5), data),
    ):
        said = calibrated(target, given)
        assert given.spec.waves == () and "waves" not in said, said


@check()
def check_sines_of_waves() -> None:
    """Everywhere, where the equation has free waves with the problem's wavenumbers."""
    whole = "sines in all hidden layers (free waves)"
    for options in ({}, {"wavenumber": 4 * PI}, {"slope_scale": 2.0}, {"domain": ([0, 0], [1, 1])}):
        net = network(**options)
        assert whole in calibrated(helmholtz(), net) and net.spec.sines == 1, options
        assert net.spec.activation == "sin" and net.spec.hidden_gain == 1
        assert net.spec.parameterization == "scaled"
    # Too slow for it, so that its free waves have no part in the solution.
    for net in (network(wavenumber=PI), network(sines=0)):
        assert "sines" not in calibrated(helmholtz(), net) and net.spec.sines == 0
    square = dde.geometry.Rectangle([0, 0], [1, 1])
    for data in (poisson((4 * PI, 4 * PI), square), helmholtz(sign=-1)):
        net = network()
        assert "sines" not in calibrated(data, net) and net.spec.sines == 0
        assert net.spec.activation == "tanh" and net.spec.parameterization == "log-scale"
    # Sines of the first layer alone, or a parameterization that was asked for.
    for options, kept in (({"sines": 1}, "log-scale"), ({"parameterization": "shift"}, "shift")):
        net = network(**options)
        calibrated(helmholtz(), net)
        assert net.spec.parameterization == kept, options


@check(floats=["float32", "float64"])
def check_sines_in_all_layers() -> None:
    """The network is what its specification says, before and after a step."""
    x = points(20, [0, 0], [1, 1])
    for options, activation in (({}, "sin"), ({"sines": 1}, "tanh"), ({"sines": 0.5}, "tanh")):
        net = network(**options)
        model, said = compiled(helmholtz(), net, lr=1e-2)
        assert net.spec.activation == activation, options
        assert ("in all hidden layers" in said) == (activation == "sin"), said
        drawn = reference.forward(net.spec, initialize.draw(net.spec), x)
        assert_fields_close(fields(model, x), drawn, TOLERANCE[float_type()])
        train(model, 2)
        trained = reference.forward(net.spec, weights(model), x)
        assert_fields_close(fields(model, x), trained, TOLERANCE[float_type()])


@check(backends=without("jax", "paddle"))
def check_sines_keep_a_list_of_activations() -> None:
    """Who names one for each layer means them; the first has its sines all the same."""
    net = NETWORKS["FNN"]([2, 16, 16, 1], ["tanh", "sigmoid", "tanh"], "Glorot uniform", seed=1)
    said = calibrated(helmholtz(), net)
    assert "sines from 16 of the first layer's 16 neurons (free waves)" in said, said
    assert net.spec.activation == net.given.activation


# u_t + u u_x = ν u_xx and u_t = d u_xx + 5 (u - u³) from A sin 2πx, A = 1, for x in [0, 2].
def _burgers(nu: float, forcing: float = 0.0) -> Any:
    def pde(x: Any, y: Any) -> Any:
        u = plain(y)
        slope, in_time = (plain(dde.grad.jacobian(y, x, i=0, j=j)) for j in (0, 1))
        bent = plain(dde.grad.hessian(y, x, i=0, j=0))
        return in_time + u * slope - nu * bent - forcing * dde.backend.sin(x[..., 0:1])

    return pde


def _allen_cahn(diffusivity: float) -> Any:
    def pde(x: Any, y: Any) -> Any:
        u = plain(y)
        in_time = plain(dde.grad.jacobian(y, x, i=0, j=1))
        return in_time - diffusivity * plain(dde.grad.hessian(y, x, i=0, j=0)) - 5 * (u - u**3)

    return pde


def _heat(x: Any, y: Any) -> Any:
    in_time = plain(dde.grad.jacobian(y, x, i=0, j=1))
    return in_time - 0.01 * plain(dde.grad.hessian(y, x, i=0, j=0))


# Wavenumbers at which the two sides of the balance in ``symbol.steepening`` are equal, by hand:
# ν k² = A k/2, and d k² rms(sin) = 5 rms(sin³) + 5 rms(sin).
_BALANCE = 5 * (np.sqrt(5 / 16) + np.sqrt(1 / 2)) / np.sqrt(1 / 2)


@check(
    cases={
        "burgers": {"pde": _burgers(0.03), "k": 1 / (2 * 0.03)},
        "allen-cahn": {"pde": _allen_cahn(0.05), "k": np.sqrt(_BALANCE / 0.05)},
        "as-far-as-is-looked": {"pde": _burgers(1e-4), "k": 16 * PI},
        "viscous": {"pde": _burgers(0.1), "k": 2 * PI, "fronts": False},
        "linear": {"pde": _heat, "k": 2 * PI, "in_time": 2 * PI, "fronts": False},
        "forced": {"pde": _burgers(1e-4, 1.0), "k": 2 * PI, "in_time": 2 * PI, "fronts": False},
    }
)
def check_fronts(pde: Any, k: float, in_time: float = 4 * PI, fronts: bool = True) -> None:
    """How steep an equation makes its initial data, which nothing in them announces."""
    space = dde.geometry.Interval(0, 2)
    geometry = dde.geometry.GeometryXTime(space, dde.geometry.TimeDomain(0, 1))
    initial = dde.icbc.IC(geometry, lambda x: np.sin(2 * PI * x[:, 0:1]), lambda _, on: on)
    data = dde.data.TimePDE(
        geometry, pde, [initial], num_domain=20000, num_initial=200, train_distribution="uniform"
    )
    net = network()
    said = calibrated(data, net)
    assert ("(fronts)" in said) == fronts, said
    assert ("nothing said about x[1]" in said) == (in_time == 4 * PI), said
    # The balance is sought in steps of a fifth. What is said of time is as it was before.
    assert_scale(net, [k, in_time], tolerance=0.2)
    if not fronts:
        return
    # What is given is not touched; and the initial data may come with the network's output.
    given = network(wavenumber=3.0)
    assert "fronts" not in calibrated(data, given)
    hard = network()
    hard.apply_output_transform(
        lambda x, y: dde.backend.sin(2 * PI * x[..., 0:1]) + x[..., 1:2] * y
    )
    calibrated(dde.data.TimePDE(geometry, pde, [], num_domain=20000), hard)
    # Then they are in the equation's residual as well, which may say more.
    assert hard.spec.slope_scale[0] > 0.8 * net.spec.slope_scale[0]


@check()
def check_wavenumber_of_the_equation() -> None:
    """A source that says nothing of the wavenumber that the equation itself has."""
    net = network()
    said = calibrated(helmholtz(source=1.0), net)
    assert_scale(net, [4 * PI, 4 * PI])
    assert "(free waves of the equation)" in said, said


@check()
def check_data_set() -> None:
    """Without a geometry the domain is that of the training points."""
    x = points(800, [0, -3], [1, 10])
    net = network(outputs=2)
    y = np.hstack([np.sin(9 * x[:, :1]), np.cos(x[:, 1:])])
    said = calibrated(fit(x, y), net)
    assert_domain(net, x.min(axis=0), x.max(axis=0))
    # Of both outputs together, each of variance 1/2.
    assert_scale(net, [9 / np.sqrt(2), 1 / np.sqrt(2)], SLOPE_PER_TARGET_WAVENUMBER)
    assert "(training points)" in said, said


@check(backends=without("jax"))
def check_auxiliary_variables() -> None:
    """A source that comes as data, through which no derivative goes; DeepXDE's JAX has none."""

    def pde(x: Any, y: Any, source: Any) -> Any:
        return plain(dde.grad.hessian(y, x, i=0, j=0)) - source

    data = dde.data.PDE(
        dde.geometry.Interval(0, 1),
        pde,
        [],
        num_domain=128,
        auxiliary_var_function=lambda x: np.sin(6 * PI * x),
    )
    net = network(1)
    calibrated(data, net)
    assert_scale(net, [6 * PI])


@check()
def check_system() -> None:
    """The fastest of several equations decides."""

    def pde(x: Any, y: Any) -> list[Any]:
        first = plain(dde.grad.hessian(y, x, component=0, i=0, j=0))
        second = plain(dde.grad.hessian(y, x, component=1, i=0, j=0))
        y, sin = plain(y), dde.backend.sin
        return [first - y[:, 1:2] - sin(3 * PI * x), second + y[:, 0:1] - 5 * sin(7 * PI * x)]

    net = network(1, outputs=2)
    model, said = compiled(dde.data.PDE(dde.geometry.Interval(0, 2), pde, [], num_domain=128), net)
    assert_scale(net, [7 * PI])
    assert "source term" in said
    assert model.predict(points(3, [0], [2])).shape == (3, 2)


@check()
def check_parallel_network() -> None:
    net = dde.nn.RepPFNN([1, [8, 9], [8, 9], 2], "tanh", "Glorot uniform", seed=1)

    def pde(x: Any, y: Any) -> list[Any]:
        first = plain(dde.grad.jacobian(y, x, i=0, j=0))
        second = plain(dde.grad.jacobian(y, x, i=1, j=0))
        return [first - dde.backend.sin(5 * PI * x), second]

    data = dde.data.PDE(dde.geometry.Interval(0, 1), pde, [], num_domain=64)
    model, said = compiled(data, net)
    assert said.startswith("RepPFNN: ")
    assert_scale(net, [5 * PI])
    x = points(10, [0], [1])
    drawn = reference.forward(net.spec, initialize.draw(net.spec), x)
    assert_close(np.asarray(model.predict(x)), drawn.value, 1e-4, "values")


@check()
def check_ode() -> None:
    def ode(t: Any, y: Any) -> Any:
        return plain(dde.grad.jacobian(y, t, i=0, j=0)) - dde.backend.sin(10 * t)

    geometry = dde.geometry.TimeDomain(0, 3)
    start_value = dde.icbc.IC(geometry, lambda t: 0.5, lambda _, on: on)
    net = network(1)
    data = dde.data.PDE(geometry, ode, [start_value], num_domain=128, num_boundary=2)
    said = calibrated(data, net)
    assert_domain(net, [0], [3])
    assert_scale(net, [10])
    assert "source term" in said


@check()
def check_inverse_problem() -> None:
    """Unknowns in the equation, in each backend's form."""

    def residual(x: Any, y: Any, c: Any) -> Any:
        return -c * plain(dde.grad.hessian(y, x, i=0, j=0)) - dde.backend.sin(6 * PI * x)

    pde, unknown = with_unknown(residual, 2.0)
    where = points(20, [0], [1])
    observed = dde.icbc.PointSetBC(where, np.sin(6 * PI * where))
    data = dde.data.PDE(dde.geometry.Interval(0, 1), pde, [observed], num_domain=64)
    for variables in ([unknown], unknown):
        net = network(1)
        calibrated(data, net, external_trainable_variables=variables)
        assert_scale(net, [6 * PI])


@check()
def check_geometries() -> None:
    cloud = points(400, [-1, 0], [1, 3])
    disk = dde.geometry.Disk([1, 1], 0.5)
    for geometry, lower, upper in (
        (dde.geometry.PointCloud(cloud), cloud.min(axis=0), cloud.max(axis=0)),
        (dde.geometry.CSGDifference(dde.geometry.Rectangle([0, 0], [2, 2]), disk), [0, 0], [2, 2]),
        (dde.geometry.Disk([3, 1], 1), [2, 0], [4, 2]),
    ):
        net = network()
        calibrated(poisson((2 * PI, 2 * PI), geometry, 300, train_distribution="pseudo"), net)
        assert_domain(net, lower, upper)
        assert_scale(net, [2 * PI, 2 * PI], tolerance=0.2)


@check()
def check_points_outside_of_the_geometry() -> None:
    """The domain holds the anchors too, and the points of a geometry with a wrong box."""
    net = network(1)
    anchors = np.array([[2.0]], dtype="float32")
    data = poisson((4 * PI,), dde.geometry.Interval(0, 1), 64, anchors=anchors)
    said = calibrated(data, net)
    assert_domain(net, [0], [2])
    assert "(geometry and training points)" in said

    net = network()
    ellipse = dde.geometry.Ellipse([5, 5], 2, 1)  # DeepXDE takes its box to be around the origin
    calibrated(poisson((PI, PI), ellipse, 200, train_distribution="pseudo"), net)
    assert np.all(np.array(net.spec.domain.upper) > [6.7, 5.8]), net.spec.domain


@check()
def check_conditions() -> None:
    """Conditions of every kind, also those that say nothing at zero."""
    geometry = dde.geometry.Rectangle([0, 0], [1, 1])
    where = points(12, [0, 0], [1, 1])

    def side(axis: int, value: float) -> Any:
        return lambda x, on: on and dde.utils.isclose(x[axis], value)

    values = np.sin(8 * where[:, :1])
    bcs = [
        dde.icbc.DirichletBC(geometry, lambda x: x[:, :1], side(0, 0)),
        dde.icbc.PeriodicBC(geometry, 0, side(0, 1)),
        dde.icbc.PointSetBC(where, values),
        dde.icbc.OperatorBC(geometry, lambda x, y, _: plain(y) - x[:, 1:2], side(1, 0)),
        dde.icbc.PointSetOperatorBC(where, values, lambda x, y, _: plain(y)),
    ]
    if BACKEND != "jax":  # where DeepXDE differentiates no condition
        bcs += [
            dde.icbc.NeumannBC(geometry, lambda x: np.sin(x[:, :1]), side(1, 1)),
            dde.icbc.RobinBC(geometry, lambda x, y: y, side(1, 0)),
        ]
    net = network()
    data = poisson((2 * PI, 2 * PI), geometry, 64, bcs, num_boundary=40)
    calibrated(data, net)
    # Observations of sin 8x are the fastest along x.
    assert wavenumber_said()[0] > 0.8 * 8


# -------------------------------------------------------------------------------------------------
# What the user gives


@check()
def check_explicit_network_is_left_alone() -> None:
    net = network(domain=([0, 0], [2, 1]), wavenumber=(5, 7), hidden_gain=1.5, sines=0)
    spec = net.spec
    assert net.settled and spec is not None
    said = calibrated(helmholtz(), net)
    assert said == ""
    assert_domain(net, [0, 0], [2, 1])
    assert_scale(net, [5, 7], tolerance=1e-6)
    np.testing.assert_allclose(net.spec.hidden_gain, 1.5)


@check()
def check_what_is_given_is_kept() -> None:
    net = network(wavenumber=(9, 11))
    said = calibrated(helmholtz(), net)
    assert_scale(net, [9, 11], tolerance=1e-6)
    assert "wavenumber (9, 11) rad per unit length (given)" in said, said

    net = network(slope_scale=3.5)
    said = calibrated(helmholtz(), net)
    np.testing.assert_allclose(net.spec.slope_scale, 3.5, rtol=1e-6)
    assert "slope scale 3.5 (given)" in said and "wavenumber" not in said, said

    geometry = dde.geometry.Rectangle([-1, -1], [3, 3])
    net = network(domain=geometry, hidden_gain=0.7)
    said = calibrated(helmholtz(4 * PI, 256), net)
    assert_domain(net, [-1, -1], [3, 3])
    assert_scale(net, [4 * PI, 4 * PI])
    np.testing.assert_allclose(net.spec.hidden_gain, 0.7, rtol=1e-6)
    assert "(given)" in said and "hidden gain 0.7 (given)" in said, said


@check()
def check_one_line_or_none() -> None:
    for verbose in (0, 1):
        said = calibrated(helmholtz(), network(), verbose=verbose)
        assert bool(said) == bool(verbose), said


@check()
def check_time_domain_given() -> None:
    geometry = dde.geometry.GeometryXTime(
        dde.geometry.Interval(-1, 2), dde.geometry.TimeDomain(0, 5)
    )
    net = network(domain=geometry, slope_scale=2)
    assert_domain(net, [-1, 0], [2, 5])


# -------------------------------------------------------------------------------------------------
# Feature transforms


@check()
def check_feature_transform() -> None:
    """The layer's domain is the range of the features, whose number may differ."""
    n = 2 if BACKEND in ("pytorch", "paddle") else 1
    net = network(n)
    net.apply_feature_transform(features)
    geometry = dde.geometry.Interval(0, 3)
    model, said = compiled(poisson((5.0,), geometry, 128), net)
    assert "domain [0, 3] (geometry)" in said and "2 features" in said, said
    x = model.data.train_x
    f = np.concatenate([np.sin(x), x**2], axis=1)
    assert_domain(net, f.min(axis=0), f.max(axis=0))
    assert net.spec.dim == 2
    # Along x the ridges are as steep, on average, as a network for the trained waves starts, or
    # somewhat more: no feature is left out.
    slopes = np.concatenate([np.cos(x), 2 * x], axis=1) * 1.5 / net.spec.domain.half_width
    along = np.sqrt((slopes**2).mean(axis=0) @ np.array(net.spec.slope_scale) ** 2)
    assert 0.75 < along / gentle_slope_scale(np.array([5 * 1.5]), 2)[0] < 3, along
    drawn = reference.forward(net.spec, initialize.draw(net.spec), f)
    assert_close(np.asarray(model.predict(x)), drawn.value, 1e-4, "values")
    held = reference.forward(net.spec, weights(model), f)
    assert_close(np.asarray(model.predict(x)), held.value, 1e-4, "values")


@check(cases={"wavenumber": {"name": "wavenumber"}, "slope-scale": {"name": "slope_scale"}})
def check_feature_transform_with_one_number(name: str) -> None:
    net = network(2 if BACKEND in ("pytorch", "paddle") else 1, **{name: 4.0})
    net.apply_feature_transform(features)
    calibrated(poisson((5.0,), dde.geometry.Interval(0, 3), 64), net)
    assert net.spec.dim == len(net.spec.slope_scale) == 2
    if name == "slope_scale":
        np.testing.assert_allclose(net.spec.slope_scale, 4.0)


@check()
def check_per_axis_numbers_must_fit() -> None:
    """A number per axis whose count fits neither the coordinates nor the features."""

    def three(x: Any) -> Any:
        return dde.backend.concat([x[:, 0:1], x[:, 1:2], x[:, 0:1] * x[:, 1:2]], 1)

    if BACKEND in ("pytorch", "paddle"):
        net, said = network(3, wavenumber=(3.0, 4.0, 5.0)), ("wavenumber", "3", "2 coordinates")
    else:
        net, said = network(2, slope_scale=(3.0, 4.0)), ("slope_scale", "2", "3 features")
    net.apply_feature_transform(three)
    with raises(ValueError, "RepFNN", *said):
        calibrated(helmholtz(), net)


@check(backends=["pytorch", "paddle"])
def check_wrong_number_of_inputs() -> None:
    with raises(ValueError, "layer_sizes", "3", "2"):
        calibrated(helmholtz(), network(3))


# -------------------------------------------------------------------------------------------------
# What compiling leaves alone


@check(backends=["pytorch", "paddle", "tensorflow"])
def check_parameter_objects_stay() -> None:
    """An optimizer made before ``compile`` trains the network that was calibrated."""
    options = {"domain": ([0, 0], [1, 1]), "wavenumber": 3} if BACKEND == "tensorflow" else {}
    net = network(parameterization="shift", **options)
    if BACKEND == "tensorflow":
        call(net, points(3, [0, 0], [1, 1]))  # Keras makes the variables
        assert not net.settled
    parameters = list(net.trainable_variables if BACKEND == "tensorflow" else net.parameters())
    assert len(parameters) == 6
    if BACKEND == "pytorch":
        optimizer = dde.backend.torch.optim.Adam(net.parameters(), lr=1e-2)
    elif BACKEND == "paddle":
        optimizer = dde.backend.paddle.optimizer.Adam(1e-2, parameters=net.parameters())
    else:
        optimizer = dde.backend.tf.keras.optimizers.Adam(1e-2)
    x = points(30, [0, 0], [1, 1])
    model, _ = compiled(fit(x, np.sin(9 * x[:, :1])), net, optimizer)
    now = list(net.trainable_variables if BACKEND == "tensorflow" else net.parameters())
    assert [id(p) for p in now] == [id(p) for p in parameters]
    before = [dde.backend.to_numpy(p).copy() for p in parameters]
    train(model, 2)
    after = [dde.backend.to_numpy(p).copy() for p in parameters]
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(changed), changed

    # Where there are sines everywhere the log-scales go, and the rest stays.
    if BACKEND != "tensorflow":
        net = network()
        parameters = list(net.parameters())
        calibrated(helmholtz(), net)
        now = [id(p) for p in net.parameters()]
        left = [p for p in parameters if id(p) not in now]
        assert len(now) == len(parameters) - 1 and [list(p.shape) for p in left] == [[16]]


@check()
def check_compiling_twice() -> None:
    """A second compile, as for L-BFGS after Adam, changes neither the function nor its spec."""
    net = network(1)
    x = points(30, [0], [1])
    model, _ = compiled(fit(x, np.sin(9 * x)), net)
    train(model, 2)
    before, spec = np.asarray(model.predict(x)), net.spec
    with printed() as out:
        model.compile("sgd", lr=1e-4)
    assert "RepFNN" not in out.getvalue()
    assert net.spec == spec
    np.testing.assert_array_equal(np.asarray(model.predict(x)), before)


@check()
def check_network_of_two_models() -> None:
    net = network()
    calibrated(helmholtz(4 * PI), net)
    spec = net.spec
    geometry = dde.geometry.Rectangle([0, 0], [0.5, 1])
    said = calibrated(poisson((PI, PI), geometry, 64), net)
    assert said == "" and net.spec == spec


@check()
def check_random_states() -> None:
    """Calibration draws nothing from the generators that the user has seeded."""
    data = dde.data.Function(
        dde.geometry.Interval(0, 1),
        lambda x: np.sin(20 * x),
        num_train=50,
        num_test=10,
        train_distribution="pseudo",
        online=True,
    )
    model = dde.Model(data, network(1))
    torch = dde.backend.torch if BACKEND == "pytorch" else None
    states = [np.random.get_state()[1].copy(), random.getstate()]
    if torch is not None:
        states.append(torch.get_rng_state())
    with printed():
        model.compile("adam", lr=1e-3)
    np.testing.assert_array_equal(np.random.get_state()[1], states[0])
    assert random.getstate() == states[1]
    if torch is not None:
        assert torch.equal(torch.get_rng_state(), states[2])


# -------------------------------------------------------------------------------------------------
# Warnings and errors


@check()
def check_nothing_varies() -> None:
    """A constant source: the points tell that the flattest scale does, and nobody is asked."""

    def pde(x: Any, y: Any) -> Any:
        return plain(dde.grad.hessian(y, x, i=0, j=0)) - 1.0

    geometry = dde.geometry.Interval(0, 4)
    zero = dde.icbc.DirichletBC(geometry, lambda x: 0.0, lambda _, on: on)
    data = dde.data.PDE(geometry, pde, [zero], num_domain=64, num_boundary=2)
    net = network(1)
    said = calibrated(data, net)
    assert "lowest" in said
    np.testing.assert_allclose(net.spec.slope_scale, gentle_slope_scale(np.zeros(1), 2), rtol=1e-5)


@check()
def check_round_off_is_no_variation() -> None:
    """sin(2πx) on the boundary of [0, 1] is zero but for round-off, whatever the float type."""
    geometry = dde.geometry.Interval(0, 1)

    def pde(x: Any, y: Any) -> Any:
        return plain(dde.grad.hessian(y, x, i=0, j=0)) - 1.0

    side = dde.icbc.DirichletBC(geometry, lambda x: np.sin(2 * PI * x), lambda _, on: on)
    data = dde.data.PDE(geometry, pde, [side], num_domain=64, num_boundary=2)
    assert "nothing varies" in calibrated(data, network(1))


@check()
def check_more_than_the_points_resolve() -> None:
    net = network(1)
    with warned("RepFNN", "more points", "wavenumber"):
        calibrated(poisson((100 * PI,), dde.geometry.Interval(0, 1), 40), net)
    # π/(2h) with h = 2/40 in normalised units, and no scale resolves more.
    np.testing.assert_allclose(wavenumber_said(), PI * 40 / 4 / 0.5, rtol=0.05)


@check()
def check_points_far_outside() -> None:
    """One warning for a network: at compile, or in predict, and not again."""
    settled = {"wavenumber": 9, "hidden_gain": 1.0}
    for options in (settled, {}):
        net = network(domain=([0, 0], [0.1, 0.1]), **options)
        with warned("RepFNN", "of 900 points", "far outside", "[0, 0.1] x [0, 0.1]", "domain="):
            calibrated(helmholtz(n=900), net)
            calibrated(helmholtz(n=900), net)

    net = network(1)
    x = points(30, [0], [1])
    model, _ = compiled(fit(x, np.sin(9 * x)), net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(points(3, [-0.2], [1.2]))  # a little outside is no matter
    with warned("RepFNN", "3 of 3 points"):
        model.predict(points(3, [5], [6]))
        model.predict(points(3, [7], [8]))


@check()
def check_data_with_nan() -> None:
    x = points(20, [0], [1])
    y = np.sin(9 * x)
    bad = y.copy()
    bad[[3, 7]] = np.nan
    with raises(ValueError, "targets", "2 of 20 rows", "first row 3"):
        calibrated(fit(x, bad), network(1))
    missing = x.copy()
    missing[5] = np.inf
    with raises(ValueError, "training points", "1 of 20 rows", "first row 5"):
        calibrated(fit(missing, y), network(1))
    # Also where nothing is left to work out.
    explicit = network(1, domain=(0, 1), wavenumber=9, hidden_gain=1)
    with raises(ValueError, "targets"):
        calibrated(fit(x, bad), explicit)

    observed = dde.icbc.PointSetBC(x, bad)
    data = poisson((9.0,), dde.geometry.Interval(0, 1), 30, [observed])
    with raises(ValueError, "condition 1 (PointSetBC)", "2 of 20 rows"):
        calibrated(data, network(1))


@check()
def check_infinite_residual() -> None:
    """1/x at x = 0: a warning that says where, and the finite points decide."""

    def pde(x: Any, y: Any) -> Any:
        singular = 1e-6 / x  # not zero times it, which TensorFlow 2.16 takes for zero everywhere
        return plain(dde.grad.hessian(y, x, i=0, j=0)) - dde.backend.sin(12 * x) + singular

    data = dde.data.PDE(
        dde.geometry.Interval(0, 2), pde, [], num_domain=100, anchors=np.zeros((1, 1))
    )
    net = network(1)
    with warned("RepFNN", "PDE is not finite at 1 of 101", "x = [0.]", "exclusions"):
        calibrated(data, net)
    assert_scale(net, [12])


@check()
def check_problem_that_fails_at_zero() -> None:
    """A PDE that cannot be evaluated: a wavenumber is asked for, unless it was given."""

    def pde(x: Any, y: Any) -> Any:
        raise ArithmeticError("no zero here")

    data = dde.data.PDE(dde.geometry.Interval(0, 1), pde, [], num_domain=20)
    net = network(1)
    with warned("RepFNN", "ArithmeticError: no zero here", "wavenumber="):
        said = calibrated(data, net)
    assert "lowest" in said
    net = network(1, wavenumber=20)
    calibrated(data, net)
    assert_scale(net, [20], tolerance=1e-6)


@check()
def check_nothing_is_said_about_values() -> None:
    """A periodic condition alone compares values with each other."""
    geometry = dde.geometry.Interval(0, 1)
    periodic = dde.icbc.PeriodicBC(geometry, 0, lambda x, on: on and dde.utils.isclose(x[0], 1))
    data = dde.data.PDE(geometry, None, [periodic], num_domain=20, num_boundary=2)
    with warned("RepFNN", "wavenumber="):
        said = calibrated(data, network(1))
    assert "lowest" in said


@check()
def check_points_without_extent() -> None:
    x = np.concatenate([points(20, [0], [1]), np.full((20, 1), 0.5, dtype="float32")], axis=1)
    with raises(ValueError, "x[1] = 0.5", "domain="):
        calibrated(fit(x, np.sin(9 * x[:, :1])), network())


@check()
def check_data_of_other_shapes() -> None:
    """Operator learning gives two inputs, which no RepFNN takes."""
    v, x, y = np.ones((4, 5), "float32"), points(4, [0], [1]), np.ones((4, 1), "float32")
    data = dde.data.Triple((v, x), y, (v, x), y)
    with raises(ValueError, "Triple", "RepFNN"):
        calibrated(data, network(1))
