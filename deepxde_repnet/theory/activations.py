"""Activation functions with their first two derivatives, by DeepXDE's names.

All functions are elementwise, return float64 and stay finite for every finite argument. At a kink
(``relu``, ``elu``, ``selu`` at 0) a derivative takes its limit from the left, as the deep-learning
frameworks do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr

FloatArray = NDArray[np.float64]

# Klambauer et al., arXiv 1706.02515: the fixed point of mean 0 and variance 1.
_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True)
class Activation:
    """An activation φ and its derivatives.

    Attributes:
        name: DeepXDE's name of it.
        value: z -> φ(z), elementwise on an array of any shape.
        first: z -> φ'(z).
        second: z -> φ''(z).
    """

    name: str
    value: Callable[[ArrayLike], FloatArray]
    first: Callable[[ArrayLike], FloatArray]
    second: Callable[[ArrayLike], FloatArray]


def _float64(z: ArrayLike) -> FloatArray:
    return np.asarray(z, dtype=np.float64)


def _tanh(z: ArrayLike) -> FloatArray:
    return np.tanh(_float64(z))


def _tanh_first(z: ArrayLike) -> FloatArray:
    # 1 - tanh² cancels for large |z|, and cosh² overflows.
    e: FloatArray = np.exp(-2 * np.abs(_float64(z)))
    return 4 * e / (1 + e) ** 2


def _tanh_second(z: ArrayLike) -> FloatArray:
    return -2 * _tanh(z) * _tanh_first(z)


def _relu(z: ArrayLike) -> FloatArray:
    return np.maximum(_float64(z), 0.0)


def _relu_first(z: ArrayLike) -> FloatArray:
    return np.where(_float64(z) > 0, 1.0, 0.0)


def _zero(z: ArrayLike) -> FloatArray:
    return np.zeros_like(_float64(z))


def _sin(z: ArrayLike) -> FloatArray:
    return np.sin(_float64(z))


def _sin_first(z: ArrayLike) -> FloatArray:
    return np.cos(_float64(z))


def _sin_second(z: ArrayLike) -> FloatArray:
    return -np.sin(_float64(z))


def _normal_density(z: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi))


def _gelu(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return np.asarray(z * ndtr(z))


def _gelu_first(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return np.asarray(ndtr(z) + z * _normal_density(z))


def _gelu_second(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return (2 - z**2) * _normal_density(z)


def _sigmoid(z: ArrayLike) -> FloatArray:
    return np.asarray(expit(_float64(z)))


def _sigmoid_first(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return np.asarray(expit(z) * expit(-z))


def _sigmoid_second(z: ArrayLike) -> FloatArray:
    # 1 - 2σ(z) = -tanh(z/2)
    return -_sigmoid_first(z) * np.tanh(_float64(z) / 2)


def _silu(z: ArrayLike) -> FloatArray:
    return _float64(z) * _sigmoid(z)


def _silu_first(z: ArrayLike) -> FloatArray:
    return _sigmoid(z) + _float64(z) * _sigmoid_first(z)


def _silu_second(z: ArrayLike) -> FloatArray:
    return 2 * _sigmoid_first(z) + _float64(z) * _sigmoid_second(z)


def _softplus(z: ArrayLike) -> FloatArray:
    return np.logaddexp(0.0, _float64(z))


def _elu(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0.0)))


def _elu_first(z: ArrayLike) -> FloatArray:
    return np.exp(np.minimum(_float64(z), 0.0))


def _elu_second(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return np.where(z > 0, 0.0, np.exp(np.minimum(z, 0.0)))


def _selu(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return _SELU_SCALE * np.where(z > 0, z, _SELU_ALPHA * np.expm1(np.minimum(z, 0.0)))


def _selu_first(z: ArrayLike) -> FloatArray:
    z = _float64(z)
    return _SELU_SCALE * np.where(z > 0, 1.0, _SELU_ALPHA * np.exp(np.minimum(z, 0.0)))


def _selu_second(z: ArrayLike) -> FloatArray:
    return np.asarray(_SELU_SCALE * _SELU_ALPHA * _elu_second(z))


def _linear(z: ArrayLike) -> FloatArray:
    return np.array(z, dtype=np.float64)


def _one(z: ArrayLike) -> FloatArray:
    return np.ones_like(_float64(z))


_SILU = Activation("silu", _silu, _silu_first, _silu_second)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "elu": Activation("elu", _elu, _elu_first, _elu_second),
        "gelu": Activation("gelu", _gelu, _gelu_first, _gelu_second),
        "linear": Activation("linear", _linear, _one, _zero),
        "relu": Activation("relu", _relu, _relu_first, _zero),
        "selu": Activation("selu", _selu, _selu_first, _selu_second),
        "sigmoid": Activation("sigmoid", _sigmoid, _sigmoid_first, _sigmoid_second),
        "silu": _SILU,
        "sin": Activation("sin", _sin, _sin_first, _sin_second),
        "softplus": Activation("softplus", _softplus, _sigmoid, _sigmoid_first),
        "swish": _SILU,
        "tanh": Activation("tanh", _tanh, _tanh_first, _tanh_second),
    }
)
"""Every activation by its name. ``gelu`` is z Φ(z), the exact form; ``swish`` is ``silu``."""


def get(name: str) -> Activation:
    """The activation of that name; case does not matter.

    Raises:
        TypeError: `name` is not a string, for instance a function of some framework.
        ValueError: no activation has that name.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"activation must be a name, got {name!r}; write one of {', '.join(ACTIVATIONS)}"
        )
    try:
        return ACTIVATIONS[name.lower()]
    except KeyError:
        raise ValueError(
            f"unknown activation {name!r}; write one of {', '.join(ACTIVATIONS)}"
        ) from None


