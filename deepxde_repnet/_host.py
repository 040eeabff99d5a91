"""Everything taken from DeepXDE, with its quirks, in one place.

Written against DeepXDE 1.15. ``tests/test_host.py`` names each thing used here, so that a release
which moves one of them is recognised at once.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_FRAMEWORKS = ("torch", "tensorflow", "jax", "paddle")

# Without any framework DeepXDE asks a question on the terminal and waits for the answer.
if "deepxde" not in sys.modules and not any(map(importlib.util.find_spec, _FRAMEWORKS)):
    raise ImportError(
        "DeepXDE needs PyTorch, TensorFlow, JAX or PaddlePaddle, and none is installed. Install "
        'one with the package, e.g.: pip install "deepxde_repnet[pytorch]"'
    )

import deepxde as dde  # noqa: E402
from deepxde.gradients import gradients_forward, gradients_reverse  # noqa: E402
from deepxde.nn import FNN, PFNN  # noqa: E402, F401
from deepxde.optimizers.config import LBFGS_options  # noqa: E402

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


# ---------------------------------------------------------------------------------------------
# Hooks


def instead(
    method: str, hook: Callable[[Any, dict[str, Any], Callable[[dict[str, Any]], Any]], Any]
) -> None:
    """Call ``hook(model, arguments, call)`` in place of ``dde.Model.<method>``; once per hook.

    ``arguments`` is a dict of the call's arguments by name. What ``call(arguments)`` gives is what
    the method would have given; the hook may change the arguments, and call more than once. The
    hook that comes last is the outermost.
    """
    _install(method, hook, hook)


def before(method: str, hook: Callable[[Any, dict[str, Any]], None]) -> None:
    """Call ``hook(model, arguments)`` before ``dde.Model.<method>``; once per method and hook.

    DeepXDE offers no callback before ``compile``, where the network must be calibrated because the
    optimizer is created there.
    """

    def first(model: Any, arguments: dict[str, Any], call: Callable[..., Any]) -> Any:
        hook(model, arguments)
        return call(arguments)

    _install(method, hook, first)


def around(
    method: str, hook: Callable[[Any, dict[str, Any]], contextlib.AbstractContextManager[Any]]
) -> None:
    """Run ``dde.Model.<method>`` inside ``with hook(model, arguments)``; once per hook."""

    def inside(model: Any, arguments: dict[str, Any], call: Callable[..., Any]) -> Any:
        with hook(model, arguments):
            return call(arguments)

    _install(method, hook, inside)


def _install(method: str, hook: Any, replacement: Callable[..., Any]) -> None:
    original = getattr(Model, method)
    installed = getattr(original, "_repnet_hooks", ())
    if hook in installed:
        return
    signature = inspect.signature(original)

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError:
            return original(self, *args, **kwargs)  # which raises the usual error
        given.apply_defaults()
        arguments = dict(given.arguments)
        model = arguments.pop("self")
        # By name: DeepXDE looks for verbose among them.
        return replacement(model, arguments, lambda named: original(model, **named))

    wrapper._repnet_hooks = (*installed, hook)  # type: ignore[attr-defined]
    setattr(Model, method, wrapper)


def announce(message: str, verbose: Any) -> None:
    """Print a line as DeepXDE does: not when ``verbose=0``, and only on the first rank."""
    if verbose > 0 and dde.config.rank == 0:
        print(message, flush=True)


# ---------------------------------------------------------------------------------------------
# The problem behind a model


@dataclass(frozen=True)
class Samples:
    """Values at points of one of the problem's equations, conditions or targets.

    Attributes:
        name: "PDE", "condition 1 (DirichletBC)", "target", ...
        points: Shape (N, d), physical coordinates.
        values: Shape (N, m): the residual of the zero function; its size is the data's.
        gradients: ``d values / d x``, shape (N, m, d), where automatic differentiation reaches it.
    """

    name: str
    points: np.ndarray
    values: np.ndarray
    gradients: np.ndarray | None = None


def training_points(data: Any) -> tuple[Any, Any]:
    """(x, y) as training will first use them; NumPy's random state is left as it was."""
    state = np.random.get_state()
    try:
        batch = data.train_next_batch()
    finally:
        np.random.set_state(state)
    return batch[0], batch[1]


def geometry(data: Any) -> Any:
    """The problem's geometry, or None (a data set has none); an operator's is its equation's."""
    geom = getattr(data, "geom", None)
    return getattr(getattr(data, "pde", None), "geom", None) if geom is None else geom


def has_time(data: Any) -> bool:
    """Whether the last coordinate of a problem is time."""
    return in_time(geometry(data))


def operator_inputs(data: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """(functions, points): all training inputs of branch and trunk; None of data without such.

    They are read where DeepXDE keeps them: asking for a batch would move its sampler on.
    """
    inputs = getattr(data, "train_x", None)
    if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
        return None
    functions, points = inputs
    arrays = isinstance(functions, np.ndarray) and isinstance(points, np.ndarray)
    return (functions, points) if arrays and points.ndim == 2 else None


def operator_values(net: Any, data: Any, limit: int) -> list[Samples]:
    """Sampled functions of the trunk's coordinates: outputs to be learnt, else input functions.

    Outputs are the targets. Where there are none but an equation (``dde.data.PDEOperator``), its
    input functions at the points are the source or the initial data.

    Args:
        net: Whether it is of the Cartesian kind decides how data are laid out.
        data: What ``operator_inputs`` knows.
        limit: Number of functions at most, spread over the data, or those with most points.

    Returns:
        For the Cartesian kind one entry with a column for each output of each function, otherwise
        one for each function. Coordinates that input functions do not depend on are zero in the
        points, which then say nothing about them.
    """
    functions, points = data.train_x
    values, name = getattr(data, "train_y", None), "targets"
    if values is None and hasattr(data, "func_vars"):
        values, name = data.train_aux_vars, "input functions"
    if not isinstance(values, np.ndarray):
        return []
    points = np.array(points, dtype=float)
    if name == "input functions":
        silent = np.setdiff1d(np.arange(points.shape[1]), data.func_vars)
        points[:, silent] = 0.0
    if isinstance(net, DeepONetCartesianProd):
        if values.shape[:2] != (len(functions), len(points)):
            return []
        chosen = np.unique(np.linspace(0, len(values) - 1, limit).astype(int))
        columns = np.moveaxis(values[chosen].astype(float), 1, 0).reshape(len(points), -1)
        return [Samples(name, points, columns)]
    if len(values) != len(points):
        return []
    rows = np.ascontiguousarray(functions).reshape(len(functions), -1)
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:limit]
    columns = values.reshape(len(values), -1).astype(float)
    return [Samples(name, points[group == g], columns[group == g]) for g in largest]


