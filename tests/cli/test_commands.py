"""The command's other parts, through the command."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomllib
from cli.catalogue import SCRIPTS
from cli.support import ROOT, command

from deepxde_repnet.cli.app import main
from deepxde_repnet.cli.bundled import PROBLEMS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-command"], "No such command"),
        (["run"], "Missing argument"),
        (["run", "helmholtz"], "Did you mean helmholtz-2d"),
        (["run", "helmholtz-2d", "--net", "MLP"], "FNN, RepFNN"),
        (["run", "helmholtz-2d", "--layers", "64;64"], "64x3"),
        (["run", "helmholtz-2d", "--wavenumber", "-1"], "one positive number"),
        (["run", "helmholtz-2d", "--net", "FNN", "--wavenumber", "5"], "are for RepFNN"),
        (["run", "helmholtz-2d", "--wavenumber", "5", "--slope-scale", "2"], "keep one"),
        (["run", "helmholtz-2d", "--optimizer", "sgd"], "adam, L-BFGS, solve"),
        (["run", "burgers-1d", "--optimizer", "solve"], "cannot be solved"),
        (["run", "lshape-2d", "--net", "FNN"], "solved here, not trained"),
        (["run", "helmholtz-2d", "--float", "half"], "float32 or float64"),
        (["run", "helmholtz-2d", "--backend", "theano"], "none of pytorch"),
        (["swap", "missing.py"], "is not there"),
        (["swap", "--diff", "--compare", "empty.py"], "run nothing"),
        (["swap", "--iterations", "0", "empty.py"], "--iterations"),
        (["swap", "--json", "empty.py"], "the script talks"),
        (["compare", "function-1d", "--", "--x"], "takes no arguments"),
        (["compare", "--nets", "FNN:sin", "empty.py"], "for bundled problems"),
        (["compare", "--in-place", "--jobs", "2", "empty.py"], "--jobs 1"),
        (["compare", "--in-place", "--cluster", "tcp://host:8786", "empty.py"], "--jobs 1"),
        (["explain", "lshape-2d"], "no network is calibrated"),
        (["run", "wave-1d", "--out", "empty.py/out"], "give another with --out"),
        (["compare", "wave-1d", "--out", "empty.py/out"], "give another with --out"),
    ],
)
def test_wrong_usage(tmp_path, monkeypatch, capsys, arguments, said):
    (tmp_path / "empty.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["deepxde-repnet", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    found = capsys.readouterr()
    assert said in " ".join(found.err.replace("│", " ").split())
    assert found.out == ""


def test_wrong_usage_of_the_command_itself(tmp_path):
    for arguments in (["run", "helmholtz"], ["swap"]):
        done = command(*arguments, folder=tmp_path)
        assert done.returncode == 2 and done.stdout == ""
        assert "helmholtz-2d" in done.stderr or "SCRIPT" in done.stderr


def test_what_a_problem_raises_and_a_picture_that_cannot_be_written_are_named(tmp_path):
    for option, value, said in (
        ("--wavenumber", "3,4", "one number for all or one per input"),
        ("--picture", "no-folder/picture.png", "no-folder/picture.png cannot be written"),
        ("--picture", "picture.txt", "is not supported"),
    ):
        done = command("explain", "poisson-1d-multiscale", option, value, folder=tmp_path)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith("error: ") and said in done.stderr


def test_a_script_is_not_ended_by_a_figure_that_cannot_be_written(tmp_path):
    lines = ("import deepxde", "from matplotlib import pyplot", "pyplot.figure()", "pyplot.show()")
    (tmp_path / "script.py").write_text("\n".join([*lines, "print('went on')"]))
    (tmp_path / "file").write_text("")
    done = command("swap", "--figures", "file/in", "script.py", folder=tmp_path)
    assert done.returncode == 0 and done.stdout == "went on\n"
    assert "a figure is not saved" in done.stderr


def test_backends_are_chosen_without_deepxde(tmp_path):
    """Neither a question, nor a file in the home folder; the wrong one is said before anything."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "script.py").write_text("import os; print(os.environ['DDE_BACKEND'])")
    for given, backend, chosen in [
        (["--backend", "jax"], "paddle", "jax"),
        ([], "paddle", "paddle"),
        ([], None, "pytorch"),
    ]:
        call = ["swap", "-q", *given, "script.py"]
        done = command(*call, folder=tmp_path, backend=backend, HOME=str(home))
        assert done.stdout.strip() == chosen
    done = command("swap", "script.py", folder=tmp_path, backend="theano", HOME=str(home))
    assert done.returncode == 2 and "DDE_BACKEND names the backend 'theano'" in done.stderr
    assert not list(home.iterdir())
    (home / ".deepxde").mkdir()
    (home / ".deepxde" / "config.json").write_text('{"backend": "tensorflow"}')
    done = command("swap", "-q", "script.py", folder=tmp_path, backend=None, HOME=str(home))
    assert done.stdout.strip() == "tensorflow"


