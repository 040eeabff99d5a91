"""Known signals come back from every kind of spectrum, and known decays as rates and times."""

from __future__ import annotations

import numpy as np
import pytest

from deepxde_repnet.theory import modes

WAVES = np.pi * np.array([8.0, 16.0, 50.0])
SIZES = np.array([1.0, 0.5, 0.2])
PHASES = np.array([0.3, 1.1, -2.0])


def signal(x, waves=WAVES):
    """Three waves of known amplitudes."""
    return np.sin(np.outer(x[:, 0], waves) + PHASES) @ SIZES


def coefficients(phases=PHASES):
    """A sin(kx + p) = Re c exp(ikx) with c = -i A exp(ip)."""
    return -1j * SIZES * np.exp(1j * phases)


def at(found, waves):
    """The amplitude at the largest mode near each wave."""
    k = found.wavenumbers[:, 0]
    return [np.flatnonzero(np.abs(k - wave) < 12) for wave in waves]


@pytest.mark.parametrize("window", [None, "hann", "flattop"])
@pytest.mark.parametrize("shape", [128, 201])
def test_grid_gives_amplitudes_and_phases_of_its_own_waves(window, shape):
    grid = modes.Grid(-1, 1, shape, window)
    c = grid.amplitudes(signal(grid.points))
    index = [int(np.argmin(np.abs(grid.wavenumbers[:, 0] - wave))) for wave in WAVES]
    np.testing.assert_allclose(grid.wavenumbers[index, 0], WAVES)
    np.testing.assert_allclose(c[index], coefficients(), atol=2e-5)
    if window is None:
        assert np.abs(np.delete(c, index)).max() < 1e-14


def test_flat_top_gives_amplitudes_between_its_waves():
    waves = 1.013 * WAVES
    grid = modes.Grid(-1, 1, 512, "flattop")
    c = np.abs(grid.amplitudes(signal(grid.points, waves)))
    found = [c[near].max() for near in at(grid, waves)]
    np.testing.assert_allclose(found, SIZES, rtol=0.01)


def test_window_keeps_a_ramp_from_looking_like_oscillation():
    """Without one the jump between the ends falls as 1/k, with one as 1/k³."""
    plain, hann = modes.Grid(0, 1, 256, None), modes.Grid(0, 1, 256)
    high = plain.wavenumbers[:, 0] > 200
    ramp = plain.points[:, 0]
    assert np.abs(plain.amplitudes(ramp))[high].max() > 5e-3
    assert np.abs(hann.amplitudes(ramp))[high].max() < 1e-5