def condition_values(data: Any) -> list[tuple[str, np.ndarray]]:
    """Given values of point-set conditions, by condition."""
    found = []
    for i, condition in enumerate(conditions(data), start=1):
        values = getattr(condition, "values", None)
        if dde.backend.is_tensor(values):
            if backend_name == "tensorflow.compat.v1":
                values = dde.backend.tf.get_static_value(values)
            else:
                values = dde.backend.to_numpy(values)
            found.append((condition_name(i, condition), np.atleast_1d(values)))
    return found


def transform_points(net: Any, x: np.ndarray) -> np.ndarray:
    """The features of points (N, d): the network's input transform, evaluated, shape (N, m)."""
    transform = net._input_transform
    x = np.asarray(x, dtype=real(np))
    if backend_name == "tensorflow.compat.v1":
        tf = dde.backend.tf
        return _run_v1(transform(tf.constant(x)), {})
    if backend_name == "jax":
        return np.asarray(transform(dde.backend.as_tensor(x)), dtype=float)
    return np.asarray(dde.backend.to_numpy(transform(dde.backend.as_tensor(x))), dtype=float)


def zero_residuals(model: Any, x: np.ndarray, y: Any, variables: Any = ()) -> list[Samples]:
    """Residuals of every equation, condition and target with zero for the network's output.

    They are the source terms, the boundary and initial data and the targets, whatever the kind of
    problem. For the equations the derivative along x is taken by automatic differentiation.

    Args:
        model: A ``dde.Model``, compiled or not.
        x: All training points, shape (N, d), the conditions' points first (as DeepXDE orders them).
        y: Targets at x, or None.
        variables: The problem's external trainable variables (needed under JAX).
    """
    counts = [int(n) for n in getattr(model.data, "num_bcs", None) or []]
    dde.grad.clear()
    try:
        residuals, gradients = _RESIDUALS[backend_name](model, x, y, variables, len(counts))
    finally:
        dde.grad.clear()
    x = np.asarray(x, dtype=float)
    equations = len(residuals) - len(counts)
    starts = np.cumsum([0, *counts])
    given = conditions(model.data)
    kind = "PDE" if hasattr(model.data, "pde") else "target"
    samples = []
    for i, values in enumerate(residuals):
        values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        if i < equations:
            name, points = (kind if equations == 1 else f"{kind} {i + 1}"), x[starts[-1] :]
            gradient = gradients[i]
        else:
            j = i - equations
            name = condition_name(j + 1, given[j])
            points, gradient = x[starts[j] : starts[j + 1]], None
        if len(points) == len(values):
            if gradient is not None:
                gradient = gradient[-len(points) :]
            samples.append(Samples(name, points, values, gradient))
    return samples


def _error(target: Any, output: Any) -> Any:
    return output - target


def n_outputs(net: Any) -> int:
    """Number of outputs of a RepNet."""
    last = net.given.layer_sizes[-1]
    return sum(last) if isinstance(last, tuple) else last


def _zero(net: Any) -> Callable[[Any], Any]:
    """The output for a network that is zero, differentiable in x any number of times.

    A plain zero would be cut off from x; 0·sin(x) is not.
    """

    def output(x: Any) -> Any:
        y = 0.0 * dde.backend.sum(dde.backend.sin(x), -1, keepdims=True)
        y = y * dde.backend.as_tensor(np.ones(n_outputs(net), real(np)))
        if net._output_transform is not None:
            y = net._output_transform(x, y)
        return y

    return output