def test_help_imports_nothing_heavy(tmp_path):
    code = (
        "import sys, runpy\nsys.argv = ['deepxde-repnet', '--help']\n"
        "try: runpy.run_module('deepxde_repnet', run_name='__main__', alter_sys=False)\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'deepxde', 'numpy', 'torch', 'matplotlib', 'joblib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("list", "show", "run", "swap", "compare", "explain", "doctor"):
        assert f" {name} " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_installed_command_is_this_one(tmp_path):
    """What pip writes for the entry point, started by its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, function = project["scripts"]["deepxde-repnet"].partition(":")
    script = tmp_path / "deepxde-repnet"
    script.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    done = subprocess.run(
        [sys.executable, script, "--version"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["deepxde-repnet", importlib.metadata.version("deepxde_repnet")]


def test_list_and_show(tmp_path):
    done = command("list", "--json", folder=tmp_path)
    assert list(json.loads(done.stdout)["problems"]) == list(PROBLEMS)
    shown = command("list", folder=tmp_path).stdout
    assert all(name in shown for name in PROBLEMS)
    assert max(map(len, shown.splitlines())) <= 80 and "\x1b" not in shown
    for option, folder in (([], "pinn_forward"), (["--solve"], "solve")):
        done = command("show", "helmholtz-2d", *option, folder=tmp_path)
        script = ROOT / "examples" / folder / "helmholtz_2d.py"
        assert done.stdout == script.read_text("utf-8")


def test_run_writes_all_that_it_promises(tmp_path):
    done = command(
        "run",
        "poisson-1d-multiscale",
        "--iterations",
        "20",
        "--layers",
        "16x2",
        "--activation",
        "sin",
        "--wavenumber",
        "100",
        "--optimizer",
        "L-BFGS",
        "--seed",
        "3",
        "--float",
        "float64",
        "--out",
        "out",
        "--json",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert found["float"] == "float64" and found["seed"] == 3
    # Slopes, shifts and scales of the first layer; kernel and bias of the others.
    assert found["parameters"] == 3 * 16 + 17 * 16 + 17
    assert "wavenumber 100 rad per unit length (given)" in found["calibration"]
    assert [s["optimizer"] for s in found["stages"]] == ["L-BFGS"] * 4
    assert all(0 < s["iterations"] <= 20 for s in found["stages"])
    assert 0 < found["error"] < 10
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"metrics.json", "loss.png", "solution.png"} < names and len(names) == 4
    # Plain lines on the way, since there is no terminal.
    assert "L-BFGS 20/20, loss" in done.stderr and "\x1b" not in done.stderr


def test_run_solve_and_what_runs_nowhere(tmp_path):
    done = command("run", "helmholtz-1-4", "-q", "--out", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "features, solved" in done.stdout and done.stderr == ""
    assert json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))["error"] < 1e-4
    done = command("run", "wave-1d", "--optimizer", "solve", "--backend", "jax", folder=tmp_path)
    assert done.returncode == 1 and "--backend pytorch" in done.stderr


def test_explain_a_script_and_a_problem(tmp_path):
    shutil.copy(SCRIPTS / "heat.py", tmp_path)
    done = command("explain", "--json", "heat.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["domain"] == {"lower": [0, 0], "upper": [1, 1]}
    names = [part["of"] for part in found["wavenumbers"]]
    assert names == ["PDE", "condition 1 (DirichletBC)", "condition 2 (IC)"]
    # sin(3πx) at t = 0; nothing says how fast time is.
    assert found["wavenumber"][0] == pytest.approx(9.42, rel=0.5)  # from 40 scattered points
    # One draw of a flat network is nearly one affine function, and varies as such.
    assert 0.2 < found["drawn"]["slope"] / found["predicted"]["slope"] < 3
    assert found["drawn"]["output"] == pytest.approx(found["predicted"]["output"], rel=0.5)
    assert (tmp_path / "heat-spectrum.png").stat().st_size > 10_000
    (tmp_path / "nothing.py").write_text("print(1)")
    done = command("explain", "nothing.py", folder=tmp_path)
    assert done.returncode == 1 and "before it trained" in done.stderr


def test_compare_goes_on_where_it_stopped(tmp_path):
    call = ["compare", "with_helper.py", "--nets", "FNN,RepFNN", "--seeds", "1", "--json"]
    call += ["--iterations", "3"]
    for name in ("with_helper.py", "helper_networks.py"):
        shutil.copy(SCRIPTS / name, tmp_path)
    first = command(*call, "--jobs", "2", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    again = command(*call, folder=tmp_path)
    assert "2 of 2 runs are in" in again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)
    found = json.loads(first.stdout)
    assert found["measure"] == "l2 relative error"
    assert [(r["network"], r["ended"]) for r in found["networks"]] == [("FNN", 1), ("RepFNN", 1)]
    out = tmp_path / "with_helper-compare"
    assert (out / "compare.png").stat().st_size > 5_000
    # The runs worked in copies of the folder.
    left = {p.name for p in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"with_helper.py", "helper_networks.py", "with_helper-compare"}
    (tmp_path / "with_helper.py").write_text("raise ValueError('broken')")
    broken = command(*call, folder=tmp_path)
    assert broken.returncode == 1 and "broken" in broken.stderr


def test_compare_on_a_cluster(tmp_path, dask_cluster):
    for name in ("with_helper.py", "helper_networks.py"):
        shutil.copy(SCRIPTS / name, tmp_path)
    call = ["compare", "with_helper.py", "--seeds", "1", "--iterations", "3", "--json"]
    done = command(*call, "--cluster", dask_cluster, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    # Here: the runs are there already, and their files are the same as those of runs made here.
    here = command(*call, folder=tmp_path)
    assert "2 of 2 runs are in" in here.stderr
    assert json.loads(here.stdout) == json.loads(done.stdout)
    anew = command(*call, "--out", "anew", folder=tmp_path)
    theirs, ours = (json.loads(run.stdout)["networks"] for run in (done, anew))
    assert [(r["network"], r["median"], r["loss"]) for r in theirs] == [
        (r["network"], r["median"], r["loss"]) for r in ours
    ]
    left = {p.name for p in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"with_helper.py", "helper_networks.py", "with_helper-compare", "anew"}


def test_a_cluster_that_does_not_answer_or_has_no_workers(tmp_path):
    from distributed import LocalCluster

    call = ["compare", "function-1d", "--iterations", "3", "--cluster"]
    nowhere = command(*call, "tcp://127.0.0.1:1", folder=tmp_path)
    assert nowhere.returncode == 1 and "no Dask scheduler answers" in nowhere.stderr
    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        alone = command(*call, cluster.scheduler_address, folder=tmp_path)
    assert alone.returncode == 1 and "has no workers" in alone.stderr
    assert "Traceback" not in nowhere.stderr + alone.stderr


def test_interrupted_compare_keeps_what_is_finished(tmp_path):
    """One run that ends at once and one that never does, and Ctrl-C."""
    (tmp_path / "script.py").write_text("import time\nprint('started')\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "deepxde_repnet", "compare", "--seeds", "1", "script.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "script-compare").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "0 of 2 runs are kept" in said and "Traceback" not in said


def test_completion(tmp_path):
    variables = {
        "_DEEPXDE_REPNET_COMPLETE": "complete_bash",
        "COMP_WORDS": "deepxde-repnet run helm",
        "COMP_CWORD": "2",
    }
    done = command(folder=tmp_path, **variables)
    names = [name for name in PROBLEMS if name.startswith("helm")]
    assert sorted(done.stdout.split()) == sorted(names)
    options = command(folder=tmp_path, **(variables | {"COMP_WORDS": "deepxde-repnet run --wave"}))
    assert options.stdout.split() == ["--wavenumber"]


def test_every_example_is_bundled_and_installed():
    """A new script needs a line in PROBLEMS, a new folder one in pyproject.toml."""
    examples = ROOT / "examples"
    scripts = {
        path.relative_to(examples).as_posix()
        for path in examples.glob("*/*.py")
        if "def main(" in path.read_text("utf-8")
    }
    bundled = {p.training for p in PROBLEMS.values()} | {p.solving for p in PROBLEMS.values()}
    assert bundled - {None} == scripts
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    package = {_dotted(p.parent) for p in (ROOT / "deepxde_repnet").rglob("*.py")}
    of_examples = {f"deepxde_repnet.{_dotted(p.parent)}" for p in examples.rglob("*.py")}
    assert set(listed) == package | of_examples and len(listed) == len(set(listed))
    data = project["tool"]["setuptools"]["package-data"]
    for path in examples.rglob("*.npz"):
        assert "*.npz" in data[f"deepxde_repnet.{_dotted(path.parent)}"]


def _dotted(folder: Path) -> str:
    return ".".join(folder.relative_to(ROOT).parts)
