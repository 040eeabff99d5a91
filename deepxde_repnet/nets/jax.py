"""The networks on JAX (Flax linen), where DeepXDE has no operator networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from .. import _host
from ..spec import Array, FourierSpec, RepSpec, is_sine
from ..theory.initialize import Dense, Fourier, Rep, Weights, draw, draw_fourier
from ._base import FourierNet, RepNet, keywords, leaves_open, settled
from ._doc import document


class RepDense(linen.Module):
    """First layer ``z = w·(x + c)`` on inputs normalised over a box.

    The box and the slope scale are constants of the traced function, not variables: DeepXDE
    differentiates with respect to every variable of the network.
    """

    initial: Rep
    spec: RepSpec

    @linen.compact
    def __call__(self, x: Any) -> Any:
        # DeepXDE calls with one point (d,) when it differentiates and with (n, d) otherwise.
        dtype = _host.real()
        assert self.spec.domain is not None
        scale = np.asarray(self.spec.slope_scale)
        center, half = self.spec.domain.center, self.spec.domain.half_width
        shift = self._parameter("shift", self.initial.shift)
        if self.spec.parameterization == "shift":
            # The trained array is w = s v: its scale is in the parameter itself.
            slope = self._parameter("direction", self.initial.direction * scale)
            slope = slope / jnp.asarray(half, dtype)
        else:
            slope = self._parameter("direction", self.initial.direction)
            factor = jnp.asarray(scale / half, dtype)
            if self.spec.parameterization == "log-scale":
                log_scale = self._parameter("log_scale", self.initial.log_scale)
                factor = jnp.exp(log_scale)[:, None] * factor
            slope = slope * factor
        offset = slope * (jnp.asarray(half, dtype) * shift - jnp.asarray(center, dtype))
        return x @ slope.T + offset.sum(1)

    def _parameter(self, name: str, value: Array) -> Any:
        return self.param(name, lambda _: jnp.asarray(value, _host.real()))


class FourierDense(linen.Module):
    """First layer z of a FourierFNN, whose sines are cos w·(x - x_0) and then sin w·(x - x_0).

    Frequencies that are fixed are constants of the traced function, like the box and the scale.
    """

    initial: Fourier
    spec: FourierSpec

    @linen.compact
    def __call__(self, x: Any) -> Any:
        dtype = _host.real()
        assert self.spec.domain is not None
        center, half = self.spec.domain.center, self.spec.domain.half_width
        direction = jnp.asarray(self.initial.direction, dtype)
        if self.spec.trainable:
            direction = self.param("direction", lambda _: direction)
        slope = direction * jnp.asarray(np.asarray(self.spec.slope_scale) / half, dtype)
        z = x @ slope.T - (slope * jnp.asarray(center, dtype)).sum(1)
        return jnp.concatenate([z + np.pi / 2, z], -1)


#: π in parts (Cody and Waite): the first times k is without rounding while k is below 2^16, and the
#: last is what float64 lacks.
_PI = 3.140625, math.pi - 3.140625, 1.2246467991473532e-16


def _series(z: Any) -> tuple[Any, Any]:
    """(sin z, cos z) to the accuracy of z's type, by power series after z is reduced by kπ.

    XLA calls a sine of the mathematical library on a CPU, number by number and anew in every
    derivative that it fuses, which makes a step nearly three times as long; series run as vectors.
    Measured.
    """
    k = jnp.round(z / math.pi)
    r = z
    for part in _PI:
        r = r - k * part
    q = r * r
    sine, cosine = jnp.ones_like(z), jnp.ones_like(z)
    # |r| is at most π/2: the first term left out is below 1e-9 in float32, 1e-18 in float64.
    for n in range(7 if z.dtype == jnp.float32 else 12, 0, -1):
        sine = 1 - q * sine / (2 * n * (2 * n + 1))
        cosine = 1 - q * cosine / (2 * n * (2 * n - 1))
    sign = 1 - 2 * (k - 2 * jnp.floor(k / 2))
    return sign * r * sine, sign * cosine


@jax.custom_jvp
def _circle(z: Any) -> tuple[Any, Any]:
    """(sin z, cos z), each the derivative of the other."""
    return tuple(
        jax.lax.platform_dependent(z, cpu=_series, default=lambda z: (jnp.sin(z), jnp.cos(z)))
    )


@_circle.defjvp
def _(primals: Any, tangents: Any) -> Any:
    sine, cosine = _circle(*primals)
    (tangent,) = tangents
    return (sine, cosine), (tangent * cosine, -tangent * sine)


def _sine(z: Any) -> Any:
    return _circle(z)[0]


def _activation(given: Any) -> Any:
    return _sine if is_sine(given) else _host.activation(given)


def _sines_first(n: int, others: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The activation of a layer: sin of its first n neurons, another of the others."""

    def activation(z: Any) -> Any:
        if n >= z.shape[-1]:
            return _sine(z)
        return jnp.concatenate([_sine(z[..., :n]), others(z[..., n:])], -1)

    return activation


