"""The ordinary scripts have the solutions that they claim, and the panel runs, keeps and counts."""

from __future__ import annotations

import json
import os
from collections import Counter
from itertools import pairwise
from types import SimpleNamespace

import deepxde as dde
import numpy as np
import pytest
import torch
from deepxde.optimizers.config import LBFGS_options

import deepxde_repnet
from benchmarks import swap_panel
from benchmarks.processes import in_clean_fork, send_result
from benchmarks.swap_problems import PROBLEMS
from benchmarks.swap_problems.problem import GROUPS, problem
from benchmarks.swap_problems.training import train

EQUATIONS = [name for name, p in PROBLEMS.items() if p.group != "fits"]
FITS = [name for name, p in PROBLEMS.items() if p.group == "fits"]
HARD = [
    "poisson_hard",
    "boundary_layer",
    "helmholtz_2pi",
    "helmholtz_4pi",
    "elasticity",
    "diffusion_hard",
]
NOISY = {"growth"}  # its observed values are not those of the solution


@pytest.fixture
def float64():
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(0)
    yield
    dde.config.set_default_float("float32")


@pytest.fixture
def root(tmp_path):
    (tmp_path / swap_panel.RESULTS).parent.mkdir(parents=True)
    return tmp_path


class Differentiable(torch.Tensor):
    """Points at which a formula written with NumPy can be differentiated by PyTorch."""

    RENAMED = {"multiply": "mul", "power": "pow", "subtract": "sub", "negative": "neg"}

    def __array_ufunc__(self, ufunc, method, *inputs, **_):
        assert method == "__call__"
        name = self.RENAMED.get(ufunc.__name__, ufunc.__name__)
        tensors = [torch.as_tensor(i, dtype=torch.float64) for i in inputs]
        return getattr(torch, name)(*tensors).as_subclass(Differentiable)

    def __array_function__(self, function, _, arguments, options):
        return getattr(torch, function.__name__)(*arguments, **options)


class Sampled(torch.autograd.Function):
    """A function of one variable with derivatives by differences: for those without a formula."""

    @staticmethod
    def forward(x, function):
        return torch.as_tensor(function(x.numpy()))

    @staticmethod
    def setup_context(ctx, inputs, _):
        x, ctx.function = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, given):
        (x,) = ctx.saved_tensors
        h = 1e-3

        def slope(t):
            f = ctx.function
            return (8 * (f(t + h) - f(t - h)) - f(t + 2 * h) + f(t - 2 * h)) / (12 * h)

        return (given * Sampled.apply(x, slope)).sum(1, keepdim=True), None


def exact_outputs(script, x):
    """The exact solution as a function of the tensor x."""
    try:
        return script.exact(x.as_subclass(Differentiable)).as_subclass(torch.Tensor)
    except RuntimeError as error:
        if "numpy()" not in str(error):
            raise
    return Sampled.apply(x, script.exact)


def largest(values):
    return float(values.detach().abs().max())


def at_the_truth(name):
    """A script whose unknowns have their true values, and its data."""
    script = PROBLEMS[name].build()
    with torch.no_grad():
        for unknown, true in script.unknowns:
            unknown.fill_(true)
    return script, script.data


@pytest.mark.parametrize("name", EQUATIONS)
def test_exact_solution_solves_its_equations(name, float64):
    """Residuals at points inside are small beside those of a solution that is 1% off."""
    script, data = at_the_truth(name)

    def residuals(by):
        dde.grad.clear()
        x = torch.as_tensor(points).requires_grad_()
        off = 1 + by * torch.cos(3 * x.sum(1, keepdim=True))
        found = data.pde(x, off * exact_outputs(script, x))
        return [largest(r) for r in (found if isinstance(found, list) else [found])]

    points = data.geom.random_points(200)
    for exact, off in zip(residuals(0.0), residuals(0.01), strict=True):
        assert exact < 1e-4 * off
    dde.grad.clear()


@pytest.mark.parametrize("name", EQUATIONS)
def test_exact_solution_fulfils_its_conditions(name, float64):
    script, data = at_the_truth(name)
    x = torch.as_tensor(data.train_x).requires_grad_()
    outputs = exact_outputs(script, x)
    starts = np.cumsum([0, *data.num_bcs])
    for condition, (first, last) in zip(data.bcs, pairwise(starts), strict=True):
        assert last > first, "a condition at no point"
        error = largest(condition.error(data.train_x, x, outputs, first, last))
        if not (name in NOISY and isinstance(condition, dde.icbc.PointSetBC)):
            assert error < 1e-5, condition
    dde.grad.clear()


@pytest.mark.parametrize("name", FITS)
def test_given_values_are_those_of_the_function(name, float64):
    script = PROBLEMS[name].build()
    x, values = script.data.test()
    assert np.allclose(script.exact(x), values)


