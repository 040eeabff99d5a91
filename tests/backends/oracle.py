"""One seed, one function: outputs and derivatives against the NumPy oracle."""

from __future__ import annotations

from typing import Any

import deepxde as dde
import numpy as np

from deepxde_repnet.spec import PARAMETERIZATIONS
from deepxde_repnet.theory import initialize, reference

from .registry import check, without
from .support import (
    BACKEND,
    NETWORKS,
    assert_fields_close,
    compiled,
    fields,
    fit,
    float_type,
    points,
    train,
    weights,
)

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-12}
BOXES = {
    1: ([0.5], [5.0]),
    2: ([0.0, -3.0], [1.0, 10.0]),
    3: ([-1.0, 0.0, 2.0], [1.0, 1.0, 2.5]),
}
SLOPE_SCALES = {1: 6.0, 2: (3.0, 5.0), 3: (1.5, 2.0, 1.0)}


def oracle(
    network: str,
    layer_sizes: list[Any],
    activation: Any = "tanh",
    initializer: str = "Glorot uniform",
    *,
    second: bool = True,
    trained: bool = False,
    sines: float = 0.0,
    **options: Any,
) -> None:
    """Compare with the oracle, from the initial draw and from the parameters read back."""
    dim = layer_sizes[0]
    lower, upper = BOXES[dim]
    net = NETWORKS[network](
        layer_sizes,
        activation,
        initializer,
        domain=(lower, upper),
        slope_scale=SLOPE_SCALES[dim],
        hidden_gain=1.3,
        seed=7,
        sines=sines,
        **options,
    )
    x = points(20, lower, upper)
    last = net.given.layer_sizes[-1]
    targets = np.sin(x @ np.ones((dim, sum(last) if isinstance(last, tuple) else last)))
    model, said = compiled(fit(x, targets), net, lr=1e-2)
    assert said == "", "nothing was left to choose"

    tolerance = TOLERANCE[float_type()]
    before = fields(model, x, second=second)
    assert before.value.shape == targets.shape
    drawn = reference.forward(net.spec, initialize.draw(net.spec), x)
    assert_fields_close(before, drawn, tolerance, second=second)
    held = reference.forward(net.spec, weights(model), x)
    assert_fields_close(before, held, tolerance, second=second)

    if trained:
        train(model, 1)
        after = fields(model, x, second=second)
        held = reference.forward(net.spec, weights(model), x)
        assert_fields_close(after, held, tolerance, second=second)
        moved = np.abs(after.value - before.value).max() / np.abs(before.value).max()
        assert moved > 1e-3, "the optimizer's step did not change the function"


@check(
    floats=["float32", "float64"],
    cases={p: {"parameterization": p} for p in PARAMETERIZATIONS},
)
def check_oracle(parameterization: str) -> None:
    trained = float_type() is np.float64 or parameterization == "log-scale"
    oracle("FNN", [2, 16, 16, 1], trained=trained, parameterization=parameterization)


@check(
    floats=["float64"],
    cases={
        "sin": {"activation": "sin", "layer_sizes": [1, 12, 3]},
        "silu": {"activation": "silu", "layer_sizes": [3, 10, 10, 1]},
        "sigmoid": {"activation": "Sigmoid", "layer_sizes": [1, 10, 10, 10, 2]},
        "relu": {"activation": "relu", "layer_sizes": [2, 12, 12, 1], "second": False},
        # Paddle itself has no second derivative of elu.
        "elu": {"activation": "elu", "layer_sizes": [1, 12, 1], "second": BACKEND != "paddle"},
    },
)
def check_oracle_activation(**case: Any) -> None:
    oracle("FNN", **case)


@check(
    floats=["float32", "float64"],
    cases={"third": {"sines": 1 / 3, "trained": True}, "all": {"sines": 1.0}},
)
def check_oracle_sines(**case: Any) -> None:
    """Part of the first layer gives sines, the rest and the later layers tanh."""
    oracle("FNN", [2, 12, 12, 1], **case)


@check(backends=without("jax"), floats=["float64"])
def check_oracle_sines_and_list() -> None:
    oracle("FNN", [1, 10, 10, 2], ["swish", "tanh", None], sines=0.5)


