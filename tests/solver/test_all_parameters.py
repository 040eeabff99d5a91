"""parameters="all": its Jacobian against automatic differentiation, and what it gains."""

import itertools

import deepxde as dde
import numpy as np
import pytest
import torch

import deepxde_repnet
from benchmarks import all_parameters as benchmark
from deepxde_repnet import RepFNN, RepPFNN, _host
from deepxde_repnet.nets._eager import set_weights
from deepxde_repnet.solver.all_parameters import pytorch as all_parameters
from deepxde_repnet.solver.all_parameters.pytorch import (
    DampedSteps,
    Descent,
    at_parameters,
    hidden_parameters,
    jacobian,
    rep_weights,
)
from deepxde_repnet.solver.equations import Equation, Problem, System
from deepxde_repnet.solver.gauss_newton import field_of
from deepxde_repnet.taylor import pytorch as taylor
from deepxde_repnet.taylor.features import Features

K = 2 * np.pi
SQUARE = dde.geometry.Rectangle([0, 0], [1, 1])


def wave(x):
    return np.sin(K * x[:, 0:1]) * np.sin(K * x[:, 1:2])


def source(x):
    return torch.sin(K * x[:, 0:1]) * torch.sin(K * x[:, 1:2])


def laplacian(u, x, component=0):
    return sum(dde.grad.hessian(u, x, component=component, i=i, j=i) for i in (0, 1))


def poisson(x, u):
    return -laplacian(u, x) - 2 * K**2 * source(x)


def nonlinear(x, u):
    return poisson(x, u) + u**3 * dde.grad.jacobian(u, x, j=1)


def coupled(x, y):
    return [laplacian(y, x, 0) - y[:, 1:2] ** 2, y[:, 1:2] * dde.grad.jacobian(y, x, i=0, j=1)]


def everywhere(x, on_boundary):
    return on_boundary


def poisson_data(conditions=None, pde=poisson):
    if conditions is None:
        conditions = [dde.icbc.DirichletBC(SQUARE, wave, everywhere)]
    return dde.data.PDE(SQUARE, pde, conditions, num_domain=50, num_boundary=20)


def network(sizes, activation="tanh", kind=RepFNN, **options):
    options = {"domain": SQUARE, "slope_scale": (2.0, 3.0), "hidden_gain": 1.0} | options
    return kind(sizes, activation, "Glorot uniform", seed=1, **options)


def hard(x, y):
    return x[:, 0:1] * (1 - x[:, 0:1]) * y + torch.sin(x[:, 1:2])


def features_of(net):
    return Features(net.spec, net.to_numpy(), taylor, transform=_host.input_transform(net))


# ---------------------------------------------------------------------------------------------
# The Jacobian

CASES = {
    "shallow": (poisson, [2, 7, 1], {}),
    "deep": (nonlinear, [2, 5, 6, 4, 1], {}),
    "sin": (nonlinear, [2, 5, 6, 1], {"activation": "sin"}),
    "gelu": (nonlinear, [2, 5, 6, 1], {"activation": "gelu"}),
    "two outputs": (coupled, [2, 5, 6, 2], {}),
    "parallel": (coupled, [2, [5, 4], [6, 3], 2], {"kind": RepPFNN}),
    "shared, then parallel": (coupled, [2, 5, [6, 3], 2], {"kind": RepPFNN}),
    "shift": (nonlinear, [2, 5, 6, 1], {"parameterization": "shift"}),
    "log-scale": (nonlinear, [2, 5, 6, 1], {"parameterization": "log-scale"}),
}


def brute_force(levels, activation, x, unknowns, sizes):
    """The network's output from kernels and biases, for automatic differentiation."""
    fields = [x]
    for level in levels:
        fields = fields * len(level) if len(fields) == 1 else fields
        fields = [activation(f @ k + b) for f, (k, b) in zip(fields, level, strict=True)]
    fields = fields * len(sizes) if len(fields) == 1 else fields
    parts = unknowns.split([n + 1 for n in sizes])
    return torch.stack([f @ p[:-1] + p[-1] for f, p in zip(fields, parts, strict=True)], dim=1)


