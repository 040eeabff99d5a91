"""What TensorFlow 2 keeps of a training run.

Dropout's generators are variables of the network. Other random operations of TensorFlow keep their
state where it cannot be read.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import tensorflow as tf

from ... import _host
from .. import state as _shared

VERSION = str(tf.__version__)


def _build(model: Any) -> None:
    """Create the variables, which Keras otherwise does in the first call."""
    if not model.net.built:
        model.net(model.data.test()[0])


def _array(variable: Any) -> np.ndarray:
    """A copy: reading a variable can share its memory."""
    return np.array(tf.convert_to_tensor(variable).numpy())


def _trained(model: Any) -> list[Any]:
    _build(model)
    return [*model.net.trainable_variables, *model.external_trainable_variables]


def _of_optimizer(model: Any) -> list[Any]:
    if _host.loops_lbfgs(model):
        return []  # a function, without a state
    optimizer = _host.optimizer(model)
    if not optimizer.built:
        optimizer.build(_trained(model))
    return list(optimizer.variables)


def capture(model: Any) -> dict[str, Any]:
    _build(model)
    return {
        "network": [_array(v) for v in model.net.variables],
        "variables": [_array(v) for v in model.external_trainable_variables],
        "optimizer": {v.path: _array(v) for v in _of_optimizer(model)},
        "random": {},
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    _build(model)
    _assign(model.net.variables, state["network"])
    _assign(model.external_trainable_variables, state["variables"])
    _assign(_of_optimizer(model), list(state["optimizer"].values()))


def _assign(variables: Any, arrays: list[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def restore_random(state: dict[str, Any]) -> None:
    """Nothing, see above."""


def random_kept() -> contextlib.AbstractContextManager[None]:
    """Nothing, see above."""
    return contextlib.nullcontext()


def shapes(model: Any) -> dict[str, list[int]]:
    return {f"parameter {i}": list(v.shape) for i, v in enumerate(_trained(model))}


def values(model: Any) -> dict[str, np.ndarray]:
    return {f"parameter {i}": _array(v) for i, v in enumerate(_trained(model))}


def set_values(model: Any, arrays: dict[str, np.ndarray]) -> None:
    _assign(_trained(model), list(arrays.values()))


def bad_gradients(model: Any) -> list[int]:
    state, trained = model.train_state, _trained(model)

    # DeepXDE calls tf.gradients, which exists only inside a graph.
    @tf.function
    def slopes(*batch: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape, _host.recorded_terms(model) as terms:
            # What was traced would not run the Python that records them.
            model.outputs_losses_train.python_function(*batch)
        found = [tape.gradient(term, trained) for term in terms]
        return [[s for s in row if s is not None] for row in found]

    rows = slopes(state.X_train, state.y_train, state.train_aux_vars)
    return [i for i, row in enumerate(rows) if not all(np.isfinite(_array(s)).all() for s in row)]


def slow_down(state: dict[str, Any], factor: float) -> None:
    for path in state["optimizer"]:
        if path.rsplit("/", 1)[-1] == "learning_rate":
            state["optimizer"][path] = state["optimizer"][path] * np.float32(factor)


def set_learning_rate(model: Any, scale: float) -> None:
    """By compiling again: a schedule's rate is a constant."""
    _shared.recompile(model, scale)


def check_points_can_move(model: Any) -> None:
    if model.outputs_losses_train.experimental_get_tracing_count() > 0:
        raise ValueError(
            "this model has been trained already, on other points of its conditions than those in "
            "the checkpoint, and its graph holds values there. Call resume right after compile."
        )


def recalibrate(model: Any, spec: Any) -> None:
    here = model.net.spec
    if (
        here is not None
        and (here.n_sines, here.activation) != (spec.n_sines, spec.activation)
        and (model.outputs_losses_train.experimental_get_tracing_count() > 0)
    ):
        raise ValueError(
            "this model has been trained already, as another network than that in the checkpoint "
            "(its number of sines differs). Call resume right after compile."
        )
    model.net.calibrate(spec)
