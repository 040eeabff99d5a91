"""The comparison with other libraries, which are not installed here: all but their own runs."""

import ast
import importlib
import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import deepxde as dde
import numpy as np
import pytest
import torch

from benchmarks.libraries import environments, layer_2d, lines
from benchmarks.libraries import run as runner
from benchmarks.libraries.problems import PROBLEMS, TRAINED
from benchmarks.libraries.run import TABLES, Cell, cells
from benchmarks.libraries.watch import EVERY, Watch
from deepxde_repnet import _host

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks" / "libraries"


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_are_those_of_the_examples(name):
    problem = PROBLEMS[name]
    homes = ["examples.solve"] if name != "layer_2d" else []
    homes += ["examples.pinn_forward"] * (name in TRAINED)
    for home in homes:
        example = importlib.import_module(f"{home}.{name}")
        found = SimpleNamespace(predict=lambda x: problem.solution(x) + 0.1 * np.cos(3 * x[:, :1]))
        assert problem.error(found.predict) == pytest.approx(example.error(found), rel=1e-12)
        assert problem.error(found.predict) > 0.01
        data = example.problem(10)
        lower, upper = _host.bounding_box(data.geom)
        np.testing.assert_array_equal(lower, problem.lower)
        np.testing.assert_array_equal(upper, problem.upper)


def test_the_layer_solves_its_equation():
    x = torch.rand(50, 2, dtype=torch.float64, requires_grad=True)
    y = torch.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1))
    residual = layer_2d.pde(x, y).detach().numpy()
    dde.grad.clear()
    np.testing.assert_allclose(residual, 0, atol=1e-9)
    points = x.detach().numpy()
    np.testing.assert_allclose(layer_2d.solution(points), PROBLEMS["layer_2d"].solution(points))
    assert layer_2d.problem(100, 40).bcs


class Clock:
    """Seconds that pass only when they are told to."""

    now = 0.0

    def __call__(self):
        return self.now


def test_the_watch_stands_still_while_it_looks():
    clock, problem = Clock(), PROBLEMS["helmholtz_2d"]
    watch = Watch(problem, budget=10, clock=clock)
    factor = 0.5

    def predict(x):
        clock.now += 100  # which nobody is to be charged with
        return factor * problem.solution(x)

    clock.now += 2
    assert not watch.step(predict)
    clock.now += EVERY / 2
    assert not watch.step(predict)  # too soon for another look
    factor = 0.95
    clock.now += EVERY
    assert not watch.step(predict, 5)
    factor = 0.9995
    clock.now += 1
    assert watch.step(predict)  # the last of the targets
    report = watch.report()
    assert report["first_step"] == 2
    assert report["iterations"] == 8
    assert report["reached"] == {
        "1e-01": pytest.approx(2 + 1.5 * EVERY),
        "1e-02": pytest.approx(3 + 1.5 * EVERY),
        "1e-03": pytest.approx(3 + 1.5 * EVERY),
    }
    assert report["error"] == report["best"] == pytest.approx(5e-4)


def test_the_watch_ends_training_when_the_time_is_up_and_keeps_a_divergence():
    clock, problem = Clock(), PROBLEMS["poisson_1d_multiscale"]
    watch = Watch(problem, budget=10, clock=clock)
    assert not watch.step(lambda x: 0 * x)
    clock.now += 10
    assert watch.step(lambda x: np.nan * x)
    report = watch.report()
    assert report["reached"] == {"1e-01": None, "1e-02": None, "1e-03": None}
    assert report["error"] is None and report["best"] == 1
    json.loads(json.dumps(report, allow_nan=False))


