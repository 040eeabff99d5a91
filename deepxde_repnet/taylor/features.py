"""The outputs of a network's last hidden layer and their derivatives, all at once.

A derivative is named by its axes, sorted: ``()`` is the value, ``(0,)`` is ∂/∂x_0, ``(0, 0, 1)`` is
∂³/∂x_0²∂x_1. They are carried forward layer by layer, without automatic differentiation. Through
an activation, h = σ(z), that is Faà di Bruno's formula, a sum over the set partitions π of the axes
A, of r blocks each:

    D_A h = Σ_π σ^(r)(z) Π_{B in π} D_B z

(Hardy, Combinatorics of partial derivatives, Electronic Journal of Combinatorics 13, 2006, R1).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol

import numpy as np

from ..spec import Array, RepSpec
from ..theory.initialize import Dense, Weights

Axes = tuple[int, ...]
Tensor = Any

#: A field at N points: axes -> its derivative, (N, n), or (1, n) where it is the same at every
#: point, or None where it is zero.
Jet = Callable[[Axes], Tensor | None]

#: Kernel (inputs, n) and bias (1, n) of a layer.
Affine = tuple[Tensor, Tensor]

#: (level, branch, jet of the layer's inputs, jet of its z) -> a jet to use for z.
Watch = Callable[[int, int, Jet, Jet], Jet]


class Arrays(Protocol):
    """What is needed of a framework, in float64."""

    def asarray(self, values: Array) -> Tensor:
        """A NumPy array as a tensor on the device in use."""

    def activation(self, identifier: Any) -> Callable[[Tensor, int], Tensor]:
        """(z, r) -> σ^(r)(z) for an activation by name or as a function."""

    def cat(self, arrays: list[Tensor], dim: int = 0) -> Tensor:
        """Arrays joined along an axis."""

    def transformed(self, transform: Any, x: Tensor) -> Jet:
        """The jet of an input transform at points x."""


def with_axis(axes: Axes, j: int) -> Axes:
    """The derivative differentiated once more, along axis j."""
    return tuple(sorted((*axes, j)))


@cache
def set_partitions(axes: Axes) -> tuple[tuple[Axes, ...], ...]:
    """All partitions of a sequence of axes into blocks; equal axes count as different.

    ``(0, 1)`` gives ``((0, 1),)`` and ``((0,), (1,))``; there is one, the empty one, of ``()``.
    """
    if not axes:
        return ((),)
    first, rest = axes[0], axes[1:]
    found = []
    for partition in set_partitions(rest):
        found.append(((first,), *partition))
        for i, block in enumerate(partition):
            joined = tuple(sorted((first, *block)))
            found.append((*partition[:i], joined, *partition[i + 1 :]))
    return tuple(found)


@cache
def tanh_polynomial(order: int) -> np.polynomial.Polynomial:
    """Q_r with tanh^(r) = (1 - t²) Q_r(t): Q_1 = 1, Q_{r+1} = ((1 - t²) Q_r)'."""
    polynomial = np.polynomial.Polynomial([1.0])
    for _ in range(order - 1):
        polynomial = (np.polynomial.Polynomial([1.0, 0.0, -1.0]) * polynomial).deriv()
    return polynomial


