"""solve(): exact solutions, the matrix against brute force, and what it leaves alone."""

import math

import deepxde as dde
import numpy as np
import pytest
import torch

import deepxde_repnet
from deepxde_repnet import RepFNN, RepPFNN, _host
from deepxde_repnet.solver import gauss_newton, resources
from deepxde_repnet.solver.equations import Equation, Problem, System
from deepxde_repnet.solver.least_squares import LeastSquares, NormalEquations, triangularise
from deepxde_repnet.spec import Box, RepSpec
from deepxde_repnet.taylor import pytorch as taylor
from deepxde_repnet.taylor.features import Features
from deepxde_repnet.theory.initialize import draw

K = 2 * np.pi
SQUARE = dde.geometry.Rectangle([0, 0], [1, 1])
STRIP = dde.geometry.GeometryXTime(dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1))


def wave(x):
    return np.sin(K * x[:, 0:1]) * np.sin(K * x[:, 1:2])


def poisson(x, u):
    f = 2 * K**2 * torch.sin(K * x[:, 0:1]) * torch.sin(K * x[:, 1:2])
    return -dde.grad.hessian(u, x, i=0, j=0) - dde.grad.hessian(u, x, i=1, j=1) - f


def everywhere(x, on_boundary):
    return on_boundary


def on(axis, value):
    return lambda x, on_boundary: on_boundary and np.isclose(x[axis], value)


def poisson_data(conditions=None, pde=poisson):
    if conditions is None:
        conditions = [dde.icbc.DirichletBC(SQUARE, wave, everywhere)]
    return dde.data.PDE(SQUARE, pde, conditions, num_domain=50, num_boundary=20)


def error(solution, exact, geometry=SQUARE):
    x = geometry.random_points(500).astype(float)
    return np.linalg.norm(solution._values(x) - exact(x)) / np.linalg.norm(exact(x))


@pytest.fixture(scope="module")
def solved():
    return deepxde_repnet.solve(poisson_data(), tol=1e-8, verbose=0)


def test_digits_of_a_linear_problem(solved):
    assert solved.converged and solved.linear
    assert solved.residual_unseen <= 1e-8
    assert error(solved, wave) < 1e-8
    assert solved.error_estimate is not None and solved.error_estimate < 1e-2


def test_report_names_what_was_done(solved):
    text = str(solved)
    for part in (solved.family, "condition 1 (DirichletBC)", "unseen", "rank", "one linear solve"):
        assert part in text
    assert solved.unknowns == solved.features + 1
    assert solved.rank <= solved.unknowns
    assert solved.equations["PDE"] >= 3 * solved.features


def test_the_answer_is_in_deepxdes_float_and_the_model_holds_it(solved):
    x = np.random.default_rng(0).uniform(size=(50, 2))
    values = solved.predict(x)
    assert values.dtype == np.float32 and values.shape == (50, 1)
    assert isinstance(solved.model, dde.Model)
    # In single precision the coefficients are chosen to be small.
    np.testing.assert_allclose(solved.model.predict(x), values, atol=2e-5)
    with pytest.raises(ValueError, match=r"\(N, 2\)"):
        solved.predict(np.ones((3, 5)))


def test_seed_repeats(solved):
    again = deepxde_repnet.solve(poisson_data(), tol=1e-8, verbose=0)
    assert again.residual_unseen == solved.residual_unseen


def test_nonlinear_with_a_neumann_side():
    def pde(x, u):
        exact = torch.sin(K * x[:, 0:1]) * torch.sin(K * x[:, 1:2])
        return poisson(x, u) + u**3 - exact**3

    def slope(x):
        return K * np.cos(K * x[:, 0:1]) * np.sin(K * x[:, 1:2])

    conditions = [
        dde.icbc.DirichletBC(
            SQUARE, wave, lambda x, on_boundary: on_boundary and not np.isclose(x[0], 1)
        ),
        dde.icbc.NeumannBC(SQUARE, slope, on(0, 1)),
    ]
    solution = deepxde_repnet.solve(poisson_data(conditions, pde), tol=1e-6, verbose=0)
    assert solution.converged and not solution.linear
    assert error(solution, wave) < 1e-6
    assert "Gauss-Newton" in str(solution)


