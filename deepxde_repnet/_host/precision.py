"""For the solver: double precision, and the unknowns of a problem."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import deepxde as dde
import numpy as np
from deepxde.gradients import gradients_forward, gradients_reverse

from .core import backend_name, condition_caches, conditions, is_batched, real, run_v1
from .equations import NoDerivatives


@contextlib.contextmanager
def double_precision(data: Any, variables: tuple[Any, ...] = ()) -> Iterator[None]:
    """Float64 and derivatives that follow the graph, whatever DeepXDE is set to; all restored.

    Conditions keep the values of their functions by the address of the array of points. Ours are
    gone afterwards and their addresses are used again, so what was kept of them must go too.
    """
    precision = dde.config.real.precision
    caches = [cache for condition in conditions(data) for cache in condition_caches(condition)]
    kept = [dict(cache) for cache in caches]
    replaced = [
        (module, name, getattr(module, name))
        for module in (gradients_forward, gradients_reverse)
        for name in ("jacobian", "hessian")
    ]
    batches = [(c, c.batch_indices) for c in conditions(data) if is_batched(c)]
    types = [(v, _array_of(v).dtype) for v in variables]
    for cache in caches:
        cache.clear()
    with double_numbers():
        _set_precision(64)
        for variable in variables:
            _cast(variable, dde.backend.float64)
        for module, name, function in replaced:
            if backend_name == "jax":
                setattr(module, name, _of_pairs(function))
            elif module is gradients_forward:
                setattr(module, name, _served(getattr(gradients_reverse, name)))
        try:
            gradients_reverse.clear()
            yield
        finally:
            for module, name, function in replaced:
                setattr(module, name, function)
            gradients_reverse.clear()
            gradients_forward.clear()
            _set_precision(precision)
            for variable, dtype in types:
                _cast(variable, dtype)
            for cache, entries in zip(caches, kept, strict=True):
                cache.clear()
                cache.update(entries)
            for condition, indices in batches:
                condition.batch_indices = indices


@contextlib.contextmanager
def double_numbers() -> Iterator[None]:
    """Float64 for JAX, which has none otherwise; and NumPy, in its place, as silent as others."""
    if backend_name != "jax":
        yield
        return
    jax = dde.backend.jax
    # Its name since JAX 0.8, and before.
    enable = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    with enable(True), np.errstate(all="ignore"):
        yield


def _set_precision(bits: int) -> None:
    getattr(dde.config.real, f"set_float{bits}")()
    if backend_name == "pytorch":
        dde.backend.torch.set_default_dtype(real())


def _of_pairs(derivative: Any) -> Callable[..., Any]:
    """A derivative on JAX that says why it cannot be taken of what conditions are given."""

    @functools.wraps(derivative)
    def checked(ys: Any, xs: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(ys, (tuple, list)):
            raise NoDerivatives(
                "takes a derivative of the solution; with JAX, DeepXDE gives conditions the values "
                "alone, and so has no Neumann, Robin or other conditions on derivatives. Use "
                "PyTorch: DDE_BACKEND=pytorch."
            )
        return derivative(ys, xs, *args, **options)

    return checked


def _served(reverse: Any) -> Callable[..., Any]:
    """A derivative that takes and gives what scripts written for forward mode expect."""

    def derivative(ys: Any, xs: Any, **options: Any) -> Any:
        if isinstance(ys, tuple):
            return reverse(ys[0], xs, **options), None
        return reverse(ys, xs, **options)

    return derivative


# Unknowns of a problem: parameters on PyTorch and Paddle, variables of TensorFlow; on JAX objects
# that hold an array.
def is_variable(candidate: Any) -> bool:
    """Whether it is what ``dde.Variable`` makes."""
    if backend_name == "jax":
        return isinstance(candidate, dde.Variable)
    return dde.backend.is_tensor(candidate) and candidate.requires_grad


def variable_values(variables: tuple[Any, ...]) -> np.ndarray:
    """Entries of all variables, (q,), in float64; on tensorflow.compat.v1 the initial ones."""
    if backend_name == "tensorflow.compat.v1" and variables:
        return np.concatenate([np.ravel(value) for value in run_v1(list(variables), {})])
    parts = [np.ravel(dde.backend.to_numpy(_array_of(v))) for v in variables]
    return np.concatenate([np.empty(0), *parts]).astype(float)


def set_variables(variables: tuple[Any, ...], values: np.ndarray, session: Any = None) -> None:
    """Set all variables, each in its own float, to entries (q,).

    Args:
        session: Where that is to be, on tensorflow.compat.v1.
    """
    start = 0
    for variable in variables:
        array = _array_of(variable)
        size = int(np.prod(array.shape))
        part = np.reshape(values[start : start + size], tuple(array.shape))
        start += size
        if backend_name == "jax":
            variable.value = dde.backend.as_tensor(part, dtype=array.dtype)
        elif backend_name == "tensorflow":
            variable.assign(dde.backend.tf.cast(part, variable.dtype))
        elif backend_name == "paddle":
            variable.set_value(part.astype(dde.backend.to_numpy(array).dtype))
        elif backend_name == "tensorflow.compat.v1":
            variable.load(part, session)
        else:
            array.copy_(dde.backend.lib.as_tensor(part))


def _array_of(variable: Any) -> Any:
    if backend_name in ("tensorflow", "tensorflow.compat.v1", "paddle"):
        return variable
    return variable.value if backend_name == "jax" else variable.data


def _cast(variable: Any, dtype: Any) -> None:
    if backend_name == "jax":
        variable.value = dde.backend.as_tensor(variable.value, dtype=dtype)
    else:
        variable.data = variable.data.to(dtype)
