"""jinns: time to an error, and the cost of a step. Run by ``run.py``.

jinns' documentation says nothing of solutions that oscillate. ``reach`` is what it advises for any
problem, second-order optimizers by default ("jinns" on PyPI), with a network of the size for which
its page "Natural gradient" strongly advises them, about 1000 parameters. The rest is as in its
notebook "Heat equation with NGD": float64, tanh, points drawn uniformly and kept, boundary values
as a loss of their own. Both optimizers run with the settings they come with.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jinns
import jinns.validation
import numpy as np
import optax
from jax.experimental import io_callback

from benchmarks.libraries.problems import HIDDEN, PROBLEMS, Array
from benchmarks.libraries.watch import Watch, one_core

#: Hidden layers for about 1000 parameters.
SMALL = (20, 20, 20)
CALL_EVERY = 1  # iterations between two times that the watch is asked
MOST = 100_000  # iterations: the clock ends training before


class Poisson(jinns.loss.PDEStatio):
    def equation(self, x: Any, u: Any, params: Any) -> Any:
        lap = jinns.loss.laplacian_rev(x, u, params)
        slow = (2 * jnp.pi) ** 2 * jnp.sin(2 * jnp.pi * x)
        return lap + slow + 0.1 * (50 * jnp.pi) ** 2 * jnp.sin(50 * jnp.pi * x)


class Helmholtz(jinns.loss.PDEStatio):
    def equation(self, x: Any, u: Any, params: Any) -> Any:
        k = 4 * jnp.pi
        lap = jinns.loss.laplacian_rev(x, u, params)
        source = k**2 * jnp.sin(k * x[0:1]) * jnp.sin(k * x[1:2])
        return -lap - k**2 * u(x, params) - source


EQUATIONS = {"poisson_1d_multiscale": Poisson, "helmholtz_2d": Helmholtz}
#: Weight of the equation where the optimizer is of second order: one over the mean square of its
#: source, so that the loss of u = 0 is about 1. Without it, both end in NaN on the first problem.
WEIGHTS = {
    "poisson_1d_multiscale": 2 / ((2 * np.pi) ** 4 + 0.01 * (50 * np.pi) ** 4),
    "helmholtz_2d": 4 / (4 * np.pi) ** 4,
}


class Looking(jinns.validation.AbstractValidationModule):
    """Hands the parameters to the watch, outside the compiled loop, and stops when it says so."""

    asked: Any = eqx.field(static=True, kw_only=True)
    call_every: int = eqx.field(static=True, kw_only=True, default=CALL_EVERY)

    def __call__(self, params: Any) -> Any:
        leaves = jax.tree.leaves(eqx.filter(params.nn_params, eqx.is_inexact_array))
        over = io_callback(self.asked, jax.ShapeDtypeStruct((), bool), leaves)
        return self, over, jnp.array(0.0), jnp.array(False)


def forward(leaves: list[Array], x: Array) -> Array:
    """The tanh network of these weights and biases, one after the other, at points (N, d)."""
    layers = list(zip(leaves[::2], leaves[1::2], strict=True))
    for weight, bias in layers[:-1]:
        x = np.tanh(x @ weight.T + bias)
    weight, bias = layers[-1]
    return x @ weight.T + bias


def stated(
    name: str, seed: int, hidden: tuple[int, ...], weight: float = 1.0
) -> tuple[Any, Any, Any]:
    """Points, loss and initial parameters of a problem; ``weight`` is that of the equation."""
    facts = PROBLEMS[name]
    points_key, net_key = jax.random.split(jax.random.PRNGKey(seed))
    data = jinns.data.CubicMeshPDEStatio(
        key=points_key,
        n=facts.num_domain,
        nb=facts.num_boundary,
        dim=facts.dim,
        min_pts=facts.lower,
        max_pts=facts.upper,
        method="uniform",
    )
    sizes = (facts.dim, *hidden)
    layers = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [(eqx.nn.Linear, before, after), (jax.nn.tanh,)]
    u, nn_params = jinns.nn.PINN_MLP.create(
        key=net_key, eqx_list=(*layers, (eqx.nn.Linear, hidden[-1], 1)), eq_type="PDEStatio"
    )
    params = jinns.parameters.Params(nn_params=nn_params, eq_params={})
    loss = jinns.loss.LossPDEStatio(
        u=u,
        loss_weights=jinns.loss.LossWeightsPDEStatio(
            dyn_loss=jnp.array(weight), boundary_loss=jnp.array(1.0)
        ),
        dynamic_loss=EQUATIONS[name](),
        boundary_condition=jinns.loss.Dirichlet(),
        params=params,
    )
    return data, loss, params


def callback_value(params: Any, batch: Any, loss: Any) -> Any:
    return loss.evaluate(params, batch)[0]


def callback_gradient(params: Any, batch: Any, loss: Any) -> Any:
    return loss.ponderate_and_sum_gradient(loss.values_and_grads(params, batch)[1])


#: Optimizer, and what its line search has to be given besides.
OPTIMIZERS = {
    "natural gradient": (jinns.optimizers.vanilla_ngd, None),
    "SSBroyden": (
        jinns.optimizers.scale_by_SSBroyden_family,
        {
            "value": jinns.solver.GetJinnsVariableName("train_loss_value"),
            "grad_pt": jinns.solver.GetJinnsVariableName("grads"),
            "value_fn": callback_value,
            "grad_fn": callback_gradient,
            "batch": jinns.solver.GetJinnsVariableName("batch"),
            "loss": jinns.solver.GetJinnsVariableName("loss"),
        },
    ),
}


def reach(name: str, optimizer: str, seed: int, budget: float) -> dict[str, Any]:
    watch = Watch(PROBLEMS[name], budget)

    def asked(leaves: list[Any]) -> Array:
        weights = [np.asarray(leaf) for leaf in leaves]
        return np.asarray(watch.step(lambda x: forward(weights, x), CALL_EVERY))

    data, loss, params = stated(name, seed, SMALL, WEIGHTS[name])
    make, extra = OPTIMIZERS[optimizer]
    jinns.solve(
        n_iter=MOST,
        init_params=params,
        data=data,
        loss=loss,
        optimizer=make(),
        extra_optax_args_and_kwargs=extra,
        validation=Looking(asked=asked),
        verbose=False,
    )
    jax.effects_barrier()
    report = watch.report()
    if not watch.over:  # jinns ends by itself where a parameter is NaN
        report["error"] = None
    return report


def step(name: str, seed: int, iterations: int) -> dict[str, Any]:
    """Both are taken from one compiled loop, at the first iteration and at the last."""
    moments: list[float] = []

    def asked(leaves: list[Any]) -> Array:
        moments.append(time.perf_counter())
        return np.asarray(False)

    began = time.perf_counter()
    data, loss, params = stated(name, seed, HIDDEN)
    jinns.solve(
        n_iter=iterations + 1,
        init_params=params,
        data=data,
        loss=loss,
        optimizer=optax.adam(1e-3),
        validation=Looking(asked=asked, call_every=iterations),
        verbose=False,
    )
    jax.effects_barrier()
    return {
        "first_step": moments[0] - began,
        "per_1000": (moments[1] - moments[0]) / iterations * 1000,
    }


def main(cell: dict[str, Any]) -> dict[str, Any]:
    one_core()
    jax.config.update("jax_platforms", "cpu")
    if cell["table"] == "reach":
        jax.config.update("jax_enable_x64", True)
        return reach(cell["problem"], cell["optimizer"], cell["seed"], cell["budget"])
    return step(cell["problem"], cell["seed"], cell["iterations"])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
