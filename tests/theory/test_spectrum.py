"""Wavenumbers estimated from samples of functions whose derivatives are known."""

import math

import numpy as np
import pytest
from scipy.stats import qmc

from deepxde_repnet.theory import spectrum

PI = math.pi


def grid(n, dim):
    side = np.linspace(-1, 1, round(n ** (1 / dim)))
    return np.stack(np.meshgrid(*[side] * dim, indexing="ij"), axis=-1).reshape(-1, dim)


def uniform(n, dim, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, dim))


def hammersley(n, dim):
    first = (np.arange(n)[:, None] + 0.5) / n
    rest = qmc.Halton(dim - 1, scramble=False).random(n) if dim > 1 else np.empty((n, 0))
    return 2 * np.hstack([first, rest]) - 1


def clustered(n, dim, seed=0):
    # Density growing towards both ends of each axis.
    x = uniform(n, dim, seed)
    return np.sign(x) * (1 - (1 - np.abs(x)) ** 2)


SAMPLES = {"grid": grid, "uniform": uniform, "hammersley": hammersley, "clustered": clustered}


def waves(*terms):
    """v and ∇v of sum a sin(k·x + phase), for terms (a, k, phase)."""

    def value(x):
        return sum(a * np.sin(x @ np.array(k) + phase) for a, k, phase in terms)

    def gradient(x):
        return sum(
            a * np.cos(x @ np.array(k) + phase)[:, None] * np.array(k) for a, k, phase in terms
        )

    return value, gradient


def product(k, phase=0.3):
    """v and ∇v of prod_j sin(k_j x_j + phase)."""
    k = np.array(k)

    def value(x):
        return np.prod(np.sin(k * x + phase), axis=1)

    def gradient(x):
        sines, slopes = np.sin(k * x + phase), k * np.cos(k * x + phase)
        own = np.eye(k.size, dtype=bool)
        return np.stack([np.prod(np.where(j, slopes, sines), axis=1) for j in own], axis=1)

    return value, gradient


def truth(function, dim):
    """k by exact derivatives, averaged over the domain."""
    value, gradient = function
    x = uniform(40_000, dim, seed=99)
    return spectrum.wavenumber_from_gradient(value(x), gradient(x))


def with_noise(values, level, seed=1):
    noise = np.random.default_rng(seed).standard_normal(len(values))
    return values + level * np.std(values) * noise


@pytest.mark.parametrize("points_per_wavelength", [8, 30])
@pytest.mark.parametrize("n", [100, 1000, 3000])
@pytest.mark.parametrize("sample", ["grid", "uniform", "clustered"])
def test_sine_in_one_dimension(sample, n, points_per_wavelength):
    value, gradient = waves((1, [2 * PI * n / 2 / points_per_wavelength], 0.3))
    x = SAMPLES[sample](n, 1)
    # The truth at the sample's own points: random ones weigh the parts of a wave unequally.
    expected = spectrum.wavenumber_from_gradient(value(x), gradient(x))
    rel = 0.12 if sample == "clustered" else 0.06
    assert spectrum.wavenumber(x, value(x)) == pytest.approx(expected, rel=rel)


def test_sine_with_few_periods_on_a_fine_grid_is_exact():
    x = grid(3000, 1)
    assert spectrum.wavenumber(x, np.sin(2 * PI * x[:, 0])) == pytest.approx([2 * PI], rel=1e-3)


@pytest.mark.parametrize(("n", "rel"), [(300, 0.15), (1000, 0.12), (3000, 0.05)])
@pytest.mark.parametrize("k", [(PI, PI), (PI, 3 * PI), (4 * PI, PI)])
@pytest.mark.parametrize("sample", ["grid", "uniform", "hammersley"])
def test_product_of_sines_in_two_dimensions(sample, k, n, rel):
    value, gradient = product(k)
    x = SAMPLES[sample](n, 2)
    estimate = spectrum.wavenumber(x, value(x))
    expected = spectrum.wavenumber_from_gradient(value(x), gradient(x))
    assert estimate == pytest.approx(expected, rel=rel)


