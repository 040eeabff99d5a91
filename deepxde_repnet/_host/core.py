"""DeepXDE itself: its backend, float type, networks, geometries and conditions."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_FRAMEWORKS = ("torch", "tensorflow", "jax", "paddle")

# Without any framework DeepXDE asks a question on the terminal and waits for the answer.
if "deepxde" not in sys.modules and not any(map(importlib.util.find_spec, _FRAMEWORKS)):
    raise ImportError(
        "DeepXDE needs PyTorch, TensorFlow, JAX or PaddlePaddle, and none is installed. Install "
        'one with the package, e.g.: pip install "deepxde_repnet[pytorch]"'
    )

import deepxde as dde  # noqa: E402
from deepxde.nn import FNN, PFNN  # noqa: E402, F401

backend_name: str = dde.backend.backend_name
Model = dde.Model
Callback: Any = dde.callbacks.Callback
# Not on JAX.
DeepONet: Any = getattr(dde.nn, "DeepONet", None)
DeepONetCartesianProd: Any = getattr(dde.nn, "DeepONetCartesianProd", None)


def real(lib: Any = dde.backend.lib) -> Any:
    """DeepXDE's current float type, as the backend (or ``lib=numpy``) names it."""
    return dde.config.real(lib)


def activation(identifier: Any) -> Callable[..., Any]:
    """The backend's function behind an activation's name."""
    function: Callable[..., Any] = dde.nn.activations.get(identifier)
    return function


def tf() -> Any:
    """TensorFlow as the backend uses it (version 2, or its compat.v1 face)."""
    return dde.backend.tf


def register_network(cls: type) -> None:
    """Make a network available as ``dde.nn.<name>``."""
    setattr(dde.nn, cls.__name__, cls)


def layers(net: Any) -> Any:
    """The mutable sequence of layers of an FNN or PFNN, level by level.

    PyTorch and Paddle: ``linears`` (FNN) or ``layers`` (PFNN); TensorFlow: ``denses``, which holds
    Dropout layers too where there is dropout.
    """
    for name in ("linears", "layers") if backend_name in ("pytorch", "paddle") else ("denses",):
        if hasattr(net, name):
            return getattr(net, name)
    raise AttributeError(f"{type(net).__name__} has none of DeepXDE's layer lists.")


def input_transform(net: Any) -> Callable[..., Any] | None:
    """The feature transform applied to the network's inputs, if any."""
    transform: Callable[..., Any] | None = net._input_transform
    return transform


def output_transform(net: Any) -> Callable[..., Any] | None:
    """The transform applied to the network's outputs, if any."""
    transform: Callable[..., Any] | None = net._output_transform
    return transform


def n_outputs(net: Any) -> int:
    """Number of outputs of a RepNet."""
    last = net.given.layer_sizes[-1]
    return sum(last) if isinstance(last, tuple) else last


def n_parameters(net: Any) -> int | None:
    """Number of trained parameters; None where the backend does not say."""
    if backend_name in ("pytorch", "paddle"):
        return sum(int(np.prod(p.shape)) for p in net.parameters())
    if backend_name == "tensorflow":
        return sum(int(np.prod(v.shape)) for v in net.trainable_variables)
    if backend_name == "jax" and net.params is not None:
        leaves = dde.backend.jax.tree_util.tree_leaves(net.params)
        return sum(int(np.prod(leaf.shape)) for leaf in leaves)
    return None


def in_time(geometry: Any) -> bool:
    """Whether a geometry is a ``GeometryXTime``, whose last axis is time."""
    return hasattr(geometry, "timedomain")


def bounding_box(geometry: Any) -> tuple[Any, Any] | None:
    """(lower, upper) of a ``dde.geometry`` object, or None for anything else.

    ``GeometryXTime`` has no ``bbox``; time is its last axis.
    """
    if in_time(geometry):
        space = bounding_box(geometry.geometry)
        if space is None:
            return None
        time = geometry.timedomain
        return np.append(space[0], time.t0), np.append(space[1], time.t1)
    if not hasattr(geometry, "bbox"):
        return None
    lower, upper = geometry.bbox
    return np.ravel(lower), np.ravel(upper)


