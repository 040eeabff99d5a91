"""What PyTorch keeps of a training run."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch

from ... import _host
from ...nets import FourierNet
from ._tree import replaced

VERSION = str(torch.__version__)


def capture(model: Any) -> dict[str, Any]:
    optimizer = _host.optimizer(model)
    return {
        "network": _arrays(model.net.state_dict()),
        "variables": [_array(v) for v in model.external_trainable_variables],
        "optimizer": _arrays(optimizer.state_dict()),
        "scheduler": None
        if model.lr_scheduler is None
        else _arrays(model.lr_scheduler.state_dict()),
        "random": {
            "cpu": torch.get_rng_state().numpy(),
            # Asking for it would start CUDA.
            "cuda": [_array(s) for s in torch.cuda.get_rng_state_all()]
            if torch.cuda.is_initialized()
            else [],
        },
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    model.net.load_state_dict({name: torch.tensor(a) for name, a in state["network"].items()})
    for variable, array in zip(model.external_trainable_variables, state["variables"], strict=True):
        with torch.no_grad():
            variable.copy_(torch.tensor(array))
    _host.optimizer(model).load_state_dict(_tensors(state["optimizer"]))
    if state["scheduler"] is not None:
        model.lr_scheduler.load_state_dict(_tensors(state["scheduler"]))


def restore_random(state: dict[str, Any]) -> None:
    torch.set_rng_state(torch.tensor(state["cpu"], device="cpu"))
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([torch.tensor(s, device="cpu") for s in state["cuda"]])


def random_kept() -> contextlib.AbstractContextManager[None]:
    # Asking CUDA would start it.
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    return torch.random.fork_rng(devices)


def _parameters(model: Any) -> dict[str, torch.Tensor]:
    found = dict(model.net.named_parameters())
    return found | {f"variable {i}": v for i, v in enumerate(model.external_trainable_variables)}


def shapes(model: Any) -> dict[str, list[int]]:
    return {name: list(p.shape) for name, p in _parameters(model).items()}


def values(model: Any) -> dict[str, np.ndarray]:
    return {name: _array(p) for name, p in _parameters(model).items()}


@torch.no_grad()
def set_values(model: Any, arrays: dict[str, np.ndarray]) -> None:
    for name, parameter in _parameters(model).items():
        parameter.copy_(torch.tensor(arrays[name]))


def bad_gradients(model: Any) -> list[int]:
    state = model.train_state
    batch = state.X_train, state.y_train, state.train_aux_vars
    # The losses of a step of ours have no graph once they have been returned.
    of_step = getattr(getattr(model.train_step, "__self__", None), "finite_gradients", None)
    if of_step is not None:
        finite = of_step(batch)
    else:
        parameters = [p for p in _parameters(model).values() if p.requires_grad]
        with _host.recorded_terms(model) as terms:
            model.outputs_losses_train(*batch)
        finite = [has_finite_gradient(term, parameters) for term in terms]
    return [i for i, good in enumerate(finite) if not good]


def has_finite_gradient(term: torch.Tensor, parameters: list[torch.Tensor]) -> bool:
    """Whether a term of the loss has a finite gradient, or none; its graph is kept."""
    if not term.requires_grad:
        return True
    slopes = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
    return all(bool(torch.isfinite(s).all()) for s in slopes if s is not None)


def slow_down(state: dict[str, Any], factor: float) -> None:
    for group in state["optimizer"]["param_groups"]:
        for name in ("lr", "initial_lr"):
            if name in group:
                group[name] *= factor
    for name in ("base_lrs", "_last_lr"):
        if state["scheduler"] is not None and name in state["scheduler"]:
            state["scheduler"][name] = [lr * factor for lr in state["scheduler"][name]]


def set_learning_rate(model: Any, scale: float) -> None:
    """Nothing: it is in the optimizer's state."""


def check_points_can_move(model: Any) -> None:
    """They can: conditions read them at every step."""


def recalibrate(model: Any, spec: Any) -> None:
    """Buffers of the network's state hold all of it, but for a distribution of frequencies."""
    if isinstance(model.net, FourierNet):
        model.net.calibrate(spec)


def _array(tensor: torch.Tensor) -> np.ndarray:
    # A copy: training changes tensors in place.
    return np.array(tensor.detach().cpu().numpy())


def _arrays(tree: Any) -> Any:
    return replaced(tree, torch.Tensor, _array)


def _tensors(tree: Any) -> Any:
    """The way back: PyTorch's states hold tensors, never arrays."""
    return replaced(tree, np.ndarray, torch.tensor)
