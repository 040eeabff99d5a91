"""A step that is recorded and repeated without Python trains as the step itself.

There is no GPU here. ``Recorded`` stands for it: it writes down PyTorch's operations with the
tensors that they work on, and repeats them on the same memory, as a CUDA graph does.
"""

import contextlib

import deepxde as dde
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from benchmarks.same_training import difference
from benchmarks.training_problems import (
    PROBLEMS,
    network,
    on_square,
    poisson,
    poisson_equation,
    zero_boundary,
)
from deepxde_repnet import accelerate
from deepxde_repnet.train import torch_accelerate, torch_replay


@pytest.fixture(autouse=True)
def restored():
    precision = dde.config.real.precision
    yield
    dde.config.set_default_float(f"float{precision}")


class Operations(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, out))
        return out


def memory(tensor):
    return tensor.untyped_storage().data_ptr()


class Recorded:
    """The stand-in for a GPU."""

    def __init__(self):
        self.recordings, self.replays = 0, 0

    def aside(self):
        return contextlib.nullcontext()

    def record(self, work):
        # A graph does not do what it records: all that changes is put back.
        touched = [t for t in self.alive() if t.numel()]
        before = [t.detach().clone() for t in touched]
        with Operations() as operations:
            result = work()
        with torch.no_grad():
            for tensor, value in zip(touched, before, strict=True):
                tensor.copy_(value)
        self.recordings += 1

        def replay():
            self.replays += 1
            with torch.no_grad():
                for func, args, kwargs, out in operations.done:
                    again(func, args, kwargs, out)
            return result

        return replay

    def alive(self):
        optimizer = self.model.opt
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        states = [v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)]
        return [p.data for p in parameters] + states


def again(func, args, kwargs, out):
    """Repeat an operation into the memory that its results had."""
    given, _ = tree_flatten((args, kwargs))
    shared = {memory(t) for t in given if torch.is_tensor(t)}
    first, _ = tree_flatten(out)
    if func.namespace == "aten" and all(
        torch.is_tensor(t) and memory(t) in shared and not func._schema.is_mutable for t in first
    ):
        return  # a view
    found, _ = tree_flatten(func(*args, **kwargs))
    for then, now in zip(first, found, strict=True):
        if torch.is_tensor(then) and memory(then) not in shared and then.numel():
            then.copy_(now)


@pytest.fixture
def recorder(monkeypatch):
    found = Recorded()
    monkeypatch.setattr(torch_accelerate, "_recorder", lambda device: found)
    return found


def replayed(recorder, **options):
    def prepare(model):
        recorder.model = model
        accelerate(model, compile=False, block=96, graph=True, verbose=0, **options)

    return prepare


@pytest.mark.parametrize("name", PROBLEMS)
def test_same_training_with_adam(name, recorder):
    assert difference(PROBLEMS[name], "adam", 12, replayed(recorder)) < 1e-12
    if name != "Burgers, resampled":
        assert (recorder.recordings, recorder.replays) == (1, 9)


@pytest.mark.parametrize("name", ["wave", "Helmholtz inverse"])
def test_same_training_with_lbfgs(name, recorder):
    assert difference(PROBLEMS[name], "L-BFGS", 12, replayed(recorder)) < 1e-10
    assert recorder.recordings == 1
    assert recorder.replays > 5


def trained(prepare=None, change=None, steps=30, **options):
    """(model, its parameters after some steps, by which a callback has changed something)."""
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(1)
    model = on_square(poisson_equation, zero_boundary, network(), train_distribution="pseudo")
    model.compile("adam", verbose=0, **{"lr": 1e-2, **options})
    if prepare is not None:
        prepare(model)

    class Changing(dde.callbacks.Callback):
        def on_epoch_end(self):
            if change is not None:
                change(self.model)

    model.train(iterations=steps, verbose=0, callbacks=[Changing()])
    return [p.detach().numpy().copy() for p in model.net.parameters()]


def same(a, b):
    return all(np.allclose(x, y, rtol=1e-12, atol=1e-15) for x, y in zip(a, b, strict=True))


def at(step, change):
    return lambda model: change(model) if model.train_state.step == step else None


def other_weights(model):
    model.loss_weights = [2.0, 30.0]


def other_rate(model):
    model.opt.param_groups[0]["lr"] = 3e-3


def other_points(model):
    model.data.resample_train_points()
    model.train_state.set_data_train(*model.data.train_next_batch())


@pytest.mark.parametrize("change", [other_weights, other_rate, other_points])
def test_what_changes_is_recorded_anew(change, recorder):
    own = trained(change=at(11, change), loss_weights=[1.0, 10.0])
    unchanged = trained(loss_weights=[1.0, 10.0])
    found = trained(replayed(recorder), at(11, change), loss_weights=[1.0, 10.0])
    assert not same(own, unchanged)
    assert same(found, own)
    assert recorder.recordings == 2


def test_schedules_reach_the_recording(recorder):
    decay = ("step", 5, 0.5)
    assert same(trained(replayed(recorder), decay=decay), trained(decay=decay))
    assert recorder.recordings == 1


def test_what_changes_at_every_turn_is_recorded_less_and_less_often(recorder):
    def change(model):
        if model.train_state.step % 10 == 0:
            other_points(model)

    assert same(trained(replayed(recorder), change, 80), trained(None, change, 80))
    # After 3 steps, after 6, and 12 there are not.
    assert recorder.recordings == 2


def test_an_optimizer_that_cannot_be_recorded_is_given_the_gradient(recorder):
    def run(prepare=None):
        dde.config.set_default_float("float64")
        dde.config.set_random_seed(1)
        model = on_square(poisson_equation, zero_boundary, network())
        model.compile("sgd", lr=1e-4, verbose=0)
        if prepare is not None:
            prepare(model)
        model.train(iterations=12, verbose=0)
        return [p.detach().numpy().copy() for p in model.net.parameters()]

    assert same(run(replayed(recorder)), run())
    assert recorder.replays == 9


def test_what_cannot_be_recorded_goes_on_without(recorder, monkeypatch):
    def fail(work):
        work()
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(recorder, "record", fail)
    prepare = replayed(recorder)
    with pytest.warns(UserWarning, match="not permitted when stream is capturing; training goes"):
        found = trained(prepare, lr=0.0)
    assert same(found, trained(lr=0.0))


def test_equations_that_change_are_noticed(recorder):
    dde.config.set_default_float("float64")
    models = []

    def equation(x, y):
        later = bool(models) and models[0].train_state.step > 8
        return poisson_equation(x, y) * (10.0 if later else 1.0)

    model = on_square(equation, zero_boundary, network())
    model.compile("adam", lr=1e-3, verbose=0)
    replayed(recorder)(model)
    models.append(model)
    with pytest.warns(UserWarning, match="change while the model is trained"):
        model.train(iterations=20, display_every=10, verbose=0)
    step = model.train_step.__self__
    assert step.given_up
    assert recorder.replays < 12


def test_it_says_what_it_does_without_a_gpu(capsys):
    model = poisson().model
    model.compile("adam", lr=1e-3, verbose=0)
    with pytest.raises(ValueError, match="graph=1"):
        accelerate(model, graph=1)
    accelerate(model, compile=False, block=96, graph=True)
    assert "no graph, as the model is not on a GPU" in capsys.readouterr().out
    assert not isinstance(model.train_step.__self__, torch_replay.ReplayedStep)