class Features:
    """The last hidden layer of a RepFNN or RepPFNN as features of the coordinates.

    Args:
        spec: The network's complete specification.
        weights: Its weights, as ``net.to_numpy()`` gives them.
        arrays: The framework that computes.
        transform: The network's input transform, or None.

    Attributes:
        sizes: Number of features of each branch. A network has one branch that serves all its
            outputs, or several with outputs of their own.
        branch_of_output: For each output the index of its branch.
    """

    def __init__(
        self, spec: RepSpec, weights: Weights, arrays: Arrays, transform: Any = None
    ) -> None:
        if spec.domain is None or spec.slope_scale is None:
            raise ValueError(
                "the specification lacks a domain or a slope scale; complete it first."
            )
        self._arrays, self._transform = arrays, transform
        self._levels = [[self._affine(spec, layer) for layer in level] for level in weights[:-1]]
        named = spec.activation
        listed = isinstance(named, (list, tuple))
        self._activations = [
            arrays.activation(named[i] if listed else named) for i in range(len(weights) - 1)
        ]
        if spec.n_sines:
            self._activations[0] = self._with_sines(self._activations[0], spec.n_sines)
        self.sizes = tuple(kernel.shape[1] for kernel, _ in self._levels[-1])
        if len(weights[-1]) == 1 < len(self.sizes):
            raise ValueError("an output layer that joins several branches is not supported.")
        self.branch_of_output = tuple(
            branch if len(self.sizes) > 1 else 0
            for branch, layer in enumerate(weights[-1])
            for _ in range(len(layer.bias))  # type: ignore[union-attr]
        )

    def _with_sines(
        self, others: Callable[[Tensor, int], Tensor], n: int
    ) -> Callable[[Tensor, int], Tensor]:
        """The activation of a layer whose first n neurons give sin z."""
        sine = self._arrays.activation("sin")

        def activation(z: Tensor, order: int) -> Tensor:
            if n >= z.shape[1]:
                return sine(z, order)
            return self._arrays.cat([sine(z[:, :n], order), others(z[:, n:], order)], 1)

        return activation

    def _affine(self, spec: RepSpec, layer: Any) -> Affine:
        """Kernel (inputs, n) and bias (1, n) of a layer, the normalisation folded in."""
        if isinstance(layer, Dense):
            assert layer.kernel is not None
            kernel, bias = layer.kernel, layer.bias
        else:
            assert spec.domain is not None and spec.slope_scale is not None
            slope, offset = layer.affine(np.asarray(spec.slope_scale))
            slope = slope / spec.domain.half_width
            kernel, bias = slope.T, offset - slope @ spec.domain.center
        return self._arrays.asarray(kernel), self._arrays.asarray(bias[None, :])

    @property
    def levels(self) -> list[list[Affine]]:
        """Kernel (inputs, n) and bias (1, n) of every hidden layer, level by level.

        Those of the first act on the coordinates themselves: the normalisation is folded in.
        """
        return self._levels

    def moved(self, levels: list[list[Affine]]) -> Features:
        """The same network with other kernels and biases."""
        other = copy.copy(self)
        other._levels = levels
        return other

    def at(self, x: Tensor, watch: Watch | None = None) -> Evaluated:
        """The features at points x (N, d), evaluated as far as they are asked for.

        Args:
            watch: Called for each hidden layer; what it returns takes the place of that layer's z.
        """
        if self._transform is None:
            fields = [_coordinates(x, self._arrays)]
        else:
            fields = [self._arrays.transformed(self._transform, x)]
        for depth, (level, activation) in enumerate(
            zip(self._levels, self._activations, strict=True)
        ):
            fields = fields * len(level) if len(fields) == 1 else fields
            ridges = list(_through(level, fields))
            if watch is not None:
                ridges = [watch(depth, j, fields[j], z) for j, z in enumerate(ridges)]
            if depth < len(self._levels) - 1:
                fields = [_activated(z, activation) for z in ridges]
        last = [
            _Ridges(z, self._activations[-1], size)
            for z, size in zip(ridges, self.sizes, strict=True)
        ]
        return Evaluated(last)


class Evaluated:
    """Features at certain points."""

    def __init__(self, branches: list[_Ridges]) -> None:
        self._branches = branches

    def combine(self, branch: int, coefficients: Mapping[Axes, Tensor]) -> Tensor:
        """``Σ_A c_A D_A h`` for the n features h of a branch, shape (N, n).

        Args:
            coefficients: c_A by axes, each (N, 1).
        """
        return self._branches[branch].combine(coefficients)


def _through(level: list[Affine], fields: list[Jet]) -> Iterator[Jet]:
    for (kernel, bias), field in zip(level, fields, strict=True):
        yield _affine_jet(field, kernel, bias)


def _affine_jet(field: Jet, kernel: Tensor, bias: Tensor) -> Jet:
    @cache
    def jet(axes: Axes) -> Tensor | None:
        inner = field(axes)
        if inner is None:
            return None
        product = inner @ kernel
        return product if axes else product + bias

    return jet


def _coordinates(x: Tensor, arrays: Arrays) -> Jet:
    axes_of_space = arrays.asarray(np.eye(x.shape[1]))

    def jet(axes: Axes) -> Tensor | None:
        if not axes:
            return x
        return axes_of_space[axes[0]][None, :] if len(axes) == 1 else None

    return jet


def _activated(z: Jet, activation: Callable[[Tensor, int], Tensor]) -> Jet:
    power = cache(lambda order: activation(z(()), order))

    @cache
    def jet(axes: Axes) -> Tensor | None:
        total = None
        for partition in set_partitions(axes):
            product = _product(z, partition)
            if product is None:
                continue
            term = power(len(partition)) if not partition else power(len(partition)) * product
            total = term if total is None else total + term
        return total

    return jet


def _product(z: Jet, partition: tuple[Axes, ...]) -> Tensor | None:
    """Π_B D_B z; 1 for the empty partition, None where a factor is zero."""
    product: Tensor = 1.0
    for block in partition:
        factor = z(block)
        if factor is None:
            return None
        product = factor if isinstance(product, float) else product * factor
    return product


class _Ridges:
    """The activated last hidden layer."""

    def __init__(self, z: Jet, activation: Callable[[Tensor, int], Tensor], size: int) -> None:
        self._z, self._size = z, size
        self._power = cache(lambda order: activation(z(()), order))

    def combine(self, coefficients: Mapping[Axes, Tensor]) -> Tensor:
        # Terms of one order share σ^(r): for a shallow network, whose D_B z do not depend on the
        # point, their sum is a product of small matrices and no derivative is ever stored.
        sums: dict[int, Tensor] = {}
        for axes, c in coefficients.items():
            for partition in set_partitions(axes):
                product = _product(self._z, partition)
                if product is not None:
                    order = len(partition)
                    term = c * product
                    sums[order] = term if order not in sums else sums[order] + term
        total = None
        for order, weight in sums.items():
            term = self._power(order) * weight
            total = term if total is None else total + term
        if total is None:
            return 0.0 * self._power(0)
        return total
