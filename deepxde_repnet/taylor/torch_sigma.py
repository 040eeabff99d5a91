"""Activations on PyTorch with all their derivatives at once, in operations that compile."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import comb
from typing import Any

import torch

from .. import _host
from .pytorch import _differentiated

#: (z, highest order, σ(z) where it is known or None) -> σ(z), σ'(z), ..., σ^(order)(z).
Sigma = Callable[[torch.Tensor, int, "torch.Tensor | None"], list[torch.Tensor]]


def _riccati(values: list[torch.Tensor], order: int, own: float) -> list[torch.Tensor]:
    """Derivatives of a y with ``y' = c + own·y - y²``, from y and y'.

    By Leibniz ``y^(r+1) = own·y^(r) - Σ_k C(r, k) y^(k) y^(r-k)``; the halves of the sum are equal.
    """
    for r in range(1, order):
        total = None
        for k in range((r + 1) // 2):
            term = 2 * comb(r, k) * values[k] * values[r - k]
            total = term if total is None else total + term
        if r % 2 == 0:
            middle = comb(r, r // 2) * values[r // 2] * values[r // 2]
            total = middle if total is None else total + middle
        assert total is not None
        values.append(own * values[r] - total if own else -total)
    return values


def _tanh(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
    t = torch.tanh(z) if value is None else value
    return _riccati([t, 1 - t * t], order, 0.0) if order else [t]


def _sigmoid(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
    s = torch.sigmoid(z) if value is None else value
    return _riccati([s, s - s * s], order, 1.0) if order else [s]


def _sin(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
    values = [torch.sin(z) if value is None else value]
    if order:
        values.append(torch.cos(z))
    for r in range(2, order + 1):
        values.append(-values[r - 2])
    return values


def _relu(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
    values = [torch.relu(z) if value is None else value]
    if order:
        values.append((z > 0).to(z.dtype))
    return values + [torch.zeros_like(z)] * (order - 1)


def _times_z(z: torch.Tensor, factor: list[torch.Tensor]) -> list[torch.Tensor]:
    """Derivatives of z f(z): ``z f^(r) + r f^(r-1)``."""
    later = [z * factor[r] + r * factor[r - 1] for r in range(1, len(factor))]
    return [z * factor[0], *later]


def _silu(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
    return _times_z(z, _sigmoid(z, order, None))


def _gelu(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
    """z Φ(z), where Φ' = φ is the normal density and ``Φ^(r+1) = -z Φ^(r) - (r-1) Φ^(r-1)``."""
    normal = [0.5 * (1 + torch.erf(z * math.sqrt(0.5)))]
    if order:
        normal.append(torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))
    for r in range(1, order):
        normal.append(-z * normal[r] - (r - 1) * normal[r - 1] if r > 1 else -z * normal[1])
    return _times_z(z, normal)


def _functions() -> dict[Any, Sigma]:
    """Those in closed form: by PyTorch's functions, and by DeepXDE's, which are its own."""
    functional = torch.nn.functional
    known: dict[Any, Sigma] = {
        torch.tanh: _tanh,
        torch.sin: _sin,
        torch.sigmoid: _sigmoid,
        torch.relu: _relu,
        functional.relu: _relu,
        functional.silu: _silu,
        functional.gelu: _gelu,
    }
    by_name = {
        "tanh": _tanh,
        "sin": _sin,
        "sigmoid": _sigmoid,
        "relu": _relu,
        "silu": _silu,
        "gelu": _gelu,
    }
    return known | {_host.activation(name): values for name, values in by_name.items()}


def sigma(function: Any) -> tuple[Sigma, bool]:
    """An elementwise function with its derivatives, and whether they can be compiled.

    tanh, sin, sigmoid, ReLU, SiLU and GELU in closed form, others by automatic differentiation.
    """
    known = _functions().get(function)
    if known is not None:
        return known, True
    return (lambda z, order, _: [_differentiated(function, r)(z) for r in range(order + 1)]), False


def with_sines(n: int, others: Sigma) -> Sigma:
    """sin of the first n neurons, another activation of the others."""

    def both(z: torch.Tensor, order: int, value: torch.Tensor | None) -> list[torch.Tensor]:
        if n >= z.shape[1]:
            return _sin(z, order, value)
        known = (None, None) if value is None else (value[:, :n], value[:, n:])
        first, rest = _sin(z[:, :n], order, known[0]), others(z[:, n:], order, known[1])
        return [torch.cat([a, b], 1) for a, b in zip(first, rest, strict=True)]

    return both
