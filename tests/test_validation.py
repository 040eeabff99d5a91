"""The small least-squares problem that chooses a slope scale: its coefficients and its choices."""

from __future__ import annotations

import warnings

import deepxde as dde
import numpy as np
import pytest

from deepxde_repnet import RepFNN, validation
from deepxde_repnet.spec import Box

TIMED = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 2))


@pytest.fixture(autouse=True)
def same_points():
    dde.config.set_random_seed(0)


def network(dim: int, outputs: int = 1, **options):
    return RepFNN([dim, 16, 16, outputs], "tanh", "Glorot normal", **options)


def small(data, box: Box, outputs: int = 1, variables=(), net=None):
    net = net or network(box.dim, outputs)
    return validation.SmallProblem(dde.Model(data, net), box, np.full(box.dim, np.pi), variables)


def coefficients(problem, i: int) -> dict:
    """Of the i-th residual at the points it is fitted at: (exponent, output) -> (N,)."""
    row = problem._rows[i][0]
    return dict(zip(row.terms, row.slopes, strict=True))


def heat(equation, conditions=(), **counts):
    counts = {"num_domain": 30, "num_boundary": 10, "num_initial": 10} | counts
    return dde.data.TimePDE(TIMED, equation, list(conditions), **counts)


def test_coefficients_are_those_of_the_equation_at_each_point():
    def equation(x, u):
        u_t = dde.grad.jacobian(u, x, j=1)
        u_xx = dde.grad.hessian(u, x, i=0, j=0)
        return u_t - (1 + x[:, :1] ** 2) * u_xx + 3 * x[:, 1:] * u - dde.backend.sin(x[:, :1])

    data = heat(equation)
    problem = small(data, Box([-1, 0], [1, 2]))
    found, row = coefficients(problem, 0), problem._rows[0][0]
    x = data.train_x
    assert problem.is_linear and problem.order == 2
    # By normalised time, whose unit is the half width 1; that of space is 1 too.
    np.testing.assert_allclose(found[(0, 1), 0], 1.0, rtol=1e-4)
    np.testing.assert_allclose(found[(2, 0), 0], -(1 + x[:, 0] ** 2), rtol=1e-4)
    np.testing.assert_allclose(found[(0, 0), 0], 3 * x[:, 1], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(row.right, np.sin(x[:, 0]), rtol=1e-4, atol=1e-5)
    assert len(found) == 3


def test_half_widths_count_in_every_derivative():
    line = dde.geometry.Interval(0, 0.5)

    def beam(x, u):
        u_xx = dde.grad.hessian(u, x)
        return dde.grad.hessian(u_xx, x) + 1

    problem = small(dde.data.PDE(line, beam, [], num_domain=8), Box([0], [0.5]))
    assert problem.order == 4 and problem.terms == [(4, 0)]
    np.testing.assert_allclose(coefficients(problem, 0)[(4,), 0], 0.25**-4, rtol=1e-4)


def test_conditions_are_values_slopes_and_pairs():
    square = dde.geometry.Rectangle([0, 0], [2, 2])

    def laplace(x, u):
        return dde.grad.hessian(u, x, i=0, j=0) + dde.grad.hessian(u, x, i=1, j=1)

    def left(x, on):
        return on and np.isclose(x[0], 0)

    def bottom(x, on):
        return on and np.isclose(x[1], 0)

    conditions = [
        dde.icbc.DirichletBC(square, lambda x: x[:, 1:], left),
        dde.icbc.NeumannBC(square, lambda x: 5.0, bottom),
        dde.icbc.RobinBC(square, lambda x, u: 2 * u, bottom),
        dde.icbc.PeriodicBC(square, 1, bottom),
    ]
    data = dde.data.PDE(square, laplace, conditions, num_domain=30, num_boundary=40)
    problem = small(data, Box([0, 0], [4, 4]))
    value, slope, robin, pair = (coefficients(problem, i) for i in range(1, 5))
    np.testing.assert_allclose(value[(0, 0), 0], 1.0)
    assert not value[(1, 0), 0].any()
    # Outward, down: -∂/∂y, the half width being 2.
    np.testing.assert_allclose(slope[(0, 1), 0], -0.5, rtol=1e-5)
    np.testing.assert_allclose(problem._rows[2][0].right, 5.0, rtol=1e-5)
    np.testing.assert_allclose(robin[(0, 0), 0], -2.0, rtol=1e-4)
    half = len(pair[(0, 0), 0]) // 2
    np.testing.assert_allclose(pair[(0, 0), 0], [1.0] * half + [-1.0] * half, atol=1e-5)
    assert len(problem._rows[4][0].right) == half


def test_transforms_are_gone_through():
    def equation(x, u):
        return dde.grad.hessian(u, x, i=0, j=0) - dde.grad.jacobian(u, x, j=1)

    net = network(2)
    net.apply_feature_transform(lambda x: dde.backend.torch.cat([x[:, :1] ** 2, x[:, 1:]], 1))
    net.apply_output_transform(lambda x, y: x[:, 1:] * y + 7)
    data = heat(equation)
    problem = small(data, Box([0, 0], [2, 2]), net=net)
    found, (x, t) = coefficients(problem, 0), data.train_x.T
    # u = t y(x², t): u_xx = t (2 y_a + 4 x² y_aa), u_t = y + t y_b.
    np.testing.assert_allclose(found[(2, 0), 0], 4 * x**2 * t, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[(1, 0), 0], 2 * t, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[(0, 1), 0], -t, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[(0, 0), 0], -1.0, rtol=1e-3)


def decaying():
    """u_t = 0.1 u_xx, 40 points: smooth."""

    def equation(x, u):
        return dde.grad.jacobian(u, x, j=1) - 0.1 * dde.grad.hessian(u, x, i=0, j=0)

    conditions = [
        dde.icbc.DirichletBC(TIMED, lambda x: 0, lambda x, on: on),
        dde.icbc.IC(TIMED, lambda x: np.sin(np.pi * x[:, :1]), lambda x, on: on),
    ]
    return heat(equation, conditions, num_domain=40, num_boundary=20)


def solution_of(problem, scale: float) -> tuple[float, float]:
    """Validation residual of a scale, and the error of its fit to ``decaying``."""
    net = network(2)
    fit = problem.fit(validation.wide(net.given, np.full(2, scale), "tanh", 0.0))
    x = np.random.default_rng(0).uniform([-1, 0], [1, 2], (500, 2))
    box = Box([-1, 0], [1, 2])
    u = fit.network.derivatives(box.normalise(x), [(0, 0)], fit.solution)[:, 0, 0]
    exact = np.exp(-0.1 * np.pi**2 * x[:, 1]) * np.sin(np.pi * x[:, 0])
    return fit.validation, float(np.linalg.norm(u - exact) / np.linalg.norm(exact))


def test_validation_orders_scales_as_their_errors_do():
    problem = small(decaying(), Box([-1, 0], [1, 2]))
    scales = (0.4, 2.0, 0.1, 4.0)
    validations, errors = np.array([solution_of(problem, s) for s in scales]).T
    assert list(np.argsort(validations)) == list(np.argsort(errors))
    assert errors.min() < 1e-2 and errors.max() > 0.1


def test_an_equation_that_is_not_linear_is_solved_by_linearising():
    def equation(x, u):
        u_t, u_x = dde.grad.jacobian(u, x, j=1), dde.grad.jacobian(u, x, j=0)
        return u_t + u * u_x - 0.3 * dde.grad.hessian(u, x, i=0, j=0)

    conditions = [
        dde.icbc.DirichletBC(TIMED, lambda x: 0, lambda x, on: on),
        dde.icbc.IC(TIMED, lambda x: -np.sin(np.pi * x[:, :1]), lambda x, on: on),
    ]
    data = heat(equation, conditions, num_domain=300, num_boundary=60, num_initial=60)
    problem = small(data, Box([-1, 0], [1, 2]))
    assert not problem.is_linear
    before = problem._size()
    fit = problem.fit(validation.wide(network(2).given, np.full(2, 0.6), "tanh", 0.0))
    assert problem._size() < 1e-3 * before
    assert fit.validation < 0.05


def test_other_unknowns_are_found_along():
    c = dde.Variable(0.3)

    def equation(x, u):
        return dde.grad.jacobian(u, x, j=1) - c * dde.grad.hessian(u, x, i=0, j=0)

    x = np.random.default_rng(1).uniform([-1, 0], [1, 2], (30, 2))
    u = np.exp(-0.1 * np.pi**2 * x[:, 1:]) * np.sin(np.pi * x[:, :1])
    conditions = [
        dde.icbc.DirichletBC(TIMED, lambda x: 0, lambda x, on: on),
        dde.icbc.IC(TIMED, lambda x: np.sin(np.pi * x[:, :1]), lambda x, on: on),
        dde.icbc.PointSetBC(x, u),
    ]
    problem = small(heat(equation, conditions), Box([-1, 0], [1, 2]), variables=[c])
    problem.fit(validation.wide(network(2).given, np.full(2, 0.3), "tanh", 0.0))
    assert abs(problem._values[0] - 0.1) < 0.04
    assert float(c.detach()) == pytest.approx(0.3)


def test_what_cannot_be_judged_is_not_served():
    def broken(x, u):
        raise RuntimeError("no such thing")

    with pytest.raises(validation.NotServed, match="no such thing"):
        small(heat(broken), Box([-1, 0], [1, 2]))
    with pytest.raises(validation.NotServed, match="depends on a field"):
        small(heat(lambda x, u: 0 * u + x[:, :1]), Box([-1, 0], [1, 2]))


def chosen(data, net) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        dde.Model(data, net).compile("adam", lr=1e-3, verbose=0)
    return np.array(net.spec.slope_scale)


def test_few_points_take_flat_features():
    # Nothing but the lowest wavenumber would give 1.26.
    assert np.all(chosen(decaying(), network(2)) < 0.7)


def test_what_the_points_resolve_keeps_the_scale_of_its_waves():
    line = dde.geometry.Interval(0, 1)
    k = 10 * np.pi

    def equation(x, u):
        return dde.grad.hessian(u, x) + k**2 * dde.backend.sin(k * x)

    condition = dde.icbc.DirichletBC(line, lambda x: 0, lambda x, on: on)
    data = dde.data.PDE(line, equation, [condition], num_domain=200, num_boundary=2)
    # Of what is faster than two waves over the domain.
    np.testing.assert_allclose(chosen(data, network(1)), 0.4 * (k / 2 - 2 * np.pi), rtol=0.05)


def test_an_axis_of_its_own_takes_a_scale_of_its_own():
    square = dde.geometry.Rectangle([0, 0], [1, 1])
    k = 8 * np.pi

    def equation(x, u):
        source = k**2 * dde.backend.sin(k * x[:, :1]) * (1 + x[:, 1:])
        return dde.grad.hessian(u, x, i=0, j=0) + dde.grad.hessian(u, x, i=1, j=1) + source

    condition = dde.icbc.DirichletBC(
        square, lambda x: np.sin(k * x[:, :1]) * (1 + x[:, 1:]), lambda x, on: on
    )
    data = dde.data.PDE(square, equation, [condition], num_domain=600, num_boundary=120)
    # Nothing but the equation's own order speaks of y, whose lowest wavenumber is too much for it.
    fast, slow = chosen(data, network(2))
    assert fast > 4 * slow