@pytest.mark.parametrize("transform", [None, hard])
@pytest.mark.parametrize("name", CASES)
def test_jacobian_against_automatic_differentiation(name, transform):
    pde, sizes, options = CASES[name]
    net = network(sizes, **options)
    x = np.random.default_rng(2).uniform(size=(11, 2))
    data = poisson_data(pde=pde)
    with _host.double_precision(data):
        system = System(features_of(net))
        theta = hidden_parameters(system.features)
        generator = torch.Generator().manual_seed(0)
        unknowns = torch.randn(system.unknowns, generator=generator, dtype=torch.float64)
        problem = Problem(data, len(system.sizes), transform)
        rows = problem.linearise([Equation("PDE", None, x)], field_of(system, unknowns))
        activation = _host.activation(options.get("activation", "tanh"))

        def residual(theta, unknowns):
            dde.grad.clear()
            levels = at_parameters(system.features, theta).levels
            points = torch.tensor(x, requires_grad=True)
            y = brute_force(levels, activation, points, unknowns, system.sizes)
            if transform is not None:
                y = transform(points, y)
            found = _host.residuals(data, None, x, points, y)
            return torch.cat([f[:, 0] for f in found])

        for which, inputs in enumerate((theta, unknowns)):
            leaf = inputs.clone().requires_grad_()
            values = residual(*((leaf, unknowns) if which == 0 else (theta, leaf)))
            exact = torch.stack(
                [torch.autograd.grad(v, leaf, retain_graph=True)[0] for v in values]
            )
            found = torch.cat([jacobian(system, row, unknowns)[which] for row in rows])
            size = float(exact.abs().max())
            torch.testing.assert_close(found, exact, rtol=0, atol=1e-9 * size)
        torch.testing.assert_close(torch.cat([row.linear.residual for row in rows]), values)


def test_rows_of_pairs_of_points():
    condition = dde.icbc.PeriodicBC(SQUARE, 0, lambda x, on: on and np.isclose(x[0], 0))
    data = poisson_data([condition])
    net = network([2, 5, 6, 1])
    with _host.double_precision(data):
        points = _host.condition_points(data, condition, 10, even=False)
        system = System(features_of(net))
        theta = hidden_parameters(system.features)
        unknowns = torch.ones(system.unknowns, dtype=torch.float64)
        equation = Equation("periodic", condition, points)

        def rows(theta):
            moved = System(at_parameters(system.features, theta))
            (row,) = Problem(data, 1).linearise([equation], field_of(moved, unknowns))
            return row

        found = jacobian(system, rows(theta), unknowns)[0]
        step = 1e-6 * torch.eye(len(theta), dtype=torch.float64)
        for i in range(0, len(theta), 5):
            right, left = (rows(theta + s * step[i]).linear.residual for s in (1, -1))
            torch.testing.assert_close(found[:, i], (right - left) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_damped_steps_whichever_side_is_longer(shape):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, generator=generator, dtype=torch.float64)
    target = torch.randn(shape[0], generator=generator, dtype=torch.float64)
    for damping in (1e-6, 1.0):
        stacked = torch.cat([matrix, damping**0.5 * torch.eye(shape[1], dtype=torch.float64)])
        longer = torch.cat([target, torch.zeros(shape[1], dtype=torch.float64)])
        expected = torch.linalg.lstsq(stacked, longer[:, None]).solution[:, 0]
        torch.testing.assert_close(DampedSteps(matrix, target).solve(damping), expected)


