"""The problem behind a model, read at a network that is zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import deepxde as dde
import numpy as np

from .core import (
    DeepONetCartesianProd,
    as_list,
    backend_name,
    condition_name,
    conditions,
    leaf,
    n_outputs,
    real,
    run_v1,
    slope,
    to_float,
    undisturbed,
)


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
    with undisturbed():
        batch = data.train_next_batch()
    return batch[0], batch[1]


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
        return run_v1(transform(tf.constant(x)), {})
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


class _Output:
    """Data of a problem whose residual is the output itself."""

    @staticmethod
    def losses_train(_: Any, outputs: Any, *arguments: Any, **options: Any) -> Any:
        return outputs


def zero_output(net: Any, x: np.ndarray) -> np.ndarray:
    """What a network that is zero gives at points (N, d): (N, m), of its output transform."""
    model = SimpleNamespace(net=net, data=_Output())
    (samples,) = zero_residuals(model, x, None)
    return samples.values


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


def _error(target: Any, output: Any) -> Any:
    return output - target


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


def _residuals_eager(
    model: Any, x: np.ndarray, y: Any, variables: Any, n_conditions: int
) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """On PyTorch and Paddle."""
    zero = _zero(model.net)
    inputs = leaf(x)
    auxiliary = getattr(model.data, "train_aux_vars", None)
    saved = getattr(model.net, "auxiliary_vars", None)
    model.net.auxiliary_vars = None if auxiliary is None else dde.backend.as_tensor(auxiliary)
    try:
        targets = None if y is None else dde.backend.as_tensor(y)
        aux = [zero] if dde.config.autodiff == "forward" else None
        errors = as_list(
            model.data.losses_train(targets, zero(inputs), _error, inputs, model, aux=aux)
        )
        gradients: list[np.ndarray | None] = []
        for error in errors[: len(errors) - n_conditions]:
            columns = error.reshape([len(error), -1]).T
            gradients.append(_columns([slope(column.sum(), inputs) for column in columns]))
        return [to_float(e) for e in errors], gradients
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
    return [to_float(e) for e in errors], [
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
    values = run_v1([*errors, *there], {model.net.training: True})
    remaining = iter(values[len(errors) :])
    return values[: len(errors)], [
        _columns([None if c is None else next(remaining) for c in row]) for row in gradients
    ]


def _graph_residuals(
    tf: Any, zero: Any, model: Any, inputs: Any, y: Any, n_conditions: int
) -> tuple[list[Any], list[list[Any]]]:
    aux = [zero] if dde.config.autodiff == "forward" else None
    targets = None if y is None else tf.constant(np.asarray(y))
    errors = as_list(model.data.losses_train(targets, zero(inputs), _error, inputs, model, aux=aux))
    gradients = []
    for error in errors[: len(errors) - n_conditions]:
        error = error if len(error.shape) == 2 else tf.reshape(error, (-1, 1))
        n_columns = error.shape[1]
        gradients.append([tf.gradients(error[:, j], inputs)[0] for j in range(n_columns)])
    return errors, gradients


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
        return as_list(model.data.losses_train(y, zero(inputs), _error, inputs, model, aux=aux))

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
        gradients.append(np.stack([to_float(p).reshape(len(p), -1) for p in parts], axis=2))
    return [to_float(r) for r in residuals], gradients


_RESIDUALS = {
    "pytorch": _residuals_eager,
    "tensorflow": _residuals_tensorflow,
    "tensorflow.compat.v1": _residuals_tensorflow_v1,
    "jax": _residuals_jax,
    "paddle": _residuals_eager,
}


def _columns(columns: list[Any]) -> np.ndarray | None:
    """Gradients (N, d) of each column as one array (N, m, d); None where none depends on x."""
    if all(c is None for c in columns):
        return None
    known = next(c for c in columns if c is not None)
    return np.stack([np.zeros(known.shape) if c is None else to_float(c) for c in columns], axis=1)