@pytest.mark.parametrize("name", HARD)
def test_output_transform_has_the_exact_values_where_it_leaves_no_choice(name, float64):
    script = PROBLEMS[name].build()
    points = script.data.geom.random_boundary_points(100)
    if isinstance(script.data, dde.data.TimePDE):
        points = np.vstack([points, script.data.geom.random_initial_points(100)])
    x = torch.as_tensor(points)
    outputs = PROBLEMS[name].layers[-1]
    one, other = (script.output_transform(x, torch.randn(len(x), outputs)) for _ in range(2))
    fixed = ((one - other).abs() < 1e-12).numpy()
    assert fixed.sum() >= 100
    assert np.allclose(one.numpy()[fixed], script.exact(points)[fixed], atol=1e-10)


def test_panel_has_what_it_should():
    assert len(PROBLEMS) >= 24
    scripts = {name: p.build() for name, p in PROBLEMS.items()}
    assert [name for name, s in scripts.items() if s.output_transform] == HARD
    assert {p.group for p in PROBLEMS.values()} == set(GROUPS)
    assert Counter((p.group, p.title) for p in PROBLEMS.values()).most_common(1)[0][1] == 1
    with pytest.raises(ValueError, match="two problems with the name heat"):
        problem("in time", "heat again", [2, 8, 1], 10, name="heat")(lambda: None)


def test_training_of_any_network_is_measured():
    made = []

    def make_net(*arguments):
        made.append(arguments)
        return dde.nn.FNN(*arguments)

    before = dict(LBFGS_options)
    first, second = (train("klein_gordon", make_net, seed=1, steps=6) for _ in range(2))
    assert LBFGS_options == before
    assert made == [([2, 32, 32, 32, 1], "tanh", "Glorot uniform")] * 2
    assert first["error"] == second["error"] and 0.01 < first["error"] < 100
    assert first["points"] == [300, 140] and first["said"] == []
    json.dumps(first)
    other = train("klein_gordon", make_net, seed=2, steps=6)
    assert other["error"] != first["error"]


def test_unknowns_are_trained_and_their_error_counts():
    cell = train(PROBLEMS["diffusivity"], deepxde_repnet.RepFNN, seed=0, steps=5)
    (value,) = cell["values"]
    assert value != 2.0 and abs(value - 2) < 0.1
    assert cell["error"] == pytest.approx(abs(value - 1), rel=1e-6)
    assert cell["said"][0].startswith("RepFNN: domain [-1, 1] x [0, 1]")


def test_field_of_an_inverse_problem_counts_alone():
    script = PROBLEMS["source"].build()

    def predict(x):
        exact = script.exact(x)
        return np.hstack([np.zeros((len(x), 1)), 1.1 * exact[:, 1:]])

    assert script.error(SimpleNamespace(predict=predict)) == pytest.approx(0.1)


def test_tiny_run_of_the_panel(in_backend):
    names = ["heat", "laplace_disk_angle", "burgers", "sixteen_values", "noisy_values"]
    done = in_backend("benchmarks/swap_panel.py", "--tiny", "--only", *names, backend="pytorch")
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    where = next(x for x in done.stdout.splitlines() if x.startswith("Results and table: "))
    folder = swap_panel.Path(where.partition(": ")[2])
    cells = json.loads((folder / swap_panel.RESULTS).read_text())["cells"]
    assert len(cells) == 2 * len(names)
    assert "of 5 scripts" in (folder / swap_panel.TABLE).read_text()


def stand_in(errors):
    def process(cell, steps):
        assert steps is None
        error = errors[cell.problem][cell.net]
        found = (
            {"failed": "ValueError: no"} if error is None else {"error": error * (cell.seed + 1)}
        )
        return cell, found | {"points": [40, 30]}

    return process


def test_runs_are_kept_and_counted(monkeypatch, root):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    errors = {
        "heat": {"FNN": 1e-3, "RepFNN": 1e-4},
        "wave": {"FNN": 1e-3, "RepFNN": 4e-3},
        "lorenz": {"FNN": 1e-3, "RepFNN": 1.05e-3},
        "fisher": {"FNN": 1e-3, "RepFNN": None},
    }
    cells = [
        swap_panel.Cell(name, net, seed)
        for seed in range(3)
        for name in errors
        for net in swap_panel.NETS
    ]
    monkeypatch.setattr(swap_panel, "in_own_process", stand_in(errors))
    swap_panel.run(cells, redo=False, root=root)
    monkeypatch.setattr(swap_panel, "in_own_process", None)
    results = swap_panel.run(cells, redo=False, root=root)
    assert len(results["cells"]) == 24
    swap_panel.write_table(results, root)
    table = (root / swap_panel.TABLE).read_text()
    assert "2.0e-03 (1.0e-03 to 3.0e-03)" in table and "failed (failed to failed)" in table
    assert "at most 1.1 times FNN's on 2 of 4 scripts" in table
    assert "3 times smaller on 1," in table and "3 times larger on 2." in table
    assert "three constants" in table and "40 + 30" in table


def test_process_of_its_own_says_how_it_failed():
    sent = []
    send_result(SimpleNamespace(send=sent.append), int, ["many\nlines"])
    assert sent[0]["failed"].startswith("ValueError: invalid literal for int() with base 10")
    found = in_clean_fork(os._exit, 3, modules=[], limit=60)
    assert found == {"failed": "ended with exit code 3"}
    found = in_clean_fork(os.abort, modules=[], limit=60)
    assert found == {"failed": "ended by SIGABRT"}
