"""The problems with a known verdict can be built, run and counted."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import deepxde as dde
import numpy as np
import pytest

import deepxde_repnet
from benchmarks.verdicts import PROBLEMS, run, table
from benchmarks.verdicts.__main__ import main
from benchmarks.verdicts.problem import KINDS, problem

VERDICTS = {"converged", "unresolved", "undetermined", "contradictory", "diverged", "stopped"}
LEAST = {  # problems of each kind
    "linear": 12,
    "nonlinear": 5,
    "inverse": 4,
    "noise": 4,
    "out of reach": 6,
    "undetermined": 8,
    "mended": 8,
    "contradictory": 6,
    "singular": 4,
}


@pytest.fixture(autouse=True)
def float64():
    dde.config.set_default_float("float64")
    yield
    dde.config.set_default_float("float32")


@pytest.fixture
def root(tmp_path):
    for folder in ("docs/_tables", "benchmarks/results"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_every_kind_has_its_problems():
    counts = Counter(p.kind for p in PROBLEMS.values())
    assert counts.keys() == KINDS.keys() == LEAST.keys()
    assert all(counts[kind] >= least for kind, least in LEAST.items())
    assert counts.total() - counts["mended"] >= 45
    titles = Counter((p.kind, p.title) for p in PROBLEMS.values())
    assert titles.most_common(1)[0][1] == 1


def test_converged_is_right_only_where_there_is_a_solution():
    for name, entry in PROBLEMS.items():
        assert entry.right and entry.right <= VERDICTS, name
        if entry.kind in ("linear", "nonlinear", "inverse", "noise", "mended"):
            assert "converged" in entry.right, name
        if entry.kind in ("out of reach", "undetermined", "contradictory"):
            assert "converged" not in entry.right, name


def test_a_name_stands_for_one_problem():
    with pytest.raises(ValueError, match="two problems with the name heat"):
        problem("linear", "heat again", name="heat")(lambda: None)


@pytest.mark.parametrize("name", PROBLEMS)
def test_problem_can_be_built(name):
    case = PROBLEMS[name].build()
    data = getattr(case.problem, "data", case.problem)
    assert isinstance(data, dde.data.PDE)
    can_converge = "converged" in PROBLEMS[name].right
    assert not can_converge or case.exact is not None
    if case.exact is not None:
        x = data.geom.random_points(20).astype(float)
        exact = case.exact(x)
        assert exact.ndim == 2 and len(exact) == 20 and np.isfinite(exact).all()
        assert np.linalg.norm(exact, axis=0).min() > 1e-3  # or its relative error means nothing
    if can_converge:
        assert all(truth for _, truth in case.unknowns)


def stand_in(case, factor=1.0, verdict="converged"):
    """A solver that knows the solution, up to a factor."""

    def solve(given, tol, *, seed, verbose, external_trainable_variables=(), **options):
        assert options.keys() <= {"max_features", "seconds", "output_transform"}
        assert len(external_trainable_variables) == len(case.unknowns)
        return SimpleNamespace(
            predict=lambda x: factor * case.exact(x),
            variables=[
                SimpleNamespace(value=truth + 0.3, standard_error=0.1) for _, truth in case.unknowns
            ],
            verdict=verdict,
            determined=True,
            error_estimate=None,
            noise={"condition 3 (PointSetBC)": 0.1},
        )

    return solve


@pytest.mark.parametrize("name", ["stokes", "transform_of_model", "heat", "many_waves"])
def test_cell_measures_the_error(monkeypatch, name):
    solve = stand_in(PROBLEMS[name].build(), factor=1.002)
    monkeypatch.setattr(deepxde_repnet, "solve", solve, raising=False)
    cell = run.run_cell(name, 0)
    assert cell["error"] == pytest.approx(2e-3) == cell["field_error"]
    assert cell["deviation"] is None and cell["verdict"] == "converged"
    json.dumps(cell)


def test_cell_measures_the_error_of_unknowns(monkeypatch):
    solve = stand_in(PROBLEMS["diffusivity"].build())
    monkeypatch.setattr(deepxde_repnet, "solve", solve, raising=False)
    cell = run.run_cell("diffusivity", 0)
    assert cell["field_error"] == 0
    assert cell["error"] == pytest.approx(0.3)
    assert cell["deviation"] == pytest.approx(3)


def test_noise_follows_the_seed():
    def values(seed):
        dde.config.set_random_seed(seed)
        return PROBLEMS["growth"].build().problem.bcs[1].values.detach().cpu().numpy()

    assert np.array_equal(values(0), values(0))
    assert not np.array_equal(values(0), values(1))


def test_runs_have_a_fresh_process():
    assert run.in_fresh_process("no such problem", 0) == {"failed": "KeyError: 'no such problem'"}


def cell(verdict="converged", error=1e-9, estimate=2e-9):
    return {
        "verdict": verdict,
        "error": error,
        "field_error": error,
        "error_estimate": estimate,
        "seconds": 1.5,
    }


def test_runs_are_kept_and_not_run_again(monkeypatch, root):
    ran = []

    def process(name, seed):
        ran.append((name, seed))
        return {"failed": "ValueError: no"} if seed else cell()

    monkeypatch.setattr(run, "in_fresh_process", process)
    run.run(["heat", "wave"], 1, redo=False, root=root)
    run.run(["heat"], 2, redo=False, root=root)
    assert ran == [("heat", 0), ("wave", 0), ("heat", 1)]
    kept = json.loads((root / run.RESULTS).read_text())["cells"]
    assert kept[run.key("heat", 1)] == {"failed": "ValueError: no"}
    run.run(["wave"], 1, redo=True, root=root)
    assert ran[3:] == [("wave", 0)]


def test_table_counts_what_is_wrong(root):
    cells = {run.key(name, seed): cell() for name in ("heat", "wave") for seed in range(3)}
    cells[run.key("heat", 1)] = cell(error=2e-3, estimate=1e-3)
    cells[run.key("heat", 2)] = cell("unresolved", error=5e-3, estimate=1e-3)
    cells[run.key("wave", 2)] = {"failed": "ValueError: no"}
    cells[run.key("two_values", 0)] = cell("contradictory", None, None)
    cells[run.key("two_values", 1)] = cell("converged", None, None)
    cells[run.key("poisson_neumann_mended", 0)] = cell(error=3e-14, estimate=None)
    table.write_table({"cells": cells, "machine": run.machine()}, root)
    written = (root / table.TABLE).read_text()
    assert "   * - heat equation\n     - converged\n" in written
    assert "- converged 2, unresolved 1 (**1 wrong**)\n     - 2.0e-03 (5.0e-03)" in written
    assert "- converged 2, failed 1\n     - 1.0e-09 (1.0e-09)\n     - 2.0e-09 (2.0e-09)" in written
    assert "- contradictory 1, converged 1 (**1 wrong**)\n" in written
    assert "4 problems, 9 runs: 5 with a right verdict, 1 that failed, 2 wrong" in written
    assert "These are heat (1), two_values (1)." in written
    # 2e-3 is less than three times 1e-3, 5e-3 is more; below round-off no estimate is needed.
    assert "in 83.3% of the 6 runs" in written
    assert "**linear**" in written and "**nonlinear**" not in written


def test_command_line_chooses_problems(monkeypatch):
    calls = []
    monkeypatch.setattr("benchmarks.verdicts.__main__.run", lambda *call: calls.append(call))
    monkeypatch.setattr("benchmarks.verdicts.__main__.write_table", lambda results: None)
    main(["--only", "heat", "wave", "--seeds", "2"])
    main(["--kind", "noise", "--redo"])
    main(["--table"])
    assert calls[0] == (["heat", "wave"], 2, False)
    names, seeds, redo = calls[1]
    assert {PROBLEMS[name].kind for name in names} == {"noise"} and (seeds, redo) == (5, True)
    assert calls[2][0] == []
