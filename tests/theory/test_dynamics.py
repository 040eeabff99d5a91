"""The damped heat equation of the frequencies against exact decay, kernels and networks."""

import numpy as np
import pytest

from benchmarks import dynamics as experiment
from deepxde_repnet.theory import dynamics
from deepxde_repnet.theory.frequencies import Normal, Uniform

#: Distances of networks of 250 pairs from the finite elements at t = 1, 2, 4, 8, measured before.
#: Larger widths are in ``benchmarks/dynamics.py``.
MEASURED = (0.089, 0.124, 0.177, 0.262)


@pytest.fixture(scope="module")
def exact():
    return experiment.finite_elements()


def test_kernel_flow_and_finite_elements_agree(exact):
    assert max(experiment.kernel(exact)) < 1e-4


def test_halving_the_mesh_moves_little(exact):
    assert max(experiment.halved_mesh(exact)) < 1e-4


def test_a_network_of_finite_width(exact):
    """Within 30% of the distance that was measured; a seed varies more, so the median of three."""
    runs = np.array([experiment.network(250, seed, exact, rate=0.04) for seed in range(3)])
    ratio = np.median(runs, axis=0) / MEASURED
    assert (np.abs(ratio - 1) < 0.3).all(), ratio


@pytest.mark.parametrize("dim", [1, 2])
def test_flat_density_is_plain_decay(dim):
    """Without diffusion ê falls as exp(-(2π)^d ρ t) at every wavenumber."""
    flow = dynamics.gradient_flow(0.0, dim)
    axis = np.linspace(-4, 4, 33)
    found = dynamics.evolve(
        flow,
        lambda k: np.full(len(k), 0.01),
        lambda k: np.exp(-(k**2).sum(1) + 1j * k[:, 0]),
        [0.0, 1.0, 2.0],
        [axis] * dim,
        0.002,
    )
    for t, values in zip(found.times, found.values, strict=True):
        expected = found.values[0] * np.exp(-((2 * np.pi) ** dim) * 0.01 * t)
        np.testing.assert_allclose(values, expected, atol=1e-6)


def test_diffusion_in_two_dimensions():
    """With constant ρ, ê of a Gaussian spreads as a Gaussian and is damped."""
    flow, rho = dynamics.Flow(diffusion=2.0, damping=0.7), 0.3
    axis = np.linspace(-7.5, 7.5, 61)
    found = dynamics.evolve(
        flow,
        lambda k: np.full(len(k), rho),
        lambda k: np.exp(-(k**2).sum(1) / 2),
        [1.0],
        [axis, axis],
        0.1,
    )
    spread = 1 + 2 * 2.0 * rho
    expected = np.exp(-0.7 * rho) / spread * np.exp(-(found.k**2).sum(1) / 2 / spread)
    np.testing.assert_allclose(found.values[0], expected, atol=5e-3)


def test_random_phases():
    """Against the kernel of a cos(w x + b) with all trained: ½ (1 + σ² + σ² x y) E cos w(x - y)."""
    x, sigma, scale = np.arange(-8, 8.01, 0.05), 0.6, 1.5
    start = np.exp(-(x**2)) * np.cos(2 * x)
    flow = dynamics.random_phase(sigma, 1)
    density = Normal(scale)
    k = np.linspace(-12, 12, 1201)
    found = dynamics.evolve(
        flow,
        lambda k: density.density(k[:, 0]),
        lambda k: dynamics.transform(start, x, k[:, 0]),
        [1.0],
        [k],
        0.01,
    ).values[0]
    mean_cos = np.exp(-((x[:, None] - x) ** 2) * scale**2 / 2)
    kernel = (1 + sigma**2 + sigma**2 * np.outer(x, x)) / 2 * mean_cos * (x[1] - x[0])
    rates, modes = np.linalg.eigh(kernel)
    expected = dynamics.transform(modes @ (np.exp(-rates) * (modes.T @ start)), x, k)
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)