def fills(geometry: Any, points: np.ndarray) -> bool:
    """Whether all points (N, d) are inside of a geometry; at any time of a ``GeometryXTime``."""
    if in_time(geometry):
        geometry, points = geometry.geometry, points[:, :-1]
    return bool(np.all(geometry.inside(points)))


def geometry(data: Any) -> Any:
    """The problem's geometry, or None (a data set has none); an operator's is its equation's."""
    geom = getattr(data, "geom", None)
    return getattr(getattr(data, "pde", None), "geom", None) if geom is None else geom


def has_time(data: Any) -> bool:
    """Whether the last coordinate of a problem is time."""
    return in_time(geometry(data))


def conditions(data: Any) -> list[Any]:
    """The boundary, initial and point-set conditions of a problem."""
    return list(getattr(data, "bcs", None) or [])


def condition_name(number: int, condition: Any) -> str:
    """As it is called in what is printed; the first is number 1."""
    return f"condition {number} ({type(condition).__name__})"


def is_point_set(condition: Any) -> bool:
    """Whether a condition compares with values at given points, as PointSetBC does."""
    return getattr(condition, "points", None) is not None


def is_batched(condition: Any) -> bool:
    return getattr(condition, "batch_size", None) is not None


def condition_caches(condition: Any) -> list[dict[Any, Any]]:
    functions = [getattr(condition, name, None) for name in ("func", "boundary_normal")]
    cells = [cell for f in functions for cell in getattr(f, "__closure__", None) or ()]
    return [cell.cell_contents for cell in cells if isinstance(cell.cell_contents, dict)]


def forget_condition_values(data: Any) -> None:
    """Drop what conditions keep of the values of their functions.

    They keep them by the address of the array of points, which a later array may have too.
    """
    for condition in conditions(data):
        for cache in condition_caches(condition):
            cache.clear()


def kind_of_data(data: Any) -> str:
    """``"pde"`` for ``dde.data.PDE`` and ``TimePDE``; otherwise the name of the class."""
    return "pde" if type(data) in (dde.data.PDE, dde.data.TimePDE) else type(data).__name__


def as_list(errors: Any) -> list[Any]:
    return list(errors) if isinstance(errors, (list, tuple)) else [errors]


def to_float(tensor: Any) -> np.ndarray:
    """The values of a tensor, or of what a session gives, in float64."""
    if not isinstance(tensor, (np.ndarray, np.generic)):
        tensor = dde.backend.to_numpy(tensor)
    return np.asarray(tensor, dtype=float)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """NumPy's global generator, which DeepXDE draws from, is afterwards as it was."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


def leaf(x: np.ndarray) -> Any:
    """Points as a tensor that PyTorch or Paddle differentiates with respect to."""
    if backend_name == "paddle":
        return dde.backend.paddle.to_tensor(x, stop_gradient=False)
    return dde.backend.torch.as_tensor(x).requires_grad_()


def slope(value: Any, x: Any) -> Any:
    """d value / d x on PyTorch or Paddle, for one number and a leaf; None if it depends on none."""
    if backend_name == "paddle":
        grad, constant = dde.backend.paddle.grad, value.stop_gradient
    else:
        grad, constant = dde.backend.torch.autograd.grad, not value.requires_grad
    return None if constant else grad(value, x, retain_graph=True, allow_unused=True)[0]


def run_v1(fetches: Any, feed: dict[Any, Any]) -> Any:
    """Run in a session of its own: the model's has not been created yet."""
    tf = dde.backend.tf
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        result = session.run(fetches, feed_dict=feed)
    if isinstance(result, list):
        return [np.asarray(r, dtype=float) for r in result]
    return np.asarray(result, dtype=float)
