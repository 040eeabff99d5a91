"""What JAX keeps of a training run: everything in trees of arrays, which never change."""

from __future__ import annotations

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import _host
from .. import state as _shared

VERSION = str(jax.__version__)


def capture(model: Any) -> dict[str, Any]:
    return {
        "parameters": _named(model.params[0]),
        "variables": [np.asarray(v) for v in model.params[1]],
        "optimizer": _named(model.opt_state),
        "random": {},  # DeepXDE draws from JAX only when it makes the parameters
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    model.net.params = _filled(model.net.params, state["parameters"])
    variables = [jnp.asarray(v) for v in state["variables"]]
    for variable, value in zip(model.external_trainable_variables, variables, strict=True):
        variable.value = value
    model.params = [model.net.params, variables]
    model.opt_state = _filled(model.opt_state, state["optimizer"])


def restore_random(state: dict[str, Any]) -> None:
    """Nothing, see ``capture``."""


def random_kept() -> contextlib.AbstractContextManager[None]:
    """Nothing, see ``capture``."""
    return contextlib.nullcontext()


def shapes(model: Any) -> dict[str, list[int]]:
    return {name: list(array.shape) for name, array in values(model).items()}


def values(model: Any) -> dict[str, np.ndarray]:
    found = _named(model.params[0])
    return found | {f"variable {i}": np.asarray(v) for i, v in enumerate(model.params[1])}


def set_values(model: Any, arrays: dict[str, np.ndarray]) -> None:
    model.net.params = _filled(model.net.params, arrays)
    variables = [jnp.asarray(arrays[f"variable {i}"]) for i in range(len(model.params[1]))]
    model.params = [model.net.params, variables]
    for variable, value in zip(model.external_trainable_variables, variables, strict=True):
        variable.value = value


def bad_gradients(model: Any) -> list[int]:
    state = model.train_state

    def evaluated(params: Any) -> list[Any]:
        with _host.recorded_terms(model) as terms:
            # What was compiled would not run the Python that records them.
            model.outputs_losses_train.__wrapped__(params, state.X_train, state.y_train)
        return terms

    found = []
    for i in range(len(jax.eval_shape(evaluated, model.params))):
        slopes = jax.jit(jax.grad(lambda params, i=i: evaluated(params)[i]))(model.params)
        if not all(np.isfinite(np.asarray(s)).all() for s in jax.tree_util.tree_leaves(slopes)):
            found.append(i)
    return found


def slow_down(state: dict[str, Any], factor: float) -> None:
    """Nothing: the rate is in no state, but see ``set_learning_rate``."""


def set_learning_rate(model: Any, scale: float) -> None:
    """By compiling again: the rate is a constant of the optimizer."""
    _shared.recompile(model, scale)


def check_points_can_move(model: Any) -> None:
    """They can, when what was traced with their values is traced again."""
    _forget_traces(model)


def recalibrate(model: Any, spec: Any) -> None:
    params = model.net.params
    model.net.calibrate(spec)
    model.net.params = params
    _forget_traces(model)


def _forget_traces(model: Any) -> None:
    for name in ("outputs", "outputs_losses_train", "outputs_losses_test", "train_step"):
        getattr(model, name).clear_cache()


def _named(tree: Any) -> dict[str, np.ndarray]:
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in paths}


def _filled(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A tree of the same structure with other arrays."""
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [jax.tree_util.keystr(path) for path, _ in paths]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"the checkpoint has no {', '.join(missing)}; it is of another optimizer.")
    leaves = [jnp.asarray(arrays[name]) for name in names]
    return jax.tree_util.tree_unflatten(structure, leaves)
