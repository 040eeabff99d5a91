"""The initial draw: moments, fans, gains, and that it is one function of the specification."""

from __future__ import annotations

import numpy as np
import pytest

from deepxde_repnet import Box, RepSpec
from deepxde_repnet.theory.initialize import Rep, draw

WIDE = (3, 400, 300, 2)


def test_first_layer():
    """v ~ N(0, 1) and c ~ U(-1, 1), to four standard errors; a = 0."""
    first = draw(RepSpec((3, 4000, 1), seed=1))[0][0]
    n = first.direction.size
    assert first.direction.shape == first.shift.shape == (4000, 3)
    assert abs(first.direction.mean()) < 4 / np.sqrt(n)
    assert abs((first.direction**2).mean() - 1) < 4 * np.sqrt(2 / n)
    assert abs((first.direction**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert abs(first.shift.mean()) < 4 * np.sqrt(1 / 3 / n)
    assert abs((first.shift**2).mean() - 1 / 3) < 4 * np.sqrt(4 / 45 / n)
    assert first.shift.min() > -1 and first.shift.max() < 1
    assert np.abs(np.corrcoef(first.direction.ravel(), first.shift.ravel())[0, 1]) < 4 / np.sqrt(n)
    np.testing.assert_array_equal(first.log_scale, np.zeros(4000))


def test_slope():
    """w_ij = s_j exp(a_i) v_ij."""
    layer = Rep(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)), np.log([1.0, 10.0]))
    np.testing.assert_allclose(layer.slope(np.array([2.0, 5.0])), [[2, 10], [60, 200]])


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("Glorot normal", 2 / 700),
        ("Glorot uniform", 2 / 700),
        ("He normal", 2 / 400),
        ("He uniform", 2 / 400),
        ("LeCun normal", 1 / 400),
        ("lecun uniform", 1 / 400),
    ],
)
def test_variance_of_kernels(name, variance):
    kernel = draw(RepSpec(WIDE, kernel_initializer=name, seed=2))[1][0].kernel
    n, uniform = kernel.size, name.endswith("uniform")
    assert kernel.shape == (400, 300)
    spread = 0.8 if uniform else 2.0  # of x², in units of the variance squared
    assert abs(kernel.mean()) < 4 * np.sqrt(variance / n)
    assert abs(kernel.var() / variance - 1) < 4 * np.sqrt(spread / n)
    # The kurtosis tells the two apart, and a normal draw is not truncated.
    assert (kernel**4).mean() / kernel.var() ** 2 == pytest.approx(1.8 if uniform else 3, rel=0.05)


@pytest.mark.parametrize("sizes", [(2, 40, 30, 1), (2, 30, 40, 1)])
def test_orthogonal_kernels(sizes):
    kernel = draw(RepSpec(sizes, kernel_initializer="Orthogonal"))[1][0].kernel
    gram = kernel.T @ kernel if sizes[1] > sizes[2] else kernel @ kernel.T
    np.testing.assert_allclose(gram, np.eye(30), atol=1e-12)


def test_zero_kernels():
    weights = draw(RepSpec(WIDE, kernel_initializer="zeros"))
    assert all(np.all(level[0].kernel == 0) for level in weights[1:])


def test_biases_are_zero_and_kernels_of_a_function_are_left_to_it():
    weights = draw(RepSpec(WIDE, kernel_initializer=lambda *_: None))
    for level, n in zip(weights[1:], WIDE[2:], strict=True):
        assert level[0].kernel is None
        np.testing.assert_array_equal(level[0].bias, np.zeros(n))


def test_gain_is_on_hidden_kernels_alone():
    sizes = (2, 20, 20, 20, 1)
    plain, larger = draw(RepSpec(sizes)), draw(RepSpec(sizes, hidden_gain=3.0))
    np.testing.assert_array_equal(larger[0][0].direction, plain[0][0].direction)
    np.testing.assert_array_equal(larger[1][0].kernel, 3 * plain[1][0].kernel)
    np.testing.assert_array_equal(larger[2][0].kernel, 3 * plain[2][0].kernel)
    np.testing.assert_array_equal(larger[3][0].kernel, plain[3][0].kernel)


def flat(weights):
    arrays = [a for level in weights for layer in level for a in vars(layer).values()]
    return np.concatenate([np.ravel(a) for a in arrays])


def test_seed_decides():
    spec = RepSpec((2, 10, 10, 1), seed=5)
    np.testing.assert_array_equal(flat(draw(spec)), flat(draw(spec)))
    assert not np.array_equal(flat(draw(spec)), flat(draw(RepSpec((2, 10, 10, 1), seed=6))))


def test_global_state_is_not_used():
    before = np.random.get_state()[1].copy()
    draw(RepSpec((2, 10, 10, 1)))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_domain_and_scale_do_not_matter():
    """Calibration changes them after the draw."""
    given = RepSpec((2, 10, 10, 1), seed=5, hidden_gain=2.0)
    done = given.completed(Box([0, 0], [1, 9]), (3.0, 4.0), 2.0)
    np.testing.assert_array_equal(flat(draw(given)), flat(draw(done)))


def test_draw_is_frozen():
    """One seed is one function in every version: these numbers must not change."""
    weights = draw(RepSpec((1, 3, 2, 1), kernel_initializer="He normal", seed=7))
    generator = np.random.default_rng(7)
    np.testing.assert_array_equal(weights[0][0].direction, generator.standard_normal((3, 1)))
    np.testing.assert_array_equal(weights[0][0].shift, generator.uniform(-1, 1, (3, 1)))
    np.testing.assert_allclose(
        weights[1][0].kernel, np.sqrt(2 / 3) * generator.standard_normal((3, 2)), rtol=1e-15
    )
    np.testing.assert_allclose(weights[0][0].direction[0, 0], 0.0012301533574825742, rtol=1e-14)


def test_parallel_layers():
    spec = RepSpec((2, (300, 200), (30, 40), 5, 2), kernel_initializer="LeCun normal", seed=3)
    weights = draw(spec)
    assert [len(level) for level in weights] == [2, 2, 1, 1]
    assert [type(layer) for layer in weights[0]] == [Rep, Rep]
    assert [layer.direction.shape for layer in weights[0]] == [(300, 2), (200, 2)]
    assert [layer.kernel.shape for layer in weights[1]] == [(300, 30), (200, 40)]
    assert weights[2][0].kernel.shape == (70, 5)
    for layer, n_in in zip(weights[1], (300, 200), strict=True):
        assert layer.kernel.var() * n_in == pytest.approx(1, rel=0.1)
    outputs = draw(RepSpec((2, (8, 9), 2)))[1]
    assert [layer.kernel.shape for layer in outputs] == [(8, 1), (9, 1)]