class _JaxRepNet(RepNet):
    """Fields instead of an ``__init__``, as Flax wants it."""

    def __post_init__(self) -> None:
        if self.given is None:
            self.given = self._make_given()
            self.spec = settled(self.given)
            self.settled = self.spec is not None and not leaves_open(self.given)
        super().__post_init__()

    def _make_given(self) -> RepSpec:
        names = [parameter.name for parameter in keywords(self._make_spec)]
        own = {name: getattr(self, name) for name in names}
        return self._make_spec(self.layer_sizes, self.activation, self.kernel_initializer, **own)

    def calibrate(self, spec: RepSpec) -> None:
        self.spec = spec
        self.settled = True
        self.params = None  # Model.compile initializes them anew

    def apply_feature_transform(self, transform: Any) -> None:
        if self.params is not None:
            raise RuntimeError(
                f"the parameters of {type(self).__name__} exist already, and its first layer is "
                "made for other inputs; apply the feature transform before Model.compile."
            )
        super(RepNet, self).apply_feature_transform(transform)
        self.spec = None
        self.settled = False

    def setup(self) -> None:
        if self.spec is None:
            raise self._uncalibrated()
        activation = _activation(self.spec.activation)
        n = self.spec.n_sines
        several = [_sines_first(n, activation), *[activation] * (len(self.spec.fans) - 1)]
        # Past Flax, which would make a tuple of the list that DeepXDE looks for.
        object.__setattr__(self, "_activation", several if n else activation)
        weights = draw(self.spec)
        levels = []
        for depth, (level, fans) in enumerate(zip(weights, self.spec.fans, strict=True)):
            hidden = depth < len(weights) - 1
            made = [
                self._layer(a, n_out, hidden) for a, (_, n_out) in zip(level, fans, strict=True)
            ]
            levels.append(made if self._is_parallel(depth) else made[0])
        self.denses = levels

    def _is_parallel(self, depth: int) -> bool:
        sizes = self.given.layer_sizes
        last = depth + 1 == len(sizes) - 1
        return isinstance(sizes[depth + 1], tuple) or (last and isinstance(sizes[depth], tuple))

    def _layer(self, arrays: Rep | Fourier | Dense, units: int, hidden: bool) -> Any:
        if isinstance(arrays, Rep):
            return RepDense(arrays, self.spec)
        if isinstance(arrays, Fourier):
            return FourierDense(arrays, self.spec)
        dtype = _host.real()
        if arrays.kernel is not None:
            kernel = jnp.asarray(arrays.kernel, dtype)
            kernel_init = lambda key, shape, dtype=None: kernel  # noqa: E731
        else:
            custom = self.kernel_initializer
            gain = self.spec.hidden_gain if hidden else 1.0
            kernel_init = lambda key, shape, dtype=None: gain * custom(key, shape, dtype)  # noqa: E731
        # Flax keeps parameters in float32 unless told, whatever DeepXDE's float type is.
        return linen.Dense(units, kernel_init=kernel_init, param_dtype=dtype)

    def to_numpy(self, session: Any = None, *, levels: int | None = None) -> Weights:
        if self.params is None:
            if self.spec is None:
                raise self._uncalibrated()
            return draw(self.spec)[:levels]
        tree = self.params["params"]
        sizes = self.spec.fans
        result: Weights = []
        for depth, level in enumerate(sizes[:levels]):
            names = (
                [f"denses_{depth}_{j}" for j in range(len(level))]
                if self._is_parallel(depth)
                else [f"denses_{depth}"]
            )
            result.append([self._read(tree.get(name)) for name in names])
        return result

    def _read(self, arrays: Any) -> Rep | Fourier | Dense:
        if arrays is None:  # frequencies that are fixed
            assert isinstance(self.spec, FourierSpec)
            return draw_fourier(self.spec)
        values = {name: np.asarray(value, dtype=float) for name, value in arrays.items()}
        if "direction" not in values:
            return Dense(values["kernel"], values["bias"])
        direction = values["direction"]
        if "shift" not in values:
            return Fourier(direction)
        if self.spec.parameterization == "shift":
            direction = direction / np.asarray(self.spec.slope_scale)
        log_scale = values.get("log_scale", np.zeros(len(direction)))
        return Rep(direction, values["shift"], log_scale)


@document
class RepFNN(_JaxRepNet, _host.FNN, kw_only=True):
    domain: Any = None
    wavenumber: Any = None
    slope_scale: Any = None
    hidden_gain: float | None = None
    parameterization: str | None = None
    seed: int | None = None
    sines: float | None = None

    given: RepSpec | None = None
    spec: RepSpec | None = None
    settled: bool = False


@document
class RepPFNN(_JaxRepNet, _host.PFNN, kw_only=True):
    domain: Any = None
    wavenumber: Any = None
    slope_scale: Any = None
    hidden_gain: float | None = None
    parameterization: str | None = None
    seed: int | None = None
    sines: float | None = None

    given: RepSpec | None = None
    spec: RepSpec | None = None
    settled: bool = False


@document
class FourierFNN(FourierNet, _JaxRepNet, _host.FNN, kw_only=True):
    frequencies: Any = None
    trainable: bool = True
    domain: Any = None
    seed: int | None = None

    given: FourierSpec | None = None
    spec: FourierSpec | None = None
    settled: bool = False


class RepDeepONet:
    """Not there on JAX, where DeepXDE has no ``dde.nn.DeepONet`` to build on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        raise NotImplementedError(
            f"{name} does not exist with DeepXDE's backend jax: DeepXDE has no dde.nn."
            f"{name.removeprefix('Rep')} there to build on. Use PyTorch: DDE_BACKEND=pytorch."
        )


class RepDeepONetCartesianProd(RepDeepONet):
    """Not there on JAX, where DeepXDE has no ``dde.nn.DeepONetCartesianProd`` to build on."""