def _derivatives_of_the_sine(z: np.ndarray, orders: int) -> list[np.ndarray]:
    """The sine that a backend's networks have of their own, and its derivatives at z."""
    found: list[Any] = []
    if BACKEND == "jax":
        import jax

        from deepxde_repnet.nets.jax import _sine as function

        for _ in range(orders + 1):
            found.append(jax.jit(function)(z))
            function = lambda x, f=function: jax.jvp(f, (x,), (jax.numpy.ones_like(x),))[1]  # noqa: E731
        return [np.asarray(values) for values in found]

    if BACKEND == "paddle":
        import paddle

        from deepxde_repnet.nets.paddle import _sine

        x = paddle.to_tensor(z, stop_gradient=False)
        found = [_sine(x)]
        for _ in range(orders):
            found += paddle.grad(found[-1], x, create_graph=True)
        assert found[0].equal_all(paddle.sin(x))
        return [values.numpy() for values in found]

    import tensorflow as tf

    from deepxde_repnet.nets._keras import sine

    @tf.function
    def derivatives(x: Any) -> list[Any]:
        found = [sine(x)]
        for _ in range(orders):
            found.append(tf.gradients(found[-1], x)[0])
        return found

    return [values.numpy() for values in derivatives(tf.constant(z))]


@check(backends=["tensorflow", "jax", "paddle"], floats=["float32", "float64"])
def check_sine_and_its_derivatives() -> None:
    """To two units of the last place, also far from zero, and no more at zero itself."""
    of = np.random.default_rng(0).uniform
    parts = [np.array([0.0]), of(-4, 4, 5000), of(-1e-3, 1e-3, 500), of(-3e3, 3e3, 5000)]
    z = np.concatenate(parts).astype(float_type())
    exact = z.astype(np.longdouble)
    derivatives = _derivatives_of_the_sine(z, 4)
    for order, values in enumerate(derivatives):
        assert values.dtype == float_type() and values.shape == z.shape
        expected = [np.sin(exact), np.cos(exact), -np.sin(exact), -np.cos(exact)][order % 4]
        eps = np.finfo(float_type()).eps
        assert np.abs(values - expected).max() < 2 * eps, order
    assert derivatives[0][0] == 0 and derivatives[1][0] == 1
    small = np.abs(z) < 1e-3
    np.testing.assert_allclose(derivatives[0][small], z[small], rtol=1e-6)


@check(backends=without("paddle"), floats=["float64"])
def check_oracle_selu() -> None:
    """Paddle's selu cannot be differentiated as DeepXDE does it."""
    oracle("FNN", [1, 12, 1], "selu")


@check(backends=["pytorch"], floats=["float64"])
def check_oracle_gelu() -> None:
    """DeepXDE 1.15 has gelu on PyTorch alone, in its exact form."""
    oracle("FNN", [2, 12, 12, 1], "gelu")


@check(backends=without("jax"), floats=["float64"])
def check_oracle_activation_list() -> None:
    """Under JAX DeepXDE's own FNN does not take a list: Flax makes a tuple of it."""
    oracle("FNN", [1, 10, 10, 2], ["swish", "sin", None])


@check(floats=["float64"], cases={"lecun": {"name": "LeCun uniform"}, "he": {"name": "he normal"}})
def check_oracle_initializer(name: str) -> None:
    """Our draw serves every backend, also where DeepXDE lacks the initializer."""
    oracle("FNN", [1, 12, 12, 1], initializer=name, second=False)


@check(floats=["float64"], cases={p: {"parameterization": p} for p in PARAMETERIZATIONS})
def check_oracle_parallel(parameterization: str) -> None:
    """Sub-networks from the inputs on: each has a first layer of its own."""
    sizes = [1, [8, 10], [6, 7], 2]
    trained = parameterization == "log-scale"
    oracle("PFNN", sizes, trained=trained, parameterization=parameterization)


@check(floats=["float32", "float64"])
def check_oracle_shared_then_parallel() -> None:
    oracle("PFNN", [1, 12, [8, 10], 2], "sin", trained=float_type() is np.float64)


@check(
    backends=["pytorch", "jax"],
    floats=["float64"],
    cases={
        "rejoined": {"layer_sizes": [1, [8, 10], 12, [6, 7], [5, 5], 2]},
        "wide-outputs": {"layer_sizes": [2, [8, 10], [2, 1]]},
    },
    since={"pytorch": "deepxde>=1.15"},
)
def check_oracle_parallel_as_in(layer_sizes: list[Any]) -> None:
    """Forms of ``layer_sizes`` that only some backends' PFNN has."""
    oracle("PFNN", layer_sizes, second=False)


@check()
def check_seed_is_drawn_from_numpy() -> None:
    """Without a seed, ``dde.config.set_random_seed`` decides."""
    seeds = []
    for seed in (3, 3, 4):
        dde.config.set_random_seed(seed)
        seeds.append(NETWORKS["FNN"]([1, 8, 1], "tanh", "Glorot uniform").given.seed)
    assert seeds[0] == seeds[1] != seeds[2], seeds
