"""The problems of examples/solve as they are set; ``backends.problems`` puts in their solutions."""

from __future__ import annotations

from pathlib import Path

import deepxde as dde
import numpy as np
import pytest
import torch
from backends import problems

from examples.solve import (
    diffusion_1d_inverse,
    helmholtz_1_4,
    helmholtz_2d,
    helmholtz_2d_inverse,
    lshape_2d,
    nonlinear_2d,
    poisson_1d_multiscale,
    poisson_peak_2d,
    screened_discs_2d,
    wave_1d,
)

WITH_ERROR = {
    "poisson_1d_multiscale": poisson_1d_multiscale,
    "helmholtz_2d": helmholtz_2d,
    "helmholtz_1_4": helmholtz_1_4,
    "wave_1d": wave_1d,
    "poisson_peak_2d": poisson_peak_2d,
    "nonlinear_2d": nonlinear_2d,
    "lshape_2d": lshape_2d,
    "diffusion_1d_inverse": diffusion_1d_inverse,
}


@pytest.fixture
def float64():
    dde.config.set_default_float("float64")
    yield
    dde.config.set_default_float("float32")


class Known:
    """Predicts what a function says."""

    def __init__(self, function):
        self.predict = function


def test_every_problem_is_checked():
    files = {p.stem for p in Path(helmholtz_2d.__file__).parent.glob("*.py")}
    checked = problems.CASES | problems.CASES_WITH_DERIVATIVE_CONDITIONS
    # The discs have no exact solution; they are checked below.
    assert files == checked.keys() - {"helmholtz_2d_n4"} | {"screened_discs_2d"}


@pytest.mark.parametrize("example", WITH_ERROR.values(), ids=WITH_ERROR)
def test_error_is_that_of_the_prediction(example):
    assert example.error(Known(example.solution)) == 0
    off = Known(lambda x: 1.001 * example.solution(x))
    assert example.error(off) == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_helmholtz_error_takes_the_wavenumber(n):
    data = helmholtz_2d.problem(n, num_domain=50, num_boundary=20)
    assert helmholtz_2d.error(Known(data.soln), n) == 0
    assert helmholtz_2d.error(Known(data.soln), n + 1) > 0.5


def test_points_are_as_many_as_asked_for(float64):
    data = wave_1d.problem(num_domain=300, num_boundary=40, num_initial=30)
    assert len(data.train_x_all) == 370
    ends, values, slopes = (bc.collocation_points(data.train_x_all) for bc in data.bcs)
    assert np.isin(ends[:, 0], [0, 1]).all() and len(ends) >= 40
    assert (values[:, 1] == 0).all() and len(values) >= 30
    assert np.array_equal(values, slopes)


def test_sides_of_the_nonlinear_problem():
    data = nonlinear_2d.problem(num_domain=10, num_boundary=200)
    neumann, dirichlet = (bc.collocation_points(data.train_x_all) for bc in data.bcs)
    assert len(neumann) + len(dirichlet) == 200
    assert (neumann[:, 0] == 1).all() and len(neumann) > 30
    assert (dirichlet[:, 0] < 1).all()