def test_lines_counts_code_and_what_it_uses(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "shared.py").write_text("def helper(x):\n    return x\n\n\nunused = 1\n")
    (folder / "own.py").write_text(
        '''"""Text."""

from b.shared import helper

k = 2
idle = 3


def problem(n, idle=0):
    """Not counted.

    Nor this.
    """
    # nor this
    return helper(
        k * n + idle
    )


class Stated:
    size = 1

    def build(self):
        return self.exact()

    def exact(self):
        return k

    def test_points(self):
        return 4
'''
    )
    # problem 4, k 1, helper 2, and the call.
    assert lines.count(folder / "own.py", "problem") == 8
    # class, size, three methods of two lines, k, and the call.
    assert lines.count(folder / "own.py", "Stated") == 10
    # exact is called by build, and stays.
    assert lines.count(folder / "own.py", "Stated", ("exact", "test_points")) == 8


@pytest.mark.parametrize("name", PROBLEMS)
def test_both_sides_of_every_problem_are_counted(name):
    ours = runner.written(name, "deepxde_repnet.solve")
    automatic = runner.written(name, "fastlsq, automatic scale")
    given = runner.written(name, "fastlsq, our scale")
    assert 10 < ours < 40
    assert 10 < given < automatic < 60
    assembled = ast.parse((HERE / "fastlsq_problems.py").read_text())
    stated = {n.name: n for n in assembled.body if isinstance(n, ast.ClassDef)}
    names = [s.value.value for s in stated[runner.class_of(name)].body if names_it(s)]
    assert names == [name]


def names_it(statement):
    return isinstance(statement, ast.Assign) and statement.targets[0].id == "name"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_compiles(path):
    compile(path.read_text(), path.name, "exec")
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("library", environments.LIBRARIES)
def test_every_library_is_pinned(library):
    pins = environments.pins(library)
    assert all(version[0].isdigit() for version in pins.values())
    assert library in {name.removesuffix("-mathlab") for name in pins}


def test_libraries_take_turns_seed_by_seed():
    order = list(cells(2, ["step"], ["helmholtz_2d"]))
    assert [cell.entry for cell in order] == 2 * list(TABLES["step"])
    assert [cell.seed for cell in order] == 4 * [0] + 4 * [1]
    assert len({cell.key for cell in cells(5, [], [])}) == len(list(cells(5, [], [])))
    searches = [cell for cell in cells(5, ["search"], [])]
    assert [cell.seed for cell in searches] == len(PROBLEMS) * [0]
    for cell in cells(5, [], []):  # what a run needs comes before it
        before = cell.before()
        assert before is None or TABLES[cell.table][before.entry].after is None
        names = list(TABLES[cell.table])
        assert before is None or names.index(before.entry) < names.index(cell.entry)


@pytest.fixture
def everywhere(monkeypatch, tmp_path):
    """All environments exist; nothing is written but under the folder that this returns."""
    monkeypatch.setattr(environments, "missing", lambda libraries: None)
    return tmp_path


def result(cell, number):
    """What a run of this kind might have found."""
    if cell.table == "step":
        return {"first_step": 1.5, "per_1000": 10.0 + number}
    if cell.table == "reach":
        reached = {"1e-01": 2.0 + number, "1e-02": 30.0, "1e-03": None}
        return {"reached": reached, "first_step": 1.0, "seconds": 120.0, "error": 5e-3}
    if cell.entry == "search":
        return {"scale": 5.0, "seconds": 300.0}
    found = {"error": 1e-9, "seconds": 4.0, "features": 1500}
    if cell.entry == "deepxde_repnet.solve":
        found |= {"family": "sin", "scale": [6.0, 12.0]}
    return found


