"""Residuals for fields that are known, another one at each point, in place of the network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import deepxde as dde
import numpy as np

from .core import backend_name, forget_condition_values, leaf, real, tf, to_float
from .equations import residuals
from .precision import set_variables, variable_values
from .problem import transform_points

#: (values (N, n, m), unknowns (q,) or None) -> each residual, one number a row.
LocalResiduals = Callable[[np.ndarray, "np.ndarray | None"], list[np.ndarray]]


def local_residuals(
    net: Any,
    data: Any,
    condition: Any,
    points: np.ndarray,
    exponents: Sequence[tuple[int, ...]],
    half_width: np.ndarray,
    variables: Any = (),
) -> LocalResiduals:
    """The residuals for a network that is another polynomial about each of N points.

    At point p it is ``Σ_A c_A ((f(x) - f(p)) / h)^A / A!``, f being its input transform (the
    identity, if it has none) and h the half widths: c_A is its derivative ∂^A by the normalised
    inputs of its first layer there. That is all that a differential equation can see of any
    network, and its output transform is applied as ever.

    Args:
        net: The network whose transforms are applied.
        condition: One of the problem's conditions, or None for its equations.
        points: Shape (N, d).
        exponents: The multi-indices A, each of F numbers, by order: whatever they can be made of by
            one more differentiation is among those before.
        half_width: h, shape (F,).
        variables: The problem's external trainable variables, q numbers in all.

    Returns:
        Function of c, shape (N, n, m), and of the values of the variables, None being their
        present ones, which they have again afterwards. Whatever a user's function raises comes out
        of it.
    """
    points = np.ascontiguousarray(points, real(np))
    centers = points if net._input_transform is None else transform_points(net, points)
    centers = centers.astype(real(np))
    # Not divided by: Paddle differentiates a quotient once only.
    scale = np.asarray(1.0 / half_width, real(np))

    def field(x: Any, center: Any, values: Any) -> Any:
        """At points (N, d), or at one point (d,); without a center, at the centers themselves."""
        if center is None:
            u = values[:, 0]
        else:
            inputs = x if net._input_transform is None else net._input_transform(x)
            t = (inputs - center) * dde.backend.as_tensor(scale)
            u = _polynomial(t, exponents, values)
        return u if net._output_transform is None else net._output_transform(x, u)

    variables = tuple(variables)
    evaluate = _LOCAL[backend_name](data, condition, points, field, centers, variables)

    def found(values: np.ndarray, unknowns: np.ndarray | None = None) -> list[np.ndarray]:
        dde.grad.clear()
        try:
            errors = evaluate(np.asarray(values, real(np)), unknowns)
            return [to_float(r).ravel() for r in errors]
        finally:
            dde.grad.clear()
            forget_condition_values(data)

    return found


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
    values = np.stack([np.hstack(wave) for wave in waves], axis=1).astype(real(np))
    dde.grad.clear()
    try:
        evaluate = _LOCAL[backend_name](data, None, x, _sum_of_waves, x, tuple(variables))
        errors = evaluate(values, None)
    finally:
        dde.grad.clear()
    return [np.broadcast_to(to_float(e).ravel(), len(x)) for e in errors]


def _sum_of_waves(x: Any, _: Any, values: Any) -> Any:
    """At points (N, d), or at one point (d,) with waves of its own; values (..., waves, d + 2)."""
    field = None
    for i in range(values.shape[-2]):
        wave = values[..., i, :]
        phase = dde.backend.sum(wave[..., 1:-1] * x, -1, keepdims=True) + wave[..., -1:]
        term = wave[..., :1] * dde.backend.sin(phase)
        field = term if field is None else field + term
    return field


def _polynomial(t: Any, exponents: Sequence[tuple[int, ...]], values: Any) -> Any:
    """``Σ_A c_A t^A / A!``, each power from one of one order less."""
    powers: dict[tuple[int, ...], Any] = {}
    total = None
    for i, exponent in enumerate(exponents):
        if not any(exponent):
            term = values[..., i, :]
        else:
            j = next(axis for axis, e in enumerate(exponent) if e)
            lower = tuple(e - (axis == j) for axis, e in enumerate(exponent))
            power = t[..., j : j + 1] * (1.0 / exponent[j])
            if any(lower):
                power = power * powers[lower]
            powers[exponent] = power
            term = power * values[..., i, :]
        total = term if total is None else total + term
    return total


@contextlib.contextmanager
def _having(variables: tuple[Any, ...], unknowns: np.ndarray | None) -> Iterator[None]:
    """The variables with other values meanwhile, where these are kept in them."""
    if unknowns is None:
        yield
        return
    before = variable_values(variables)
    set_variables(variables, unknowns)
    try:
        yield
    finally:
        set_variables(variables, before)


def _eager(data: Any, condition: Any, x: Any, field: Any, centers: Any, variables: Any) -> Any:
    """On PyTorch and Paddle."""
    center = dde.backend.as_tensor(centers)

    def evaluate(values: np.ndarray, unknowns: np.ndarray | None) -> list[Any]:
        inputs = leaf(x)
        u = field(inputs, center, dde.backend.as_tensor(values))
        with _having(variables, unknowns):
            return residuals(data, condition, x, inputs, u)

    return evaluate


def _tensorflow(data: Any, condition: Any, x: Any, field: Any, centers: Any, variables: Any) -> Any:
    inputs = tf().constant(x)

    def now(values: Any) -> list[Any]:
        return residuals(data, condition, x, inputs, field(inputs, centers, values))

    # DeepXDE calls tf.gradients, which exists only inside a graph; most conditions need none.
    traced = tf().function(now, autograph=False)
    functions = [traced] if condition is None else [now, traced]

    def evaluate(values: np.ndarray, unknowns: np.ndarray | None) -> list[Any]:
        with _having(variables, unknowns):
            try:
                return list(functions[0](tf().constant(values)))
            except RuntimeError:
                if len(functions) == 1:
                    raise
                del functions[0]
                return list(traced(tf().constant(values)))

    return evaluate


def _tensorflow_v1(
    data: Any, condition: Any, x: Any, field: Any, centers: Any, variables: Any
) -> Any:
    session = tf().Session()
    nodes: list[Any] = []

    def evaluate(values: np.ndarray, unknowns: np.ndarray | None) -> list[Any]:
        if not nodes:
            inputs = tf().constant(x)
            given = tf().placeholder(real(), [None, *values.shape[1:]])
            u = field(inputs, tf().constant(centers), given)
            nodes.extend([given, residuals(data, condition, x, inputs, u)])
            session.run(tf().global_variables_initializer())
        if unknowns is not None:
            set_variables(variables, unknowns, session)
        return list(session.run(nodes[1], {nodes[0]: values}))

    return evaluate


def _jax(data: Any, condition: Any, x: Any, field: Any, centers: Any, variables: Any) -> Any:
    jax = dde.backend.jax
    inputs = jax.numpy.asarray(x)

    def now(unknowns: np.ndarray | None) -> list[Any]:
        with _having(variables, unknowns):
            return [v.value for v in variables]

    if condition is not None:
        # Nothing is differentiated in a condition on JAX.
        def at_all(values: np.ndarray, unknowns: np.ndarray | None) -> list[Any]:
            u = field(inputs, None, jax.numpy.asarray(values))
            return residuals(data, condition, x, inputs, u, now(unknowns))

        return at_all

    def at_one_point(point: Any, center: Any, values: Any, numbers: Any) -> list[Any]:
        def function(p: Any) -> Any:
            return field(p, center, values)

        u = function(point)[None], function
        return [e.reshape(()) for e in residuals(data, None, x, point[None], u, numbers)]

    compiled = jax.jit(jax.vmap(at_one_point, in_axes=(0, 0, 0, None)))
    return lambda values, unknowns: compiled(
        inputs, centers, jax.numpy.asarray(values), now(unknowns)
    )


_LOCAL = {
    "pytorch": _eager,
    "tensorflow": _tensorflow,
    "tensorflow.compat.v1": _tensorflow_v1,
    "jax": _jax,
    "paddle": _eager,
}