def test_two_outputs_in_time_with_initial_conditions():
    # u_t = v, v_t = u_xx: the wave equation as a system
    def exact(x):
        u = np.sin(np.pi * x[:, 0:1]) * np.cos(np.pi * x[:, 1:2])
        v = -np.pi * np.sin(np.pi * x[:, 0:1]) * np.sin(np.pi * x[:, 1:2])
        return np.hstack([u, v])

    def pde(x, y):
        u_t = dde.grad.jacobian(y, x, i=0, j=1)
        v_t = dde.grad.jacobian(y, x, i=1, j=1)
        return [u_t - y[:, 1:2], v_t - dde.grad.hessian(y, x, component=0, i=0, j=0)]

    conditions = [
        dde.icbc.DirichletBC(STRIP, lambda x: 0, everywhere),
        dde.icbc.IC(STRIP, lambda x: exact(x)[:, 0:1], lambda x, initial: initial),
        dde.icbc.IC(STRIP, lambda x: exact(x)[:, 1:2], lambda x, initial: initial, component=1),
    ]
    data = dde.data.TimePDE(STRIP, pde, conditions, 50, 20, num_initial=20)
    solution = deepxde_repnet.solve(data, tol=1e-6, verbose=0)
    assert solution.predict(np.ones((3, 2))).shape == (3, 2)
    assert error(solution, exact, STRIP) < 1e-5


def test_a_model_with_hard_conditions_and_a_deep_network_is_solved_in_place():
    net = RepFNN([2, 40, 300, 1], "tanh", "Glorot uniform", seed=0)
    net.apply_output_transform(
        lambda x, y: x[:, 0:1] * (1 - x[:, 0:1]) * x[:, 1:2] * (1 - x[:, 1:2]) * y
    )
    model = dde.Model(poisson_data([]), net)
    solution = deepxde_repnet.solve(model, tol=1e-3, verbose=0)
    assert solution.model is model
    assert error(solution, wave) < 1e-3
    x = np.random.default_rng(0).uniform(size=(50, 2))
    assert np.abs(model.predict(x) - wave(x)).max() < 1e-2


def test_a_parallel_network_gives_each_output_its_own_features():
    def pde(x, y):
        return [poisson(x, y[:, 0:1]), y[:, 1:2] - 2 * y[:, 0:1]]

    net = RepPFNN([2, [200, 200], 2], "sin", "Glorot uniform", seed=0, slope_scale=4.0)
    solution = deepxde_repnet.solve(dde.Model(poisson_data(pde=pde), net), verbose=0)
    assert error(solution, lambda x: np.hstack([wave(x), 2 * wave(x)])) < 1e-4


def test_scripts_written_for_forward_mode(monkeypatch):
    monkeypatch.setattr(dde.config, "autodiff", "forward")

    def pde(x, y):
        f = 2 * K**2 * torch.sin(K * x[:, 0:1]) * torch.sin(K * x[:, 1:2])
        u_xx, u_yy = (dde.grad.hessian(y, x, i=i, j=i)[0] for i in (0, 1))
        return -u_xx - u_yy - f

    solution = deepxde_repnet.solve(poisson_data(pde=pde), tol=1e-4, verbose=0)
    assert error(solution, wave) < 1e-4


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_an_unknown_of_the_equation_is_found_with_the_solution(precision, request):
    request.addfinalizer(lambda: dde.config.set_default_float("float32"))
    dde.config.set_default_float(precision)
    k2 = dde.Variable(20.0)

    def pde(x, u):
        source = torch.sin(K * x[:, 0:1]) * torch.sin(K * x[:, 1:2])
        u_xx, u_yy = (dde.grad.hessian(u, x, i=i, j=i) for i in (0, 1))
        return -u_xx - u_yy - k2 * u - K**2 * source

    conditions = [
        dde.icbc.DirichletBC(SQUARE, lambda x: 0, everywhere),
        dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED)),
    ]
    data = poisson_data(conditions, pde)
    solution = deepxde_repnet.solve(data, tol=1e-6, external_trainable_variables=[k2], verbose=0)
    (found,) = solution.variables
    # In float32 the values at the points are rounded, by up to 6e-8.
    assert found.value == pytest.approx(K**2, rel=1e-8 if precision == "float64" else 1e-5)
    assert 0 <= found.standard_error < 1e-2
    assert k2.item() == pytest.approx(found.value, rel=1e-6)
    assert str(k2.dtype) == f"torch.{precision}"
    assert "unknown 1" in str(solution)


# ---------------------------------------------------------------------------------------------
# Noise