@pytest.mark.parametrize("sample", ["uniform", "hammersley"])
def test_plane_wave(sample):
    x = SAMPLES[sample](1000, 2)
    value, _ = waves((1, [3 * PI, 2 * PI], 0.1))
    assert spectrum.wavenumber(x, value(x)) == pytest.approx([3 * PI, 2 * PI], rel=0.08)


def test_function_of_one_axis_only():
    x = uniform(1000, 2)
    k = spectrum.wavenumber(x, np.sin(3 * PI * x[:, 1]))
    assert k[1] == pytest.approx(3 * PI, rel=0.06)
    assert k[0] < 0.1 * k[1]


@pytest.mark.parametrize(("n", "rel"), [(1000, 0.2), (3000, 0.12)])
def test_four_dimensions(n, rel):
    k = [PI / 2, PI / 2, PI / 2, PI]
    x = uniform(n, 4)
    value, _ = product(k)
    assert spectrum.wavenumber(x, value(x)) == pytest.approx(truth(product(k), 4), rel=rel)


@pytest.mark.parametrize("sample", ["grid", "uniform"])
@pytest.mark.parametrize(
    ("terms", "n"),
    [
        ([(1, [PI], 0), (0.1, [25 * PI], 0)], 400),
        ([(1, [PI], 0), (0.1, [25 * PI], 0)], 4000),
        ([(1, [2 * PI], 0), (0.5, [16 * PI], 0), (0.2, [50 * PI], 0)], 800),
    ],
)
def test_sum_of_scales(terms, n, sample):
    # From 16 points per shortest wavelength.
    function = waves(*terms)
    x = SAMPLES[sample](n, 1)
    assert spectrum.wavenumber(x, function[0](x)) == pytest.approx(truth(function, 1), rel=0.1)


@pytest.mark.parametrize(("n", "seen"), [(50, 0.5), (200, 0.85)])
def test_unresolved_small_scale_is_not_mistaken_for_noise(n, seen):
    # 2 and 8 points per shortest wavelength.
    function = waves((1, [2 * PI], 0), (0.5, [16 * PI], 0), (0.2, [50 * PI], 0))
    x = grid(n, 1)
    assert spectrum.wavenumber(x, function[0](x)) > seen * truth(function, 1)


@pytest.mark.parametrize("level", [0.01, 0.05])
@pytest.mark.parametrize("n", [50, 200, 2000, 10_000])
@pytest.mark.parametrize("k", [2 * PI, 8 * PI])
def test_noise_in_one_dimension(k, n, level):
    x = uniform(n, 1)
    v = np.sin(k * x[:, 0] + 0.3)
    assert spectrum.wavenumber(x, with_noise(v, level)) == pytest.approx([k], rel=0.17)


@pytest.mark.parametrize("level", [0.01, 0.05])
@pytest.mark.parametrize(("n", "rel"), [(50, 0.3), (200, 0.15), (2000, 0.1), (10_000, 0.06)])
@pytest.mark.parametrize("k", [(PI, PI), (PI, 2 * PI)])
def test_noise_in_two_dimensions(k, n, rel, level):
    x = hammersley(n, 2)
    value, gradient = product(k)
    expected = spectrum.wavenumber_from_gradient(value(x), gradient(x))
    assert spectrum.wavenumber(x, with_noise(value(x), level)) == pytest.approx(expected, rel=rel)


@pytest.mark.parametrize("level", [0.2, 1.0])
def test_strong_noise_on_dense_points(level):
    x = uniform(10_000, 1)
    v = np.sin(4 * PI * x[:, 0])
    assert spectrum.wavenumber(x, with_noise(v, level)) == pytest.approx([4 * PI], rel=0.25)


