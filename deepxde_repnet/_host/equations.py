"""Equations and conditions one by one, at points of one's own."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import deepxde as dde
import numpy as np
from deepxde.gradients import gradients_reverse

from .core import as_list, backend_name, is_batched, leaf, real, tf, to_float
from .shapes import check_shape, wrong_values


class NoDerivatives(NotImplementedError):
    """A condition asks for a derivative that DeepXDE does not have there."""


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
        try:
            with _all_of(condition):
                return [condition.error(points, x, u, 0, len(points))]
        except NoDerivatives as error:
            raise NoDerivatives(f"a {type(condition).__name__} {error}") from None
    if backend_name == "jax":
        return as_list(pde_of_jax(data, x, u, variables))
    output = (u, None) if dde.config.autodiff == "forward" else u
    arguments = [x, output]
    if getattr(data, "auxiliary_var_fn", None) is not None:
        arguments.append(dde.backend.as_tensor(data.auxiliary_var_fn(points).astype(real(np))))
    return as_list(data.pde(*arguments))


@contextlib.contextmanager
def _all_of(condition: Any) -> Iterator[None]:
    """A point set that is trained in batches, with all its points; its batch is kept."""
    if not is_batched(condition):
        yield
        return
    held = condition.batch_indices
    condition.batch_indices = np.arange(len(condition))
    try:
        yield
    finally:
        condition.batch_indices = held


def columns(
    name: str,
    n_outputs: int,
    data: Any,
    condition: Any,
    points: np.ndarray,
    x: Any,
    u: Any,
    variables: Any = (),
) -> list[Any]:
    """``residuals`` whose shapes are checked: ``name`` is that of the equations or the condition.

    Raises:
        WrongShape: If one is not a column with a row for each point.
    """
    try:
        found = residuals(data, condition, points, x, u, variables)
    except RuntimeError as error:
        refused = wrong_values(name, error)
        if refused is None:
            raise
        raise refused from None
    for residual in found:
        check_shape(name, condition, residual, len(x), n_outputs)
    return found


def pde_of_jax(data: Any, x: Any, u: Any, variables: Any) -> Any:
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
            return as_list(data.pde(x, y, *given))
        finally:
            dde.grad.clear()

    def given_at(x: np.ndarray) -> list[np.ndarray]:
        return [] if auxiliary is None else [auxiliary(x).astype(real(np))]

    if backend_name in ("pytorch", "paddle"):

        def evaluate(x: np.ndarray) -> list[Any]:
            net.eval()
            inputs = leaf(x)
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

            return as_list(pde_of_jax(data, inputs, (outputs(inputs), outputs), unknowns))

        def evaluate(x: np.ndarray) -> list[Any]:
            return compiled(*model.params, x)

    def function(x: np.ndarray) -> list[np.ndarray]:
        return [to_float(r) for r in evaluate(np.asarray(x, dtype=real(np)))]

    return function