def diffusion(x, y):
    """(a u')' = f with u = sin 2πx + x and a = 2 + x, both outputs."""
    slope, curvature = K * torch.cos(K * x) + 1, -(K**2) * torch.sin(K * x)
    u_x = dde.grad.jacobian(y, x, i=0, j=0)
    return dde.grad.jacobian(y[:, 1:2] * u_x, x) - slope - (2 + x) * curvature


def coefficient_data(noise, seed, count=200):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (count, 1)).astype(dde.config.real(np))
    u = np.sin(K * x) + x + noise * rng.standard_normal(x.shape)
    interval = dde.geometry.Interval(0, 1)
    ends = dde.icbc.DirichletBC(interval, lambda x: x, everywhere, component=0)
    given = dde.icbc.PointSetBC(x, u, component=0)
    return dde.data.PDE(interval, diffusion, [ends, given], 100, 2)


@pytest.fixture
def double(request):
    request.addfinalizer(lambda: dde.config.set_default_float("float32"))
    dde.config.set_default_float("float64")


@pytest.mark.parametrize(("noise", "largest"), [(0.0, 1e-6), (0.01, 0.05)])
def test_an_unknown_coefficient_is_found_from_values(double, noise, largest):
    solution = deepxde_repnet.solve(coefficient_data(noise, 0), tol=1e-4, verbose=0)
    x = np.linspace(0, 1, 400)[:, None]
    error_of_a = solution.predict(x)[:, 1:2] / (2 + x) - 1
    assert np.sqrt(np.mean(error_of_a**2)) < largest
    assert solution.converged
    if noise:
        (size,) = solution.noise.values()
        assert size == pytest.approx(noise, rel=0.2)
        assert "noise of standard deviation" in str(solution)
    else:
        assert not solution.noise


def test_the_model_holds_the_solution_in_single_precision_where_there_is_noise():
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(300, 2))
    values = wave(points) + 0.1 * rng.standard_normal((300, 1))
    open_side = dde.icbc.DirichletBC(
        SQUARE, wave, lambda x, on_boundary: on_boundary and not np.isclose(x[0], 1)
    )
    conditions = [open_side, dde.icbc.PointSetBC(points, values)]
    cases = ((poisson_data(conditions), 1e-5, 5e-4), (coefficient_data(0.01, 0), 1e-4, 6e-3))
    for data, tol, most in cases:
        solution = deepxde_repnet.solve(data, tol=tol, max_features=300, verbose=0)
        assert solution.noise
        x = data.geom.random_points(300)
        expected = solution.predict(x)
        difference = np.linalg.norm(solution.model.predict(x) - expected, axis=0)
        assert (difference < most * np.linalg.norm(expected, axis=0)).all()


def inverse_data(k2, noise, seed, count=60):
    """-u'' - k² u = f on [0, 1] with u = sin 2πx, k² = 20 sought."""

    def pde(x, u):
        return -dde.grad.hessian(u, x) - k2 * u - (K**2 - 20) * torch.sin(K * x)

    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (count, 1))
    u = np.sin(K * x) + noise * rng.standard_normal(x.shape)
    interval = dde.geometry.Interval(0, 1)
    ends = dde.icbc.DirichletBC(interval, lambda x: 0, everywhere)
    return dde.data.PDE(interval, pde, [ends, dde.icbc.PointSetBC(x, u)], 100, 2)


def test_standard_errors_are_those_of_the_estimate(double):
    found = []
    for seed in range(12):
        k2 = dde.Variable(15.0)
        solution = deepxde_repnet.solve(
            inverse_data(k2, 0.05, seed), external_trainable_variables=k2, seed=seed, verbose=0
        )
        found.append(solution.variables[0])
    errors = np.array([f.value - 20 for f in found])
    sizes = np.array([f.standard_error for f in found])
    # The sensitivity of u to k² is known: δu = δk² sin 2πx / (4π² - k²), by -δu'' - k² δu = u δk².
    expected = 0.05 * (K**2 - 20) / np.sqrt(60 / 2)
    np.testing.assert_allclose(np.median(sizes), expected, rtol=0.15)
    assert np.sum(np.abs(errors) <= 2 * sizes) >= 10
    assert 0.5 < np.sqrt(np.mean((errors / sizes) ** 2)) < 1.6