@pytest.mark.parametrize(("n", "dim"), [(1000, 1), (10_000, 1), (10_000, 2)])
def test_dense_white_noise_has_no_wavenumber(n, dim):
    v = np.random.default_rng(2).standard_normal(n)
    k = spectrum.wavenumber(uniform(n, dim), v)
    assert np.all(k < 0.05 * spectrum.resolved_wavenumber(n, np.ones(dim)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("n", "dim"), [(50, 1), (300, 1), (100, 2), (1000, 2), (3000, 2), (500, 4)]
)
def test_undersampled_oscillation_gives_about_what_the_points_resolve(n, dim, seed):
    limit = spectrum.resolved_wavenumber(n, np.ones(dim))
    value, _ = product(4.3 * limit)
    x = uniform(n, dim, seed)
    ratio = spectrum.wavenumber(x, value(x)) / limit
    assert np.all(ratio > 0.5)
    assert np.all(ratio < 2)


def test_many_random_waves_are_within_the_documented_accuracy():
    rng = np.random.default_rng(5)
    errors = {0.0: [], 0.05: []}
    for trial in range(120):
        dim, n = int(rng.integers(1, 3)), int(np.exp(rng.uniform(np.log(60), np.log(4000))))
        x = (grid, uniform, hammersley)[trial % 3](n, dim)
        per_axis = len(x) ** (1 / dim)
        k = np.maximum(PI * per_axis / rng.uniform(6, 40, dim), 2.0)
        if np.any(PI * per_axis / k < 6):
            continue
        phase = rng.uniform(0, 2 * PI)
        function = waves((1, k, phase)) if trial % 2 else product(k, phase)
        level = 0.05 if trial % 4 > 1 else 0.0
        estimate = spectrum.wavenumber(x, with_noise(function[0](x), level, trial))
        errors[level] += list(np.abs(estimate / truth(function, dim) - 1))
    assert len(errors[0.0]) > 60
    assert len(errors[0.05]) > 60
    assert np.quantile(errors[0.0], 0.9) < 0.07
    assert np.quantile(errors[0.05], 0.9) < 0.12
    assert max(errors[0.0]) < 0.16
    assert max(errors[0.05]) < 0.3


def test_random_waves_in_four_dimensions_are_within_the_documented_accuracy():
    rng = np.random.default_rng(5)
    errors = []
    for trial in range(30):
        x = uniform(int(rng.integers(500, 2500)), 4, seed=trial)
        k = PI * len(x) ** (1 / 4) / rng.uniform(4, 8, 4)
        phase = rng.uniform(0, 2 * PI)
        function = waves((1, k, phase)) if trial % 2 else product(k, phase)
        errors += list(np.abs(spectrum.wavenumber(x, function[0](x)) / truth(function, 4) - 1))
    assert np.quantile(errors, 0.9) < 0.15


def square_boundary(n):
    s, one = np.linspace(-1, 1, n), np.ones(n)
    sides = [np.c_[s, -one], np.c_[s, one], np.c_[-one, s], np.c_[one, s]]
    return np.concatenate(sides)


def test_boundary_of_a_square_tells_of_both_axes():
    x = square_boundary(40)
    value, gradient = waves((1, [3 * PI, 0], 0.4), (1, [0, 1.5 * PI], 0.2))
    v, g = value(x), gradient(x)
    # Each axis is seen on two of the four sides.
    expected = [np.sqrt(np.mean(g[:80, 0] ** 2)), np.sqrt(np.mean(g[80:, 1] ** 2))] / np.std(v)
    assert spectrum.wavenumber(x, v) == pytest.approx(expected, rel=0.05)


def test_line_says_nothing_about_the_other_axis():
    s = np.linspace(-1, 1, 60)
    k = spectrum.wavenumber(np.c_[s, np.zeros(60)], np.sin(5 * s))
    assert k[0] == pytest.approx(5, rel=0.1)
    assert math.isnan(k[1])


def test_two_parallel_lines_say_nothing_about_the_axis_across():
    # The jump between the lines, 100 times the wave, must not enter.
    s = np.linspace(-1, 1, 60)
    x = np.r_[np.c_[s, np.zeros(60)], np.c_[s, np.ones(60)]]
    wave = np.sin(12 * s)
    k = spectrum.wavenumber(x, np.r_[wave, wave + 100])
    alone = spectrum.wavenumber(x[:60], wave)[0]
    assert k[0] * 50 == pytest.approx(alone * np.std(wave), rel=0.02)
    assert math.isnan(k[1])


def test_noise_on_parallel_lines_does_not_mix_the_lines():
    # Neighbourhoods wide enough to see through the noise reach across the lines.
    s = np.linspace(-1, 1, 200)
    rng = np.random.default_rng(0)
    x = np.concatenate([np.c_[s, np.full(200, t)] for t in np.linspace(0, 1, 45)])
    v = np.concatenate([np.sin(2 * s) + offset for offset in rng.standard_normal(45)])
    k = spectrum.wavenumber(x, with_noise(v, 0.05))
    slope = math.sqrt(np.mean((2 * np.cos(2 * s)) ** 2))
    assert k[0] == pytest.approx(slope / np.std(v), rel=0.1)
    assert math.isnan(k[1])


def test_diagonal_line_shares_the_variation_between_the_axes():
    s = np.linspace(-1, 1, 100)
    k = spectrum.wavenumber(np.c_[s, s], np.sin(8 * s))
    assert k[0] == pytest.approx(k[1])
    assert np.hypot(*k) == pytest.approx(8 / math.sqrt(2) * math.sqrt(2), rel=0.06)


def test_constant_values_have_wavenumber_zero():
    assert np.array_equal(spectrum.wavenumber(uniform(50, 2), np.full(50, 0.1)), [0, 0])
    s = np.linspace(0, 1, 20)
    np.testing.assert_array_equal(
        spectrum.wavenumber(np.c_[s, np.zeros(20)], np.ones(20)), [0, np.nan]
    )


def test_clusters_that_are_constant_each_have_wavenumber_zero():
    x = np.r_[np.linspace(0, 0.1, 10), np.linspace(0.9, 1, 10)][:, None]
    assert np.array_equal(spectrum.wavenumber(x, np.repeat([0.0, 1.0], 10)), [0])


def test_fewer_than_four_distinct_points_say_nothing():
    x = np.repeat(uniform(3, 2), 5, axis=0)
    assert np.all(np.isnan(spectrum.wavenumber(x, np.arange(15.0))))
    assert np.all(np.isnan(spectrum.wavenumber(np.zeros((9, 2)), np.arange(9.0))))
    assert np.all(np.isfinite(spectrum.wavenumber(uniform(4, 1), np.arange(4.0))))


def test_repeated_points_count_once():
    x = uniform(200, 2)
    value, _ = product((2 * PI, 4 * PI))
    v = value(x)
    again = spectrum.wavenumber(np.r_[x, x, x[:50]], np.r_[v, v, v[:50]])
    assert again == pytest.approx(spectrum.wavenumber(x, v), rel=1e-9)
    # Points that agree but for round-off are the same point, too.
    jitter = 1e-14 * uniform(200, 2, seed=8)
    again = spectrum.wavenumber(np.r_[x, x + jitter], np.r_[v, v])
    assert again == pytest.approx(spectrum.wavenumber(x, v), rel=1e-6)


@pytest.mark.parametrize("sample", ["grid", "uniform"])
@pytest.mark.parametrize("level", [0.0, 0.05])
def test_units_of_coordinates_and_values(sample, level):
    x = SAMPLES[sample](900, 2)
    value, _ = product((2 * PI, 4 * PI))
    v = with_noise(value(x), level)
    k = spectrum.wavenumber(x, v)
    assert spectrum.wavenumber(x * [1e-3, 50] + [7, -20], v) == pytest.approx(
        k / [1e-3, 50], rel=1e-6
    )
    assert spectrum.wavenumber(x, 1e-6 * v + 3e-6) == pytest.approx(k, rel=1e-6)
    order = np.random.default_rng(0).permutation(len(x))
    assert np.array_equal(spectrum.wavenumber(x[order], v[order]), k)


def test_components_add_as_squares():
    x = uniform(800, 1)
    s, c = np.sin(4 * PI * x), np.cos(9 * PI * x)
    k = spectrum.wavenumber(x, np.hstack([s, 3 * c]))
    assert k == pytest.approx([math.sqrt((4**2 + (3 * 9) ** 2) / 10) * PI], rel=0.06)
    assert np.array_equal(spectrum.wavenumber(x, s), spectrum.wavenumber(x, s[:, 0]))


def test_round_off_in_one_component_is_no_variation():
    x = uniform(100, 1)
    v = np.hstack([np.full((100, 1), 0.3), np.sin(3 * x)])
    assert spectrum.wavenumber(x, v) == pytest.approx(spectrum.wavenumber(x, np.sin(3 * x)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_counted(bad):
    x, v = uniform(10, 2), np.arange(10.0)
    x[3, 1] = v[7] = bad
    with pytest.raises(ValueError, match=r"2 of 10 rows .* not finite; leave those rows out"):
        spectrum.wavenumber(x, v)
    g = np.ones((10, 2))
    with pytest.raises(ValueError, match=r"1 of 10 rows"):
        spectrum.wavenumber_from_gradient(v, g)


@pytest.mark.parametrize(
    ("points", "values"),
    [((5,), (5,)), ((5, 2), (4,)), ((5, 2), (5, 1, 1)), ((0, 2), (0,)), ((5, 0), (5,))],
)
def test_shapes_that_do_not_fit_are_reported(points, values):
    with pytest.raises(ValueError, match=r"points must be \(N, d\)"):
        spectrum.wavenumber(np.zeros(points), np.zeros(values))


def test_wavenumber_from_gradient():
    x = grid(20_001, 1)[:-1]
    v, g = np.sin(6 * PI * x[:, 0]), 6 * PI * np.cos(6 * PI * x)
    assert spectrum.wavenumber_from_gradient(v, g) == pytest.approx([6 * PI])
    assert spectrum.wavenumber_from_gradient(v + 5, g) == pytest.approx([6 * PI])
    both = spectrum.wavenumber_from_gradient(np.stack([v, 0 * v], 1), np.stack([g, 0 * g], 1))
    assert both == pytest.approx([6 * PI])
    constant = spectrum.wavenumber_from_gradient(np.ones(5), np.full((5, 3), 1e-16))
    assert np.array_equal(constant, [0, 0, 0])


@pytest.mark.parametrize(
    ("values", "gradients"), [((5,), (5,)), ((5,), (4, 2)), ((5, 2), (5, 2)), ((5,), (5, 2, 1))]
)
def test_gradients_that_do_not_fit_are_reported(values, gradients):
    with pytest.raises(ValueError, match=r"gradients \(N, d\)"):
        spectrum.wavenumber_from_gradient(np.zeros(values), np.zeros(gradients))


def test_resolved_wavenumber():
    # 64 points on [-1, 1]: spacing 1/32, shortest wave 4/32 long.
    assert spectrum.resolved_wavenumber(64, [1.0]) == pytest.approx([2 * PI / (4 / 32)])
    k = spectrum.resolved_wavenumber(2500, [0.5, 2.0])
    assert k == pytest.approx([PI / (4 / 50) / 0.5, PI / (4 / 50) / 2])


@pytest.mark.parametrize(
    ("n", "half_widths", "message"),
    [
        (0, [1.0], "n_points must be a positive integer, got 0"),
        (2.5, [1.0], "n_points"),
        (10, [1.0, 0.0], "half_widths"),
        (10, [math.nan], "half_widths"),
        (10, 1.0, "one per axis"),
        (10, [], "one per axis"),
    ],
)
def test_resolved_wavenumber_reports_wrong_arguments(n, half_widths, message):
    with pytest.raises(ValueError, match=message):
        spectrum.resolved_wavenumber(n, half_widths)
