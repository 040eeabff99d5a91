"""``deepxde-repnet swap`` on scripts in the manner of DeepXDE's own examples."""

from __future__ import annotations

import json
import shutil

import pytest
from cli.catalogue import SCRIPTS, swapped
from cli.support import command

from deepxde_repnet.cli.printed import measures, side_by_side


@pytest.mark.parametrize("backend", ["pytorch", "tensorflow"])
def test_every_script_runs_and_changes_nothing_else(tmp_path, backend):
    found = swapped(tmp_path, backend, iterations=2)
    assert len(found) >= 16
    assert found == dict.fromkeys(found, "runs")
    shown = sorted((tmp_path / "all_scripts-figures").iterdir())
    assert len(shown) >= 2 and all(path.suffix == ".png" for path in shown)


def test_a_script_keeps_its_arguments_folder_and_exit_code(tmp_path):
    """And reads a file beside itself, trains twice, and its figure is saved."""
    beside = tmp_path / "beside"
    beside.mkdir()
    for name in ("arguments.py", "amplitude.txt"):
        shutil.copy(SCRIPTS / name, beside)
    done = command(
        "swap",
        "--iterations",
        "3",
        "beside/arguments.py",
        "--lr",
        "1e-3",
        "--iterations",
        "9",
        "a b",
        folder=tmp_path,
    )
    assert done.returncode == 3, done.stderr
    assert f"__main__ in {tmp_path}: a b, step 6" in done.stdout
    assert "RepFNN: domain [0, 1]" in done.stdout
    # What comes after the script is the script's, and is said to be.
    assert "--iterations comes after the script" in done.stderr
    assert "networks replaced: RepFNN" in done.stderr
    assert (tmp_path / "arguments-figures" / "1.png").stat().st_size > 1000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["arguments-figures", "beside"]


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("raise ValueError('what it says')", 1, "ValueError: what it says"),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('a reason')", 1, "a reason"),
        ("def f(:", 1, "SyntaxError"),
        ("import not_a_module", 1, "ModuleNotFoundError"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
    ],
)
def test_exit_codes(tmp_path, source, code, said):
    (tmp_path / "script.py").write_text(source)
    done = command("swap", "script.py", folder=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    # The traceback is that of a plain run: it begins in the script.
    assert "deepxde_repnet/cli" not in done.stderr


def test_a_script_is_the_main_program_as_in_a_plain_run(tmp_path):
    (tmp_path / "beside.py").write_text("value = 5\n")
    (tmp_path / "script.py").write_text(
        "import sys, __main__, pickle, beside\n"
        "class Own: pass\n"
        "assert __name__ == '__main__' and __main__.Own is Own and beside.value == 5\n"
        "assert isinstance(pickle.loads(pickle.dumps(Own())), Own)\n"
        "print(sys.argv, __file__, sys.path[0], sep='\\n')\n"
        "print(annotated.__annotations__ if False else 1 + 1)\n"
    )
    done = command("swap", "-q", "script.py", "--x", "-h", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    argv, file, path, two = done.stdout.splitlines()
    assert argv == "['script.py', '--x', '-h']" and two == "2"
    assert file == str(tmp_path / "script.py") and path == str(tmp_path)
    # Nothing was trained, so nothing was replaced.
    assert "nothing was replaced" in done.stderr


def test_a_script_chooses_its_backend(tmp_path):
    """One that sets DDE_BACKEND itself gets it, as in a plain run; and nothing is asked."""
    (tmp_path / "script.py").write_text(
        "import os\nos.environ['DDE_BACKEND'] = 'nowhere'\nimport deepxde\n"
    )
    done = command("swap", "script.py", folder=tmp_path)
    assert done.returncode == 1
    assert "Unsupported backend: nowhere" in done.stderr


PRINTS = """
import numpy as np

x = geom.uniform_points(50)
difference = model.predict(x) - func(x)
print("L2 relative error:", np.linalg.norm(difference) / np.linalg.norm(func(x)))
for t in (0.25, 0.5):
    print(f"max error at t = {t} is [{np.abs(difference).max():.3e}], so to say")
print("nothing of 3 things")
raise ValueError("an error of 5")
"""


@pytest.mark.parametrize("backend", ["pytorch", "tensorflow.compat.v1", "jax"])
def test_compare_shows_what_a_script_prints_and_finds(tmp_path, backend):
    source = (SCRIPTS / "inverse_variable.py").read_text()
    if backend == "jax":
        source = source.replace("def pde(x, y):", "def pde(x, y, unknowns=[2.0]):")
        source = source.replace("return C * dde.grad.hessian(y, x)", "C = unknowns[0]\n    return ")
        source = source.replace("    return  + 16", "    return C * dde.grad.hessian(y, x)[0] + 16")
        source = source.replace("dde.backend.sin", "dde.backend.lib.numpy.sin")
        source = source.replace(", period=2, filename", ", period=1, filename")
    (tmp_path / "script.py").write_text(source + PRINTS)
    options = ("swap", "--compare", "--iterations", "3")
    done = command(*options, "script.py", folder=tmp_path, backend=backend)
    assert done.returncode == 1 and "ValueError: an error of 5" in done.stderr, done.stderr
    (unknown,) = (line.split() for line in done.stdout.splitlines() if "unknown 1" in line)
    ours, theirs = map(float, unknown[2:])
    assert 1.99 < ours < 2.01 and 1.99 < theirs < 2.01 and ours != 2 != theirs, done.stdout
    (printed,) = (line for line in done.stdout.splitlines() if "L2 relative error" in line)
    assert len([word for word in printed.split() if "." in word]) == 2, done.stdout
    at = [line for line in done.stdout.splitlines() if "max error at t = … is […]" in line]
    assert len(at) == 2 and "0.25, " in at[0] and "0.5, " in at[1], done.stdout
    assert "nothing" not in done.stdout and "error of" not in done.stdout


def test_lines_with_measures():
    lines = [
        "0         [1.0e+00, 2.0e-01]    []",
        "  test metric: [1.0e-01]",
        "L2 relative error: 3.2e-05",
        "step 3, rmse=1.5, l2_error = nan",
        "Traceback: ValueError: 5",
        "Terror 5",
        "error without any",
    ]
    assert measures(["\n".join(lines)]) == lines[2:4]
    once = ["error: 1.5", "only here: residual 2"]
    often = [f"error: {i}" for i in range(5)]
    assert side_by_side([once, ["error: 1.25"]]) == [
        ("error", ["1.5", "1.25"]),
        ("only here: residual", ["2", "-"]),
    ]
    assert side_by_side([often, []]) == [("error (last)", ["4", "-"])]


def test_compare_shows_both(tmp_path):
    shutil.copy(SCRIPTS / "poisson_1d_dirichlet.py", tmp_path)
    done = command(
        "swap",
        "--compare",
        "--iterations",
        "4",
        "--json",
        "poisson_1d_dirichlet.py",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert list(runs) == ["FNN", "RepFNN"]
    for net, run in runs.items():
        (model,) = run["models"]
        assert model["network"] == net and run["code"] == 0
        assert model["stages"][0][:2] == ["adam", 4] and model["stages"][0][2] > 0
        assert list(model["metrics"]) == ["l2 relative error"]
        assert len(model["loss_train"]) == 2
    names = sorted(p.name for p in (tmp_path / "poisson_1d_dirichlet-figures").iterdir())
    assert {name.split("-")[0] for name in names} == {"FNN", "RepFNN"}
