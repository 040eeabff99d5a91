"""Activations: derivatives against finite differences, tails, and the table itself."""

import dataclasses
import math

import numpy as np
import pytest

from deepxde_repnet.theory import activations

NAMES = sorted(activations.ACTIVATIONS)
KINKED = {"elu", "relu", "selu"}

# Eighth-order central difference of a first derivative.
STENCIL = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])
STEP = 0.02


def central_difference(function, z):
    offsets = STEP * np.arange(-4, 5)
    return function(z[:, None] + offsets) @ STENCIL / STEP


def smooth_points(name):
    z = np.linspace(-8, 8, 641)
    return z[np.abs(z) > 5 * STEP] if name in KINKED else z


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_match_finite_differences(name):
    phi = activations.get(name)
    z = smooth_points(name)
    np.testing.assert_allclose(phi.first(z), central_difference(phi.value, z), atol=1e-10)
    np.testing.assert_allclose(phi.second(z), central_difference(phi.first, z), atol=1e-10)


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("elu", lambda z: z if z > 0 else math.exp(z) - 1),
        ("gelu", lambda z: z / 2 * (1 + math.erf(z / math.sqrt(2)))),
        ("linear", lambda z: z),
        ("relu", lambda z: max(z, 0.0)),
        (
            "selu",
            lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * (math.exp(z) - 1)),
        ),
        ("sigmoid", lambda z: 1 / (1 + math.exp(-z))),
        ("silu", lambda z: z / (1 + math.exp(-z))),
        ("sin", math.sin),
        ("softplus", lambda z: math.log(1 + math.exp(z))),
        ("swish", lambda z: z / (1 + math.exp(-z))),
        ("tanh", math.tanh),
    ],
)
def test_values_match_definition(name, definition):
    z = np.linspace(-6, 6, 49)
    expected = [definition(a) for a in z]
    np.testing.assert_allclose(activations.get(name).value(z), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_large_arguments_neither_overflow_nor_lose_shape(name):
    z = np.array([[-1e3, -700.0, -40.0], [40.0, 700.0, 1e3]])
    phi = activations.get(name)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        results = [phi.value(z), phi.first(z), phi.second(z)]
    for result in results:
        assert result.shape == z.shape
        assert result.dtype == np.float64
        assert np.all(np.isfinite(result))


@pytest.mark.parametrize(
    ("name", "derivative", "z", "expected"),
    [
        ("tanh", "first", 30.0, 4 * math.exp(-60.0)),
        ("tanh", "second", -30.0, 8 * math.exp(-60.0)),
        ("sigmoid", "value", -50.0, math.exp(-50.0)),
        ("sigmoid", "first", 50.0, math.exp(-50.0)),
        ("sigmoid", "second", 50.0, -math.exp(-50.0)),
        ("softplus", "value", -50.0, math.exp(-50.0)),
        ("softplus", "value", 1e3, 1e3),
        ("softplus", "second", 50.0, math.exp(-50.0)),
        ("silu", "value", -50.0, -50 * math.exp(-50.0)),
        ("silu", "first", -50.0, -49 * math.exp(-50.0)),
        ("silu", "second", -50.0, -48 * math.exp(-50.0)),
        ("gelu", "value", -10.0, -5 * math.erfc(10 / math.sqrt(2))),
        ("elu", "value", -1e-12, -1e-12),
    ],
)
def test_tails_keep_relative_accuracy(name, derivative, z, expected):
    result = getattr(activations.get(name), derivative)(z)
    assert float(result) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("name", "first", "second"), [("relu", 0.0, 0.0), ("elu", 1.0, 1.0), ("selu", 1.7581, 1.7581)]
)
def test_derivatives_at_a_kink_are_limits_from_the_left(name, first, second):
    phi = activations.get(name)
    assert float(phi.first(0.0)) == pytest.approx(first, abs=1e-4)
    assert float(phi.second(0.0)) == pytest.approx(second, abs=1e-4)


def test_result_does_not_alias_its_argument():
    z = np.array([1.0, 2.0])
    result = activations.get("linear").value(z)
    result[0] = 5.0
    assert z[0] == 1.0


def test_names_are_case_insensitive_and_swish_is_silu():
    assert activations.get("Tanh") is activations.get("tanh")
    assert activations.get("swish") is activations.get("silu")


def test_unknown_name_is_reported_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'tanhh'.*sigmoid.*tanh"):
        activations.get("tanhh")


def test_function_instead_of_name_is_rejected():
    with pytest.raises(TypeError, match="must be a name"):
        activations.get(np.tanh)


def test_table_is_immutable():
    with pytest.raises(TypeError):
        activations.ACTIVATIONS["cube"] = activations.get("tanh")
    with pytest.raises(dataclasses.FrozenInstanceError):
        activations.get("tanh").name = "cube"


@pytest.mark.parametrize("name", sorted(activations.ACTIVATIONS))
def test_derivatives_of_any_order_are_those_of_the_order_before(name: str) -> None:
    z = np.array([-2.3, -0.7, -0.1, 0.2, 0.9, 3.1])
    h = 1e-4
    at = activations.derivatives(name, z, 5)
    right, left = (activations.derivatives(name, z + s * h, 5) for s in (1, -1))
    for r in range(5):
        central = (right[r] - left[r]) / (2 * h)
        np.testing.assert_allclose(at[r + 1], central, rtol=1e-6, atol=1e-6)