def test_weights_of_the_user_are_not_changed_by_noise(double):
    k2 = dde.Variable(15.0)
    solution = deepxde_repnet.solve(
        inverse_data(k2, 0.05, 0),
        external_trainable_variables=k2,
        loss_weights=[1.0, 1.0, 1e-4],
        max_features=100,
        verbose=0,
    )
    assert not solution.noise


# ---------------------------------------------------------------------------------------------
# Options


def test_the_points_of_the_script():
    data = dde.data.PDE(SQUARE, poisson, [dde.icbc.DirichletBC(SQUARE, wave, everywhere)], 700, 120)
    solution = deepxde_repnet.solve(data, tol=1e-3, points="data", verbose=0)
    counts = {"PDE": len(data.train_x_all), "condition 1 (DirichletBC)": data.num_bcs[0]}
    assert solution.equations == counts
    assert error(solution, wave) < 1e-3
    few = deepxde_repnet.solve(poisson_data(), tol=1e-6, points="data", verbose=0)
    assert few.features <= len(poisson_data().train_x)
    assert not few.converged and few.verdict in ("undetermined", "unresolved")


def test_a_wavenumber_that_is_given_starts_the_search():
    solution = deepxde_repnet.solve(poisson_data(), tol=1e-3, wavenumber=(30, 60), verbose=0)
    # Radians per unit of length, on half widths of 1/2, times 0.4 for tanh and 1/2 at first.
    assert solution.trials[0].slope_scale == pytest.approx((3.0, 6.0))


def test_a_compiled_models_weights_count():
    def solved(weights):
        conditions = [
            dde.icbc.DirichletBC(SQUARE, wave, everywhere),
            dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED) + 1),  # at odds with the rest
        ]
        model = dde.Model(
            poisson_data(conditions), RepFNN([2, 100, 1], "tanh", "Glorot uniform", seed=0)
        )
        model.compile("adam", lr=1e-3, loss_weights=weights, verbose=0)
        return deepxde_repnet.solve(model, verbose=0)

    heavy, light = solved([1, 1, 1e6]), solved([1, 1, 1e-6])
    assert np.abs(heavy.predict(OBSERVED) - wave(OBSERVED) - 1).max() < 0.1
    assert np.abs(light.predict(OBSERVED) - wave(OBSERVED)).max() < 0.1


def test_other_features_are_recommended_where_they_do_much_better():
    flat = RepFNN([2, 100, 1], "tanh", "Glorot uniform", seed=0, slope_scale=0.05)
    solution = deepxde_repnet.solve(dde.Model(poisson_data(), flat), verbose=0)
    assert solution.hint is not None and "solve(model.data)" in str(solution)
    good = RepFNN([2, 300, 1], "sin", "Glorot uniform", seed=0, slope_scale=4.0)
    assert deepxde_repnet.solve(dde.Model(poisson_data(), good), tol=1e-4, verbose=0).hint is None


def test_what_memory_does_not_hold_is_refused_or_left_out(monkeypatch):
    monkeypatch.setattr(taylor, "bytes_free", lambda: 3e7)
    model = dde.Model(poisson_data(), RepFNN([2, 5000, 1], "tanh", "Glorot uniform"))
    with pytest.raises(
        ValueError, match=r"5001 unknowns would take \d+\.\d GB, and 0\.0 GB are free"
    ):
        deepxde_repnet.solve(model, verbose=0)
    solution = deepxde_repnet.solve(poisson_data(), tol=1e-12, verbose=0)
    assert 100 <= solution.features < 300
    monkeypatch.setattr(taylor, "bytes_free", lambda: 1e3)
    with pytest.raises(ValueError, match="100 features for 1 outputs"):
        deepxde_repnet.solve(poisson_data(), verbose=0)


def test_four_thousand_unknowns_fit_in_four_gigabytes():
    assert resources.bytes_needed(4001, 20_000) < 4e9
    assert resources.bytes_needed(300) < resources.bytes_needed(3000)
    assert resources.bytes_free() > 0


def test_progress_is_told_of_long_solves_only(monkeypatch, capsys):
    progress = resources.Progress(1e-6, verbose=1)
    progress.update("tanh", 300, 1e-1)
    assert capsys.readouterr().err == ""
    now = resources.time.perf_counter()
    monkeypatch.setattr(resources.time, "perf_counter", lambda: now + 20)
    progress.update("sin", 600, 1e-4)
    said = capsys.readouterr().err
    assert "residual 1.0e-04, wanted 1e-06" in said and said.count("#") == round(3 / 5 * 24)
    progress.update("sin", 600, 1e-5)  # not a terminal: not so soon again
    progress.close()
    assert capsys.readouterr().err == ""
    quiet = resources.Progress(1e-6, verbose=0)
    quiet.update("sin", 600, 1e-4)
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------------------------------------
# The matrix

