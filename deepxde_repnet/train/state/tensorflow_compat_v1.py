"""What a graph and its session keep of a training run: variables, those of the optimizer too.

The state of TensorFlow's random operations (dropout) cannot be read.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from ... import _host

tf = _host.tf()

VERSION = str(tf.__version__)


def _arrays(model: Any, variables: list[Any]) -> list[np.ndarray]:
    return list(map(np.asarray, model.sess.run(list(variables))))


def _load(model: Any, variables: list[Any], arrays: list[np.ndarray]) -> None:
    # Through the initializers: assignments of our own would be new operations at each call.
    for variable, array in zip(variables, arrays, strict=True):
        model.sess.run(variable.initializer, {variable.initializer.inputs[1]: array})


def capture(model: Any) -> dict[str, Any]:
    variables = tf.global_variables()
    return {
        "variables": _arrays(model, variables),
        "random": {},
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    variables = tf.global_variables()
    if [list(v.shape) for v in variables] != [list(a.shape) for a in state["variables"]]:
        raise ValueError(
            "the graph has other variables than that of the checkpoint. Every network, unknown and "
            "optimizer of the process is in it: make the same ones as in the first run."
        )
    _load(model, variables, state["variables"])


def restore_random(state: dict[str, Any]) -> None:
    """Nothing, see above."""


def random_kept() -> contextlib.AbstractContextManager[None]:
    """Nothing, see above."""
    return contextlib.nullcontext()


def shapes(model: Any) -> dict[str, list[int]]:
    trained = enumerate(tf.trainable_variables())
    return {f"parameter {i}": [int(n) for n in v.shape] for i, v in trained}


def values(model: Any) -> dict[str, np.ndarray]:
    arrays = _arrays(model, tf.trainable_variables())
    return {f"parameter {i}": array for i, array in enumerate(arrays)}


def set_values(model: Any, arrays: dict[str, np.ndarray]) -> None:
    _load(model, tf.trainable_variables(), list(arrays.values()))


def bad_gradients(model: Any) -> list[int]:
    # These operations stay in the graph, but training does not go on after them: there is no
    # rollback on this backend.
    slopes = [tf.gradients(t, tf.trainable_variables()) for t in _host.term_tensors(model)]
    state = model.train_state
    feed = model.net.feed_dict(True, state.X_train, state.y_train, state.train_aux_vars)
    arrays = model.sess.run([[s for s in row if s is not None] for row in slopes], feed_dict=feed)
    return [i for i, row in enumerate(arrays) if not all(np.isfinite(a).all() for a in row)]


def slow_down(state: dict[str, Any], factor: float) -> None:
    raise NotImplementedError(
        "on tensorflow.compat.v1 the learning rate is part of the graph; use rollback=None."
    )


def set_learning_rate(model: Any, scale: float) -> None:
    """Nothing: see ``slow_down``."""


def check_points_can_move(model: Any) -> None:
    raise ValueError(
        "the points of the conditions are not those in the checkpoint, and on tensorflow.compat.v1 "
        "the graph that compile has built holds values there. Call dde.config.set_random_seed(...) "
        "before the data are made, in the first run too."
    )


def recalibrate(model: Any, spec: Any) -> None:
    """The box and the scale are variables; what else has been decided is in the graph."""
    here = model.net.spec
    if here is None or (here.n_sines, here.activation) != (spec.n_sines, spec.activation):
        raise ValueError(
            "the network was calibrated with another number of sines than that in the checkpoint; "
            "give RepFNN sines=, in the first run too."
        )
