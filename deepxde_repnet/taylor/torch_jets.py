"""A network's output and its derivatives in the inputs, with gradients in the parameters.

All derivatives go through a layer in one product of matrices: with a component for each derivative,
stacked over the points,

    z_A = h_A K   (+ bias where A is empty),     h_A = Σ_π σ^(r)(z) Π_{B in π} z_B

(Faà di Bruno's formula, see ``features``). The reverse pass is written out, so nothing is
differentiated twice. Where no component's h_B holds z_A but h_A itself (A is *maximal*, as u_xx in
most equations), the adjoint of z_A is that of the plain value, times the adjoint v_A of the output
D_A u at the point:

    ∂J/∂z_A = v_A ∂u/∂z

so all maximal components share one product in place of one each.

A sum of derivatives with constant factors is one component if it is asked for only as a whole, as
the Laplacian u_xx + u_yy is in most equations: with z_L = Σ c_A z_A, the terms of its parts that
have one block become σ'(z) z_L, and the parts are never formed.

Points are taken in blocks of one size, which fit the processor's cache.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard, cast

import torch

from .features import Axes, set_partitions
from .torch_sigma import Sigma

#: Σ c_A D_A: two or more derivatives, in their order, each with its factor; the first factor is 1.
Sum = tuple[tuple[Axes, float], ...]

#: What is carried: a derivative, or such a sum.
Component = Axes | Sum

#: (order r, distinct blocks with how often each occurs, factor)
Term = tuple[int, tuple[tuple[Component, int], ...], float]


def is_sum(component: Component) -> TypeGuard[Sum]:
    return len(component) > 0 and isinstance(component[0], tuple)


def summands(component: Component) -> Sum:
    """A component's derivatives with their factors."""
    return component if is_sum(component) else ((cast(Axes, component), 1.0),)


def blocks_of(axes: Axes) -> set[Axes]:
    """Derivatives that are multiplied with each other in Faà di Bruno's formula for one."""
    return {b for partition in set_partitions(axes) if len(partition) > 1 for b in partition}


def carried(asked: set[Component]) -> set[Component]:
    """What is to be carried for what is asked for: fewest components.

    A sum is one of them if two or more of its parts are then needed for nothing else; otherwise its
    parts are.
    """
    sums: set[Sum] = {a for a in asked if is_sum(a)}
    alone = {axes for a in asked if not is_sum(a) for axes, _ in summands(a)} | {()}
    while True:
        needed: set[Axes] = alone.union(*(blocks_of(axes) for axes in alone))
        needed = needed.union(*(blocks_of(axes) for s in sums for axes, _ in s))
        uses = Counter(axes for s in sums for axes, _ in s)
        own = {s: sum(uses[axes] == 1 and axes not in needed for axes, _ in s) for s in sums}
        resolved = {s for s in sums if own[s] < 2}
        if not resolved:
            return {*needed, *sums}
        sums -= resolved
        alone |= {axes for s in resolved for axes, _ in s}


class Plan:
    """Which derivatives are carried, and in which order they are stacked.

    Attributes:
        axes: The derivatives and sums, the value first and the maximal ones last.
        n_inner: Number of those that are not maximal.
        order: The highest.
    """

    def __init__(self, asked: set[Component]) -> None:
        found = carried(asked)
        blocks = set().union(*(blocks_of(axes) for c in found for axes, _ in summands(c)))
        ordered = sorted(found, key=summands)
        ordered.sort(key=lambda c: (is_sum(c), max(len(axes) for axes, _ in summands(c))))
        inner = [c for c in ordered if not c or c in blocks]
        self.axes = (*inner, *(c for c in ordered if c and c not in blocks))
        self.n_inner = len(inner)
        self.order = max(len(axes) for c in self.axes for axes, _ in summands(c))

    @cached_property
    def terms(self) -> dict[Component, list[Term]]:
        """Faà di Bruno's formula for each component, equal partitions taken together."""
        return {component: _terms(component) for component in self.axes}

    @cached_property
    def straight(self) -> dict[Component, list[tuple[int, float]]]:
        """For each component the axes of its first derivatives, with their factors."""
        return {c: [(axes[0], f) for axes, f in summands(c) if len(axes) == 1] for c in self.axes}


