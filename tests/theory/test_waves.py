"""Drawn wavevectors are those that the values are made of, in the proportions of the amplitudes."""

from __future__ import annotations

import numpy as np

from deepxde_repnet.theory import waves


def drawn(function, n=100, dim=2, n_points=3000, scale=5.0, highest=60.0, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1, 1, (n_points, dim))
    values = np.asarray(function(x)).reshape(n_points, -1)
    box = np.full(dim, scale), np.full(dim, highest)
    return waves.draw(x, values, n, *box, np.random.default_rng(seed + 1))


def distances(w, wave):
    """To a wavevector or its opposite, which is the same wave."""
    return np.minimum(*(np.linalg.norm(w - sign * np.array(wave), axis=1) for sign in (1, -1)))


def test_a_plane_wave():
    w = drawn(lambda x: 3 + np.sin(x @ [20.0, -8.0] + 0.3))
    assert w.shape == (100, 2)
    # A wave cut off at the box is a sinc along each axis: a main lobe of half width π, and tails.
    away = distances(w, [20, -8])
    assert np.median(away) < np.pi and np.mean(away < np.pi * np.sqrt(2)) > 0.6
    assert len(np.unique(w, axis=0)) == 100


def test_a_weak_wave_far_above_the_scale_is_found():
    def both(x):
        return np.sin(x @ [3.0, 2.0]) + 0.3 * np.sin(x @ [45.0, -15.0])

    w = drawn(both, n=400, scale=4.0)
    near = [np.mean(distances(w, wave) < 6) for wave in ([3, 2], [45, -15])]
    # Amplitudes are 1 to 0.3, and the strong one has side lobes above the noise, too.
    assert sum(near) > 0.8
    assert 0.05 < near[1] / sum(near) < 0.35


def test_the_density_is_that_of_the_amplitudes():
    width, k = 0.12, np.array([25.0, 0.0])
    w = drawn(lambda x: np.exp(-(x**2).sum(1) / (2 * width**2)) * np.cos(x @ k), n=500)
    w = w * np.sign(w[:, :1])
    # exp(-(w - k)² width²/2), but for what is below the noise.
    np.testing.assert_allclose(w.mean(0), k, atol=1.0)
    assert np.all(w.std(0) < 1.05 / width) and np.all(w.std(0) > 0.5 / width)


def test_all_outputs_count():
    def two(x):
        return np.stack([np.sin(x @ [20.0, 5.0]), np.cos(x @ [-5.0, 30.0])], axis=1)

    w = drawn(two)
    near = [np.mean(distances(w, wave) < 5) for wave in ([20, 5], [-5, 30])]
    assert min(near) > 0.3 and sum(near) > 0.75


def test_noise_has_no_waves():
    generator = np.random.default_rng(7)
    for seed in range(5):
        w = drawn(lambda x: generator.standard_normal(len(x)), n_points=1000, seed=seed)
        assert w.shape == (0, 2)


def test_nothing_beyond_the_highest_and_none_where_nothing_varies():
    w = drawn(lambda x: np.sin(x @ [20.0, -8.0]), highest=19.0)
    assert len(w) == 0 or np.abs(w).max() <= 19
    assert len(drawn(lambda x: np.ones(len(x)))) == 0
    assert len(drawn(lambda x: np.full(len(x), np.nan))) == 0


def test_values_that_are_not_finite_are_left_out():
    def holes(x):
        values = np.sin(x @ [20.0, -8.0])
        values[::7] = np.nan
        return values

    assert np.median(distances(drawn(holes), [20, -8])) < np.pi


def test_the_generator_decides():
    one, other, third = (drawn(lambda x: np.sin(x @ [9.0, 2.0]), seed=seed) for seed in (0, 0, 2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


def test_many_dimensions():
    wave = 2 * np.pi * np.array([1.0, 1.0, 0.0, 0.0])
    w = drawn(lambda x: np.sin(x @ wave), dim=4, n_points=20000, scale=3.5, highest=9.3)
    assert np.mean(distances(w, wave) < np.pi * 2) > 0.9