TIMED = dde.geometry.GeometryXTime(dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1))
OBSERVED = np.random.default_rng(1).uniform(0.1, 0.9, (9, 2))
CONDITIONS = {
    "Dirichlet": lambda: dde.icbc.DirichletBC(SQUARE, wave, everywhere),
    "initial": lambda: dde.icbc.IC(TIMED, wave, lambda x, initial: initial),
    "Neumann": lambda: dde.icbc.NeumannBC(SQUARE, wave, on(0, 1)),
    "Robin": lambda: dde.icbc.RobinBC(SQUARE, lambda x, y: 3 * y + 1, on(1, 0)),
    "periodic": lambda: dde.icbc.PeriodicBC(SQUARE, 0, on(0, 0)),
    "periodic slope": lambda: dde.icbc.PeriodicBC(SQUARE, 0, on(0, 0), derivative_order=1),
    "operator": lambda: dde.icbc.OperatorBC(
        SQUARE, lambda x, y, X: dde.grad.jacobian(y, x, j=1) + 2 * y, on(0, 1)
    ),
    "point set": lambda: dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED)),
    "point set in batches": lambda: dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED), batch_size=4),
    "point set operator": lambda: dde.icbc.PointSetOperatorBC(
        OBSERVED, wave(OBSERVED), lambda x, y, X: dde.grad.hessian(y, x, i=0, j=1)
    ),
    "interface": lambda: dde.icbc.Interface2DBC(
        SQUARE, lambda x: np.ones((len(x), 1)), on(0, 0), on(0, 1), direction="normal"
    ),
    "interface along the edges": lambda: dde.icbc.Interface2DBC(
        SQUARE, lambda x: x[:, 1:2], on(0, 0), on(0, 1), direction="tangent"
    ),
    "third order": lambda: dde.icbc.PointSetOperatorBC(
        OBSERVED,
        wave(OBSERVED),
        lambda x, y, X: dde.grad.jacobian(
            (1 + x[:, 0:1]) * dde.grad.hessian(y, x, i=0, j=1), x, j=0
        ),
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_matrix_against_one_column_at_a_time_by_autograd(name):
    condition = CONDITIONS[name]()
    data = poisson_data([condition])
    if name == "initial":
        data = dde.data.TimePDE(TIMED, poisson, [condition], 50, 20, num_initial=20)
    outputs = 2 if name.startswith("interface") else 1
    spec = RepSpec(
        [2, 12, outputs], domain=Box((0, 0), (1, 1)), slope_scale=(2, 3), hidden_gain=1.0, seed=1
    )
    weights = draw(spec)
    slope = torch.tensor(weights[0][0].slope(np.array([2.0, 3.0])) * 2)
    offset = torch.tensor(((slope.numpy() / 2) * (weights[0][0].shift - 1)).sum(1))
    with _host.double_precision(data), _host.seeded(0):
        points = _host.condition_points(data, condition, 10, even=False)
        equation = Equation("condition", condition, points)
        rows = Problem(data, outputs).linearise([equation])
        system = System(Features(spec, weights, taylor))
        (block,) = system.blocks(rows, [1.0])

        def residual(unit):
            dde.grad.clear()
            x = torch.tensor(points, requires_grad=True)
            hidden = torch.tanh(x @ slope.T + offset)
            y = torch.cat([hidden, torch.ones(len(x), 1)], dim=1) @ unit.reshape(outputs, 13).T
            (found,) = _host.residuals(data, condition, points, x, y)
            return found.detach()[:, 0]

        zero = residual(torch.zeros(13 * outputs))
        brute = torch.stack([residual(unit) - zero for unit in torch.eye(13 * outputs)], dim=1)
    assert len(block) >= 5
    torch.testing.assert_close(block[:, :-1], brute, rtol=0, atol=1e-9 * float(brute.abs().max()))
    torch.testing.assert_close(block[:, -1], -zero, rtol=0, atol=1e-12)


def test_least_squares_in_blocks_against_lapack():
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(200, 20, generator=generator, dtype=torch.float64)
    target = torch.randn(200, 1, generator=generator, dtype=torch.float64)
    rows = torch.cat([matrix, target], dim=1)
    solved = LeastSquares(triangularise(iter(rows.split(70)), 20)).solve(1e-15)
    expected = torch.linalg.lstsq(matrix, target).solution[:, 0]
    torch.testing.assert_close(solved.unknowns, expected)
    residual = torch.linalg.vector_norm(matrix @ expected - target[:, 0])
    assert solved.rank == 20 and float(solved.ridge.max()) < 1e-20
    tail = torch.linalg.vector_norm(target) ** 2 - torch.linalg.vector_norm(matrix @ expected) ** 2
    assert residual**2 == pytest.approx(float(tail))
    inverse = torch.linalg.inv(matrix.T @ matrix)
    torch.testing.assert_close(solved.root @ solved.root.T, inverse)
    torch.testing.assert_close(solved.inverse_diagonal(3), inverse.diag()[-3:])


def test_rank_and_solution_of_a_deficient_matrix():
    generator = torch.Generator().manual_seed(0)
    thin = torch.randn(100, 7, generator=generator, dtype=torch.float64)
    rows = torch.cat([thin, thin[:, :3], thin[:, :1]], dim=1)
    problem = LeastSquares(triangularise(iter([rows]), 10))
    for damping in (1e-13, 1e-10, 1e-8):
        solved = problem.solve(damping)
        assert solved.rank == 7
        torch.testing.assert_close(rows[:, :-1] @ solved.unknowns, rows[:, -1])
        # Of equal columns each gets as much.
        torch.testing.assert_close(solved.unknowns[:3], solved.unknowns[7:])


def nearly_dependent(smallest):
    """Rows ``[A | b]`` whose A, 20 columns of very different norms, has singular values to that."""
    generator = torch.Generator().manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(200, 20, generator=generator, dtype=torch.float64))
    right, _ = torch.linalg.qr(torch.randn(20, 20, generator=generator, dtype=torch.float64))
    values = torch.logspace(0, math.log10(smallest), 20, dtype=torch.float64)
    norms = torch.logspace(-3, 3, 20, dtype=torch.float64)
    target = torch.randn(200, 1, generator=generator, dtype=torch.float64)
    return torch.cat([(left * values) @ right.T * norms, target], dim=1)


