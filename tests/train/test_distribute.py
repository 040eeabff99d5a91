"""Two processes train as one does."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import deepxde as dde
import numpy as np
import pytest

from benchmarks.training_problems import PROBLEMS, poisson, train
from deepxde_repnet import _host, distribute

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("shared.py")
UNEVEN = Path(__file__).with_name("uneven.py")
KILLED = Path(__file__).with_name("killed.py")


@pytest.fixture(autouse=True)
def restored():
    precision = dde.config.real.precision
    yield
    dde.config.set_default_float(f"float{precision}")


def environment(**more):
    return os.environ | {
        "DDE_BACKEND": "pytorch",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **more,
    }


def torchrun(*arguments, script=SCRIPT, restarts=0, **more):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["--max-restarts", str(restarts), str(script), *map(str, arguments)]
    return subprocess.run(
        command,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_processes_train_as_one(tmp_path):
    names = [
        "Burgers, resampled",
        "Helmholtz inverse",
        "Neumann, Robin, periodic",
        "several outputs, RepPFNN",
        "targets",
    ]
    done = torchrun(";".join(names), "adam", 12, tmp_path / "found.json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("trained") == 1, "only process 0 prints"
    found = json.loads((tmp_path / "found.json").read_text())
    for name in names:
        losses, variables = train(PROBLEMS[name], "adam", 12)
        np.testing.assert_allclose(found[name], [*losses, *variables], rtol=1e-9)


def test_a_gradient_that_one_process_has(tmp_path):
    """It counts in all of them, and what no process has a gradient of stays as it is.

    What each has drawn by itself is replaced by what process 0 has.
    """
    done = torchrun(tmp_path / "two", script=UNEVEN)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = subprocess.run(
        [sys.executable, str(UNEVEN), str(tmp_path / "one")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert alone.returncode == 0, alone.stderr[-3000:]
    first, second, one = (
        json.loads((tmp_path / name).read_text()) for name in ("two-0", "two-1", "one-0")
    )
    np.testing.assert_allclose(first, one, rtol=1e-9)
    assert one[-2] != 0.5, "the unknown at one point is trained"
    assert first[-2:] == second[-2:] == [first[-2], 0.25]


def test_the_guard_stops_all_processes_with_one_message(tmp_path):
    done = torchrun(tmp_path / "found", script=UNEVEN, BREAK="3")
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"found-{rank}").read_text()) for rank in (0, 1))
    assert first == second
    assert "at step 4. The term PDE 2 of the loss is finite and its gradient is not" in first


def test_a_process_that_fails_ends_the_others(tmp_path):
    done = torchrun("Poisson", "adam", 10**6, tmp_path / "found.json", FAIL="5")
    assert done.returncode != 0
    assert "failed on purpose" in done.stderr


def test_a_killed_process_is_started_anew_and_goes_on(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    found = []
    for folder, kill in ((whole, {}), (killed, {"KILL": "15"})):
        folder.mkdir()
        done = torchrun(folder, 24, script=KILLED, restarts=1, **kill)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "writes to" not in done.stderr, "only process 0 writes"
        assert "are not what they were" not in done.stderr, "the problem is the same"
        found.append(json.loads((folder / "found.json").read_text()))
    assert (killed / "killed").exists() and found[1].pop("from") == 12
    assert found[0].pop("from") == 0
    assert found[0] == found[1]


def test_a_killed_process_ends_the_others(tmp_path):
    done = torchrun(tmp_path, 10**6, script=KILLED, KILL="5")
    assert done.returncode != 0
    assert time.time() - float((tmp_path / "killed").read_text()) < 30


def test_shares_hold_every_point_once_and_keep_pairs_together():
    dde.config.set_default_float("float64")
    data = PROBLEMS["Neumann, Robin, periodic"]().model.data
    n = len(data.train_x)
    shares = [_host.share_of_points(data, n, rank, 3) for rank in range(3)]
    assert sorted(np.concatenate([s.rows for s in shares])) == list(range(n))
    np.testing.assert_allclose(np.sum([s.weights for s in shares], axis=0), 1)
    start = sum(data.num_bcs[:2])
    for share in shares:
        rows = share.rows[sum(share.counts[:2]) :][: share.counts[2]] - start
        first, second = np.split(rows, 2)
        np.testing.assert_array_equal(second - first, data.num_bcs[2] // 2)


def test_what_has_fewer_points_than_there_are_processes_is_everyone_s():
    geom = dde.geometry.Interval(0, 1)
    condition = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on: on)
    data = dde.data.PDE(geom, lambda x, y: y, condition, num_domain=8, num_boundary=2)
    share = _host.share_of_points(data, len(data.train_x), 1, 4)
    assert share.counts == [2] and share.weights[0] == 0.25


def test_alone_nothing_is_changed(capsys, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    model = poisson().model
    model.compile("adam", lr=1e-3, verbose=0)
    own = model.train_step
    distribute(model)
    assert model.train_step == own
    assert "one process" in capsys.readouterr().out
