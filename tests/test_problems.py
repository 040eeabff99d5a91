"""The problems of examples/ as they are set; ``backends.problems`` puts in their solutions."""

from __future__ import annotations

from pathlib import Path

import deepxde as dde
import numpy as np
import pytest
import torch
from backends import problems
from scipy.integrate import solve_ivp

from examples.pinn_forward import allen_cahn_1d, burgers_1d
from examples.pinn_forward import helmholtz_2d as helmholtz_2d_trained
from examples.pinn_forward import poisson_1d_multiscale as poisson_1d_trained
from examples.pinn_forward import wave_1d as wave_1d_trained
from examples.pinn_inverse import diffusion_1d_inverse as diffusion_1d_inverse_trained
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
    "poisson_1d_trained": poisson_1d_trained,
    "helmholtz_2d_trained": helmholtz_2d_trained,
    "wave_1d_trained": wave_1d_trained,
    "diffusion_1d_inverse_trained": diffusion_1d_inverse_trained,
}
EVOLVING = {"burgers_1d": burgers_1d, "allen_cahn_1d": allen_cahn_1d}


@pytest.fixture(autouse=True)
def seeded():
    dde.config.set_random_seed(0)


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
    # Burgers and Allen-Cahn too, and in the inverse Helmholtz problem k² is what is checked.
    folder = Path(poisson_1d_trained.__file__).parent
    trained = {p.stem for p in folder.glob("*.py")}
    trained |= {p.stem for p in (folder.parent / "pinn_inverse").glob("*.py")}
    expected = problems.TRAINED_CASES.keys() - {"helmholtz_2d_n4"} | EVOLVING.keys()
    assert trained == expected | {"helmholtz_2d_inverse"}


@pytest.mark.parametrize("example", WITH_ERROR.values(), ids=WITH_ERROR)
def test_error_is_that_of_the_prediction(example):
    assert example.error(Known(example.solution)) == 0
    off = Known(lambda x: 1.001 * example.solution(x))
    assert example.error(off) == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize("example", [helmholtz_2d, helmholtz_2d_trained])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_helmholtz_error_takes_the_wavenumber(example, n):
    data = example.problem(n)
    assert example.error(Known(data.soln), n) == 0
    assert example.error(Known(data.soln), n + 1) > 0.5


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


@pytest.mark.parametrize(
    "example", [helmholtz_2d_inverse, diffusion_1d_inverse, diffusion_1d_inverse_trained]
)
def test_noise_is_drawn_by_its_seed_and_has_the_size_asked_for(float64, example):
    def observed(**options):
        data = example.problem(num_observed=2000, **options)
        data = data[0] if isinstance(data, tuple) else data
        return data.bcs[-1].points, data.bcs[-1].values.numpy()

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
    file = Path(screened_discs_2d.__file__).with_name("screened_discs_2d.npz")
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


@pytest.mark.parametrize("example", [wave_1d_trained, *EVOLVING.values()])
def test_conditions_hold_whatever_the_network_gives(example):
    lower, upper = example.problem().geom.geometry.bbox
    space = np.linspace(lower[0], upper[0], 31)[:, None]
    start = np.hstack([space, 0 * space])
    initial = example.solution(start) if example is wave_1d_trained else example.initial(space)
    output = torch.as_tensor(np.random.default_rng(0).standard_normal((31, 1)))

    def transformed(points):
        return example.hard_conditions(torch.as_tensor(points), output).numpy()

    assert np.allclose(transformed(start), initial, rtol=0, atol=1e-12)
    for end in (space[0], space[-1]):
        along = np.hstack([np.full((31, 1), end), np.linspace(0, 1, 31)[:, None]])
        edge = initial[0] if end == space[0] else initial[-1]
        assert np.allclose(transformed(along), edge, rtol=0, atol=1e-12)
    inside = np.hstack([space, 0 * space + 0.5])[5:15]
    assert (
        np.abs(
            example.hard_conditions(*map(torch.as_tensor, (inside, output[5:15]))).numpy()
            - initial[5:15]
        ).min()
        > 1e-6
    )
    if example is wave_1d_trained:
        step = np.hstack([space, 0 * space + 1e-4])
        assert np.abs(transformed(step) - initial).max() < 1e-5  # at rest: of second order in t


@pytest.mark.parametrize("name", EVOLVING)
def test_equations_of_burgers_and_allen_cahn(name, float64):
    """By a field whose derivatives are known."""
    data = EVOLVING[name].problem(cells=(6, 5))
    (found,) = problems.residuals(data, lambda x: torch.sin(2 * x[:, 0:1] + 3 * x[:, 1:2]))
    phase = data.train_x @ [[2.0], [3.0]]
    u, u_x, u_t, u_xx = np.sin(phase), 2 * np.cos(phase), 3 * np.cos(phase), -4 * np.sin(phase)
    expected = {
        "burgers_1d": u_t + u * u_x - 0.01 / np.pi * u_xx,
        "allen_cahn_1d": u_t - 0.001 * u_xx - 5 * (u - u**3),
    }
    assert np.allclose(found, expected[name], rtol=0, atol=1e-12)


def differences(name, num, times):
    """Second-order central differences on [0, 1], where the symmetry in x gives the end x = 0.

    Returns:
        Values (T, num + 1) at x = 0, 1/num, ..., 1.
    """
    h = 1 / num
    x = np.linspace(0, 1, num + 1)
    odd = name == "burgers_1d"

    def slope(_, u):
        left = np.concatenate([[-u[1] if odd else u[1]], u[:-1]])
        right = np.concatenate([u[1:], [u[-1]]])
        second = (left - 2 * u + right) / h**2
        if odd:
            change = 0.01 / np.pi * second - (right**2 - left**2) / (4 * h)
        else:
            change = 0.001 * second + 5 * (u - u**3)
        change[-1] = 0
        if odd:
            change[0] = 0
        return change

    start = -np.sin(np.pi * x) if odd else x**2 * np.cos(np.pi * x)
    options = {"rtol": 1e-9, "atol": 1e-10, "lband": 1, "uband": 1}
    return solve_ivp(slope, (0, times[-1]), start, "LSODA", times, **options).y.T


@pytest.mark.parametrize("name", EVOLVING)
def test_references_agree_with_differences(name):
    """Of a method and a code that share nothing with those that made the references."""
    x, u = EVOLVING[name].reference()
    assert x.shape == (201 * 51, 2) and u.shape == (201 * 51, 1)
    grid, times = u.reshape(51, 201), np.array([0.1, 0.3, 0.6, 1.0])
    expected = grid[[5, 15, 30, 50], 100:]
    assert np.allclose(x.reshape(51, 201, 2)[[5, 15, 30, 50], 0, 1], times)
    coarse, fine = (differences(name, n, times)[:, :: n // 100] for n in (800, 1600))
    # Richardson: an error of h² is taken out.
    assert np.abs((4 * fine - coarse) / 3 - expected).max() < 2e-4
    assert np.allclose(grid[:, 100:], (-1 if name == "burgers_1d" else 1) * grid[:, 100::-1])


@pytest.mark.parametrize("example", EVOLVING.values(), ids=EVOLVING)
def test_error_is_that_of_the_reference(example):
    x, u = example.reference()

    def off(points):
        assert np.array_equal(points, x)
        return 1.001 * u

    assert example.error(Known(off)) == pytest.approx(1e-3)
    assert Path(example.__file__).with_suffix(".npz").stat().st_size < 100_000
