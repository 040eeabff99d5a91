"""Checkpoints on every backend: a run that is cut off is the run that is not."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import deepxde as dde
import numpy as np

from deepxde_repnet import Checkpoint, FourierFNN, Guard, _host, frequencies, resume
from deepxde_repnet.theory import initialize
from deepxde_repnet.train import state

from .registry import check, without
from .support import BACKEND, compiled, fresh, network, plain, points, poisson, raises, with_unknown
from .training import DECAYS, line_fit


def inverse(seed: int) -> Any:
    """An unknown, points that are drawn, a decaying rate."""
    fresh()
    dde.config.set_random_seed(seed)

    def residual(x: Any, y: Any, k: Any) -> Any:
        return plain(dde.grad.hessian(y, x)) + k**2 * plain(y) - 1.0

    pde, k = with_unknown(residual, 2.0)
    geom = dde.geometry.Interval(0, 1)
    ends = dde.icbc.DirichletBC(geom, lambda x: x, lambda _, on: on)
    data = dde.data.PDE(geom, pde, [ends], 12, 2, train_distribution="pseudo")
    net = network(1, wavenumber=3.0, domain=([0.0], [1.0]), seed=seed, hidden_gain=1.0)
    unknown = {} if BACKEND == "tensorflow.compat.v1" else {"external_trainable_variables": [k]}
    return compiled(data, net, decay=DECAYS[BACKEND], **unknown)[0]


def outcome(model: Any) -> dict[str, np.ndarray]:
    history = model.losshistory
    return state.values(model) | {
        "steps": np.array(history.steps),
        "train": np.array(history.loss_train),
        "test": np.array(history.loss_test),
        "best": np.array([model.train_state.best_step, model.train_state.step]),
        "points": model.data.train_x,
    }


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def folder() -> Any:
    return tempfile.TemporaryDirectory()


@check()
def check_a_run_goes_on() -> None:
    """Bit for bit: on each backend, with Adam, points drawn anew, a decay and an unknown."""

    def train(path: str, seed: int) -> tuple[int, dict[str, np.ndarray]]:
        model = inverse(seed)
        step = resume(model, path)
        callbacks = [
            Checkpoint(path, every=5, keep=9),
            dde.callbacks.PDEPointResampler(period=3),
        ]
        model.train(iterations=14 - step, display_every=4, callbacks=callbacks, verbose=0)
        return step, outcome(model)

    with folder() as path:
        _, whole = train(path, 0)
        for late in sorted(Path(path).glob("*.npz"))[1:]:
            late.unlink()
        # The graph of tensorflow.compat.v1 holds values at the conditions' points.
        step, again = train(path, 0 if BACKEND == "tensorflow.compat.v1" else 5)
        assert step == 5
        same(whole, again)


def fourier(draw: int, **options: Any) -> Any:
    """A FourierFNN on points that are drawn, whose frequencies follow from the problem if open."""
    fresh()
    dde.config.set_random_seed(draw)
    data = poisson([9.0], dde.geometry.Interval(0, 1), 16, train_distribution="pseudo")
    net = FourierFNN([1, 8, 8, 1], "tanh", "Glorot uniform", **options)
    return compiled(data, net)[0]


BANDS = {
    "open": None,
    "operator": "operator",
    "given": frequencies.Uniform(2.0, 20.0),
    "density": frequencies.Density(lambda k: 1 / (1 + k), 2.0, 20.0),
}


@check(
    cases={
        f"{name}-{'trained' if trainable else 'fixed'}": {
            "frequencies": band,
            "trainable": trainable,
        }
        for name, band in BANDS.items()
        for trainable in (True, False)
    }
    | {"seed": {"seed": 3}, "seed-fixed": {"seed": 3, "trainable": False}}
)
def check_fourier_goes_on(**options: Any) -> None:
    """The function of the run that was cut off, whatever seed this process has drawn."""
    x = points(9, [0], [1])
    with folder() as path:
        model = fourier(0, **options)
        model.train(iterations=3, callbacks=[Checkpoint(path)], verbose=0)
        expected, spec = np.asarray(model.predict(x)), model.net.spec
        model.train(iterations=2, verbose=0)
        later = np.asarray(model.predict(x))

        again = fourier(5, **options)
        assert resume(again, path) == 3
        again.train(iterations=0, verbose=0)
        np.testing.assert_array_equal(np.asarray(again.predict(x)), expected)
        if BACKEND != "tensorflow.compat.v1":  # where they are variables of the graph
            assert again.net.spec.seed == spec.seed
            assert again.net.spec.slope_scale == spec.slope_scale
            drawn = initialize.draw(spec)[0][0].direction
            np.testing.assert_array_equal(initialize.draw(again.net.spec)[0][0].direction, drawn)
        resume(again, path)
        again.train(iterations=2, verbose=0)
        np.testing.assert_array_equal(np.asarray(again.predict(x)), later)


@check()
def check_other_frequencies_are_refused() -> None:
    with folder() as path:
        model = fourier(0, frequencies=frequencies.Uniform(2.0, 20.0))
        model.train(iterations=1, callbacks=[Checkpoint(path)], verbose=0)
        written = "frequencies: ['Uniform(low=2, high=20)'] in the checkpoint, "
        for other, here in [
            (frequencies.Uniform(2.0, 30.0), "['Uniform(low=2, high=30)'] here"),
            (5.0, "['Normal(scale=5, mean=0)'] here"),
            (frequencies.Density(lambda k: k, 2.0, 20.0), "['Density that draws "),
            (np.arange(1.0, 9.0), " of [8] values of root mean square 5.05"),
            (None, "None here"),
            ("operator", "operator here"),
        ]:
            with raises(ValueError, written, here):
                resume(fourier(0, frequencies=other), path)
        fixed = fourier(0, frequencies=frequencies.Uniform(2.0, 20.0), trainable=False)
        with raises(ValueError, "trainable: True in the checkpoint, False here"):
            resume(fixed, path)


@check(backends=["jax", "tensorflow"])
def check_guard_goes_back() -> None:
    """With a smaller learning rate, which is a constant there: the model is compiled again."""

    class Spoil(dde.callbacks.Callback):  # type: ignore[misc, name-defined]
        times = 1

        def on_epoch_end(self) -> None:
            if self.model.train_state.step == 5 and self.times:
                self.times = 0
                spoiled = {n: np.full_like(a, np.nan) for n, a in state.values(self.model).items()}
                state.set_values(self.model, spoiled)

    fresh()
    model, _ = compiled(line_fit(), network(1), lr=1e-2)
    with folder() as path:
        callbacks = [Spoil(), Guard(rollback=0.5), Checkpoint(path, every=4)]
        model.train(iterations=8, callbacks=callbacks, verbose=0)
        assert model.train_state.step == 8
        assert state.is_finite(model)
        again, _ = compiled(line_fit(), network(1), lr=1e-2)
        resume(again, path)
        assert state.capture(again)["learning rate scale"] == 0.5
        if BACKEND == "tensorflow":
            assert np.isclose(float(_host.optimizer(again).learning_rate), 5e-3)


@check(backends=without("tensorflow.compat.v1"))
def check_difference_is_named() -> None:
    fresh()
    model, _ = compiled(line_fit(), network(1))
    with folder() as path:
        model.train(iterations=1, callbacks=[Checkpoint(path)], verbose=0)
        other, _ = compiled(line_fit(), network(1, parameterization="shift"))
        with raises(ValueError, "parameterization: None in the checkpoint, shift here"):
            resume(other, path)
        other, _ = compiled(poisson([3.0], dde.geometry.Interval(0, 1), 8), network(1))
        with raises(ValueError, "data: DataSet in the checkpoint, PDE here"):
            resume(other, path)
        shutil.rmtree(path)
        Path(path).mkdir()
        assert resume(model, path) == 0


@check(cases={"plain": {}, "weighted": {"loss_weights": [1.0, 0.5, 2.0, 3.0]}})
def check_guard_names_the_guilty_term_alone(**options: Any) -> None:
    """One term of four has a gradient that is not finite; that of its neighbours is."""

    def residuals(x: Any, y: Any) -> list[Any]:
        u, slope = plain(y), plain(dde.grad.jacobian(y, x, i=0, j=0))
        return [slope - u, (0.0 * u) ** 0.5, u - 1.0]

    geom = dde.geometry.Interval(0, 1)
    ends = dde.icbc.DirichletBC(geom, lambda x: 0.0 * x, lambda _, on: on)
    data = dde.data.PDE(geom, residuals, [ends], 8, 2)
    net = network(1, wavenumber=3.0, domain=([0.0], [1.0]), hidden_gain=1.0)
    model, _ = compiled(data, net, **options)
    with raises(FloatingPointError, "at step 1. The term PDE 2 of the loss is finite and its grad"):
        model.train(iterations=2, callbacks=[Guard()], verbose=0)


def oscillator(k: float, end: float = 0.5, n: int = 12, **options: Any) -> Any:
    """y'' + k²y = 1 with y(0) = y(1) = end, at points that are drawn."""
    fresh()

    def residual(x: Any, y: Any) -> Any:
        return plain(dde.grad.hessian(y, x)) + k**2 * plain(y) - 1.0

    geom = dde.geometry.Interval(0, 1)
    ends = dde.icbc.DirichletBC(geom, lambda x: 0 * x + end, lambda _, on: on)
    data = dde.data.PDE(geom, residual, [ends], n, 2, train_distribution="pseudo")
    net = network(1, wavenumber=3.0, domain=([0.0], [1.0]), hidden_gain=1.0)
    return compiled(data, net, lr=1e-2, **options)[0]


@check(floats=["float32", "float64"])
def check_another_problem_is_noticed() -> None:
    """By the loss at the same points and parameters; the same problem gives the same one."""

    def said(make: Any, path: str) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            resume(make(), path)
        return [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)]

    with folder() as path:
        dde.config.set_random_seed(0)
        model = oscillator(3.0)
        used = [Checkpoint(path), dde.callbacks.PDEPointResampler(period=3)]
        model.train(iterations=40, callbacks=used, verbose=0)
        written = float(_host.test_losses(model)[0])

        # Points are those of the checkpoint, whatever has been drawn here.
        dde.config.set_random_seed(0 if BACKEND == "tensorflow.compat.v1" else 7)
        assert said(lambda: oscillator(3.0), path) == []
        (message,) = said(lambda: oscillator(3.1), path)
        assert "step 40), the loss of PDE is " in message
        assert f", and was {written:.3g}. The equations" in message, (message, written)
        (message,) = said(lambda: oscillator(3.0, end=0.6), path)
        assert "the loss of condition 1 (DirichletBC) is " in message and "PDE" not in message
        # What is wanted of the terms is no part of the problem.
        assert said(lambda: oscillator(3.0, loss_weights=[1.0, 9.0]), path) == []
