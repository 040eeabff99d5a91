"""Distributions of wavenumbers: their draws against their densities, and what is refused."""

import numpy as np
import pytest

from deepxde_repnet.theory import frequencies as f

DISTRIBUTIONS = {
    "normal": f.Normal(3.0),
    "band": f.Normal(1.0, mean=8.0),
    "uniform": f.Uniform(2.0, 9.0),
    "log-uniform": f.LogUniform(0.5, 20.0),
    "student": f.StudentT(2.0, df=3.0),
    "density": f.Density(lambda k: k * (6 - k), 0.0, 6.0),
    "step": f.Density(lambda k: np.where(k < 2, 0.0, 1.0), 0.0, 4.0),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_follow_the_density(name):
    one = DISTRIBUTIONS[name]
    drawn = one.sample(np.random.default_rng(0), 200_000)
    grid = np.linspace(-60, 60, 240_001)
    density = one.density(grid)
    mass = np.cumsum(density) * (grid[1] - grid[0])
    assert abs(mass[-1] - 1) < (5e-3 if name == "student" else 1e-3)
    np.testing.assert_allclose(density, density[::-1], atol=1e-12)
    for k in (-7.5, -3.0, -0.7, 1.0, 2.5, 4.0, 8.5):
        expected = np.interp(k, grid, mass)
        assert abs((drawn <= k).mean() - expected) < 5e-3, k


def test_samples_keep_their_vectors():
    values = np.array([[1.0, -10.0], [2.0, 20.0]])
    drawn = f.Samples(values).sample(np.random.default_rng(0), 1000)
    assert {tuple(v) for v in drawn} == {(1, -10), (-1, 10), (2, 20), (-2, -20)}
    line = f.Samples(np.random.default_rng(1).normal(0, 2, 4000))
    np.testing.assert_allclose(line.density(np.array([0.0, 2.0])), [0.2, 0.121], rtol=0.1)


def test_parse():
    assert f.parse(5.0, 2) == (f.Normal(5.0), f.Normal(5.0))
    assert f.parse([f.Uniform(0, 1), 2], 2) == (f.Uniform(0, 1), f.Normal(2.0))
    assert isinstance(f.parse(np.ones((4, 3)), 3), f.Samples)
    with pytest.raises(ValueError, match="2 axes but the network has 3 inputs"):
        f.parse(np.ones((4, 2)), 3)
    with pytest.raises(ValueError, match="1 entries but the network has 2"):
        f.parse([f.Normal(1)], 2)
    with pytest.raises(TypeError, match="is not understood"):
        f.parse(None, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: f.Normal(0), "scale=0 must be positive"),
        (lambda: f.Normal(1, mean=-1), "mean=-1 must be finite and not negative"),
        (lambda: f.Uniform(3, 2), "low=3 to high=2 is empty"),
        (lambda: f.Uniform(0, float("inf")), "high=inf must be positive and finite"),
        (lambda: f.LogUniform(0, 2), "low=0 must be positive"),
        (lambda: f.StudentT(1, df=0), "df=0 must be positive"),
        (lambda: f.Density(lambda k: -k, 0, 1), "not negative"),
        (lambda: f.Density(lambda k: 0 * k, 0, 1), "somewhere positive"),
        (lambda: f.Samples([[np.nan]]), "finite wavenumbers"),
        (lambda: f.Samples("ab"), "finite wavenumbers"),
    ],
)
def test_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_density_of_a_symbol():
    """ρ ∝ |p|⁻² for p = 1 + k²: the share between 0.5 and 1, of 0.5 to 3, by quadrature."""
    drawn = f.from_symbol(lambda k: 1 + (k**2).sum(1), [0.5], [3.0]).values[:, 0]
    k = np.linspace(0.5, 3, 20_001)
    rho = (1 + k**2) ** -2.0
    expected = rho[k <= 1].sum() / rho.sum()
    assert abs((np.abs(drawn) <= 1).mean() - expected) < 0.01
    assert np.abs(drawn).min() >= 0.5 and np.abs(drawn).max() <= 3
    with pytest.raises(ValueError, match="zero or not finite"):
        f.from_symbol(lambda k: 0 * k[:, 0], [0.5], [3.0])