def derivatives(name: str, z: ArrayLike, order: int) -> list[FloatArray]:
    """φ(z), φ'(z), ..., φ^(order)(z), each from those before it.

    With y' = c + a y - y² (tanh: a = 0; the logistic function: a = 1), Leibniz' rule gives
    ``y^(r+1) = a y^(r) - Σ_k C(r, k) y^(k) y^(r-k)``. Of z f(z) the derivatives are
    ``z f^(r) + r f^(r-1)``, and those of the normal density φ, with Φ' = φ,
    ``Φ^(r+1) = -z Φ^(r) - (r-1) Φ^(r-1)``.

    Raises:
        TypeError, ValueError: As ``get``.
    """
    activation, z = get(name), _float64(z)
    kind, values = activation.name, [activation.value(z)]
    if order == 0:
        return values
    values.append(activation.first(z))
    if kind == "tanh" or kind == "sigmoid":
        _riccati(values, order, 1.0 if kind == "sigmoid" else 0.0)
    elif kind == "sin":
        values += [-values[r % 2] * (-1) ** (r // 2 - 1) for r in range(2, order + 1)]
    elif kind == "softplus":
        return [values[0], *derivatives("sigmoid", z, order - 1)]
    elif kind == "silu":
        return _times_z(z, derivatives("sigmoid", z, order))
    elif kind == "gelu":
        normal = [np.asarray(ndtr(z)), _normal_density(z)]
        for r in range(1, order):
            normal.append(-z * normal[r] - (r - 1) * normal[r - 1] * (r > 1))
        return _times_z(z, normal)
    else:  # exponentials and zeros, which are their own derivatives
        values += [activation.second(z)] * (order - 1)
    return values


def _riccati(values: list[FloatArray], order: int, a: float) -> None:
    for r in range(1, order):
        products = (comb(r, k) * values[k] * values[r - k] for k in range(r + 1))
        values.append(a * values[r] - sum(products))


def _times_z(z: FloatArray, factor: list[FloatArray]) -> list[FloatArray]:
    later = [z * factor[r] + r * factor[r - 1] for r in range(1, len(factor))]
    return [z * factor[0], *later]