def _terms(component: Component) -> list[Term]:
    counts: defaultdict[tuple[Axes, ...], float] = defaultdict(float)
    for axes, factor in summands(component):
        for partition in set_partitions(axes):
            if len(partition) > 1:
                counts[tuple(sorted(partition))] += factor
    # The partition with one block, for all summands together; that of the value has none.
    whole: Term = (1, ((component, 1),), 1.0) if component else (0, (), 1.0)
    return [whole, *((len(p), tuple(Counter(p).items()), f) for p, f in counts.items())]


class Affine(NamedTuple):
    """Kernel (inputs, n) and bias (n,) of a layer; the parameters' gradients flow through them."""

    kernel: torch.Tensor
    bias: torch.Tensor


#: Of each hidden layer: its z_A without the bias, (K, block, n), or z alone, (block, n), of a layer
#: on the coordinates; and σ(z), (block, n). The h_A cost less to compute again than to keep.
Saved = list[tuple[torch.Tensor, torch.Tensor]]


def forward(
    points: torch.Tensor, layers: Sequence[Affine], sigmas: Sequence[Sigma], plan: Plan
) -> tuple[torch.Tensor, Saved]:
    """(D_A u) of one block, (K, block, m), and what ``backward`` needs.

    Args:
        points: (block, d); with an input transform the jet of the features, (K, block, f).
    """
    saved: Saved = []
    h = points
    for layer, sigma in zip(layers[:-1], sigmas, strict=True):
        z = h @ layer.kernel if h.ndim == 2 else _through(h, layer.kernel)
        by_axes = _by_axes(z, layer, plan)
        powers = sigma(by_axes[()], plan.order, None)
        # Lists that are stacked at the end: writing into slices keeps the compiler from fusing.
        h = torch.stack(_activated(by_axes, powers, plan))
        saved.append((z, powers[0]))
    out = _through(h, layers[-1].kernel)
    out[0] += layers[-1].bias
    return out, saved


def _by_axes(z: torch.Tensor, layer: Affine, plan: Plan) -> dict[Component, Any]:
    """z_A by axes. On the coordinates z_j is one row for all points, and higher ones are None."""
    rows: list[Any] = list(z.unbind(0)) if z.ndim == 3 else [z]
    if z.ndim == 2:
        rows += [_row(layer.kernel, plan.straight[axes]) for axes in plan.axes[1:]]
    rows[0] = rows[0] + layer.bias
    return dict(zip(plan.axes, rows, strict=True))


def _row(kernel: torch.Tensor, straight: list[tuple[int, float]]) -> torch.Tensor | None:
    """Σ c_j z_j on the coordinates; None of nothing."""
    total: Any = None
    for axis, factor in straight:
        row = kernel[axis] if factor == 1 else factor * kernel[axis]
        total = row if total is None else total + row
    return total