def test_residual_of_an_equation():
    """Against the kernel of the features' residuals, for L u = u - u'', p = 1 + k²."""
    x, sigma, density = np.arange(-10, 10.01, 0.05), 0.5, Normal(1.0)
    start = np.exp(-(x**2) / 2) * np.cos(x)
    flow = dynamics.gradient_flow(sigma, 1, symbol=lambda k: 1 + k[:, 0] ** 2)
    k = np.linspace(-10, 10, 1001)
    time = 0.2
    found = dynamics.evolve(
        flow,
        lambda k: density.density(k[:, 0]),
        lambda k: dynamics.transform(start, x, k[:, 0]),
        [time],
        [k],
        0.002,
    ).values[0]
    # Of L applied to cos wx, sin wx and, for the training of w, to x cos wx and x sin wx.
    w = np.linspace(-7, 7, 561)
    weight = density.density(w) * (w[1] - w[0])
    p, slope = 1 + w**2, 2 * w
    cos, sin = np.cos(np.outer(x, w)), np.sin(np.outer(x, w))
    kernel = ((p * cos) * weight) @ (p * cos).T + ((p * sin) * weight) @ (p * sin).T
    # L(x cos wx) = x p cos wx + 2 w sin wx, L(x sin wx) = x p sin wx - 2 w cos wx
    x_cos, x_sin = x[:, None] * p * cos + slope * sin, x[:, None] * p * sin - slope * cos
    kernel += sigma**2 * ((x_cos * weight) @ x_cos.T + (x_sin * weight) @ x_sin.T)
    rates, modes = np.linalg.eigh(kernel * (x[1] - x[0]))
    expected = dynamics.transform(modes @ (np.exp(-rates * time) * (modes.T @ start)), x, k)
    assert np.linalg.norm(found - expected) < 2e-3 * np.linalg.norm(expected)


def test_mean_square_is_another_clock():
    mean, whole = dynamics.mean_square(0.5, 1, 8.0), dynamics.gradient_flow(0.5, 1)
    assert mean.damping == whole.damping / 4 and mean.diffusion == whole.diffusion / 4


def test_learning_times_and_their_inverse():
    flow = dynamics.gradient_flow(0.0, 1)
    k = np.array([2.0, 5.0, 9.0])
    flat = Uniform(0, 10)
    np.testing.assert_allclose(
        dynamics.learning_time(flow, lambda k: flat.density(k[:, 0]), k),
        np.log(2) / (2 * np.pi * 0.05),
    )
    # Twice as long at twice the wavenumber.
    density, unit = dynamics.density_for(flow, lambda k: 3.0 * k, 1.0, 10.0)
    times = dynamics.learning_time(flow, lambda k: density.density(k[:, 0]), k)
    np.testing.assert_allclose(times, 3.0 * k * unit, rtol=1e-4)
    # For an equation u'' = f: at one speed.
    flow = dynamics.gradient_flow(0.0, 1, symbol=lambda k: -(k[:, 0] ** 2))
    density, unit = dynamics.density_for(flow, lambda k: np.ones(len(k)), 1.0, 10.0)
    times = dynamics.learning_time(flow, lambda k: density.density(k[:, 0]), k)
    np.testing.assert_allclose(times, unit, rtol=1e-3)
    with pytest.raises(ValueError, match="symbol not zero"):
        dynamics.density_for(flow, lambda k: np.ones(len(k)), 0.0, 10.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [2.0, 1.0]}, "times must be increasing"),
        ({"axes": [np.array([1.0, 0.0])]}, "increasing arrays"),
        ({"step": 0.0}, "step=0.0"),
    ],
)
def test_what_makes_no_sense(arguments, message):
    axis = np.linspace(-1, 1, 5)
    given = {"times": [1.0], "axes": [axis], "step": 0.1} | arguments
    with pytest.raises(ValueError, match=message):
        dynamics.evolve(
            dynamics.gradient_flow(0.1, 1), lambda k: k[:, 0] ** 0, lambda k: k[:, 0], **given
        )
