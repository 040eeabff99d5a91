"""All that training goes on from, as plain values and arrays, and its way back into a model.

What DeepXDE itself keeps is in ``_host``; what the framework keeps (parameters, optimizer, random
generators) in the backend's file here, each with

- ``capture(model)``: a dict of it;
- ``restore(model, state)``: the way back, into a model compiled in the same way;
- ``restore_random(state)``: the same of the random generators, at the very end;
- ``random_kept()``: a context after which they are as they were;
- ``values(model)``: the parameters and unknowns that are trained, as arrays, and ``shapes(model)``;
- ``set_values(model, values)``: the way back;
- ``bad_gradients(model)``: numbers of the loss terms whose gradient is not finite;
- ``slow_down(state, factor)``: multiply the learning rate in a captured state;
- ``set_learning_rate(model, scale)``: multiply that of ``compile``, where no state holds it;
- ``check_points_can_move(model)``: raise where a graph holds values at the conditions' points;
- ``recalibrate(model, spec)``: calibrate a RepNet as it was, where no state says it.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import random
import warnings
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ... import _host
from ...nets import RepNet, RepOperator
from ...spec import Box, FourierSpec, RepSpec
from . import _fourier

_MODULES = {"tensorflow.compat.v1": "tensorflow_compat_v1"}
_backend = importlib.import_module(
    f".{_MODULES.get(_host.backend_name, _host.backend_name)}", __name__
)

values = _backend.values
set_values = _backend.set_values
bad_gradients = _backend.bad_gradients

# Arguments of the last compile, and what its learning rate has been multiplied by since.
_compiled: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
_scales: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()


def remember(model: Any, arguments: dict[str, Any]) -> None:
    """Hook before ``Model.compile``: what it was called with, to do it again at another rate."""
    _compiled[model] = {name: value for name, value in arguments.items() if name != "self"}
    _scales[model] = 1.0


def slow_down(model: Any, state: dict[str, Any], factor: float) -> None:
    """Multiply the learning rate in a captured state, which is then to be restored.

    Raises:
        ValueError: If there is none: L-BFGS, or an optimizer that the user has made.
    """
    if _compiled.get(model, {}).get("lr") is None or _host.loops_lbfgs(model):
        raise ValueError(
            f"the optimizer {_host.optimizer_name(model)} was compiled without lr=, so there is no "
            "learning rate that could be made smaller."
        )
    state["learning rate scale"] *= factor
    _backend.slow_down(state["framework"], factor)


def recompile(model: Any, scale: float) -> None:
    """Compile a model again as it was, at another learning rate."""
    arguments = dict(_compiled[model])
    lr = arguments["lr"]
    model.compile(**arguments | {"lr": lr * scale, "verbose": 0})
    _compiled[model] = arguments


# -------------------------------------------------------------------------------------------------
# The fingerprint


def fingerprint(model: Any) -> dict[str, Any]:
    """What must be the same for a state to belong to a model, each entry with a name to print."""
    net = model.net
    found: dict[str, Any] = {
        "backend": _host.backend_name,
        "float type": _host.float_name(),
        "network": type(net).__name__,
    }
    if isinstance(net, (RepNet, RepOperator)):
        found |= _given("", net.given)
        branch = getattr(net, "branch_given", None)
        if branch is not None:
            found |= _given("branch: ", branch)
    else:
        found["activation"] = _named(getattr(net, "activation", None))
    found["parameters"] = _backend.shapes(model)
    found["optimizer"] = _host.optimizer_name(model)
    found["learning-rate schedule"] = (_compiled.get(model, {}).get("decay") or [None])[0]
    found |= _host.data_sizes(model.data)
    return {name: _plain(value) for name, value in found.items()}


def _given(part: str, spec: RepSpec) -> dict[str, Any]:
    """A specification as the user wrote it; a seed that was not given differs from run to run."""
    found = {
        f"{part}layer_sizes": spec.layer_sizes,
        f"{part}activation": _named(spec.activation),
        f"{part}parameterization": spec.parameterization,
        f"{part}domain": spec.domain and str(spec.domain),
        f"{part}wavenumber": spec.wavenumber,
        f"{part}slope_scale": spec.slope_scale,
        f"{part}hidden_gain": spec.hidden_gain,
        f"{part}sines": spec.sines,
    }
    if isinstance(spec, FourierSpec):
        found |= {"frequencies": _fourier.described(spec.frequencies), "trainable": spec.trainable}
    return found


def _named(activation: Any) -> Any:
    if isinstance(activation, (list, tuple)):
        return [_named(a) for a in activation]
    if activation is None or isinstance(activation, str):
        return activation
    return getattr(activation, "__name__", type(activation).__name__)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except ValueError:  # arrays, which no fingerprint of ours holds
        return False


def differences(written: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """One line for each entry of two fingerprints that differs."""
    lines = []
    for name in [*written, *(n for n in here if n not in written)]:
        a, b = written.get(name, "nothing"), here.get(name, "nothing")
        if _equal(a, b):
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            lines += [f"{name}, {line}" for line in differences(a, b)]
        else:
            lines.append(f"{name}: {a} in the checkpoint, {b} here")
    return lines


# -------------------------------------------------------------------------------------------------
# The state


def capture(model: Any) -> dict[str, Any]:
    """The state of a compiled model and of everything that its training draws on."""
    kept = [(type(c).__name__, _host.callback_state(c)) for c in _host.callbacks(model)]
    return {
        "fingerprint": fingerprint(model),
        "versions": {"deepxde": _host.version(), _host.backend_name: _backend.VERSION},
        "specification": _specifications(model.net),
        "learning rate scale": _scales.get(model, 1.0),
        "framework": _backend.capture(model),
        "progress": _host.progress(model),
        "data": _host.data_state(model.data),
        "condition points": _host.condition_points_now(model.data),
        "callbacks": [[name, state] for name, state in kept if state is not None],
        "seeds": _host.random_seeds(),
        "random": {"python": random.getstate(), "numpy": np.random.get_state()},
    }


def restore(model: Any, state: dict[str, Any]) -> None:
    """Put a state into a compiled model that it belongs to, but for the callbacks."""
    state = copy.deepcopy(state)  # it may be put in once more, and samplers shuffle in place
    scale = state["learning rate scale"]
    if scale != _scales.get(model, 1.0):
        _backend.set_learning_rate(model, scale)
        _scales[model] = scale
    points = state["condition points"]
    if points is not None and not np.array_equal(points, _host.condition_points_now(model.data)):
        _backend.check_points_can_move(model)
    _restore_specifications(model, state["specification"])
    _host.set_data_state(model.data, state["data"])
    _backend.restore(model, state["framework"])
    _host.set_progress(model, state["progress"])
    _host.set_random_seeds(state["seeds"])
    # Last: what is above may draw.
    random.setstate(state["random"]["python"])
    np.random.set_state(state["random"]["numpy"])
    _backend.restore_random(state["framework"]["random"])


def restore_callbacks(model: Any, state: dict[str, Any]) -> None:
    """Give the callbacks of the training that runs what they had counted."""
    waiting: dict[str, list[Any]] = {}
    for name, kept in copy.deepcopy(state["callbacks"]):
        waiting.setdefault(name, []).append(kept)
    for callback in _host.callbacks(model):
        kept = waiting.get(type(callback).__name__)
        if kept:
            _host.set_callback_state(callback, kept.pop(0))
    left = Counter({name: len(kept) for name, kept in waiting.items() if kept})
    if left:
        names = ", ".join(f"{n} {name}" for name, n in left.items())
        warnings.warn(
            f"the checkpoint was written with callbacks that this training does not have ({names});"
            " give it the same ones to go on in the same way.",
            RuntimeWarning,
            stacklevel=2,
        )


def _specifications(net: Any) -> dict[str, Any] | None:
    """What calibration has decided, which the parameters alone do not say."""
    spec = net.spec if isinstance(net, RepNet) else None
    if spec is None or spec.domain is None:
        return None
    kept = {
        "lower": list(map(float, spec.domain.lower)),
        "upper": list(map(float, spec.domain.upper)),
        "slope_scale": [float(s) for s in spec.slope_scale or ()],
        "hidden_gain": spec.hidden_gain,
        "sines": spec.sines,
        "activation": spec.activation if isinstance(spec.activation, str) else None,
        "parameterization": spec.parameterization,
    }
    if isinstance(spec, FourierSpec):
        kept |= {"seed": spec.seed, "frequencies": _fourier.plain(spec.frequencies)}
    return kept


def _restore_specifications(model: Any, kept: dict[str, Any] | None) -> None:
    """Calibrate a RepNet as it was; that of another draw of the data can be another."""
    if kept is None or _same(_specifications(model.net), kept):
        return
    box = Box(kept["lower"], kept["upper"])
    spec = model.net.given.completed(
        box,
        kept["slope_scale"],
        kept["hidden_gain"],
        dim=box.dim,
        sines=kept["sines"],
        activation=kept["activation"],
        parameterization=kept["parameterization"],
    )
    if isinstance(spec, FourierSpec):
        # What is not kept, a distribution of the user's own, is here as it was there.
        joint, here = kept["frequencies"], model.net.spec
        joint = here.frequencies if joint is None else _fourier.from_plain(joint)
        spec = replace(spec, seed=kept["seed"], frequencies=joint)
    _backend.recalibrate(model, spec)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """All random states are afterwards as they were, as far as the framework lets them be read."""
    held = random.getstate()
    try:
        with _host.undisturbed(), _backend.random_kept():
            yield
    finally:
        random.setstate(held)


def alone(model: Any) -> contextlib.AbstractContextManager[None]:
    """Have losses evaluated by this process alone, of several that train one model."""
    step: Any = getattr(model.train_step, "__self__", None)
    return step.alone() if hasattr(step, "alone") else contextlib.nullcontext()


def is_finite(model: Any) -> bool:
    """Whether all parameters and unknowns, and the last loss that was shown, are finite."""
    shown = model.train_state.loss_train
    return (shown is None or bool(np.isfinite(np.sum(shown)))) and all(
        bool(np.isfinite(array).all()) for array in values(model).values()
    )
