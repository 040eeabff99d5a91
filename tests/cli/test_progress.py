"""The callback ProgressBar, and the check that doctor runs on a backend."""

from __future__ import annotations

import io
import re
import sys
import threading

import deepxde as dde
import numpy as np
import pytest

from deepxde_repnet.cli import doctor, probe
from deepxde_repnet.cli.output import Output
from deepxde_repnet.train import ProgressBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def model(optimizer="adam"):
    data = dde.data.Function(dde.geometry.Interval(0, 1), lambda x: np.sin(9 * x), 20, 20)
    made = dde.Model(data, dde.nn.FNN([1, 8, 1], "tanh", "Glorot uniform"))
    lr = None if optimizer == "L-BFGS" else 1e-3
    made.compile(optimizer, lr=lr, metrics=["l2 relative error"], verbose=0)
    return made


@pytest.mark.parametrize("optimizer", ["adam", "L-BFGS"])
def test_plain_lines(monkeypatch, optimizer):
    """The last one is that of the end, whatever there was time for before."""
    for name in ("maxiter", "iter_per_step"):
        monkeypatch.setitem(dde.optimizers.LBFGS_options, name, 30)
    file = io.StringIO()
    trained = model(optimizer)
    trained.train(iterations=30, callbacks=[ProgressBar(0.01, file)], display_every=10, verbose=0)
    lines = file.getvalue().splitlines()
    found = re.fullmatch(
        rf"{optimizer} (\d+)/30, loss (\S+), metric (\S+), \S+/s, 0:0\d \+ 0:0\d", lines[-1]
    )
    assert found and int(found[1]) == trained.train_state.step <= 30
    state = trained.train_state
    assert found[2] == f"{sum(state.loss_train):.1e}"
    assert found[3] == f"{state.metrics_test[0]:.1e}"
    trained.train(iterations=20, callbacks=[ProgressBar(9, file)], verbose=0)
    assert "/20," in file.getvalue() or optimizer == "L-BFGS"


def test_prints_stay_whole_above_the_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    trained = model()
    trained.train(iterations=40, callbacks=[ProgressBar()], display_every=10)
    assert sys.stdout is terminal and sys.stderr is terminal
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "\x1b", terminal.getvalue())
    lines = [line.strip() for line in re.split(r"[\n\r\x1b]+", shown)]
    for step in ("0", "10", "20", "30", "40"):
        assert any(re.match(rf"{step} +\[\S+\] +\[\S+\] +\[\S+\]", line) for line in lines), step
    assert "40/40" in shown and all(len(line) <= 80 for line in lines)


def test_an_interrupted_training_takes_its_bar_away(monkeypatch):
    class Stop(dde.callbacks.Callback):
        def on_epoch_end(self):
            raise KeyboardInterrupt

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    before = threading.active_count()
    for file in (terminal, io.StringIO()):
        with pytest.raises(KeyboardInterrupt):
            model().train(iterations=9, callbacks=[ProgressBar(5, file), Stop()], verbose=0)
    assert threading.active_count() <= before  # a thread of an earlier test may have ended
    assert sys.stderr is terminal


def test_training_is_what_it_is_without_the_bar():
    weights = []
    for callbacks in ([], [ProgressBar(1, io.StringIO())]):
        dde.config.set_random_seed(1)
        trained = model()
        trained.train(iterations=5, callbacks=callbacks, verbose=0)
        weights.append(trained.predict(np.linspace(0, 1, 7)[:, None]))
    assert np.array_equal(*weights)


def test_every_must_be_positive():
    with pytest.raises(ValueError, match="positive number of seconds"):
        ProgressBar(0)


def test_probe_trains():
    found = probe.probe()
    assert found["status"] == "works" and found["backend"] == "pytorch"
    assert 0 < found["iterations"] <= probe.ITERATIONS and found["devices"]


def test_doctor_says_what_fails(monkeypatch, capsys):
    """One backend works, one fails and one is not installed; the process of each is left out."""
    works = {
        "status": "works",
        "devices": ["CPU"],
        "float": "float32",
        "autodiff": "reverse",
        "iterations": 100,
        "seconds": 1.0,
    }
    answers = {"pytorch": works, "jax": {"status": "fails", "message": "no such device"}}
    monkeypatch.setattr(doctor, "PACKAGES", dict.fromkeys([*answers, "paddle"], ("torch",)))
    monkeypatch.setattr(doctor, "missing", lambda name: ["paddle"] if name == "paddle" else [])
    monkeypatch.setattr(doctor, "_check", lambda name: answers[name])
    monkeypatch.setenv("COLUMNS", "80")
    assert doctor.doctor(None, Output()) == 1
    said = capsys.readouterr()
    assert "works: 100" in said.out and "not installed" in said.out
    assert "jax fails: no such device" in said.err
    assert max(map(len, said.out.splitlines())) <= 80
    del answers["jax"]
    monkeypatch.setattr(doctor, "PACKAGES", {"pytorch": ("torch",)})
    assert doctor.doctor(None, Output()) == 0