def test_finished_runs_are_kept_and_failures_shown(everywhere, monkeypatch):
    numbers, ran = count(), []

    def run_cell(cell, done, tiny):
        ran.append(cell)
        if cell == Cell("step", "helmholtz_2d", "PINA", 1):
            return {"failed": "MemoryError"}
        return result(cell, next(numbers))

    monkeypatch.setattr(runner, "run_cell", run_cell)
    runner.run(list(cells(1, [], [])), everywhere, redo=False, tiny=False)
    runner.run(list(cells(2, [], [])), everywhere, redo=False, tiny=False)
    assert len(ran) == len(set(ran)) == len(list(cells(2, [], [])))
    kept = json.loads((everywhere / "benchmarks" / "results" / "libraries.json").read_text())
    assert set(kept["cells"]) == {cell.key for cell in ran}
    tables = everywhere / "docs" / "_tables"
    assert (tables / "libraries_step.rst").read_text().count("1 failed") == 1
    reach = (tables / "libraries_reach.rst").read_text()
    assert reach.count("- not reached\n") == len(TRAINED) * len(TABLES["reach"])
    fastlsq = (tables / "libraries_fastlsq.rst").read_text()
    assert fastlsq.count("- 6 × 12\n") == len(PROBLEMS)
    assert fastlsq.count("- 300 s\n") == len(PROBLEMS)


def test_a_divergence_and_a_failure_count_as_infinitely_wrong():
    assert runner.errors([{"error": 1e-3}, {"error": None}, {"error": 2e-3}]).endswith("diverged)")
    assert runner.errors([{"failed": "x"}]) == "failed"
    runs = [{"reached": {"1e-01": 3.0}}, {"reached": {"1e-01": None}}, {"failed": "x"}]
    assert runner.when(runs, 1e-1) == "1 of 3: 3.0 s"


def test_a_missing_environment_is_named_before_anything_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / ".venv-peers")
    monkeypatch.setattr(runner, "run_cell", lambda *_: pytest.fail("it ran"))
    with pytest.raises(SystemExit, match=r"no environment for jinns and pina under \.venv-peers/"):
        runner.run(list(cells(1, ["step"], [])), tmp_path, redo=False, tiny=False)


def test_the_scale_comes_from_the_run_before():
    given = Cell("fastlsq", "wave_1d", "fastlsq, our scale", 3)
    done = {Cell("fastlsq", "wave_1d", "deepxde_repnet.solve", 3).key: {"scale": [10.0, 20.0]}}
    assert runner.spec(given, done, tiny=False)["scale"] == [10.0, 20.0]
    automatic = Cell("fastlsq", "wave_1d", "fastlsq, automatic scale", 3)
    done[Cell("fastlsq", "wave_1d", "search", 0).key] = {"failed": "no answer"}
    assert "no scale" in runner.run_cell(automatic, done)["failed"]


@pytest.mark.parametrize(
    "cell",
    [
        Cell("step", "poisson_1d_multiscale", "DeepXDE, RepFNN", 0),
        Cell("reach", "poisson_1d_multiscale", "DeepXDE, RepFNN", 0),
        Cell("reach", "poisson_1d_multiscale", "deepxde_repnet.solve", 0),
        Cell("fastlsq", "helmholtz_2d", "deepxde_repnet.solve", 0),
    ],
    ids=lambda cell: cell.key,
)
def test_our_own_runs(cell):
    found = runner.run_cell(cell, {}, tiny=True)
    assert "failed" not in found, found
    if cell.table == "step":
        assert found["per_1000"] > 0 and found["first_step"] > 0
    elif cell.entry == "DeepXDE, RepFNN":
        assert found["iterations"] > 0 and 0.1 < found["best"] < 10
    else:
        assert found["error"] < 1e-6
    if cell.table == "fastlsq":
        # Radians per unit of length, near the wavenumber 4π of the solution.
        assert all(6 < scale < 26 for scale in found["scale"])


def test_a_run_that_fails_says_why(monkeypatch):
    monkeypatch.setitem(runner.MODULES, "DeepXDE", "not_there")
    found = runner.run_cell(Cell("step", "helmholtz_2d", "DeepXDE, FNN", 0), {})
    assert "not_there" in found["failed"]


def test_tables_in_the_docs_are_those_of_the_results(tmp_path):
    path = ROOT / "benchmarks" / "results" / "libraries.json"
    results = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    runner.write_tables(results, tmp_path)
    for table in TABLES:
        name = Path("docs") / "_tables" / f"libraries_{table}.rst"
        assert (tmp_path / name).read_text() == (ROOT / name).read_text()