def _residuals_torch(
    model: Any, x: np.ndarray, y: Any, variables: Any, n_conditions: int
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    torch = dde.backend.torch
    zero = _zero(model.net)
    inputs = _leaf(x)
    outputs = zero(inputs)
    auxiliary = getattr(model.data, "train_aux_vars", None)
    saved = model.net.auxiliary_vars
    model.net.auxiliary_vars = None if auxiliary is None else torch.as_tensor(auxiliary)
    try:
        targets = None if y is None else torch.as_tensor(y)
        aux = [zero] if dde.config.autodiff == "forward" else None
        errors = _as_list(model.data.losses_train(targets, outputs, _error, inputs, model, aux=aux))
        gradients: list[np.ndarray | None] = []
        for error in errors[: len(errors) - n_conditions]:
            columns = [
                torch.autograd.grad(column.sum(), inputs, retain_graph=True, allow_unused=True)[0]
                for column in error.reshape(len(error), -1).T
                if error.requires_grad
            ]
            gradients.append(_columns(columns))
        return [_to_float(e) for e in errors], gradients
    finally:
        model.net.auxiliary_vars = saved


def _residuals_tensorflow(
    model: Any, x: np.ndarray, y: Any, variables: Any, n_conditions: int
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    tf = dde.backend.tf
    zero = _zero(model.net)
    auxiliary = getattr(model.data, "train_aux_vars", None)
    saved = model.net.auxiliary_vars
    connected: list[list[bool]] = []

    # DeepXDE calls tf.gradients, which exists only inside a graph.
    def evaluate(inputs: Any) -> Any:
        errors, gradients = _graph_residuals(tf, zero, model, inputs, y, n_conditions)
        connected[:] = [[c is not None for c in g] for g in gradients]
        return errors, [c for g in gradients for c in g if c is not None]

    model.net.auxiliary_vars = auxiliary
    try:
        graph = tf.function(evaluate, autograph=False).get_concrete_function(tf.constant(x))
        errors, gradients = graph(tf.constant(x))
    finally:
        model.net.auxiliary_vars = saved
    remaining = iter(gradients)
    return [_to_float(e) for e in errors], [
        _columns([next(remaining) if there else None for there in row]) for row in connected
    ]


def _residuals_tensorflow_v1(
    model: Any, x: np.ndarray, y: Any, variables: Any, n_conditions: int
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    tf = dde.backend.tf
    inputs = tf.constant(x)
    auxiliary = getattr(model.data, "train_aux_vars", None)
    saved = model.net._auxiliary_vars
    if auxiliary is not None:
        # In place of the placeholder, whose number of columns is unknown.
        model.net._auxiliary_vars = tf.constant(auxiliary)
    try:
        errors, gradients = _graph_residuals(tf, _zero(model.net), model, inputs, y, n_conditions)
    finally:
        model.net._auxiliary_vars = saved
    there = [c for g in gradients for c in g if c is not None]
    values = _run_v1([*errors, *there], {model.net.training: True})
    remaining = iter(values[len(errors) :])
    return values[: len(errors)], [
        _columns([None if c is None else next(remaining) for c in row]) for row in gradients
    ]


def _graph_residuals(
    tf: Any, zero: Any, model: Any, inputs: Any, y: Any, n_conditions: int
) -> tuple[list[Any], list[list[Any]]]:
    aux = [zero] if dde.config.autodiff == "forward" else None
    targets = None if y is None else tf.constant(np.asarray(y))
    errors = _as_list(
        model.data.losses_train(targets, zero(inputs), _error, inputs, model, aux=aux)
    )
    gradients = []
    for error in errors[: len(errors) - n_conditions]:
        error = error if len(error.shape) == 2 else tf.reshape(error, (-1, 1))
        n_columns = error.shape[1]
        gradients.append([tf.gradients(error[:, j], inputs)[0] for j in range(n_columns)])
    return errors, gradients


def _run_v1(fetches: Any, feed: dict[Any, Any]) -> Any:
    """Run in a session of its own: the model's has not been created yet."""
    tf = dde.backend.tf
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        result = session.run(fetches, feed_dict=feed)
    if isinstance(result, list):
        return [np.asarray(r, dtype=float) for r in result]
    return np.asarray(result, dtype=float)


def _residuals_jax(
    model: Any, x: np.ndarray, y: Any, variables: Any, n_conditions: int
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    jax = dde.backend.jax
    jnp = jax.numpy
    zero = _zero(model.net)
    values = [v.value for v in variables]

    def errors(inputs: Any) -> list[Any]:
        dde.grad.clear()  # its cache is keyed by id(), which tracers reuse
        aux = [zero, values] if values else [zero]
        return _as_list(model.data.losses_train(y, zero(inputs), _error, inputs, model, aux=aux))

    # As one compiled program: operation by operation JAX takes seconds.
    @jax.jit
    def evaluate(points: Any) -> tuple[list[Any], list[Any]]:
        residuals, derivative = jax.linearize(errors, points)
        axes = jnp.eye(points.shape[1], dtype=points.dtype)
        along = [derivative(jnp.broadcast_to(axis, points.shape)) for axis in axes]
        return residuals, [a[: len(residuals) - n_conditions] for a in along]

    residuals, columns = evaluate(jnp.asarray(x))
    gradients: list[np.ndarray | None] = []
    for parts in zip(*columns, strict=True):
        gradients.append(np.stack([_to_float(p).reshape(len(p), -1) for p in parts], axis=2))
    return [_to_float(r) for r in residuals], gradients


def _residuals_paddle(
    model: Any, x: np.ndarray, y: Any, variables: Any, n_conditions: int
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    paddle = dde.backend.paddle
    zero = _zero(model.net)
    inputs = _leaf(x)
    auxiliary = getattr(model.data, "train_aux_vars", None)
    saved = getattr(model.net, "auxiliary_vars", None)
    model.net.auxiliary_vars = None if auxiliary is None else paddle.to_tensor(auxiliary)
    try:
        targets = None if y is None else paddle.to_tensor(y)
        errors = _as_list(model.data.losses_train(targets, zero(inputs), _error, inputs, model))
        gradients: list[np.ndarray | None] = []
        for error in errors[: len(errors) - n_conditions]:
            columns = [
                paddle.grad(column.sum(), inputs, retain_graph=True, allow_unused=True)[0]
                for column in error.reshape([len(error), -1]).T
                if not error.stop_gradient
            ]
            gradients.append(_columns(columns))
        return [_to_float(e) for e in errors], gradients
    finally:
        model.net.auxiliary_vars = saved


class Wave(NamedTuple):
    """``amplitude · sin(k·x + phase)``, another wave at each of N points.

    Attributes:
        amplitude, phase: Shape (N, 1).
        k: Radians per unit of the coordinates, shape (N, d).
    """

    amplitude: np.ndarray
    k: np.ndarray
    phase: np.ndarray


def wave_residuals(
    data: Any, x: np.ndarray, waves: list[Wave], variables: Any = ()
) -> list[np.ndarray]:
    """Residuals of each equation at N points for a sum of waves, (N,) each.

    Derivatives are taken at each point by itself, so that one call serves waves of N kinds.
    """
    x = np.asarray(x, real(np))
    waves = [Wave(*(np.array(part, real(np)) for part in wave)) for wave in waves]
    dde.grad.clear()
    try:
        errors = _WAVES[backend_name](data, x, waves, variables)
    finally:
        dde.grad.clear()
    return [np.broadcast_to(_to_float(e).ravel(), len(x)) for e in errors]


def _sum_of_waves(waves: Sequence[Wave], x: Any) -> Any:
    """At points (N, d), or at one point (d,) with waves of its own."""
    sin, total, constant = dde.backend.sin, dde.backend.sum, dde.backend.as_tensor
    field = None
    for wave in waves:
        phase = total(constant(wave.k) * x, -1, keepdims=True) + constant(wave.phase)
        term = constant(wave.amplitude) * sin(phase)
        field = term if field is None else field + term
    return field


def _waves_eager(data: Any, x: np.ndarray, waves: list[Wave], variables: Any) -> list[Any]:
    inputs = _leaf(x)
    return residuals(data, None, x, inputs, _sum_of_waves(waves, inputs))


def _waves_tensorflow(data: Any, x: np.ndarray, waves: list[Wave], variables: Any) -> list[Any]:
    tf = dde.backend.tf
    points = tf.constant(x)
    graph = tf.function(
        lambda inputs: residuals(data, None, x, inputs, _sum_of_waves(waves, inputs)),
        autograph=False,
    ).get_concrete_function(points)
    return list(graph(points))


def _waves_tensorflow_v1(data: Any, x: np.ndarray, waves: list[Wave], variables: Any) -> list[Any]:
    inputs = dde.backend.tf.constant(x)
    return list(_run_v1(residuals(data, None, x, inputs, _sum_of_waves(waves, inputs)), {}))


def _waves_jax(data: Any, x: np.ndarray, waves: list[Wave], variables: Any) -> list[Any]:
    jax = dde.backend.jax
    values = [v.value for v in variables]

    def at_one_point(point: Any, own: list[Wave]) -> list[Any]:
        def field(p: Any) -> Any:
            return _sum_of_waves(own, p)

        u = field(point)[None], field
        return [e.reshape(()) for e in residuals(data, None, x, point[None], u, values)]

    own = [Wave(*map(jax.numpy.asarray, wave)) for wave in waves]
    return list(jax.jit(jax.vmap(at_one_point))(jax.numpy.asarray(x), own))


_WAVES = {
    "pytorch": _waves_eager,
    "tensorflow": _waves_tensorflow,
    "tensorflow.compat.v1": _waves_tensorflow_v1,
    "jax": _waves_jax,
    "paddle": _waves_eager,
}

_RESIDUALS = {
    "pytorch": _residuals_torch,
    "tensorflow": _residuals_tensorflow,
    "tensorflow.compat.v1": _residuals_tensorflow_v1,
    "jax": _residuals_jax,
    "paddle": _residuals_paddle,
}


def _columns(columns: list[Any]) -> np.ndarray | None:
    """Gradients (N, d) of each column as one array (N, m, d); None where none depends on x."""
    if all(c is None for c in columns):
        return None
    known = next(c for c in columns if c is not None)
    return np.stack([np.zeros(known.shape) if c is None else _to_float(c) for c in columns], axis=1)


def _as_list(errors: Any) -> list[Any]:
    return list(errors) if isinstance(errors, (list, tuple)) else [errors]


def _to_float(tensor: Any) -> np.ndarray:
    """The values of a tensor, or of what a session gives, in float64."""
    if not isinstance(tensor, (np.ndarray, np.generic)):
        tensor = dde.backend.to_numpy(tensor)
    return np.asarray(tensor, dtype=float)


def _leaf(x: np.ndarray) -> Any:
    """Points as a tensor that PyTorch or Paddle differentiates with respect to."""
    if backend_name == "paddle":
        return dde.backend.paddle.to_tensor(x, stop_gradient=False)
    return dde.backend.torch.as_tensor(x).requires_grad_()


# ---------------------------------------------------------------------------------------------
# For the solver: equations one by one, at points of its own, in double precision


class NoDerivatives(NotImplementedError):
    """A condition asks for a derivative that DeepXDE does not have there."""


@contextlib.contextmanager
def double_precision(data: Any, variables: tuple[Any, ...] = ()) -> Iterator[None]:
    """Float64 and derivatives that follow the graph, whatever DeepXDE is set to; all restored.

    Conditions keep the values of their functions by the address of the array of points. Ours are
    gone afterwards and their addresses are used again, so what was kept of them must go too.
    """
    precision = dde.config.real.precision
    caches = [cache for condition in conditions(data) for cache in _caches(condition)]
    kept = [dict(cache) for cache in caches]
    replaced = [
        (module, name, getattr(module, name))
        for module in (gradients_forward, gradients_reverse)
        for name in ("jacobian", "hessian")
    ]
    batches = [(c, c.batch_indices) for c in conditions(data) if _batched(c)]
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


def _caches(condition: Any) -> list[dict[Any, Any]]:
    functions = [getattr(condition, name, None) for name in ("func", "boundary_normal")]
    cells = [cell for f in functions for cell in getattr(f, "__closure__", None) or ()]
    return [cell.cell_contents for cell in cells if isinstance(cell.cell_contents, dict)]


def _batched(condition: Any) -> bool:
    return getattr(condition, "batch_size", None) is not None


def conditions(data: Any) -> list[Any]:
    """The boundary, initial and point-set conditions of a problem."""
    return list(getattr(data, "bcs", None) or [])


def condition_name(number: int, condition: Any) -> str:
    """As it is called in what is printed; the first is number 1."""
    return f"condition {number} ({type(condition).__name__})"


def is_point_set(condition: Any) -> bool:
    """Whether a condition compares with values at given points, as PointSetBC does."""
    return getattr(condition, "points", None) is not None


def kind_of_data(data: Any) -> str:
    """``"pde"`` for ``dde.data.PDE`` and ``TimePDE``; otherwise the name of the class."""
    return "pde" if type(data) in (dde.data.PDE, dde.data.TimePDE) else type(data).__name__


def residuals(
    data: Any, condition: Any, points: np.ndarray, x: Any, u: Any, variables: Any = ()
) -> list[Any]:
    """Residuals of the equations (``condition`` None) or of one condition, for the output u.

    Args:
        points: (N, d), all of them this equation's or condition's own; x is the same as a tensor.
        u: The output, (N, m); on JAX, for the equations, the pair of it and of the function from
            one point (d,) to the output (m,) there.
        variables: Values of the other unknowns, which JAX hands to the equations.
    """
    gradients_reverse.clear()
    if condition is not None:
        if _batched(condition):
            condition.batch_indices = np.arange(len(condition))
        try:
            return [condition.error(points, x, u, 0, len(points))]
        except NoDerivatives as error:
            raise NoDerivatives(f"a {type(condition).__name__} {error}") from None
    if backend_name == "jax":
        return _as_list(_pde_of_jax(data, x, u, variables))
    output = (u, None) if dde.config.autodiff == "forward" else u
    arguments = [x, output]
    if getattr(data, "auxiliary_var_fn", None) is not None:
        arguments.append(dde.backend.as_tensor(data.auxiliary_var_fn(points).astype(real(np))))
    return _as_list(data.pde(*arguments))


def _pde_of_jax(data: Any, x: Any, u: Any, variables: Any) -> Any:
    """The equations with the third argument that they have on JAX: the unknowns."""
    dde.grad.clear()  # its cache is keyed by id(), which tracers reuse
    if getattr(data, "auxiliary_var_fn", None) is not None:
        raise NotImplementedError("with JAX, DeepXDE has no auxiliary variables of equations.")
    parameters = list(inspect.signature(data.pde).parameters.values())
    if variables:
        if len(parameters) < 3:
            raise ValueError(
                "external_trainable_variables are given, and the pde takes only (x, y); with JAX "
                "their values come in its third argument: def pde(x, y, unknowns)."
            )
        return data.pde(x, u, unknowns=list(variables))
    if len(parameters) > 2 and parameters[2].default is inspect.Parameter.empty:
        raise ValueError(
            "the pde takes unknowns without default values; give external_trainable_variables."
        )
    return data.pde(x, u)


# Unknowns of a problem: parameters on PyTorch; on JAX objects that hold an array.


def is_variable(candidate: Any) -> bool:
    """Whether it is what ``dde.Variable`` makes."""
    if backend_name == "jax":
        return isinstance(candidate, dde.Variable)
    return dde.backend.is_tensor(candidate) and candidate.requires_grad


def variable_values(variables: tuple[Any, ...]) -> np.ndarray:
    """Entries of all variables, (q,), in float64."""
    parts = [np.ravel(dde.backend.to_numpy(_array_of(v))) for v in variables]
    return np.concatenate([np.empty(0), *parts]).astype(float)


def set_variables(variables: tuple[Any, ...], values: np.ndarray) -> None:
    """Set all variables, each in its own float, to entries (q,)."""
    start = 0
    for variable in variables:
        array = _array_of(variable)
        size = int(np.prod(array.shape))
        part = np.reshape(values[start : start + size], array.shape)
        start += size
        if backend_name == "jax":
            variable.value = dde.backend.as_tensor(part, dtype=array.dtype)
        else:
            array.copy_(dde.backend.lib.as_tensor(part))


def _array_of(variable: Any) -> Any:
    return variable.value if backend_name == "jax" else variable.data


def _cast(variable: Any, dtype: Any) -> None:
    if backend_name == "jax":
        variable.value = dde.backend.as_tensor(variable.value, dtype=dtype)
    else:
        variable.data = variable.data.to(dtype)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """NumPy's global generator, which DeepXDE draws from, seeded here and restored afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def interior_points(data: Any, n: int, even: bool) -> np.ndarray:
    """About n points inside the geometry, evenly spread or (pseudo)random, less the excluded."""
    points = _drawn(data.geom.random_points, n, even)
    excluded = getattr(data, "exclusions", None)
    if excluded is not None:
        near = [np.isclose(points, e).all(axis=1) for e in excluded]
        points = points[~np.any(near, axis=0)]
    return points


def condition_points(data: Any, condition: Any, n: int, even: bool) -> np.ndarray:
    """About n points of one condition, by its own filter; a point set's own points, all of them.

    Shape (m, d). In one dimension, where a boundary is two points, there are no more than it has.
    """
    if is_point_set(condition):
        return np.asarray(condition.points, dtype=float)
    geom = data.geom
    if hasattr(condition, "on_boundary2"):  # pairs of points, which only even spacing makes
        pairs = condition.collocation_points(geom.uniform_boundary_points(4 * n))
        return np.asarray(pairs, dtype=float)
    sources = [geom.random_boundary_points]
    if hasattr(geom, "random_initial_points"):
        sources.append(geom.random_initial_points)
    if type(condition).__name__ in ("OperatorBC", "BC"):
        sources.append(geom.random_points)
    found = []
    for source in sources:
        share = _share(condition, source, 64) or _share(condition, source, 1000)
        if share > 0:
            found.append(_drawn(source, int(min(np.ceil(n / share), 60 * n)), even))
    if not found:
        return np.empty((0, geom.dim))
    return np.asarray(condition.collocation_points(_unique(np.vstack(found))), dtype=float)


def script_points(data: Any) -> list[np.ndarray]:
    """The points of the script itself: of the equations first, then of each condition.

    Of ``dde.data.PDE.losses``: the conditions' points come first in ``train_x``, ``num_bcs`` of
    each, and the equations hold at those that follow.
    """
    counts = [int(n) for n in data.num_bcs or []]
    parts = np.split(np.asarray(data.train_x, dtype=float), np.cumsum(counts))
    return [parts[-1], *parts[:-1]]


def compiled_loss_weights(model: Any) -> list[float] | None:
    """The weights that a model was compiled with, if any."""
    weights = getattr(model, "loss_weights", None)
    return None if weights is None else [float(w) for w in np.asarray(weights).reshape(-1)]


def _share(condition: Any, source: Callable[..., Any], n: int) -> float:
    """Part of the points from a source that a condition takes."""
    probe = _drawn(source, n, even=False)
    return len(condition.filter(probe)) / len(probe)


def _drawn(source: Callable[..., Any], n: int, even: bool) -> np.ndarray:
    """Different points; on composed geometries DeepXDE repeats those of an even distribution."""
    if even and n > 64:
        # Many of them are slow to draw, to be thrown away.
        even = _is_complete(_unique(source(64, random="Hammersley")), 64)
    points = _unique(source(n, random="Hammersley" if even else "pseudo"))
    if even and not _is_complete(points, n):
        points = _unique(source(n, random="pseudo"))
    return points.astype(float)


def _is_complete(points: np.ndarray, n: int) -> bool:
    return len(points) >= 0.99 * n


def _unique(points: np.ndarray) -> np.ndarray:
    return np.unique(points, axis=0)


def output_transform(net: Any) -> Callable[..., Any] | None:
    """The transform applied to the network's outputs, if any."""
    transform: Callable[..., Any] | None = net._output_transform
    return transform


def set_output_layer(model: Any, outputs: list[tuple[np.ndarray, float]]) -> None:
    """Set the coefficients and the bias of each output of a compiled model's network."""
    if backend_name == "jax":
        _set_output_layer_jax(model, outputs)
        return
    torch = dde.backend.torch
    last = layers(model.net)[-1]
    rows = [
        (layer, i)
        for layer in (last if isinstance(last, torch.nn.ModuleList) else [last])
        for i in range(layer.out_features)
    ]
    with torch.no_grad():
        for (layer, i), (kernel, bias) in zip(rows, outputs, strict=True):
            layer.weight[i].copy_(torch.as_tensor(kernel))
            layer.bias[i].fill_(bias)


def _set_output_layer_jax(model: Any, outputs: list[tuple[np.ndarray, float]]) -> None:
    # Flax names the layers of a list by their index, and those of a list of lists by both.
    tree = dict(model.net.params["params"])
    name = f"denses_{len(model.net.layer_sizes) - 2}"
    names = [name] if name in tree else [f"{name}_{j}" for j in range(len(outputs))]
    remaining = iter(outputs)
    for name in (n for n in names if n in tree):
        count = len(tree[name]["bias"])
        kernels, biases = zip(*[next(remaining) for _ in range(count)], strict=True)
        new = {"kernel": np.stack(kernels, axis=1), "bias": np.array(biases)}
        tree[name] = {
            key: dde.backend.as_tensor(values, dtype=tree[name][key].dtype)
            for key, values in new.items()
        }
    model.net.params = {"params": tree}
    model.params = [model.net.params, *model.params[1:]]  # what training goes on from


def compile_once(model: Any) -> None:
    """Compile a model that is not, without which DeepXDE cannot predict; it may be done anew."""
    if model.outputs is None:
        model.compile("adam", lr=1e-3, verbose=0)


# ---------------------------------------------------------------------------------------------
# Training, watched from outside


def is_first_rank() -> bool:
    """Whether this process is the one that prints, of several that train together."""
    return int(dde.config.rank) == 0


def is_lbfgs(optimizer: Any) -> bool:
    """Whether this is the name of L-BFGS, which takes its iterations from DeepXDE's options."""
    return optimizer in ("L-BFGS", "L-BFGS-B")


def optimizer_name(model: Any) -> str:
    """The optimizer that a model was compiled with, in words."""
    name = model.opt_name
    return name if isinstance(name, str) else type(name).__name__


def planned_iterations(model: Any, arguments: dict[str, Any]) -> int | None:
    """Iterations that a call of ``Model.train`` with these arguments will take at most."""
    if is_lbfgs(model.opt_name):
        at_once = int(LBFGS_options.get("iter_per_step", 1))
        return at_once * -(-int(LBFGS_options["maxiter"]) // at_once)
    given = arguments["iterations"]
    given = arguments.get("epochs") if given is None else given
    return None if given is None else int(given)


def limit_iterations(arguments: dict[str, Any], limit: int) -> None:
    """Have a call of ``Model.train`` take no more than so many iterations."""
    for name in ("iterations", "epochs"):
        if arguments.get(name) is not None:
            arguments[name] = min(arguments[name], limit)


@contextlib.contextmanager
def lbfgs_iterations(iterations: int | None = None, at_once: int | None = None) -> Iterator[None]:
    """L-BFGS with another number of iterations, and a look up from it once in so many.

    It has to hold for ``Model.compile`` and for ``Model.train``: which of the two reads the options
    depends on the backend. DeepXDE looks up on PyTorch and Paddle only.
    """
    before = dict(LBFGS_options)
    if iterations is not None:
        # A short line search more than they need, or the last one would look like convergence.
        LBFGS_options.update(maxiter=iterations, maxfun=int(1.25 * iterations) + 25)
    if "iter_per_step" in LBFGS_options:
        step = min(at_once or LBFGS_options["iter_per_step"], LBFGS_options["maxiter"])
        LBFGS_options.update(iter_per_step=step, fun_per_step=int(1.25 * step) + 25)
    try:
        yield
    finally:
        LBFGS_options.update(before)


def steps_taken(model: Any) -> int:
    """Iterations of a model so far, by its own count or, in the middle of L-BFGS, by that one's.

    It may be called from another thread while the model trains. With TensorFlow DeepXDE hands the
    whole of L-BFGS over at once, and nothing is known before its end.
    """
    if model.opt_name == "L-BFGS" and backend_name in ("pytorch", "paddle"):
        state = model.opt.state
        if backend_name == "pytorch":
            state = next(iter(dict(state).values()), {})
        return int(state.get("n_iter", 0))
    return int(model.train_state.step)


@dataclass(frozen=True)
class Standing:
    """How a model stood when DeepXDE last evaluated it.

    Attributes:
        step: Iteration at which that was; None before the first time.
        train, test: Parts of the two losses, weighted as compiled.
        metrics: Values of the compiled metrics.
    """

    step: int | None
    train: list[float]
    test: list[float]
    metrics: list[float]


def standing(model: Any) -> Standing:
    """What DeepXDE knew of a model's losses and metrics when it last evaluated them."""
    state, history = model.train_state, model.losshistory
    return Standing(
        int(history.steps[-1]) if history.steps else None,
        _numbers(state.loss_train),
        _numbers(state.loss_test),
        _numbers(state.metrics_test),
    )


def loss_history(model: Any) -> tuple[list[int], list[float]]:
    """(iterations, training losses summed over their parts) that DeepXDE has recorded."""
    history = model.losshistory
    return [int(s) for s in history.steps], [float(np.sum(part)) for part in history.loss_train]


def _numbers(values: Any) -> list[float]:
    return [] if values is None else [float(v) for v in np.ravel(values)]


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


def replace_networks(classes: dict[str, type]) -> None:
    """Have everyone who asks DeepXDE for these networks get the given classes.

    They are put wherever DeepXDE shows them. Its own operator networks keep what they are built of:
    they have imported it already.
    """
    folder = "deepxde.nn." + backend_name.replace(".", "_")
    for name in ("deepxde.nn", folder, folder + ".fnn"):
        module = sys.modules.get(name)
        for attribute, cls in classes.items():
            if module is not None and hasattr(module, attribute):
                setattr(module, attribute, cls)


def hold_seed(seed: int) -> None:
    """Set every random seed, and have the same set where a script asks for one of its own."""
    original = dde.config.set_random_seed

    def set_random_seed(_: int) -> None:
        original(seed)

    set_random_seed(seed)
    dde.config.set_random_seed = set_random_seed


def set_seed(seed: int) -> None:
    """Set the seeds of Python, NumPy and the backend."""
    dde.config.set_random_seed(seed)


def set_float(name: str) -> None:
    """Set DeepXDE's float type, by its name."""
    dde.config.set_default_float(name)


def settings() -> dict[str, str]:
    """DeepXDE's version, backend, float type and kind of automatic differentiation."""
    return {
        "deepxde": str(dde.__version__),
        "backend": backend_name,
        "float": f"float{dde.config.real.precision}",
        "autodiff": str(dde.config.autodiff),
    }


def devices() -> list[str]:
    """The devices that the backend would use, in its own words; the first is its default."""
    if backend_name == "pytorch":
        cuda = dde.backend.torch.cuda
        found = [cuda.get_device_name(i) for i in range(cuda.device_count())]
    elif backend_name == "jax":
        found = [str(device) for device in dde.backend.jax.devices()]
    elif backend_name == "paddle":
        device = dde.backend.paddle.device
        found = [str(d) for d in device.get_available_device() if not str(d).startswith("cpu")]
    else:
        config = dde.backend.tf.config.experimental
        found = [device.name for device in config.list_physical_devices("GPU")]
    return found or ["CPU"]


def line_residuals(model: Any, x: np.ndarray) -> np.ndarray | None:
    """Residuals of the equations at points (N, d) for a network that is zero, or targets there.

    Returns:
        Shape (N, m), or None where the data are values at points and no function.
    """
    data = model.data
    if not hasattr(data, "pde"):
        function = getattr(data, "func", None)
        return None if function is None else np.asarray(function(x), float).reshape(len(x), -1)
    count = sum(int(n) for n in data.num_bcs or [])
    points = np.vstack([np.asarray(data.train_x[:count], float), x])
    variables = model.external_trainable_variables
    found = zero_residuals(model, points.astype(real(np)), None, variables)
    columns = [sample.values for sample in found if sample.name.startswith("PDE")]
    return np.hstack(columns) if columns else None


def wave_data() -> Any:
    """Values of a wave at 64 points: the least that there is to train on."""
    interval = dde.geometry.Interval(0, 1)
    return dde.data.Function(interval, lambda x: np.sin(4 * np.pi * x), 64, 64)


# ---------------------------------------------------------------------------------------------
# For callbacks: the state of a training, and the model evaluated at points of one's own


def step(model: Any) -> int:
    """Number of training steps done, over all calls of ``Model.train``."""
    return int(model.train_state.step)


def session(model: Any) -> Any:
    """The model's session under tensorflow.compat.v1, else None."""
    return getattr(model, "sess", None)


def synchronize(model: Any) -> None:
    """Wait until the steps asked for are done: on an accelerator, and with JAX, they lag behind."""
    if backend_name == "jax":
        dde.backend.jax.block_until_ready(model.params)
    elif backend_name == "pytorch" and dde.backend.torch.cuda.is_available():
        dde.backend.torch.cuda.synchronize()
    elif backend_name == "paddle" and dde.backend.paddle.device.is_compiled_with_cuda():
        dde.backend.paddle.device.synchronize()
    elif backend_name == "tensorflow" and tf().config.list_physical_devices("GPU"):
        tf().test.experimental.sync_devices()


def residual_function(model: Any) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The residuals of a model's equations as a function of points (N, d), compiled once.

    ``Model.predict`` with the equation as its operator gives the same, but compiles at every call
    (TensorFlow, JAX) or adds to the graph (tensorflow.compat.v1), and knows no auxiliary variables
    on some backends and no unknowns on JAX. Parameters are those at the time of each call.

    Args:
        model: A compiled ``dde.Model`` of a ``dde.data.PDE`` or ``TimePDE``.

    Returns:
        Function that gives one array for each equation, (N, ...), in float64.
    """
    data, net = model.data, model.net
    forward = dde.config.autodiff == "forward"
    auxiliary = getattr(data, "auxiliary_var_fn", None)

    def equations(x: Any, y: Any, given: Any) -> list[Any]:
        dde.grad.clear()
        try:
            return _as_list(data.pde(x, y, *given))
        finally:
            dde.grad.clear()

    def given_at(x: np.ndarray) -> list[np.ndarray]:
        return [] if auxiliary is None else [auxiliary(x).astype(real(np))]

    if backend_name in ("pytorch", "paddle"):

        def evaluate(x: np.ndarray) -> list[Any]:
            net.eval()
            inputs = _leaf(x)
            outputs = net(inputs)
            given = [dde.backend.as_tensor(a) for a in given_at(x)]
            return equations(inputs, (outputs, net) if forward else outputs, given)

    elif backend_name == "tensorflow":

        @tf().function(autograph=False)
        def traced(inputs: Any, *given: Any) -> list[Any]:
            outputs = net(inputs)
            return equations(inputs, (outputs, net) if forward else outputs, given)

        def evaluate(x: np.ndarray) -> list[Any]:
            return traced(*(dde.backend.as_tensor(a) for a in (x, *given_at(x))))

    elif backend_name == "tensorflow.compat.v1":
        nodes = equations(net.inputs, net.outputs, [net.auxiliary_vars] if auxiliary else [])

        def evaluate(x: np.ndarray) -> list[Any]:
            values = dict(zip(["auxiliary_vars"], given_at(x), strict=False))
            return model.sess.run(nodes, feed_dict=net.feed_dict(False, x, **values))

    else:

        @dde.backend.jax.jit
        def compiled(parameters: Any, unknowns: Any, inputs: Any) -> list[Any]:
            def outputs(points: Any) -> Any:
                return net.apply(parameters, points, training=False)

            return _as_list(_pde_of_jax(data, inputs, (outputs(inputs), outputs), unknowns))

        def evaluate(x: np.ndarray) -> list[Any]:
            return compiled(*model.params, x)

    def function(x: np.ndarray) -> list[np.ndarray]:
        return [_to_float(r) for r in evaluate(np.asarray(x, dtype=real(np)))]

    return function


# ---------------------------------------------------------------------------------------------
# Training that is kept and taken up again


def float_name() -> str:
    """DeepXDE's float type, as ``dde.config.set_default_float`` takes it."""
    return "mixed" if dde.config.mixed else str(dde.config.default_float())


def version() -> str:
    """DeepXDE's version."""
    return str(dde.__version__)


def is_compiled(model: Any) -> bool:
    """Whether ``Model.compile`` has been called."""
    return model.outputs is not None


def loops_lbfgs(model: Any) -> bool:
    """Whether training is one of DeepXDE's own loops around L-BFGS."""
    return backend_name != "jax" and is_lbfgs(model.opt_name)


def lbfgs_options() -> dict[str, Any]:
    """The options that ``dde.optimizers.set_LBFGS_options`` sets, not a copy."""
    options: dict[str, Any] = LBFGS_options
    return options


def optimizer(model: Any) -> Any:
    """The optimizer that a compiled model trains with.

    On TensorFlow 2 DeepXDE keeps it nowhere but in the closure of its training step.
    """
    if backend_name != "tensorflow":
        return model.opt
    step = getattr(model.train_step, "python_function", model.train_step)
    cells = dict(zip(step.__code__.co_freevars, step.__closure__ or (), strict=True))
    return cells["opt"].cell_contents


_PROGRESS = (
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
_HISTORY = ("steps", "loss_train", "loss_test", "metrics_test")


def progress(model: Any) -> dict[str, Any]:
    """Steps, last and best results and the loss history."""
    found: dict[str, Any] = {name: getattr(model.train_state, name) for name in _PROGRESS}
    found["history"] = {name: list(getattr(model.losshistory, name)) for name in _HISTORY}
    return found


def set_progress(model: Any, values: dict[str, Any]) -> None:
    """Set what ``progress`` gave; DeepXDE's objects stay the same ones."""
    for name in _PROGRESS:
        setattr(model.train_state, name, values[name])
    for name in _HISTORY:
        getattr(model.losshistory, name)[:] = values["history"][name]


# Points that a problem draws; those of data sets are in the script.
_DRAWN = (
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
            state["points"] = {n: getattr(owner, n) for n in _DRAWN if hasattr(owner, n)}
        elif part == "data" and geometry(data) is not None:
            state["fixed"] = owner.train_x
        if _batched(owner):
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
_COUNTERS: dict[str, tuple[str, ...]] = {
    "ModelCheckpoint": ("epochs_since_last_save", "best"),
    "EarlyStopping": ("wait", "stopped_epoch", "best"),
    "DropoutUncertainty": ("epochs_since_last",),
    "VariableValue": ("epochs_since_last",),
    "OperatorPredictor": ("epochs_since_last",),
    "MovieDumper": ("y", "spectrum", "epochs_since_last_save"),
    "PDEPointResampler": ("num_bcs_initial", "epochs_since_last_resample"),
}


def _counters(callback: Any) -> list[str]:
    kinds = [kind for kind in type(callback).__mro__ if kind.__module__ == "deepxde.callbacks"]
    return [name for kind in kinds for name in _COUNTERS.get(kind.__name__, ())]


def callbacks(model: Any) -> list[Any]:
    """The callbacks of the training that runs, or of the last one."""
    return list(model.callbacks.callbacks) if model.callbacks is not None else []


def callback_state(callback: Any) -> dict[str, Any] | None:
    """What a callback keeps between steps: its own ``state_dict()``, or DeepXDE's counters.

    A file that it writes is kept with them: DeepXDE opens it anew, and so empties it.
    """
    if hasattr(callback, "state_dict"):
        return {"own": callback.state_dict()}
    state: dict[str, Any] = {
        "counters": {n: getattr(callback, n) for n in _counters(callback) if hasattr(callback, n)}
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


def random_seeds() -> dict[str, Any]:
    """The seeds that DeepXDE keeps, beside the states of the generators."""
    return {
        name: getattr(dde.config, name)
        for name in ("random_seed", "jax_random_seed")
        if hasattr(dde.config, name)
    }


def set_random_seeds(seeds: dict[str, Any]) -> None:
    """Set what ``random_seeds`` gave."""
    for name, value in seeds.items():
        setattr(dde.config, name, value)


def losses(model: Any) -> np.ndarray:
    """Every term of the training loss, as it is now, at the current training points."""
    state = model.train_state
    terms = model._outputs_losses(True, state.X_train, state.y_train, state.train_aux_vars)[1]
    return np.atleast_1d(np.asarray(terms, dtype=float))


def loss_names(model: Any, count: int) -> list[str]:
    """Names of the terms of the loss: equations, then conditions, then regularization."""
    given = conditions(model.data)
    extra = int(getattr(model.net, "regularizer", None) is not None and backend_name != "paddle")
    if backend_name == "pytorch" and extra and model.net.regularizer[0] != "l1":
        extra = 0  # weight decay of the optimizer
    n_equations = count - len(given) - extra
    kind = "PDE" if hasattr(model.data, "pde") else "target"
    names = [kind if n_equations == 1 else f"{kind} {i + 1}" for i in range(n_equations)]
    names += [condition_name(i, c) for i, c in enumerate(given, start=1)]
    return [*names, *["regularization"] * extra][:count]


# PyTorch's L-BFGS: DeepXDE calls it for up to 1000 iterations at once, and callbacks only between
# such passes. On the other backends it is one call.


def lbfgs_steps(model: Any) -> int:
    """Iterations of PyTorch's L-BFGS so far, which DeepXDE takes for those of the last train."""
    state = model.opt.state_dict()["state"]
    return int(state[0]["n_iter"]) if state else 0


def limit_lbfgs_pass(model: Any, length: int) -> None:
    """Let the next pass of PyTorch's L-BFGS have no more than ``length`` iterations, at least two.

    DeepXDE takes a pass of one iteration for convergence, and so none may be planned.
    """
    left = lbfgs_options()["maxiter"] - lbfgs_steps(model)
    model.opt.param_groups[0]["max_iter"] = left if 0 < left < length + 2 else max(length, 2)


# ---------------------------------------------------------------------------------------------
# For faster training: derivatives from elsewhere, and what a compiled model trains with


@contextlib.contextmanager
def derivatives_from(serve: Callable[[Any, Any, int | None, int | None], Any]) -> Iterator[None]:
    """Have ``dde.grad`` ask ``serve(ys, xs, i, j)`` for J[i, j] first, which may answer None."""
    jacobian, hessian = gradients_reverse.jacobian, gradients_reverse.hessian

    @functools.wraps(jacobian)
    def served_jacobian(ys: Any, xs: Any, i: int | None = None, j: int | None = None) -> Any:
        found = serve(ys, xs, i, j)
        return jacobian(ys, xs, i=i, j=j) if found is None else found

    @functools.wraps(hessian)
    def served_hessian(ys: Any, xs: Any, component: int = 0, i: int = 0, j: int = 0) -> Any:
        first = serve(ys, xs, component, i)
        found = None if first is None else serve(first, xs, 0, j)
        if found is not None:
            return found
        return hessian(ys, xs, component=component, i=i, j=j)

    gradients_reverse.jacobian, gradients_reverse.hessian = served_jacobian, served_hessian
    try:
        yield
    finally:
        gradients_reverse.jacobian, gradients_reverse.hessian = jacobian, hessian


def forget_condition_values(data: Any) -> None:
    """Drop what conditions keep of the values of their functions.

    They keep them by the address of the array of points, which a later array may have too.
    """
    for condition in conditions(data):
        for cache in _caches(condition):
            cache.clear()


def not_plain_training(model: Any) -> str | None:
    """Why a compiled model's step is none of loss, gradient and optimizer alone; None if it is."""
    if model.train_step is None:
        raise ValueError("the model is not compiled; call model.compile(...) first.")
    if not isinstance(model.data, (dde.data.PDE, dde.data.DataSet, dde.data.Function)):
        return f"its data are {type(model.data).__name__}"
    if isinstance(model.data, (dde.data.IDE, dde.data.FPDE)):
        return f"its data are {type(model.data).__name__}, with integrals over many points"
    if model.opt_name == "NNCG":
        return "NNCG differentiates the gradient once more"
    if dde.config.mixed:
        return "it trains in mixed precision"
    if dde.config.autodiff != "reverse":
        return "dde.config.set_default_autodiff is not 'reverse'"
    return None


def penalises_parameters(net: Any) -> bool:
    """Whether DeepXDE adds a loss of the parameters themselves; "l2" is left to the optimizer."""
    return net.regularizer is not None and net.regularizer[0] == "l1"


def training_batch(model: Any) -> tuple[Any, Any, Any]:
    """(inputs, targets, auxiliary variables) that training begins with."""
    state = np.random.get_state()
    try:
        batch = model.data.train_next_batch(model.batch_size)
    finally:
        np.random.set_state(state)
    return (*batch, None) if len(batch) == 2 else tuple(batch)


# ---------------------------------------------------------------------------------------------
# For several processes: a part of the training points


@dataclass(frozen=True)
class Share:
    """One process's part of the training points.

    Attributes:
        rows: Of ``train_x``, (n,), in the order of that array: conditions first.
        counts: Points of each condition, as ``num_bcs``.
        weights: Of the mean over this part in the mean over all points: for each condition, and
            last for the equations (or the targets).
        parts: Of each condition's own points, which of them.
    """

    rows: np.ndarray
    counts: list[int]
    weights: list[float]
    parts: list[np.ndarray]


def share_of_points(data: Any, n: int, rank: int, size: int) -> Share:
    """Every size-th point of each condition and of the n - Σ num_bcs others, beginning at rank.

    Pairs of points stay together. What has fewer points than there are processes is given to each
    of them whole.
    """

    def part(count: int) -> tuple[np.ndarray, float]:
        if count < size:
            return np.arange(count), 1.0 / size
        rows = np.arange(rank, count, size)
        return rows, len(rows) / count

    counts = [int(c) for c in getattr(data, "num_bcs", None) or []]
    starts = np.cumsum([0, *counts])
    parts, weights = [], []
    for condition, count in zip(conditions(data), counts, strict=True):
        if isinstance(condition, (dde.icbc.PeriodicBC, dde.icbc.Interface2DBC)):
            half, weight = part(count // 2)
            rows = np.concatenate([half, half + count // 2])
        else:
            rows, weight = part(count)
        parts.append(rows)
        weights.append(weight)
    rest, weight = part(n - int(starts[-1]))
    rows = np.concatenate(
        [start + p for start, p in zip(starts, [*parts, rest], strict=True)]
    ).astype(int)
    return Share(rows, [len(p) for p in parts], [*weights, weight], parts)


@contextlib.contextmanager
def sharing(data: Any, share: Share, points: np.ndarray) -> Iterator[None]:
    """Have a problem's losses computed at a share of its points, which are ``train_x[rows]``."""
    if not hasattr(data, "num_bcs"):
        yield
        return
    held: list[tuple[Any, str, Any]] = [(data, "train_x", points), (data, "num_bcs", share.counts)]
    for condition, rows in zip(conditions(data), share.parts, strict=True):
        if _batched(condition):
            held.append((condition, "batch_indices", np.asarray(condition.batch_indices)[rows]))
        elif is_point_set(condition) and dde.backend.ndim(condition.values) > 0:
            held.append((condition, "values", condition.values[rows]))
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in held]
    for owner, name, value in held:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def drawn_arrays(data: Any) -> dict[str, Any]:
    """What was drawn when a problem was made, by name."""
    return {name: vars(data)[name] for name in _DRAWN if name in vars(data)}


def set_drawn_arrays(data: Any, arrays: dict[str, Any]) -> None:
    """Give a problem what another process has drawn."""
    for name, value in arrays.items():
        setattr(data, name, value)
    forget_condition_values(data)


def set_rank(model: Any, rank: int) -> None:
    """Leave printing, saving and DeepXDE's figures to the process with rank 0."""
    dde.config.rank = rank
    if rank > 0:
        model.save = lambda save_path, *_, **__: f"{save_path}-{model.train_state.iteration}.pt"
        dde.saveplot = lambda *_, **__: None