def _through(h: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    count, block, n = h.shape
    if n == 1:  # an outer product, which the compiler fuses with what reads it
        return h * kernel[0]
    return (h.reshape(count * block, n) @ kernel).reshape(count, block, -1)


def _power(z: torch.Tensor, exponent: int) -> torch.Tensor:
    result = z
    for _ in range(exponent - 1):
        result = result * z
    return result


def _product(z: dict[Component, Any], blocks: Any) -> Any:
    """Π z_B over blocks with their exponents; 1.0 of none, None where a factor is zero."""
    product: Any = 1.0
    for block, exponent in blocks:
        if exponent == 0:
            continue
        if z[block] is None:
            return None
        factor = _power(z[block], exponent)
        product = factor if isinstance(product, float) else product * factor
    return product


def _activated(
    z: dict[Component, Any], powers: list[torch.Tensor], plan: Plan
) -> list[torch.Tensor]:
    """h_A of each derivative."""
    h = [powers[0]]
    for axes in plan.axes[1:]:
        total: Any = None
        for order, blocks, times in plan.terms[axes]:
            product = _product(z, blocks)
            if product is None:
                continue
            if times != 1:
                product = times * product
            if total is None:
                total = powers[order] * product
            else:
                total.addcmul_(powers[order], product)
        h.append(torch.zeros_like(powers[0]) if total is None else total)
    return h


def backward(
    points: torch.Tensor,
    layers: Sequence[Affine],
    sigmas: Sequence[Sigma],
    plan: Plan,
    saved: Saved,
    adjoint: torch.Tensor,
) -> list[torch.Tensor]:
    """Gradients of J in each layer's kernel and bias, from ∂J/∂(D_A u), (K, block, m)."""
    m = adjoint.shape[2]
    shared = m < len(plan.axes) - plan.n_inner
    inner = plan.n_inner if shared else len(plan.axes)
    weights = adjoint[inner:]
    gradients = [_sum(adjoint[0])]
    # Of the layer above: adjoints of its z_A; of a shared component those of z for each output.
    zbar, above = adjoint[:inner], layers[-1].kernel
    if shared:
        unit = torch.eye(m, dtype=adjoint.dtype, device=adjoint.device)
        zbar = torch.cat([zbar, unit[:, None, :].expand(m, adjoint.shape[1], m)])
    for level in range(len(saved) - 1, -1, -1):
        z, value = saved[level]
        by_axes = _by_axes(z, layers[level], plan)
        powers = sigmas[level](by_axes[()], plan.order + 1, value)
        h = _activated(by_axes, powers, plan)
        gradient = _kernel_gradient(torch.stack(h[:inner]), zbar[:inner])
        if shared:
            gradient += _shared_gradient(h[inner:], weights, zbar[inner:])
        gradients.append(gradient)
        zbar = _deactivated(by_axes, powers, plan, _through(zbar, above.T), weights, inner)
        gradients.append(_sum(zbar[0]))
        above = layers[level].kernel
    if points.ndim == 2:
        gradient = points.T @ zbar[0]
        for k, axes in enumerate(plan.axes):
            if plan.straight[axes]:
                row = zbar[k] if k < inner else _weighted(weights[k - inner], zbar[inner:])
                total = _sum(row)
                for axis, factor in plan.straight[axes]:
                    gradient[axis] += factor * total
    else:
        gradient = _kernel_gradient(points[:inner], zbar[:inner])
        if shared:
            gradient += _shared_gradient(list(points[inner:]), weights, zbar[inner:])
    gradients.append(gradient)
    return gradients[::-1]


def _sum(rows: torch.Tensor) -> torch.Tensor:
    """Over the first axis, as a product: the compiler's sums walk down single columns."""
    return (rows.new_ones((1, len(rows))) @ rows)[0]


def _kernel_gradient(h: torch.Tensor, zbar: torch.Tensor) -> torch.Tensor:
    """Σ_A h_Aᵀ z̄_A."""
    return h.reshape(-1, h.shape[2]).T @ zbar.reshape(-1, zbar.shape[2])


def _weighted(weights: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
    """Σ_i v_i p_i for weights (block, m) and parts (m, block, n)."""
    total = weights[:, :1] * parts[0]
    for i in range(1, len(parts)):
        total.addcmul_(weights[:, i : i + 1], parts[i])
    return total


def _shared_gradient(
    h: list[torch.Tensor], weights: torch.Tensor, parts: torch.Tensor
) -> torch.Tensor:
    """Σ_A h_Aᵀ (Σ_i v_A,i p_i), summed over A first."""
    summed = []
    for i in range(len(parts)):
        total = weights[0, :, i : i + 1] * h[0]
        for k in range(1, len(h)):
            total.addcmul_(weights[k, :, i : i + 1], h[k])
        summed.append(total)
    return _kernel_gradient(torch.stack(summed), parts)


def _deactivated(
    z: dict[Component, Any],
    powers: list[torch.Tensor],
    plan: Plan,
    bar: torch.Tensor,
    weights: torch.Tensor,
    inner: int,
) -> torch.Tensor:
    """Adjoints of z from those of h: of the inner components, then of the value for each output."""
    zbar = [powers[1] * part for part in bar.unbind(0)]
    sums: dict[int, torch.Tensor] = {}
    for k, axes in enumerate(plan.axes[1:], 1):
        g = bar[k] if k < inner else _weighted(weights[k - inner], bar[inner:])
        for order, blocks, times in plan.terms[axes]:
            product = _product(z, blocks)
            if product is None:
                continue
            term = g * product if times == 1 else g * (times * product)
            sums[order] = sums[order].add_(term) if order in sums else term
            if order == 1:
                continue  # what it adds to the adjoint of z_A is there already
            for block, exponent in blocks:
                factor = _product(z, [(b, e - (b == block)) for b, e in blocks])
                zbar[plan.axes.index(block)].addcmul_(
                    powers[order] * g, factor, value=times * exponent
                )
    for order, total in sums.items():
        zbar[0].addcmul_(powers[order + 1], total)
    return torch.stack(zbar)