@pytest.mark.parametrize("damping", [1e-8, 1e-6])
def test_normal_equations_are_the_damped_problem(damping):
    rows = nearly_dependent(1e-6)
    expected = LeastSquares(triangularise(iter([rows.clone()]), 20)).solve(damping)
    solved = NormalEquations(iter(rows.split(70))).solve(damping)
    fitted = rows[:, :-1] @ solved.unknowns
    torch.testing.assert_close(fitted, rows[:, :-1] @ expected.unknowns, rtol=0, atol=1e-3)
    assert solved.residual == pytest.approx(expected.residual, rel=1e-6)
    assert solved.residual == pytest.approx(float((fitted - rows[:, -1]).norm()), rel=1e-6)
    assert solved.penalty == pytest.approx(expected.penalty, rel=1e-3)
    assert solved.rank == expected.rank
    torch.testing.assert_close(solved.norms, expected.norms)


def test_normal_equations_of_nothing_but_zeros_are_solved_by_zero():
    solved = NormalEquations([torch.zeros(30, 6, dtype=torch.float64)]).solve(1e-8)
    assert solved.residual == 0 and not solved.unknowns.any()


def test_normal_equations_say_where_round_off_wins():
    rows = nearly_dependent(1e-14)
    assert NormalEquations([rows]).solve(1e-12) is None
    assert NormalEquations([rows]).solve(1e-7) is not None


def test_a_rough_tolerance_takes_the_normal_equations_and_a_fine_one_does_not(monkeypatch, double):
    taken = []

    class Watched(NormalEquations):
        def __init__(self, blocks, last=0):
            super().__init__(blocks, last)
            taken.append(self)

    monkeypatch.setattr(gauss_newton, "NormalEquations", Watched)
    found = {}
    for tol in (1e-3, 1e-6):
        taken.clear()
        found[tol] = deepxde_repnet.solve(poisson_data(), tol, verbose=0)
        assert bool(taken) == (tol == 1e-3)
        assert found[tol].residual_unseen <= tol
    x = np.random.default_rng(0).uniform(size=(500, 2))
    assert error(found[1e-3], wave) < 1e-3
    assert found[1e-3].kept.fit.damping >= 1e-8 > found[1e-6].kept.fit.damping
    assert np.abs(found[1e-3].predict(x) - found[1e-6].predict(x)).max() < 1e-3


