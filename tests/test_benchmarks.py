"""The benchmarks run, with tiny budgets: their figures in the docs come from the same code."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import accuracy, step_cost

ROOT = Path(__file__).resolve().parent.parent


def run(script, *arguments):
    environment = os.environ | {"DDE_BACKEND": "pytorch", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_gpu_check_says_plainly_when_there_is_no_gpu():
    done = run("gpu_check.py")
    assert done.returncode == 0, done.stderr
    expected = "agree." if torch.cuda.is_available() else "No GPU here"
    assert expected in done.stdout


def test_gpu_check_compares_what_two_processes_compute(tmp_path):
    done = run("gpu_check.py", "--compute", str(tmp_path / "arrays.npz"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "arrays.npz").stat().st_size > 10_000


def test_step_cost_measures_a_ratio(monkeypatch):
    monkeypatch.setattr(step_cost, "BLOCKS", 2)
    found = step_cost.measure(steps=1)
    assert found["fnn_ms"] > 0 and found["repfnn_ms"] > 0
    assert 0.2 < found["ratio"] < 5


def test_accuracy_cell_reports_error_and_choice(monkeypatch):
    example = accuracy.importlib.import_module(accuracy.PROBLEMS["function_1d"])
    monkeypatch.setattr(example.train, "__defaults__", ((3, 2),))
    found = accuracy.run_cell("function_1d", {"net": "RepFNN"}, seed=0)
    assert found["steps"] == 5
    assert 0 < found["error"] < 10
    assert found["chosen"].startswith("RepFNN: domain [-1, 1]")


def test_a_failed_run_is_shown_and_not_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy, "ROOT", tmp_path)
    (tmp_path / "docs" / "_tables").mkdir(parents=True)
    cells = {
        accuracy.key(problem, options, seed): {"error": 0.1 * (seed + 1), "seconds": 1.0}
        for problem in accuracy.PROBLEMS
        for options in accuracy.STUDIES["accuracy"]["nets"].values()
        for seed in range(5)
    }
    cells[accuracy.key("helmholtz_2d", {"net": "RepFNN"}, 2)] = {
        "failed": "RuntimeError: out of luck"
    }
    shutil.copy(ROOT / "README.md", tmp_path)
    accuracy.write_table("accuracy", {"cells": cells, "machine": accuracy.machine()})
    table = (tmp_path / "docs" / "_tables" / "accuracy.rst").read_text()
    assert table.count("failed") == 1


@pytest.mark.parametrize("study", sorted(accuracy.STUDIES))
def test_tables_in_the_docs_are_those_of_the_results(study, tmp_path, monkeypatch):
    results = json.loads((ROOT / "benchmarks" / "results" / "accuracy.json").read_text())
    monkeypatch.setattr(accuracy, "ROOT", tmp_path)
    (tmp_path / "docs" / "_tables").mkdir(parents=True)
    shutil.copy(ROOT / "README.md", tmp_path)
    accuracy.write_table(study, results)
    for name in (Path("docs") / "_tables" / f"{study}.rst", Path("README.md")):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text()
