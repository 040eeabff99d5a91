"""Small problems that train in every way that DeepXDE knows, in float64.

For the tests and ``benchmarks/same_training.py``, which compare trainings with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import deepxde as dde
import numpy as np
import torch

import deepxde_repnet

SQUARE = ((0.0, 0.0), (1.0, 1.0))


class Problem(NamedTuple):
    """A model that is not compiled, its unknowns beside the network, and callbacks."""

    model: dde.Model
    variables: tuple[Any, ...] = ()
    callbacks: Callable[[], list[Any]] = list


def network(outputs: int = 1, activation: Any = "tanh") -> Any:
    return deepxde_repnet.RepFNN([2, 16, 16, outputs], activation, "Glorot uniform", seed=1)


def laplacian(x, y):
    return dde.grad.hessian(y, x, i=0, j=0) + dde.grad.hessian(y, x, i=1, j=1)


def poisson_equation(x, y):
    return laplacian(x, y) + torch.sin(np.pi * x[:, :1]) * torch.sin(2 * np.pi * x[:, 1:])


def on_square(
    equation: Any, conditions: Callable[[Any], list[Any]], net: Any, **options: Any
) -> dde.Model:
    geom = dde.geometry.Rectangle(*SQUARE)
    # Normal vectors do not exist at corners.
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    data = dde.data.PDE(
        geom,
        equation,
        conditions(geom),
        num_domain=150,
        num_boundary=48,
        exclusions=corners,
        **options,
    )
    return dde.Model(data, net)


def zero_boundary(geom: Any) -> list[Any]:
    return [dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on: on)]


def poisson() -> Problem:
    return Problem(on_square(poisson_equation, zero_boundary, network(), num_test=60))


def poisson_fnn() -> Problem:
    net = dde.nn.FNN([2, 16, 16, 1], "tanh", "Glorot uniform")
    return Problem(on_square(poisson_equation, zero_boundary, net))


def hard_constraint() -> Problem:
    net = network(activation="sin")
    net.apply_output_transform(
        lambda x, u: x[:, :1] * (1 - x[:, :1]) * x[:, 1:] * (1 - x[:, 1:]) * u
    )
    return Problem(on_square(poisson_equation, lambda _: [], net))


def features() -> Problem:
    net = network()
    net.apply_feature_transform(lambda x: torch.cat([torch.sin(np.pi * x[:, :1]), x[:, 1:]], 1))
    return Problem(on_square(poisson_equation, zero_boundary, net))


def neumann_and_periodic() -> Problem:
    def conditions(geom):
        def bottom(x, on):
            return on and np.isclose(x[1], 0)

        def right(x, on):
            return on and np.isclose(x[0], 1)

        def left(x, on):
            return on and np.isclose(x[0], 0)

        return [
            dde.icbc.NeumannBC(geom, lambda x: x[:, 1:], right),
            dde.icbc.RobinBC(geom, lambda x, y: 1 - y, left),
            dde.icbc.PeriodicBC(geom, 1, bottom),
            dde.icbc.PeriodicBC(geom, 1, bottom, derivative_order=1),
        ]

    return Problem(on_square(poisson_equation, conditions, network()))


def several_outputs() -> Problem:
    def equations(x, y):
        u, v = y[:, :1], y[:, 1:2]
        u_x, v_y = dde.grad.jacobian(y, x, i=0, j=0), dde.grad.jacobian(y, x, i=1, j=1)
        momentum = u * u_x + v * dde.grad.jacobian(u, x, j=1)
        diffusion = dde.grad.hessian(y, x, component=0, i=1, j=1)
        mixed = dde.grad.hessian(y, x, component=1, i=0, j=1)
        return [u_x + v_y, momentum - diffusion + mixed - torch.sin(3 * x[:, :1])]

    def conditions(geom):
        return [
            dde.icbc.DirichletBC(geom, lambda x: x[:, :1], lambda _, on: on, component=i)
            for i in (0, 1)
        ]

    net = deepxde_repnet.RepPFNN([2, 16, [8, 8], [8, 8], 2], "tanh", "Glorot uniform", seed=1)
    return Problem(on_square(equations, conditions, net))


def helmholtz_inverse() -> Problem:
    k = dde.Variable(3.0)

    def equation(x, y):
        return laplacian(x, y) + k**2 * y - torch.sin(2 * np.pi * x[:, :1])

    def conditions(_):
        points = np.random.default_rng(0).random((30, 2))
        return [dde.icbc.PointSetBC(points, np.sin(2 * np.pi * points[:, :1]))]

    return Problem(on_square(equation, conditions, network()), (k,))


def in_time(equation: Any, conditions: Callable[[Any], list[Any]]) -> dde.Model:
    geom = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1))
    counts = {"num_domain": 150, "num_boundary": 30, "num_initial": 30}
    data = dde.data.TimePDE(geom, equation, conditions(geom), **counts)
    return dde.Model(data, network())


def wave() -> Problem:
    def equation(x, y):
        return dde.grad.hessian(y, x, i=1, j=1) - 4 * dde.grad.hessian(y, x, i=0, j=0)

    def conditions(geom):
        def at_rest(x, y, _):
            return dde.grad.jacobian(y, x, i=0, j=1)

        return [
            *zero_boundary(geom),
            dde.icbc.IC(geom, lambda x: np.sin(np.pi * x[:, :1]), lambda _, on: on),
            dde.icbc.OperatorBC(geom, at_rest, lambda x, _: np.isclose(x[1], 0)),
        ]

    return Problem(in_time(equation, conditions))


def burgers_resampled() -> Problem:
    def equation(x, y):
        u_x, u_t = (dde.grad.jacobian(y, x, i=0, j=j) for j in (0, 1))
        return u_t + y * u_x - 0.01 / np.pi * dde.grad.hessian(y, x, i=0, j=0)

    def conditions(geom):
        initial = dde.icbc.IC(geom, lambda x: -np.sin(np.pi * x[:, :1]), lambda _, on: on)
        return [*zero_boundary(geom), initial]

    def callbacks():
        return [dde.callbacks.PDEPointResampler(period=10)]

    return Problem(in_time(equation, conditions), callbacks=callbacks)


def targets() -> Problem:
    geom = dde.geometry.Rectangle(*SQUARE)
    data = dde.data.Function(geom, lambda x: np.sin(9 * x[:, :1]) * x[:, 1:], 144, 49)
    return Problem(dde.Model(data, network()))


PROBLEMS = {
    "Poisson": poisson,
    "Poisson, dde.nn.FNN": poisson_fnn,
    "wave": wave,
    "Burgers, resampled": burgers_resampled,
    "Helmholtz inverse": helmholtz_inverse,
    "hard constraint, sines": hard_constraint,
    "several outputs, RepPFNN": several_outputs,
    "Neumann, Robin, periodic": neumann_and_periodic,
    "feature transform": features,
    "targets": targets,
}


def train(
    make: Callable[[], Problem],
    optimizer: str,
    steps: int,
    prepare: Callable[[dde.Model], None] = lambda model: None,
) -> tuple[np.ndarray, list[float]]:
    """Losses at the end, of training and test, and the unknowns, from one seed.

    Args:
        prepare: Called with the compiled model.
    """
    dde.config.set_default_float("float64")
    dde.config.set_random_seed(3)
    problem = make()
    model = problem.model
    options = dde.optimizers.config.LBFGS_options
    held = dict(options)
    options.update(maxiter=steps, iter_per_step=steps, fun_per_step=4 * steps)
    try:
        model.compile(
            optimizer,
            lr=None if optimizer == "L-BFGS" else 1e-3,
            loss_weights=None,
            external_trainable_variables=list(problem.variables) or None,
            verbose=0,
        )
        prepare(model)
        np.random.seed(7)
        history, _ = model.train(
            iterations=steps,
            display_every=max(steps // 4, 1),
            callbacks=problem.callbacks(),
            verbose=0,
        )
    finally:
        options.update(held)
    losses = np.concatenate([np.ravel(history.loss_train[-1]), np.ravel(history.loss_test[-1])])
    return losses, [float(v.detach()) for v in problem.variables]
