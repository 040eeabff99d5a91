"""Other float types, mixed precision, forward-mode differentiation."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import deepxde as dde
import numpy as np

from deepxde_repnet.theory import reference

from .registry import check, without
from .support import (
    BACKEND,
    assert_fields_close,
    calibrated,
    compiled,
    fields,
    fit,
    hard_boundary,
    helmholtz,
    network,
    points,
    poisson,
    printed,
    train,
    wavenumber_said,
    weights,
)


@contextlib.contextmanager
def default_float(name: str) -> Iterator[None]:
    """DeepXDE's float type inside."""
    _set(name)
    try:
        yield
    finally:
        dde.config.mixed = False
        _set("float32")


def _set(name: str) -> None:
    with printed():
        dde.config.set_default_float(name)
    if BACKEND.startswith("tensorflow") and name != "mixed":
        # Keras keeps the policy of its first layer.
        dde.backend.tf.keras.config.set_dtype_policy(name)


@check(backends=without("paddle"))
def check_float16() -> None:
    """Calibrated, evaluated and trained in half precision; Paddle has none of it on CPUs."""
    with default_float("float16"):
        x = points(60, [0, 0], [1, 2])
        net = network()
        # Adam's 1e-8 is zero in half precision.
        model, _ = compiled(fit(x, np.sin(9 * x[:, :1])), net, "sgd")
        y = np.asarray(model.predict(x))
        assert y.dtype == np.float16 and np.isfinite(y).all()
        held = reference.forward(net.spec, weights(model), x).value
        np.testing.assert_allclose(y, held, atol=0.05 * np.abs(held).max())
        train(model, 2)
        assert np.isfinite(np.asarray(model.predict(x))).all()


@check(backends=["pytorch", "tensorflow"])
def check_mixed_precision() -> None:
    with default_float("mixed"):
        net = network()
        net.apply_output_transform(hard_boundary)
        calibrated(helmholtz(12.0, 64), net)
        np.testing.assert_allclose(wavenumber_said(), 12, rtol=0.15)

        net = network()
        x = points(30, [0, 0], [1, 2])
        model, _ = compiled(fit(x, np.sin(9 * x[:, :1]).astype(x.dtype)), net)
        train(model, 3)
        assert np.isfinite(model.losshistory.loss_train[-1]).all()
        parameters = net.trainable_variables if BACKEND == "tensorflow" else net.parameters()
        kinds = {str(p.dtype).removeprefix("torch.") for p in parameters}
        assert kinds == {"float32"}, "half precision is for the passes, not for the parameters"


@check(backends=["pytorch", "tensorflow", "tensorflow.compat.v1"])
def check_forward_mode() -> None:
    dde.config.set_default_autodiff("forward")
    warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)  # of torch.func.jvp
    try:
        net = network(1)
        model, said = compiled(poisson((12.0,), dde.geometry.Interval(0, 1), 64), net)
        assert "source term" in said
        x = points(20, [0], [1])
        found = fields(model, x)
        held = reference.forward(net.spec, weights(model), x)
        assert_fields_close(found, held, 1e-4)
        if BACKEND != "tensorflow":  # where this takes several seconds
            train(model, 1)
            assert np.isfinite(model.losshistory.loss_train[-1]).all()
    finally:
        dde.grad.clear()
        dde.config.set_default_autodiff("reverse")
