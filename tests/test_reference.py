"""The oracle: its derivatives against finite differences, its values against a formula by hand."""

from __future__ import annotations

import numpy as np
import pytest

from deepxde_repnet import Box, RepSpec
from deepxde_repnet.theory import activations, reference
from deepxde_repnet.theory.initialize import Dense, Rep, draw

SMOOTH = ["gelu", "sigmoid", "silu", "sin", "swish", "tanh"]

# Sixth-order central differences.
OFFSETS = np.arange(-3, 4)
FIRST = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60


def spec(sizes=(2, 9, 8, 2), activation="tanh", **options):
    lower, upper = [0.0, -3.0, 2.0][: sizes[0]], [1.0, 10.0, 2.5][: sizes[0]]
    return RepSpec(
        sizes,
        activation,
        domain=Box(lower, upper),
        slope_scale=options.pop("slope_scale", 2.0),
        hidden_gain=1.5,
        seed=3,
        **options,
    )


def points(given, n=6):
    box = given.domain
    return np.random.default_rng(0).uniform(box.lower, box.upper, (n, box.dim))


def assert_derivatives(given, weights):
    x = points(given)
    found = reference.forward(given, weights, x)
    for j, width in enumerate(given.domain.half_width):
        step = 2e-3 * width
        moved = []
        for offset in OFFSETS:
            at = x.copy()
            at[:, j] += offset * step
            moved.append(reference.forward(given, weights, at))
        gradient = sum(c * f.value for c, f in zip(FIRST, moved, strict=True)) / step
        hessian = sum(c * f.gradient for c, f in zip(FIRST, moved, strict=True)) / step
        size = np.abs(found.gradient[:, :, j]).max()
        np.testing.assert_allclose(found.gradient[:, :, j], gradient, atol=1e-8 * size)
        size = np.abs(found.hessian[:, :, :, j]).max()
        np.testing.assert_allclose(found.hessian[:, :, :, j], hessian, atol=1e-8 * size)
    np.testing.assert_allclose(found.hessian, np.swapaxes(found.hessian, 2, 3), rtol=1e-12)


@pytest.mark.parametrize("activation", SMOOTH)
def test_derivatives(activation):
    given = spec(activation=activation)
    assert_derivatives(given, draw(given))


@pytest.mark.parametrize(
    ("sizes", "activation"),
    [
        ((1, 12, 1), "sin"),
        ((3, 6, 6, 6, 2), "tanh"),
        ((2, 8, 8, 1), ["tanh", "sin", "relu"]),
        ((2, 8, 8, 1), [None, "tanh", None]),
        ((2, (6, 7), (5, 4), 2), "tanh"),
        ((2, 9, (6, 7), 2), "silu"),
        ((2, (6, 7), 8, (3, 4), (2, 1)), "tanh"),
    ],
)
def test_derivatives_of_structures(sizes, activation):
    given = spec(sizes, activation, slope_scale=3.0)
    assert_derivatives(given, draw(given))


def test_derivatives_with_scales_that_have_been_trained():
    given = spec(slope_scale=(1.0, 4.0))
    weights = draw(given)
    first = weights[0][0]
    weights[0][0] = Rep(first.direction, first.shift, np.linspace(-0.5, 0.5, 9))
    weights[1][0] = Dense(weights[1][0].kernel, np.linspace(-1, 1, 8))
    assert_derivatives(given, weights)


def test_values_by_hand():
    """z_i = sum_j s_j exp(a_i) v_ij ((x_j - m_j)/h_j + c_ij), then one tanh and one dense layer."""
    given = RepSpec((2, 2, 1), domain=Box([0, 10], [4, 20]), slope_scale=(3, 5), hidden_gain=1)
    v, c = np.array([[1.0, -2.0], [0.5, 1.0]]), np.array([[0.2, -0.4], [0.0, 0.9]])
    a, kernel, bias = np.array([0.0, 0.7]), np.array([[2.0], [-3.0]]), np.array([0.25])
    x = np.array([[1.0, 12.0], [3.0, 19.0]])
    expected = []
    for point in x:
        total = bias[0]
        for i in range(2):
            z = 0.0
            for j, (s, m, h) in enumerate([(3, 2, 2), (5, 15, 5)]):
                z += s * np.exp(a[i]) * v[i, j] * ((point[j] - m) / h + c[i, j])
            total += kernel[i, 0] * np.tanh(z)
        expected.append([total])
    found = reference.forward(given, [[Rep(v, c, a)], [Dense(kernel, bias)]], x)
    np.testing.assert_allclose(found.value, expected, rtol=1e-14)


def test_neuron_switches_on_at_its_partition_point():
    """Where the normalised x is -c, z = 0 whatever the slopes."""
    given = RepSpec((2, 5, 1), domain=Box([0, 10], [4, 20]), slope_scale=50.0, hidden_gain=1)
    first = draw(given)[0][0]
    x = given.domain.center - first.shift * given.domain.half_width
    for i in range(5):
        kernel = np.zeros((5, 1))
        kernel[i] = 1.0
        found = reference.forward(given, [[first], [Dense(kernel, np.zeros(1))]], x[i : i + 1])
        np.testing.assert_allclose(found.value, 0, atol=1e-12)


def test_an_activation_list_is_taken_in_order():
    given = spec((1, 4, 3, 1), ["sin", "relu", "tanh"])
    weights, x = draw(given), np.array([[0.3], [0.8]])
    first, second, last = (level[0] for level in weights)
    slope = first.slope(np.array(given.slope_scale))
    z = given.domain.normalise(x) @ slope.T + (slope * first.shift).sum(axis=1)
    y = activations.get("relu").value(np.sin(z) @ second.kernel + second.bias)
    expected = y @ last.kernel + last.bias
    np.testing.assert_allclose(reference.forward(given, weights, x).value, expected, rtol=1e-13)


def test_what_it_cannot_do():
    incomplete = RepSpec((2, 8, 1))
    with pytest.raises(ValueError, match="lacks a domain"):
        reference.forward(incomplete, draw(incomplete), np.zeros((1, 2)))
    given = spec(activation=np.tanh)
    with pytest.raises(ValueError, match="by name"):
        reference.forward(given, draw(given), np.zeros((1, 2)))