@pytest.mark.parametrize("parameterization", ["shift", "scaled", "log-scale"])
@pytest.mark.parametrize(
    ("sizes", "kind"),
    [([2, 6, 1], RepFNN), ([2, 5, 6, 1], RepFNN), ([2, [5, 4], [3, 6], 2], RepPFNN)],
)
def test_the_network_holds_other_parameters_exactly(sizes, kind, parameterization, request):
    request.addfinalizer(lambda: dde.config.set_default_float("float32"))
    dde.config.set_default_float("float64")
    net = network(sizes, kind=kind, parameterization=parameterization)
    features = features_of(net)
    generator = torch.Generator().manual_seed(0)
    theta = hidden_parameters(features)
    theta = theta + 0.3 * torch.randn(theta.shape, generator=generator, dtype=torch.float64)
    moved = at_parameters(features, theta)
    set_weights(net, rep_weights(net.spec, net.to_numpy(), moved))
    torch.testing.assert_close(hidden_parameters(features_of(net)), theta)
    set_weights(net, net.to_numpy())
    torch.testing.assert_close(hidden_parameters(features_of(net)), theta)


# ---------------------------------------------------------------------------------------------
# The descent


def relative_error(solution, exact):
    x = np.random.default_rng(5).uniform(size=(500, 2))
    return np.linalg.norm(solution._values(x) - exact(x)) / np.linalg.norm(exact(x))


def solve(model, tol=2e-2, **options):
    return deepxde_repnet.solve(model, tol, verbose=0, **options)


@pytest.mark.parametrize("pde", [poisson, "cubic"])
def test_error_falls_by_a_clear_factor(pde):
    def cubic(x, u):
        return poisson(x, u) + u**3 - source(x) ** 3

    data = poisson_data(pde=cubic if pde == "cubic" else pde)
    output = solve(dde.Model(data, network([2, 12, 12, 1])))
    model = dde.Model(data, network([2, 12, 12, 1]))
    everything = solve(model, parameters="all")
    assert everything.converged
    assert relative_error(everything, wave) < 0.1 * relative_error(output, wave)
    assert everything.residual_unseen < 0.1 * output.residual_unseen
    assert everything.unknowns == sum(p.numel() for p in network([2, 12, 12, 1]).parameters()) - 24
    assert "Levenberg-Marquardt" in str(everything)
    x = np.random.default_rng(0).uniform(size=(50, 2))
    np.testing.assert_allclose(model.predict(x), everything.predict(x), atol=2e-3)


def test_residual_never_rises(monkeypatch):
    seen = []
    original = Descent.step

    def step(self):
        original(self)
        seen[:] = self.history

    monkeypatch.setattr(Descent, "step", step)
    solve(dde.Model(poisson_data(), network([2, 8, 8, 1])), parameters="all")
    fitted = [one for one, _ in seen]
    assert len(fitted) > 5
    assert all(after < before for before, after in itertools.pairwise(fitted))


def test_hard_conditions_and_a_parallel_network():
    def pde(x, y):
        return [laplacian(y, x) + 2 * K**2 * source(x), y[:, 1:2] - 2 * y[:, 0:1] ** 2]

    def exact(x):
        return np.hstack([wave(x), 2 * wave(x) ** 2])

    def transform(x, y):
        return x[:, 0:1] * (1 - x[:, 0:1]) * x[:, 1:2] * (1 - x[:, 1:2]) * y

    found = {}
    for parameters in ("output", "all"):
        net = network([2, [10, 10], [10, 10], 2], kind=RepPFNN)
        net.apply_output_transform(transform)
        model = dde.Model(poisson_data([], pde), net)
        solution = solve(model, parameters=parameters)
        found[parameters] = relative_error(solution, exact)
        x = np.random.default_rng(0).uniform(size=(50, 2))
        np.testing.assert_allclose(model.predict(x), solution.predict(x), atol=2e-3)
    assert found["all"] < 0.2 * found["output"]


def test_inputs_that_are_transformed():
    net = RepFNN([4, 10, 10, 1], "tanh", "Glorot uniform", seed=1)
    net.apply_feature_transform(lambda x: torch.cat([x, torch.sin(3 * x)], dim=1))
    model = dde.Model(poisson_data(), net)
    solution = solve(model, parameters="all")
    assert solution.residual_unseen < 0.1 * solution.trials[0].fit.unseen
    x = np.random.default_rng(0).uniform(size=(50, 2))
    np.testing.assert_allclose(model.predict(x), solution.predict(x), atol=2e-3)


