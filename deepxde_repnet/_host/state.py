"""What a training keeps beside the parameters: for checkpoints."""

from __future__ import annotations

import sys
import time
from typing import Any

import deepxde as dde
import numpy as np

from .core import conditions, forget_condition_values, geometry, is_batched, kind_of_data

PROGRESS = (
    "iteration",
    "step",
    "loss_train",
    "y_pred_train",
    "loss_test",
    "y_pred_test",
    "y_std_test",
    "metrics_test",
    "best_step",
    "best_loss_train",
    "best_loss_test",
    "best_y",
    "best_ystd",
    "best_metrics",
)
HISTORY = ("steps", "loss_train", "loss_test", "metrics_test")


def progress(model: Any) -> dict[str, Any]:
    """Steps, last and best results and the loss history."""
    found: dict[str, Any] = {name: getattr(model.train_state, name) for name in PROGRESS}
    found["history"] = {name: list(getattr(model.losshistory, name)) for name in HISTORY}
    return found


def set_progress(model: Any, values: dict[str, Any]) -> None:
    """Set what ``progress`` gave; DeepXDE's objects stay the same ones."""
    for name in PROGRESS:
        setattr(model.train_state, name, values[name])
    for name in HISTORY:
        getattr(model.losshistory, name)[:] = values["history"][name]


# Points that a problem draws; those of data sets are in the script.
DRAWN = (
    "anchors",
    "num_bcs",
    "train_x_all",
    "train_x_bc",
    "train_bc",
    "train_x",
    "train_y",
    "train_aux_vars",
    "test_x",
    "test_y",
    "test_aux_vars",
)


def _draws_points(data: Any) -> bool:
    """Whether points are drawn when the data are made, and may be replaced by others."""
    plain = isinstance(data, (dde.data.PDE, dde.data.Function)) and kind_of_data(data) not in (
        "IDE",
        "FPDE",
        "TimeFPDE",  # with matrices made for their points
    )
    return plain or hasattr(data, "func_space")


def only_points_drawn(data: Any) -> bool:
    """Whether points are all that a problem draws, and all of them can be kept."""
    return _draws_points(data) and not hasattr(data, "func_space")


def _moving(data: Any) -> dict[str, Any]:
    """The parts of a problem that change during training, by name."""
    parts = {"data": data}
    equation = getattr(data, "pde", None)
    if isinstance(equation, dde.data.PDE):
        parts["equation"] = equation
    geom = geometry(data)
    if geom is not None:
        parts["geometry"] = geom
    parts |= {f"condition {i}": c for i, c in enumerate(conditions(data), start=1)}
    return parts


def data_state(data: Any) -> dict[str, Any]:
    """Points that are drawn, and where the samplers of batches stand."""
    found: dict[str, Any] = {}
    for part, owner in _moving(data).items():
        state: dict[str, Any] = {}
        if part in ("data", "equation") and _draws_points(owner):
            state["points"] = {n: getattr(owner, n) for n in DRAWN if hasattr(owner, n)}
        elif part == "data" and geometry(data) is not None:
            state["fixed"] = owner.train_x
        if is_batched(owner):
            state["batch"] = owner.batch_indices
        samplers = {
            name: [
                value.num_samples,
                value._indices,
                value._epochs_completed,
                value._index_in_epoch,
            ]
            for name, value in vars(owner).items()
            if isinstance(value, dde.data.BatchSampler)
        }
        if samplers:
            state["samplers"] = samplers
        if state:
            found[part] = state
    return found


def set_data_state(data: Any, found: dict[str, Any]) -> None:
    """Set what ``data_state`` gave.

    Raises:
        ValueError: If the points cannot be replaced and are not those that were kept.
    """
    parts = _moving(data)
    for part, state in found.items():
        owner = parts[part]
        fixed = state.get("fixed")
        if fixed is not None and not np.array_equal(fixed, owner.train_x):
            raise ValueError(
                f"{type(owner).__name__} draws its points when it is made, and they cannot be "
                "replaced. Call dde.config.set_random_seed(...) before it is made, in the first "
                "run too, so that they are the same."
            )
        for name, value in state.get("points", {}).items():
            setattr(owner, name, value)
        if "batch" in state:
            owner.batch_indices = state["batch"]
        for name, (size, indices, epochs, position) in state.get("samplers", {}).items():
            sampler = getattr(owner, name)
            sampler.num_samples, sampler._indices = size, indices
            sampler._epochs_completed, sampler._index_in_epoch = epochs, position
    forget_condition_values(data)


