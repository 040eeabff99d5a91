"""What Paddle keeps of a training run, but for its random generators, which cannot be read."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import paddle

from ... import _host
from ...nets import FourierNet
from ._tree import replaced

VERSION = str(paddle.__version__)


def capture(model: Any) -> dict[str, Any]:
    optimizer = _host.optimizer(model).state_dict()
    return {
        "network": {name: _array(t) for name, t in model.net.state_dict().items()},
        "variables": [_array(v) for v in model.external_trainable_variables],
        "optimizer": {_to_number(model, key): _arrays(value) for key, value in optimizer.items()},
        "random": {},
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    model.net.set_state_dict({name: paddle.to_tensor(a) for name, a in state["network"].items()})
    for variable, array in zip(model.external_trainable_variables, state["variables"], strict=True):
        variable.set_value(paddle.to_tensor(array))
    optimizer = {_from_number(model, k): _tensors(v) for k, v in state["optimizer"].items()}
    _host.optimizer(model).set_state_dict(optimizer)


def restore_random(state: dict[str, Any]) -> None:
    """Nothing, see above."""


def random_kept() -> contextlib.AbstractContextManager[None]:
    """Nothing, see above."""
    return contextlib.nullcontext()


def _parameters(model: Any) -> dict[str, Any]:
    found = dict(model.net.named_parameters())
    return found | {f"variable {i}": v for i, v in enumerate(model.external_trainable_variables)}


def shapes(model: Any) -> dict[str, list[int]]:
    return {name: list(p.shape) for name, p in _parameters(model).items()}


def values(model: Any) -> dict[str, np.ndarray]:
    return {name: _array(p) for name, p in _parameters(model).items()}


def set_values(model: Any, arrays: dict[str, np.ndarray]) -> None:
    for name, parameter in _parameters(model).items():
        parameter.set_value(paddle.to_tensor(arrays[name]))


def bad_gradients(model: Any) -> list[int]:
    state = model.train_state
    with _host.recorded_terms(model) as terms:
        model.outputs_losses_train(state.X_train, state.y_train, state.train_aux_vars)
    parameters = [p for p in _parameters(model).values() if not p.stop_gradient]
    found = []
    for i, term in enumerate(terms):
        if term.stop_gradient:
            continue  # it depends on no parameter
        slopes = paddle.grad(term, parameters, retain_graph=True, allow_unused=True)
        if not all(np.isfinite(_array(s)).all() for s in slopes if s is not None):
            found.append(i)
    return found


def slow_down(state: dict[str, Any], factor: float) -> None:
    raise NotImplementedError("on Paddle the learning rate is not lowered; use rollback=None.")


def set_learning_rate(model: Any, scale: float) -> None:
    """Nothing: see ``slow_down``."""


def check_points_can_move(model: Any) -> None:
    """They can: conditions read them at every step."""


def recalibrate(model: Any, spec: Any) -> None:
    """Buffers of the network's state hold all of it, but for a distribution of frequencies."""
    if isinstance(model.net, FourierNet):
        model.net.calibrate(spec)


# The optimizer names its tensors after the parameters, which are numbered through the process.


def _to_number(model: Any, key: str) -> str:
    for i, parameter in enumerate(_parameters(model).values()):
        if key.startswith(f"{parameter.name}_"):
            return f"#{i}#{key.removeprefix(parameter.name)}"
    return key


def _from_number(model: Any, key: str) -> str:
    if not key.startswith("#"):
        return key
    _, number, rest = key.split("#", 2)
    return list(_parameters(model).values())[int(number)].name + rest


def _array(tensor: Any) -> np.ndarray:
    return np.array(tensor.numpy())


def _arrays(tree: Any) -> Any:
    return replaced(tree, paddle.Tensor, _array)


def _tensors(tree: Any) -> Any:
    return replaced(tree, np.ndarray, paddle.to_tensor)