@pytest.mark.parametrize("shape", [(16, 12), (17, 13)])
def test_grid_in_two_dimensions_keeps_each_wave_once(shape):
    grid = modes.Grid([0, -1], [2, 3], shape, window=None)
    n = grid.wavenumbers * [2, 4] / (2 * np.pi)
    pairs = {tuple(row) for row in np.round(n).astype(int)}
    assert len(pairs) == len(n)
    assert all((-i, -j) not in pairs for i, j in pairs if (i, j) != (0, 0))
    # Every real function of the grid without the highest waves has its coefficients.
    expected = (2 * ((shape[0] - 1) // 2) + 1) * (2 * ((shape[1] - 1) // 2) + 1)
    assert 2 * len(n) - 1 == expected
    p, q = 2 * np.pi * np.array([3 / 2, 2 / 4])
    c = grid.amplitudes(4 + np.sin(p * grid.points[:, 0]) * np.sin(q * grid.points[:, 1]))
    size = dict(zip(map(tuple, np.round(n).astype(int)), np.abs(c), strict=True))
    assert size[0, 0] == pytest.approx(4)
    # (-3, 2) stands for (3, -2), the same wave.
    assert size[3, 2] == pytest.approx(0.5) and size[-3, 2] == pytest.approx(0.5)
    assert sum(value > 1e-12 for value in size.values()) == 3


def test_known_waves_come_back_from_scattered_points():
    x = np.random.default_rng(0).uniform(-1, 1, (60, 1))
    waves = np.append(0.0, 1.013 * WAVES)  # no periods of anything, and the mean
    found = modes.Known(x, waves)
    c = found.amplitudes(0.7 + signal(x, waves[1:]))
    np.testing.assert_allclose(c, np.append(0.7, coefficients()), atol=1e-12)


def test_known_waves_in_two_dimensions():
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (200, 2))
    x = x[np.linalg.norm(x - 0.5, axis=1) < 0.5]  # a disc
    k = np.array([[3.0, 40.0], [-25.0, 10.0], [0.0, 60.0]])
    found = modes.Known(x, k).amplitudes(np.sin(x @ k.T + PHASES) @ SIZES)
    np.testing.assert_allclose(found, coefficients(), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scattered_points_give_what_a_grid_gives(seed):
    """Within 1 %: of the box's own waves, and with a flat top of any, on top of a ramp."""
    x = np.random.default_rng(seed).uniform(-1, 1, (500, 1))
    plain = modes.Scattered(x, -1, 1, window=None)
    c = plain.amplitudes(signal(x))
    index = [int(np.argmin(np.abs(plain.wavenumbers[:, 0] - wave))) for wave in WAVES]
    np.testing.assert_allclose(c[index], coefficients(), rtol=0.01, atol=0)
    assert np.abs(np.delete(c, index)).max() < 1e-4

    waves = 1.013 * WAVES
    flat = modes.Scattered(x, -1, 1, window="flattop")
    c = np.abs(flat.amplitudes(signal(x, waves) + 0.3 * x[:, 0]))
    found = [c[near].max() for near in at(flat, waves)]
    np.testing.assert_allclose(found, SIZES, rtol=0.01)
    assert flat.wavenumbers.max() <= flat.highest[0]


def test_scattered_points_in_two_dimensions():
    x = np.random.default_rng(3).uniform([0, 0], [1, 2], (1500, 2))
    k = 2 * np.pi * np.array([[2, 3 / 2], [-3, 1 / 2], [0, 2 / 2]])
    found = modes.Scattered(x, [0, 0], [1, 2], window=None)
    c = found.amplitudes(np.sin(x @ k.T + PHASES) @ SIZES)
    index = [int(np.argmin(np.linalg.norm(found.wavenumbers - row, axis=1))) for row in k]
    np.testing.assert_allclose(c[index], coefficients(), rtol=0.01, atol=0)


def test_shells_keep_the_mean_square():
    grid = modes.Grid([0, 0], [1, 1], 24)
    p = 2 * np.pi * 5
    values = 3 * np.sin(p * grid.points[:, 0])
    edges = [0.5 * p, 1.5 * p, 2 * p]
    found = modes.shells(grid.wavenumbers, grid.amplitudes(values), edges, bandwidth=grid.bandwidth)
    np.testing.assert_allclose(found, [3, 0], atol=1e-12)
    along_time = modes.shells(grid.wavenumbers, np.ones((4, len(grid.wavenumbers))), edges)
    assert along_time.shape == (4, 2)


def test_rate_and_time_of_exponential_decays():
    t = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 40))
    rates = np.array([0.3, 0.02, 0.0])
    errors = np.array([2.0, 5.0, 1.0]) * np.exp(-np.outer(t - t[0], rates)) * 1j
    for over in (2, 5):
        found = modes.learning_rate(t, errors, over)
        np.testing.assert_allclose(found, np.tile(rates, (40, 1)), atol=1e-12)
    # The second does not get there in 40 time units or so: 1/0.02 = 50.
    assert t[-1] - t[0] < 50
    np.testing.assert_allclose(modes.learning_time(t, errors), [1 / 0.3, np.inf, np.inf])
    half = modes.learning_time(t, errors, fraction=0.5)
    np.testing.assert_allclose(half[:2], np.log(2) / rates[:2])


def test_time_where_an_error_is_zero_at_once_or_never_there():
    found = modes.learning_time([0, 1, 2], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert 0 < found[0] < 1 and found[1] == 0
    assert np.isnan(modes.learning_rate([0, 1], [[1.0], [0.0]])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: modes.Grid([0, 0], [1, 0], 8), "finite corners of a box"),
        (lambda: modes.Grid(0, 1, 3), "integer of at least 4"),
        (lambda: modes.Grid(0, 1, 8, "square"), '"hann" or "flattop"'),
        (lambda: modes.Grid(0, 1, 8).amplitudes(np.zeros((8, 1))), "give \\(8,\\)"),
        (lambda: modes.Known(np.zeros((4, 2)), [1.0, 2.0]), "of shape \\(M, 2\\)"),
        (lambda: modes.Known(np.zeros((3, 1)), [1.0, 2.0]), "3 points cannot determine 4"),
        (lambda: modes.Known(np.arange(9.0)[:, None], [1, 1 + 2 * np.pi]), "tell these waves"),
        (lambda: modes.Scattered(np.eye(2), [0, 0], [0.5, 1]), "do not lie in the box"),
        (lambda: modes.Scattered(np.linspace(0, 1, 9)[:, None], highest=90), "lower highest"),
        (lambda: modes.Scattered(np.linspace(0, 1, 9)[:, None], highest=-1), "positive"),
        (lambda: modes.shells([1.0], [[1.0, 2.0]], [0, 1]), "do not fit"),
        (lambda: modes.shells([1.0], [1.0], [1, 0]), "increasing"),
        (lambda: modes.learning_rate([0, 1, 1], np.ones((3, 1))), "must increase"),
        (lambda: modes.learning_rate([0], np.ones((1, 1))), "two times"),
        (lambda: modes.learning_time([0, 1], np.ones(2)), "errors \\(T, M\\)"),
        (lambda: modes.learning_time([0, 1], np.ones((2, 1)), 1.5), "between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
