"""NumPy forward of a RepNet with exact first and second derivatives: the oracle of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..spec import Array, RepSpec, as_array
from .activations import Activation, get
from .initialize import Dense, Fourier, Rep, Weights


@dataclass(frozen=True)
class Fields:
    """A field at N points and its derivatives with respect to the d coordinates.

    Attributes:
        value: Shape (N, m).
        gradient: Shape (N, m, d), ``gradient[:, i, j] = du_i/dx_j``.
        hessian: Shape (N, m, d, d).
    """

    value: Array
    gradient: Array
    hessian: Array


def forward(spec: RepSpec, weights: Weights, x: Array) -> Fields:
    """Evaluate a network and its first two derivatives by the chain rule, layer by layer.

    With z the pre-activations of a layer and y = φ(z):
    ``∂y = φ'(z) ∂z`` and ``∂∂y = φ'(z) ∂∂z + φ''(z) ∂z ∂zᵀ``.

    Args:
        spec: A complete specification (domain and slope scale known), activations by name.
        weights: Its weights, from ``initialize.draw`` or read back from a backend.
        x: Points, shape (N, d), in the units of the domain.

    Returns:
        The output and its derivatives in the same units, in float64.

    Raises:
        ValueError: If the specification is not complete, an activation is not a known name, or x is
            not of finite numbers in this shape.
    """
    if spec.domain is None or spec.slope_scale is None:
        raise ValueError("the specification lacks a domain or a slope scale; complete it first.")
    x = as_array("x", x)
    if x.ndim != 2 or x.shape[1] != spec.dim or not np.isfinite(x).all():
        raise ValueError(f"x must be finite and of shape (N, {spec.dim}); its shape is {x.shape}.")
    inputs = [_identity(x)]
    last = len(weights) - 1
    for depth, level in enumerate(weights):
        if len(inputs) > 1 and len(level) == 1 and len(inputs) != len(level):
            inputs = [_concatenate(inputs)]
        if len(inputs) == 1:
            inputs = inputs * len(level)
        outputs = []
        for layer, field in zip(level, inputs, strict=True):
            if isinstance(layer, Dense):
                z = _dense(layer, field)
            else:
                z = _ridge(spec, layer, field)
            outputs.append(z if depth == last else _activated(spec, depth, z))
        inputs = outputs
    return inputs[0] if len(inputs) == 1 else _concatenate(inputs)


def _activated(spec: RepSpec, depth: int, z: Fields) -> Fields:
    activation, n = _activation(spec, depth), spec.n_sines if depth == 0 else 0
    if n == 0:
        return _activate(activation, z)
    waves = Fields(z.value[:, :n], z.gradient[:, :n], z.hessian[:, :n])
    others = Fields(z.value[:, n:], z.gradient[:, n:], z.hessian[:, n:])
    return _concatenate([_activate(get("sin"), waves), _activate(activation, others)])


def _activation(spec: RepSpec, depth: int) -> Activation:
    name: Any = spec.activation
    if isinstance(name, (list, tuple)):
        name = name[depth]
    if name is None:
        name = "linear"
    if not isinstance(name, str):
        raise ValueError(f"the oracle needs activations by name, not {name!r}.")
    return get(name)


def _identity(x: Array) -> Fields:
    n, d = x.shape
    return Fields(x, np.broadcast_to(np.eye(d), (n, d, d)), np.zeros((n, d, d, d)))


def _ridge(spec: RepSpec, layer: Rep | Fourier, field: Fields) -> Fields:
    assert spec.domain is not None
    slope, offset = layer.affine(np.asarray(spec.slope_scale))
    x = spec.domain.normalise(field.value)
    kernel = (slope / spec.domain.half_width).T
    return Fields(
        x @ slope.T + offset,
        np.einsum("nij,io->noj", field.gradient, kernel),
        np.einsum("nijk,io->nojk", field.hessian, kernel),
    )


def _dense(layer: Dense, field: Fields) -> Fields:
    assert layer.kernel is not None
    return Fields(
        field.value @ layer.kernel + layer.bias,
        np.einsum("nij,io->noj", field.gradient, layer.kernel),
        np.einsum("nijk,io->nojk", field.hessian, layer.kernel),
    )


def _activate(activation: Activation, z: Fields) -> Fields:
    first = activation.first(z.value)
    second = activation.second(z.value)
    return Fields(
        activation.value(z.value),
        first[:, :, None] * z.gradient,
        first[:, :, None, None] * z.hessian
        + second[:, :, None, None] * z.gradient[:, :, :, None] * z.gradient[:, :, None, :],
    )


def _concatenate(fields: list[Fields]) -> Fields:
    return Fields(
        np.concatenate([f.value for f in fields], axis=1),
        np.concatenate([f.gradient for f in fields], axis=1),
        np.concatenate([f.hessian for f in fields], axis=1),
    )