def test_the_corner_of_the_l_enters():
    geom = lshape_2d.geometry()
    inside = geom.inside(np.array([[0.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [-0.5, -0.5]]))
    assert inside.tolist() == [False, True, True, True]


def test_unknown_wavenumber_matters(float64):
    data, k2 = helmholtz_2d_inverse.problem()
    field = problems.differentiable(helmholtz_2d_inverse.solution, torch)
    wrong, *conditions = problems.residuals(data, field, [(k2, 100.0)])
    assert np.abs(wrong).max() == pytest.approx(helmholtz_2d_inverse.k_true**2 - 100, rel=0.05)
    for condition in conditions:
        assert np.abs(condition).max() < 1e-12
    assert helmholtz_2d_inverse.error(1.01 * helmholtz_2d_inverse.k_true**2) == pytest.approx(0.01)


@pytest.mark.parametrize("example", [helmholtz_2d_inverse, diffusion_1d_inverse])
def test_noise_is_drawn_by_its_seed_and_has_the_size_asked_for(float64, example):
    def observed(**options):
        data = example.problem(num_observed=2000, num_domain=10, **options)
        data = data[0] if isinstance(data, tuple) else data
        return data.bcs[1].points, data.bcs[1].values.numpy()

    points, exact = observed()
    again, noisy = observed(noise=0.01)
    assert np.array_equal(points, again)
    assert np.array_equal(exact, example.solution(points)[:, :1])
    relative = (noisy - exact) / np.sqrt(np.mean(exact**2))
    assert np.std(relative) == pytest.approx(0.01, rel=0.05)
    assert np.array_equal(observed(noise=0.01)[1], noisy)
    assert not np.array_equal(observed(noise=0.01, seed=1)[1], noisy)


def test_observed_values_are_those_at_the_points_as_stored():
    """In single precision the points are rounded, and steep solutions would show it."""
    data, _ = helmholtz_2d_inverse.problem(num_domain=10)
    observed = data.bcs[1]
    assert observed.points.dtype == np.float32
    exact = helmholtz_2d_inverse.solution(observed.points.astype(float))
    assert np.abs(observed.values.numpy() - exact).max() < 3e-7


def test_discs_are_apart_and_inside():
    discs = [(np.array(center), radius) for center, radius in screened_discs_2d.DISCS]
    assert sorted(radius for _, radius in discs) == [0.1, 0.2, 0.3, 0.4]
    for i, (center, radius) in enumerate(discs):
        assert np.abs(center).max() + radius < 0.95
        for other, size in discs[:i]:
            assert np.linalg.norm(center - other) > radius + size + 0.05


def test_screened_discs(float64):
    """Equation and boundary values, by a field whose residuals are known."""
    data = screened_discs_2d.problem(num_domain=500, num_boundary=800)
    x = data.train_x_all
    for center, radius in screened_discs_2d.DISCS:
        distance = np.linalg.norm(x - center, axis=1)
        assert distance.min() > radius - 1e-9
        assert np.isclose(distance, radius).sum() >= 10
    assert len(np.unique(x, axis=0)) == len(x)

    def field(x):
        return torch.sin(torch.pi * x[:, 0:1]) * torch.sin(4 * torch.pi * x[:, 1:2])

    equation, square, discs = problems.residuals(data, field)
    u = field(torch.as_tensor(data.train_x)).numpy()
    n_square, n_discs = len(square), len(discs)
    assert n_square >= 30 and n_discs >= 300
    # The equation is asked for at every point that is no condition's copy.
    assert np.allclose(equation, (17 * np.pi**2 + 64 - 100) * u[n_square + n_discs :])
    assert np.abs(data.train_x[:n_square]).max(axis=1) == pytest.approx(1)
    assert np.allclose(square, u[:n_square] - 0.2)
    assert np.abs(data.train_x[n_square : n_square + n_discs]).max() < 0.95
    assert np.allclose(discs, u[n_square : n_square + n_discs] - 1)


def test_reference_for_the_discs_is_fine_enough():
    """Its own figures, as stored: quadratic elements, so each halving divides the error by 8."""
    file = Path(screened_discs_2d.__file__).parents[2] / "benchmarks/results/screened_discs.npz"
    assert file.stat().st_size < 100_000
    with np.load(file) as stored:
        to_finest, known = stored["relative_to_finest"], stored["error_for_known_solution"]
        assert (np.diff(stored["triangles"]) > 0).all() and len(stored["triangles"]) >= 3
    assert to_finest[-1] < 5e-4 and known[-1] < 5e-4
    for errors in (to_finest, known):
        assert (errors[:-1] / errors[1:] > 6).all()


def test_reference_for_the_discs_is_of_this_problem():
    x, u = screened_discs_2d.reference()
    assert x.shape == (2000, 2) and u.shape == (2000, 1)
    assert screened_discs_2d.geometry().inside(x).all()
    # Nearest to the boundaries it has their values.
    to_disc = np.min(
        [np.linalg.norm(x - center, axis=1) - radius for center, radius in screened_discs_2d.DISCS],
        axis=0,
    )
    to_square = 1 - np.abs(x).max(axis=1)
    assert np.abs(u[to_disc < 2e-3] - 1).max() < 0.05
    assert np.abs(u[to_square < 2e-3] - 0.2).max() < 0.05
    off = Known(lambda x: 1.001 * u)
    assert screened_discs_2d.error(off) == pytest.approx(1e-3)
