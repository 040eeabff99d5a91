"""A run that is cut off and resumed is the run that was not, on PyTorch.

What differs between backends is in ``backends/checkpoints.py``.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import deepxde as dde
import numpy as np
import pytest
import torch

from deepxde_repnet import Checkpoint, FourierFNN, Guard, RepFNN, _host, accelerate, resume
from deepxde_repnet.train import _files, state

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def as_it_was():
    before = np.random.get_state(), torch.get_rng_state()
    options = dict(dde.optimizers.LBFGS_options)
    yield
    np.random.set_state(before[0])
    torch.set_rng_state(before[1])
    dde.config.random_seed = None
    dde.optimizers.LBFGS_options.update(options)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def make(seed=0, optimizer="adam", decay=("cosine", 60, 1e-5), net=None, **options):
    """An inverse problem with points that are drawn, a decaying rate and batches of values."""
    dde.config.set_random_seed(seed)
    square = dde.geometry.Rectangle([0, 0], [1, 1])
    k = dde.Variable(3.0)

    def pde(x, u):
        laplacian = dde.grad.hessian(u, x, i=0, j=0) + dde.grad.hessian(u, x, i=1, j=1)
        return laplacian + k**2 * u + dde.backend.sin(6 * x[:, :1])

    observed = np.random.default_rng(0).random((12, 2))
    conditions = [
        dde.icbc.DirichletBC(square, lambda x: np.sin(x[:, :1]), lambda _, on: on),
        dde.icbc.PointSetBC(observed, np.sin(3 * observed[:, :1]), batch_size=5),
    ]
    data = dde.data.PDE(square, pde, conditions, 20, 12, train_distribution="pseudo", **options)
    model = dde.Model(data, net or RepFNN([2, 8, 8, 1], "tanh", "Glorot uniform"))
    rate = {} if optimizer == "L-BFGS" else {"lr": 1e-3, "decay": decay}
    model.compile(optimizer, external_trainable_variables=k, verbose=0, **rate)
    return model, k


def resampler():
    # Not with bc_points: DeepXDE keeps values of conditions by the identity of an array, which is
    # used again when one is freed, so that such runs differ from one another without us, too.
    return dde.callbacks.PDEPointResampler(period=7)


def result(model):
    history = model.losshistory
    return state.values(model) | {
        "steps": np.array(history.steps),
        "train": np.array(history.loss_train),
        "test": np.array(history.loss_test),
        "best": np.array([model.train_state.best_step, model.train_state.best_loss_train]),
        "last": np.array([model.train_state.step, model.train_state.iteration]),
        "points": model.data.train_x,
    }


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def cut(folder, step):
    """Leave the checkpoints up to a step, as if the process had been killed after it."""
    for path in _files.listed(folder):
        if int(path.stem.rpartition("-")[2]) > step:
            path.unlink()


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path, capsys):
    def callbacks(folder, k):
        # Whatever the order: what others count in a step is in the checkpoint at its end.
        return [
            Checkpoint(tmp_path / folder, every=10, keep=9),
            resampler(),
            dde.callbacks.VariableValue(k, 7, filename=str(tmp_path / folder) + ".txt"),
            dde.callbacks.EarlyStopping(patience=25, monitor="loss_test"),
        ]

    def train(folder, seed):
        model, k = make(seed)
        step = resume(model, tmp_path / folder)
        used = callbacks(folder, k)
        model.train(iterations=50 - step, display_every=6, callbacks=used, verbose=0)
        used[2].file.close()
        return step, result(model) | {"k.txt": Path(str(tmp_path / folder) + ".txt").read_text()}

    step, whole = train("whole", 0)
    assert step == 0
    cut(tmp_path / "whole", 20)
    step, again = train("whole", 5)
    assert step == 20
    assert_same(whole, again)
    assert f"resume: step 20, from {tmp_path}/whole/00000002-step-20.npz" in capsys.readouterr().out


@pytest.mark.parametrize(
    "net",
    [
        lambda: RepFNN([2, 8, 8, 1], "tanh", "Glorot uniform", sines=0.5),
        lambda: RepFNN([2, 8, 8, 1], "tanh", "Glorot uniform", parameterization="shift"),
        lambda: FourierFNN([2, 8, 8, 1], "tanh", "Glorot uniform"),
        lambda: FourierFNN([2, 8, 8, 1], "tanh", "Glorot uniform", trainable=False),
    ],
    ids=["sines", "shift", "fourier", "fixed fourier"],
)
def test_what_a_network_was_drawn_as_goes_on(tmp_path, net):
    """Another draw is replaced whole, with what is not trained."""

    def train(seed):
        model, _ = make(seed, net=net())
        step = resume(model, tmp_path)
        checkpoint = Checkpoint(tmp_path, every=5, keep=9)
        model.train(iterations=15 - step, callbacks=[checkpoint], verbose=0)
        kept = {name: t.numpy().copy() for name, t in model.net.state_dict().items()}
        return step, result(model) | kept

    _, whole = train(0)
    cut(tmp_path, 5)
    step, again = train(5)
    assert step == 5
    assert_same(whole, again)


def test_lbfgs_goes_on(tmp_path):
    """In passes, as without the interruption, and not beyond its end."""
    dde.optimizers.set_LBFGS_options(maxiter=50)

    def train(seed):
        model, _ = make(seed, "L-BFGS")
        step = resume(model, tmp_path)
        model.train(callbacks=[Checkpoint(tmp_path, every=20, keep=9)], verbose=0)
        return step, result(model)

    _, whole = train(0)
    assert whole["steps"].tolist() == [0, 20, 40, 50]
    cut(tmp_path, 20)
    step, again = train(5)
    assert step == 20
    assert_same(whole, again)
    step, ended = train(6)
    assert step == 50
    assert_same(whole, ended)


def test_lbfgs_that_had_converged_is_not_trained_again(tmp_path, capsys):
    dde.optimizers.set_LBFGS_options(maxiter=200, ftol=1e-2)
    model, _ = make(0, "L-BFGS")
    model.train(callbacks=[Checkpoint(tmp_path, every=20)], verbose=0)
    assert model.train_state.step < 100
    found = result(model)
    model, _ = make(1, "L-BFGS")
    resume(model, tmp_path)
    model.train(callbacks=[Checkpoint(tmp_path, every=20)])
    assert_same(found, result(model))
    assert "ended by itself" in capsys.readouterr().out
    assert dde.optimizers.LBFGS_options["maxiter"] == 200


def test_a_run_that_a_callback_had_stopped_is_not_trained_again(tmp_path):
    stop = dde.callbacks.EarlyStopping(patience=3, min_delta=10)
    model, _ = make()
    model.train(iterations=50, callbacks=[stop, Checkpoint(tmp_path)], verbose=0)
    assert model.train_state.step == 4
    found = result(model)
    model, _ = make(1)
    stop = dde.callbacks.EarlyStopping(patience=3, min_delta=10)
    model.train(iterations=50 - resume(model, tmp_path), callbacks=[stop], verbose=0)
    assert_same(found, result(model))


def test_batches_of_a_data_set_go_on(tmp_path):
    """The sampler of batches stands where it stood; operators take their data in this way."""
    rng = np.random.default_rng(0)
    functions, points = rng.random((9, 3), np.float32), rng.random((7, 1), np.float32)
    values = rng.random((9, 7), np.float32)

    def train(iterations):
        data = dde.data.TripleCartesianProd(
            (functions, points), values, (functions, points), values
        )
        net = dde.nn.DeepONetCartesianProd([3, 6, 4], [1, 6, 4], "relu", "Glorot normal")
        model = dde.Model(data, net)
        model.compile("adam", lr=1e-3, verbose=0)
        step = resume(model, tmp_path)
        callbacks = [Checkpoint(tmp_path, every=10, keep=9)]
        model.train(iterations - step, batch_size=4, callbacks=callbacks, verbose=0)
        return state.values(model)

    dde.config.set_random_seed(0)
    whole = train(25)
    cut(tmp_path, 10)
    dde.config.set_random_seed(1)
    assert_same(whole, train(25))


def test_each_difference_is_named(tmp_path):
    model, _ = make()
    model.train(iterations=2, callbacks=[Checkpoint(tmp_path)], verbose=0)
    before = state.values(make(1)[0])
    for change, lines in [
        (
            {"net": RepFNN([2, 6, 8, 1], "sin", "Glorot uniform", wavenumber=3)},
            [
                "layer_sizes: [2, 8, 8, 1] in the checkpoint, [2, 6, 8, 1] here",
                "activation: tanh in the checkpoint, sin here",
                "wavenumber: None in the checkpoint, [3.0, 3.0] here",
                "parameters, linears.0.shift: [8, 2] in the checkpoint, [6, 2] here",
            ],
        ),
        (
            {"net": dde.nn.FNN([2, 8, 8, 1], "tanh", "Glorot uniform")},
            ["network: RepFNN in the checkpoint, FNN here"],
        ),
        ({"optimizer": "L-BFGS"}, ["optimizer: adam in the checkpoint, L-BFGS here"]),
        ({"decay": None}, ["learning-rate schedule: cosine in the checkpoint, None here"]),
        ({"num_test": 30}, ["num_test: None in the checkpoint, 30 here"]),
    ]:
        other, _ = make(1, **change)
        values = state.values(other)
        with pytest.raises(ValueError, match="does not belong to this model") as caught:
            resume(other, tmp_path)
        for line in lines:
            assert f"\n  {line}\n" in str(caught.value), str(caught.value)
        assert_same(values, state.values(other))
    assert before


class Weigh(dde.callbacks.Callback):
    """Weights of the losses that change with training."""

    def on_epoch_end(self):
        self.model.loss_weights = [1.0, 1.0 + self.model.train_state.step, 3.0]


class Dropping(dde.nn.FNN):
    def forward(self, inputs):
        return torch.nn.functional.dropout(super().forward(inputs), 0.4, self.training)


class Restless(dde.nn.FNN):
    """Another function at each evaluation."""

    def forward(self, inputs):
        return super().forward(inputs) * (1 + torch.rand(()))


@pytest.mark.parametrize("accelerated", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize(
    ("options", "callback"),
    [
        ({}, resampler),
        ({}, lambda: dde.callbacks.PDEPointResampler(period=2, bc_points=True)),
        ({}, Weigh),
        ({"num_test": 30}, resampler),
        ({"net": lambda: Dropping([2, 8, 8, 1], "tanh", "Glorot uniform")}, resampler),
        ({"net": lambda: Restless([2, 8, 8, 1], "tanh", "Glorot uniform")}, resampler),
        ({"net": lambda: RepFNN([2, 8, 8, 1], "tanh", "zeros", regularization=["l1", 1])}, Weigh),
    ],
    ids=["points", "all points", "weights", "test points", "dropout", "random", "penalty"],
)
def test_the_same_problem_is_not_taken_for_another(tmp_path, options, callback, accelerated):
    """No warning, which is an error here, though much else has changed."""

    def begun(seed, fast):
        made = options | {name: make() for name, make in options.items() if name == "net"}
        model, _ = make(seed, **made)
        if fast:
            accelerate(model, compile=False, block=64, verbose=0)
        return model, resume(model, tmp_path)

    model, _ = begun(0, accelerated[0])
    model.train(iterations=9, callbacks=[callback(), Checkpoint(tmp_path)], verbose=0)
    model, step = begun(4, accelerated[1])
    assert step == 9
    model.train(iterations=1, callbacks=[callback()], verbose=0)


def test_a_loss_that_is_all_rounding(tmp_path):
    """A residual of 1e-3 that is left of terms of 1e5, in float32, summed in another order."""
    x = np.linspace(0, 1, 500)[:, None].astype(np.float32)

    def made(order):
        geom = dde.geometry.Interval(0, 1)

        def pde(x, u):
            terms = [1e5 * u, -0.7e5 * u, -0.3e5 * u * (1 + 1e-8)]
            return sum(terms[i] for i in order)

        data = dde.data.PDE(geom, pde, [], 0, 0, anchors=x)
        net = RepFNN([1, 8, 1], "tanh", "Glorot uniform", seed=0, domain=(0, 1), wavenumber=3)
        model = dde.Model(data, net)
        model.compile("adam", lr=1e-3, verbose=0)
        return model

    model = made([0, 1, 2])
    model.train(iterations=2, callbacks=[Checkpoint(tmp_path)], verbose=0)
    losses = [float(_host.test_losses(made(order))[0]) for order in ([0, 1, 2], [2, 1, 0])]
    assert abs(losses[0] - losses[1]) > 0.05 * losses[0], "rounding decides"
    resume(made([2, 1, 0]), tmp_path)


def test_another_problem_is_said_and_no_parameter_moves(tmp_path):
    def made(factor):
        return fit_of(lambda x, u: factor * dde.grad.jacobian(u, x) - u, lr=1e-2)

    model = made(1.0)
    model.train(iterations=20, callbacks=[Checkpoint(tmp_path)], verbose=0)
    other = made(1.01)
    with pytest.warns(
        RuntimeWarning, match=r"step 20\), the loss of PDE is .*, and was .*"
    ) as told:
        resume(other, tmp_path)
    assert len(told) == 1
    assert_same(state.values(model), state.values(other))


def test_another_backend_and_float_are_named(tmp_path, monkeypatch):
    model, _ = make()
    model.train(iterations=1, callbacks=[Checkpoint(tmp_path)], verbose=0)
    written = _files.newest(tmp_path)[1]["fingerprint"]
    other = written | {"backend": "jax", "float type": "float64"}
    assert state.differences(other, state.fingerprint(model)) == [
        "backend: jax in the checkpoint, pytorch here",
        "float type: float64 in the checkpoint, float32 here",
    ]


def test_arguments_of_resume(tmp_path):
    with pytest.raises(TypeError, match=r"takes a dde\.Model"):
        resume(tmp_path, tmp_path)
    data = dde.data.Function(dde.geometry.Interval(0, 1), np.sin, 8, 8)
    model = dde.Model(data, dde.nn.FNN([1, 4, 1], "tanh", "Glorot uniform"))
    with pytest.raises(RuntimeError, match=r"call model\.compile"):
        resume(model, tmp_path)
    model.compile("adam", lr=1e-3, verbose=0)
    assert resume(model, tmp_path) == 0
    assert resume(model, tmp_path / "none") == 0


def test_every_byte_of_a_real_checkpoint(tmp_path):
    """Whatever byte is changed, wherever it is cut short: it is not loaded."""
    data = dde.data.Function(dde.geometry.Interval(0, 1), np.sin, 4, 4)
    model = dde.Model(data, RepFNN([1, 3, 1], "tanh", "Glorot uniform", seed=0))
    model.compile("adam", lr=1e-3, verbose=0)
    model.train(iterations=2, callbacks=[Checkpoint(tmp_path)], verbose=0)
    path = _files.listed(tmp_path)[0]
    content = path.read_bytes()
    assert _files.from_bytes(content)["progress"]["step"] == 2
    loaded = 0
    for i in range(len(content)):
        damaged = content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :]
        for version in (damaged, content[:i]):
            try:
                _files.from_bytes(version)
                loaded += 1
            except _files.Damaged:
                pass
    assert loaded == 0


def test_failing_writes_are_said_once_and_training_goes_on(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    model, _ = make()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(RuntimeWarning, match="No space left.*Free some space") as told:
        model.train(iterations=6, callbacks=[Checkpoint(tmp_path, every=2)], verbose=0)
    assert len(told) == 1
    assert model.train_state.step == 6
    assert _files.listed(tmp_path) == []
    monkeypatch.undo()
    model.train(iterations=2, callbacks=[Checkpoint(tmp_path, every=2)], verbose=0)
    assert len(_files.listed(tmp_path)) == 2


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").touch()
    model, _ = make()
    with pytest.raises(OSError, match="no checkpoints can be written to .*file/run"):
        model.train(iterations=1, callbacks=[Checkpoint(tmp_path / "file" / "run")], verbose=0)


def test_a_second_run_in_the_folder_does_not_write(tmp_path):
    first = _files.Lock(tmp_path)
    assert first.take()
    model, _ = make()
    with pytest.warns(RuntimeWarning, match=f"process {os.getpid()} writes to .*of its own"):
        model.train(iterations=3, callbacks=[Checkpoint(tmp_path, every=1)], verbose=0)
    assert _files.listed(tmp_path) == []
    first.give_up()
    model.train(iterations=3, callbacks=[Checkpoint(tmp_path, every=1, keep=2)], verbose=0)
    assert len(_files.listed(tmp_path)) == 2


def test_time_to_write(tmp_path, monkeypatch):
    import time

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Clock(dde.callbacks.Callback):
        def on_epoch_end(self):
            now[0] += 1.0

    model, _ = make()
    model.train(
        iterations=9, callbacks=[Checkpoint(tmp_path, seconds=4, keep=9), Clock()], verbose=0
    )
    assert [p.stem.rpartition("-")[2] for p in _files.listed(tmp_path)] == ["9", "8", "4"]


def test_callbacks_with_a_state_of_their_own(tmp_path):
    class Counting(dde.callbacks.Callback):
        count = 0

        def on_epoch_end(self):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, kept):
            self.count = kept["count"]

    model, _ = make()
    model.train(iterations=3, callbacks=[Counting(), Checkpoint(tmp_path)], verbose=0)
    model, _ = make()
    resume(model, tmp_path)
    counting = Counting()
    model.train(iterations=2, callbacks=[counting], verbose=0)
    assert counting.count == 5
    model, _ = make()
    resume(model, tmp_path)
    with pytest.warns(RuntimeWarning, match=r"does not have \(1 Counting\)"):
        model.train(iterations=1, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"folder": 3}, TypeError, "folder=3 must be the path"),
        ({"folder": ""}, ValueError, "must be the path"),
        ({"every": 0}, ValueError, "every=0 must be a positive integer"),
        ({"every": 2.0}, ValueError, r"every=2\.0"),
        ({"seconds": -1}, ValueError, "seconds=-1 must be a positive finite number"),
        ({"keep": True}, ValueError, "keep=True"),
    ],
)
def test_arguments_of_checkpoint(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Checkpoint(**{"folder": "run"} | arguments)


# -------------------------------------------------------------------------------------------------
# Guards


class Spoil(dde.callbacks.Callback):
    """Makes a parameter NaN after some step, a number of times."""

    def __init__(self, step, times):
        super().__init__()
        self.step, self.times = step, times

    def on_epoch_end(self):
        if self.model.train_state.step == self.step and self.times:
            self.times -= 1
            with torch.no_grad():
                next(self.model.net.parameters()).fill_(float("nan"))


def fit_of(function, **options):
    geom = dde.geometry.Interval(0, 1)
    net = RepFNN([1, 6, 1], "tanh", "Glorot uniform", domain=([0], [1]), wavenumber=3, seed=0)
    model = dde.Model(dde.data.PDE(geom, function, [], 6, 2), net)
    model.compile("sgd", verbose=0, **{"lr": 1e-3} | options)
    return model


def test_the_step_the_term_and_the_cause_are_named(tmp_path):
    model, _ = make()
    callbacks = [Spoil(5, 1), Guard(), Checkpoint(tmp_path, every=3)]
    with pytest.raises(FloatingPointError, match=r"at step 5\. .*learning rate") as caught:
        model.train(iterations=9, callbacks=callbacks, verbose=0)
    assert f"parameters of step 4. The last checkpoint is in {tmp_path}" in str(caught.value)
    assert state.is_finite(model)
    assert _files.newest(tmp_path)[1]["progress"]["step"] == 3


@pytest.mark.parametrize(
    ("function", "rate", "message"),
    [
        (lambda x, u: torch.sqrt(0 * u), 1e-3, "at step 1. The term PDE .* gradient is not.* sqrt"),
        (lambda x, u: torch.log(u - 9), 1e-3, "before step 1. The term PDE .* log or sqrt"),
        (lambda x, u: u**3 - 2, 1e6, "learning rate is too large"),
    ],
)
@pytest.mark.filterwarnings("ignore:RepFNN. PDE is not finite")
def test_causes(function, rate, message):
    with pytest.raises(FloatingPointError, match=message):
        fit_of(function, lr=rate).train(iterations=50, callbacks=[Guard()], verbose=0)


def test_going_back_with_a_smaller_rate(tmp_path, capsys):
    def rates(model):
        return [group["lr"] for group in model.opt.param_groups]

    model, _ = make(decay=None)
    callbacks = [Spoil(15, 2), resampler(), Guard(rollback=0.5), Checkpoint(tmp_path, every=10)]
    model.train(iterations=30, callbacks=callbacks, verbose=0)
    assert model.train_state.step == 30
    assert rates(model) == [0.25e-3] * 2
    assert "Back to step 10, the learning rate multiplied by 0.25." in capsys.readouterr().out
    assert model.losshistory.steps == [0, 30]
    # The rate is part of the state.
    again, _ = make(decay=None)
    resume(again, tmp_path)
    assert rates(again) == [0.25e-3] * 2


def test_going_back_does_not_go_on_forever(tmp_path):
    model, _ = make()
    callbacks = [Spoil(5, 99), Guard(rollback=0.5, attempts=2), Checkpoint(tmp_path, every=2)]
    with pytest.raises(FloatingPointError, match="did not help, 2 times"):
        model.train(iterations=9, callbacks=callbacks, verbose=0)
    with pytest.raises(ValueError, match="no Checkpoint among"):
        model.train(iterations=9, callbacks=[Guard(rollback=0.5)], verbose=0)


def test_what_is_not_finite_is_not_written(tmp_path):
    model, _ = make()
    with pytest.warns(RuntimeWarning, match="nothing is written at step"):
        model.train(iterations=8, callbacks=[Spoil(5, 1), Checkpoint(tmp_path, every=2)], verbose=0)
    assert _files.newest(tmp_path)[1]["progress"]["step"] == 4


@pytest.mark.parametrize("value", [0, 1, -1, True, "a", float("nan")])
def test_arguments_of_guard(value):
    with pytest.raises(ValueError, match="rollback="):
        Guard(rollback=value)


# -------------------------------------------------------------------------------------------------
# Processes


def test_killed_and_resumed(in_backend):
    """The short version of benchmarks/kill_test.py: SIGKILL at random moments, twice each."""
    done = in_backend(
        "-W", "ignore", "benchmarks/kill_test.py", "--fork", "--kills", "2", "--steps", "200",
        backend="pytorch",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 2, done.stdout
    for run in found:
        assert run["kills"] == 2
        assert run["different"] == [], run


def test_sigterm(tmp_path):
    """A checkpoint at the end of the step, and then the end that SIGTERM has always been."""
    script = """
        import os, signal, sys, deepxde as dde, numpy as np
        from deepxde_repnet import Checkpoint, RepFNN
        data = dde.data.Function(dde.geometry.Interval(0, 1), np.sin, 8, 8)
        model = dde.Model(data, RepFNN([1, 4, 1], "tanh", "Glorot uniform", seed=0))
        model.compile("adam", lr=1e-3)
        class Term(dde.callbacks.Callback):
            def on_batch_begin(self):
                if self.model.train_state.step == 6:
                    os.kill(os.getpid(), signal.SIGTERM)
        model.train(iterations=50, callbacks=[Checkpoint(sys.argv[1], every=1000), Term()])
        print("not reached")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGTERM, done.stderr
    assert "not reached" not in done.stdout
    assert [p.name for p in _files.listed(tmp_path)] == ["00000001-step-7.npz"]


def test_a_run_repeats_bit_for_bit():
    def run():
        model, _ = make(3)
        model.train(iterations=20, display_every=5, callbacks=[resampler()], verbose=0)
        return result(model)

    assert_same(run(), run())


def test_training_without_our_callbacks_is_deepxde_s():
    """The hook changes nothing where there is nothing to take up: errors are DeepXDE's, too."""
    model, _ = make()
    with pytest.raises(ValueError, match="No iterations for adam"):
        model.train(verbose=0)
    with pytest.raises(TypeError, match="no_such"):
        model.train(no_such=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train(3, None, 1, verbose=0)
    assert model.losshistory.steps == [0, 0, 1, 2, 3]
