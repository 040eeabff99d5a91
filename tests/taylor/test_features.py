"""Derivatives carried forward, and derivatives that DeepXDE asks for, against independent ones."""

import math

import deepxde as dde
import numpy as np
import pytest
import torch

from deepxde_repnet.spec import Box, RepSpec
from deepxde_repnet.taylor import pytorch as taylor
from deepxde_repnet.taylor.features import Features, set_partitions
from deepxde_repnet.theory.initialize import draw
from deepxde_repnet.theory.reference import forward

DOMAIN = Box((0, -1), (1, 2))
X = np.random.default_rng(0).uniform((0, -1), (1, 2), (7, 2))


def spec(activation, sizes, sines=0.0):
    return RepSpec(
        sizes,
        activation,
        domain=DOMAIN,
        slope_scale=(3, 5),
        hidden_gain=1.2,
        seed=3,
        sines=sines,
    )


def derivative(features, weights, axes, x=X):
    one = torch.ones(len(x), 1, dtype=torch.float64)
    values = features.at(torch.tensor(x)).combine(0, {axes: one}).numpy() @ weights[-1][0].kernel
    return values if axes else values + weights[-1][0].bias


@pytest.mark.parametrize("sizes", [[2, 30, 1], [2, 20, 25, 1]])
@pytest.mark.parametrize(
    "activation", ["tanh", "sin", "gelu", "silu", "relu", "sigmoid", "elu", "selu"]
)
def test_value_and_two_derivatives_against_the_oracle(activation, sizes):
    against_the_oracle(spec(activation, sizes))


@pytest.mark.parametrize("sizes", [[2, 30, 1], [2, 20, 25, 1]])
def test_a_first_layer_with_sines(sizes):
    against_the_oracle(spec("tanh", sizes, sines=0.3))


def against_the_oracle(given):
    weights = draw(given)
    features, exact = Features(given, weights, taylor), forward(given, weights, X)
    for axes, expected in {
        (): exact.value,
        (0,): exact.gradient[:, :, 0],
        (1,): exact.gradient[:, :, 1],
        (0, 0): exact.hessian[:, :, 0, 0],
        (0, 1): exact.hessian[:, :, 0, 1],
        (1, 1): exact.hessian[:, :, 1, 1],
    }.items():
        found = derivative(features, weights, axes)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * (1 + abs(expected).max()))


@pytest.mark.parametrize("activation", ["tanh", "sin", "gelu"])
@pytest.mark.parametrize("sizes", [[2, 30, 1], [2, 20, 25, 1]])
def test_third_and_fourth_derivatives_against_differences(activation, sizes):
    given = spec(activation, sizes)
    weights = draw(given)
    features = Features(given, weights, taylor)
    step = np.array([[1e-5, 0.0]])
    for axes in ((0, 0, 1), (0, 0, 1, 1)):
        right = derivative(features, weights, axes[1:], X + step)
        left = derivative(features, weights, axes[1:], X - step)
        expected = (right - left) / 2e-5
        np.testing.assert_allclose(
            derivative(features, weights, axes), expected, rtol=0, atol=1e-6 * abs(expected).max()
        )


def test_input_transform_by_the_chain_rule():
    given = spec("sin", [2, 30, 1])
    weights = draw(given)

    def transform(x):
        return torch.stack([x[:, 0] ** 2, torch.sin(x[:, 1])], dim=1)

    features = Features(given, weights, taylor, transform=transform)
    x = torch.tensor(X, requires_grad=True)
    plain = Features(given, weights, taylor)
    one = torch.ones(len(x), 1, dtype=torch.float64)
    u = plain.at(transform(x)).combine(0, {(): one}).sum(1)
    (first,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first[:, 0].sum(), x)
    found = features.at(x.detach())
    for axes, expected in {(1,): first[:, 1], (0, 0): second[:, 0], (0, 1): second[:, 1]}.items():
        torch.testing.assert_close(found.combine(0, {axes: one}).sum(1), expected.detach())


def test_number_of_set_partitions_is_that_of_bell():
    assert [len(set_partitions((0,) * n)) for n in range(6)] == [1, 1, 2, 5, 15, 52]


class Recorder:
    """Random values for every derivative, remembered."""

    def __init__(self, n, m=1):
        self.generator, self.shape, self.values = torch.Generator().manual_seed(0), (n, m), {}

    def __call__(self, axes):
        if axes not in self.values:
            self.values[axes] = torch.randn(
                self.shape, generator=self.generator, dtype=torch.float64
            )
        return self.values[axes]


@pytest.fixture
def float64():
    dde.config.real.set_float64()
    torch.set_default_dtype(torch.float64)
    yield
    dde.config.real.set_float32()
    torch.set_default_dtype(torch.float32)
    dde.grad.clear()