def test_normal_equations_that_are_not_enough_are_followed_by_the_triangle(monkeypatch, double):
    monkeypatch.setattr(gauss_newton, "NEGLIGIBLE", 0.0)
    found = deepxde_repnet.solve(poisson_data(), 1e-3, verbose=0, max_features=40)
    assert found.residual_unseen > 1e-3
    assert found.kept.fit.damping < 1e-8


# ---------------------------------------------------------------------------------------------
# What is left alone, and what is refused


class Broken(Exception):
    pass


@pytest.mark.parametrize("failure", [Broken, KeyboardInterrupt])
def test_nothing_is_left_changed_after_a_failure(failure):
    calls = []

    def pde(x, u):
        calls.append(1)
        if len(calls) > 3:
            raise failure
        return poisson(x, u)

    condition = dde.icbc.DirichletBC(SQUARE, wave, everywhere)
    data = poisson_data([condition], pde)
    forward = dde.gradients.gradients_forward
    before = (dde.grad.jacobian, dde.grad.hessian, forward.jacobian, forward.hessian)
    state = np.random.get_state()[1].copy()
    points = data.train_x.copy()
    with pytest.raises(failure):
        deepxde_repnet.solve(data, verbose=0)
    assert (dde.grad.jacobian, dde.grad.hessian, forward.jacobian, forward.hessian) == before
    assert dde.config.default_float() == "float32"
    assert torch.get_default_dtype() == torch.float32
    assert np.array_equal(np.random.get_state()[1], state)
    assert np.array_equal(data.train_x, points)
    assert not any(_host.condition_caches(condition))


def test_training_goes_on_from_the_solution():
    net = RepFNN([2, 200, 1], "tanh", "Glorot uniform", seed=0)
    model = dde.Model(poisson_data(), net)
    deepxde_repnet.solve(model, verbose=0)
    model.compile("adam", lr=1e-6, verbose=0)
    history, _ = model.train(iterations=1, verbose=0)
    assert np.sum(history.loss_train[0]) < 1


def with_input_transform():
    net = dde.nn.FNN([2, 9, 1], "tanh", "zeros")
    net.apply_feature_transform(torch.sin)
    return net


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (lambda: dde.data.Function(dde.geometry.Interval(0, 1), np.sin, 5, 5), "Function"),
        (lambda: dde.Model(poisson_data(), with_input_transform()), "FNN with an input transform"),
        (
            lambda: poisson_data([dde.icbc.DirichletBC(SQUARE, wave, lambda x, on: False)]),
            "no points were found",
        ),
        (lambda: poisson_data(pde=lambda x, u: poisson(x, u) / 0), "not finite"),
        (lambda: poisson_data(pde=lambda x, u: poisson(x, u) * u.mean()), "another point"),
        (lambda: poisson_data(pde=lambda x, u: 1 / {}["missing"]), "could not be evaluated"),
    ],
)
def test_what_cannot_be_solved_is_said(problem, message):
    with pytest.raises(ValueError, match=message):
        deepxde_repnet.solve(problem(), verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tol": 0}, "tol=0"),
        ({"tol": "small"}, "tol='small'"),
        ({"loss_weights": [1.0]}, "1 entries"),
        ({"loss_weights": [1.0, -1.0]}, "not negative"),
        ({"external_trainable_variables": 3.0}, "dde.Variable"),
        ({"points": "mine"}, "points='mine'"),
        ({"max_features": 0}, "max_features=0"),
        ({"wavenumber": -1.0}, "wavenumber=-1.0"),
        ({"wavenumber": (1.0, 2.0, 3.0)}, "each of the 2 axes"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        deepxde_repnet.solve(poisson_data(), verbose=0, **options)


def test_a_solution_out_of_reach_says_what_to_do():
    def pde(x, u):
        jump = torch.sign(x[:, 0:1] - 0.503)
        return poisson(x, u) + 1e4 * jump

    solution = deepxde_repnet.solve(poisson_data(pde=pde), tol=1e-9, max_features=300, verbose=0)
    assert not solution.converged
    assert "above tol" in str(solution)