def test_an_unknown_of_the_equation_is_found_too():
    k2 = dde.Variable(20.0)
    points = np.random.default_rng(1).uniform(0.1, 0.9, (9, 2))

    def pde(x, u):
        return -laplacian(u, x) - k2 * u - K**2 * source(x)

    conditions = [
        dde.icbc.DirichletBC(SQUARE, lambda x: 0, everywhere),
        dde.icbc.PointSetBC(points, wave(points)),
    ]
    model = dde.Model(poisson_data(conditions, pde), network([2, 12, 12, 1]))
    solution = solve(model, tol=3e-3, parameters="all", external_trainable_variables=k2)
    (found,) = solution.variables
    assert found.value == pytest.approx(K**2, rel=1e-3)
    assert 0 < found.standard_error < 1
    assert k2.item() == pytest.approx(found.value, rel=1e-6)


class Broken(Exception):
    pass


def unknown_problem(failure, monkeypatch):
    """A problem with an unknown, whose solution by all parameters fails at the first step."""
    k2 = dde.Variable(20.0)

    def pde(x, u):
        return poisson(x, u) - (k2 - 19) * u

    def check(self):
        if self.steps == 1:
            raise failure

    monkeypatch.setattr(Descent, "_check", check)
    return k2, dde.Model(poisson_data(pde=pde), network([2, 8, 8, 1]))


def test_the_best_so_far_comes_back_at_ctrl_c(monkeypatch):
    k2, model = unknown_problem(KeyboardInterrupt, monkeypatch)
    solution = solve(model, parameters="all", external_trainable_variables=[k2])
    assert solution.verdict == "stopped" and solution.model is model
    assert len(solution.trials) == 2 and np.isfinite(solution.residual_unseen)
    assert k2.item() == pytest.approx(solution.variables[0].value, rel=1e-6)


def test_network_and_unknowns_are_as_they_were_after_a_failure(monkeypatch):
    k2, model = unknown_problem(Broken, monkeypatch)
    net = model.net
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(Broken):
        solve(model, parameters="all", external_trainable_variables=[k2])
    assert k2.item() == 20.0 and k2.dtype == torch.float32
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.requires_grad for p in net.parameters())
    assert dde.config.default_float() == "float32"


def frozen():
    net = network([2, 8, 1])
    net.linears[0].shift.requires_grad_(False)
    return dde.Model(poisson_data(), net)


@pytest.mark.parametrize(
    ("problem", "parameters", "message"),
    [
        (lambda: dde.Model(poisson_data(), network([2, 8, 1])), "hidden", "parameters='hidden'"),
        (poisson_data, "all", "only data were given"),
        (frozen, "all", "requires_grad_"),
        (
            lambda: dde.Model(poisson_data(), network([2, 150, 150, 1])),
            "all",
            "up to 20000 parameters in the hidden layers, and this one has 23100",
        ),
    ],
)
def test_what_cannot_be_done_is_said(problem, parameters, message):
    with pytest.raises(ValueError, match=message):
        solve(problem(), parameters=parameters)


def test_a_jacobian_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(all_parameters, "MOST_BYTES", 1e5)
    with pytest.raises(ValueError, match=r"GB for 96 parameters and \d+ equations"):
        solve(dde.Model(poisson_data(), network([2, 8, 8, 1])), parameters="all")


def test_the_benchmark_runs(monkeypatch, capsys):
    small = (benchmark.cubic, wave, [6, 6], 2.0, 0.5)
    monkeypatch.setattr(benchmark, "PROBLEMS", {"cubic": small})
    benchmark.main([])
    lines = capsys.readouterr().out.splitlines()
    assert sum("[6, 6]" in line for line in lines) == 6