def test_users_derivatives_become_coefficients(float64):
    x = torch.rand(50, 2)

    def pde(x, u):
        a = 1 + x[:, 0:1] ** 2
        flux = a * dde.grad.jacobian(u, x, j=0)
        mixed = dde.grad.jacobian(dde.grad.jacobian(flux, x, j=0), x, j=1)
        return [mixed + u**2]

    value = Recorder(50)
    (linear,) = taylor.linearise(pde, x, value)
    # ∂_1 ∂_0 (a ∂_0 u) = a' u_01 + a u_001, with a' = 2 x_0
    x0 = x[:, 0:1]
    assert set(linear.slopes) == {(), (0, 1), (0, 0, 1)}
    torch.testing.assert_close(linear.slopes[()], 2 * value(()))
    torch.testing.assert_close(linear.slopes[0, 1], 2 * x0)
    torch.testing.assert_close(linear.slopes[0, 0, 1], 1 + x0**2)
    expected = 2 * x0 * value((0, 1)) + (1 + x0**2) * value((0, 0, 1)) + value(()) ** 2
    torch.testing.assert_close(linear.residual, expected[:, 0])


def test_plain_autograd_and_output_transforms_are_served_too(float64):
    x = torch.rand(20, 2)

    def pde(x, u):
        (gradient,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        return [gradient[:, 1:2]]

    (linear,) = taylor.linearise(pde, x, Recorder(20), transform=lambda x, u: x[:, 1:2] * u)
    torch.testing.assert_close(linear.slopes[()], torch.ones(20, 1))
    torch.testing.assert_close(linear.slopes[(1,)], x[:, 1:2])


def test_pairs_of_points_share_a_row(float64):
    x = torch.rand(20, 2)
    (linear,) = taylor.linearise(lambda x, u: [u[:10] - 3 * u[10:]], x, Recorder(20))
    assert linear.rows.tolist() == [*range(10), *range(10)]
    assert linear.slopes[()].ravel().tolist() == [1.0] * 10 + [-3.0] * 10


def test_a_residual_that_couples_points_is_refused(float64):
    with pytest.raises(taylor.NotPointwise, match="another point"):
        taylor.linearise(lambda x, u: [u * u.mean()], torch.rand(20, 2), Recorder(20))


def conduction(x, u):
    """d/dx (exp(b u) u_x), zero for u = log(1 + c x) / b; b = 0.3."""
    return dde.grad.jacobian(torch.exp(0.3 * u) * dde.grad.jacobian(u, x), x)


def conducting(x, c):
    def value(axes):
        order = len(axes)
        if order == 0:
            return torch.log1p(c * x) / 0.3
        return (
            (1 / 0.3) * math.factorial(order - 1) * (-1) ** (order + 1) * (c / (1 + c * x)) ** order
        )

    return value


@pytest.mark.parametrize("count", [2, 5, 100])
@pytest.mark.parametrize("c", [1.0, 11.0, 1e4])
def test_slopes_that_cancel_at_the_solution_are_no_coupling(float64, c, count):
    x = torch.linspace(0, 1, count)[:, None]
    (linear,) = taylor.linearise(lambda x, u: [conduction(x, u)], x, conducting(x, c))
    # d/du of exp(b u) (b u_x² + u_xx) is b times it, of terms of the size of c².
    assert float(linear.slopes.get((), torch.zeros(1)).abs().max()) < 1e-14 * c**2


COUPLED = {
    "a little": lambda x, u: u + 1e-8 * u.mean(),
    "where slopes cancel": lambda x, u: conduction(x, u) + 1e-9 * u.mean(),
    "with a sum of zero": lambda x, u: u - u.mean(),
    "with the next": lambda x, u: torch.roll(u, 1, 0) - u,
    "in a derivative": lambda x, u: u - 1e-6 * dde.grad.jacobian(u, x).flip(0),
    "pairs": lambda x, u: u[:10] - u[10:] + 1e-6 * u[:10].mean(),
}


@pytest.mark.parametrize("name", COUPLED)
def test_weakly_coupled_points_are_refused(float64, name):
    x = torch.linspace(0, 1, 20)[:, None]
    with pytest.raises(taylor.NotPointwise):
        taylor.linearise(lambda x, u: [COUPLED[name](x, u)], x, conducting(x, 11.0))


def test_derivatives_in_other_unknowns(float64):
    theta = torch.nn.Parameter(torch.tensor(2.0))
    pair = torch.nn.Parameter(torch.tensor([1.0, 3.0]))
    value = Recorder(20)
    (linear,) = taylor.linearise(
        lambda x, u: [theta**2 * u + pair[1] * x[:, 0:1]],
        torch.rand(20, 2),
        value,
        variables=(theta, pair),
    )
    assert linear.variables.shape == (20, 3)
    torch.testing.assert_close(linear.variables[:, 0], 4 * value(())[:, 0])
    assert not linear.variables[:, 1].any() and linear.variables[:, 2].all()