def data_sizes(data: Any) -> dict[str, Any]:
    """What tells one problem from another: kinds and numbers, none of which training changes."""
    found: dict[str, Any] = {"data": type(data).__name__}
    equation = getattr(data, "pde", None)
    for owner in [data, equation] if isinstance(equation, dde.data.PDE) else [data]:
        for name in ("num_domain", "num_boundary", "num_initial", "num_test", "num_func"):
            if hasattr(owner, name):
                found[name] = getattr(owner, name)
    for i, condition in enumerate(conditions(data), start=1):
        points = getattr(condition, "points", None)
        found[f"condition {i}"] = type(condition).__name__ + (
            "" if points is None else f" at {len(points)} points"
        )
    if geometry(data) is None:
        for name in ("train_x", "train_y", "test_x", "test_y"):
            value = getattr(data, name, None)
            several = value if isinstance(value, (tuple, list)) else [value]
            found[name] = [list(np.shape(v)) for v in several if v is not None]
    return found


def condition_points_now(data: Any) -> Any:
    """The points of the conditions, which graphs hold values of; None of data without any."""
    return getattr(data, "train_x_bc", None)


# What DeepXDE's callbacks count.
COUNTERS: dict[str, tuple[str, ...]] = {
    "ModelCheckpoint": ("epochs_since_last_save", "best"),
    "EarlyStopping": ("wait", "stopped_epoch", "best"),
    "DropoutUncertainty": ("epochs_since_last",),
    "VariableValue": ("epochs_since_last",),
    "OperatorPredictor": ("epochs_since_last",),
    "MovieDumper": ("y", "spectrum", "epochs_since_last_save"),
    "PDEPointResampler": ("num_bcs_initial", "epochs_since_last_resample"),
}


def counters(callback: Any) -> list[str]:
    kinds = [kind for kind in type(callback).__mro__ if kind.__module__ == "deepxde.callbacks"]
    return [name for kind in kinds for name in COUNTERS.get(kind.__name__, ())]


def callback_state(callback: Any) -> dict[str, Any] | None:
    """What a callback keeps between steps: its own ``state_dict()``, or DeepXDE's counters.

    A file that it writes is kept with them: DeepXDE opens it anew, and so empties it.
    """
    if hasattr(callback, "state_dict"):
        return {"own": callback.state_dict()}
    state: dict[str, Any] = {
        "counters": {n: getattr(callback, n) for n in counters(callback) if hasattr(callback, n)}
    }
    if isinstance(callback, dde.callbacks.Timer) and callback.t_start is not None:
        state["elapsed"] = time.time() - callback.t_start
    file = _file(callback)
    if file is not None:
        file.flush()
        with open(file.name, encoding=file.encoding, newline="") as written:
            state["written"] = written.read()
    return state if any(state.values()) else None


def set_callback_state(callback: Any, state: dict[str, Any]) -> None:
    """Set what ``callback_state`` gave."""
    if "own" in state:
        callback.load_state_dict(state["own"])
        return
    for name, value in state["counters"].items():
        setattr(callback, name, value)
    if "elapsed" in state:
        callback.t_start = time.time() - state["elapsed"]
    file = _file(callback)
    if file is not None and "written" in state:
        file.seek(0)
        file.truncate()
        file.write(state["written"])
        file.flush()


def _file(callback: Any) -> Any:
    """The file that a callback writes during training, or None."""
    file = getattr(callback, "file", None)
    own = isinstance(callback, (dde.callbacks.VariableValue, dde.callbacks.OperatorPredictor))
    if not own or file is None or file is sys.stdout or not isinstance(file.name, str):
        return None
    return file
