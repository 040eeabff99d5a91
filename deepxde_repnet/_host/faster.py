"""Derivatives from elsewhere, and a part of the training points for each process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import deepxde as dde
import numpy as np
from deepxde.gradients import gradients_reverse

from .core import conditions, is_batched, is_point_set, undisturbed


@contextlib.contextmanager
def derivatives_from(serve: Callable[[Any, Any, int | None, int | None], Any]) -> Iterator[None]:
    """Have ``dde.grad`` ask ``serve(ys, xs, i, j)`` for J[i, j] first, which may answer None."""
    jacobian, hessian = gradients_reverse.jacobian, gradients_reverse.hessian

    @functools.wraps(jacobian)
    def served_jacobian(ys: Any, xs: Any, i: int | None = None, j: int | None = None) -> Any:
        found = serve(ys, xs, i, j)
        return jacobian(ys, xs, i=i, j=j) if found is None else found

    @functools.wraps(hessian)
    def served_hessian(ys: Any, xs: Any, component: int = 0, i: int = 0, j: int = 0) -> Any:
        first = serve(ys, xs, component, i)
        found = None if first is None else serve(first, xs, 0, j)
        if found is not None:
            return found
        return hessian(ys, xs, component=component, i=i, j=j)

    gradients_reverse.jacobian, gradients_reverse.hessian = served_jacobian, served_hessian
    try:
        yield
    finally:
        gradients_reverse.jacobian, gradients_reverse.hessian = jacobian, hessian


def not_plain_training(model: Any) -> str | None:
    """Why a compiled model's step is none of loss, gradient and optimizer alone; None if it is."""
    if model.train_step is None:
        raise ValueError("the model is not compiled; call model.compile(...) first.")
    if not isinstance(model.data, (dde.data.PDE, dde.data.DataSet, dde.data.Function)):
        return f"its data are {type(model.data).__name__}"
    if isinstance(model.data, (dde.data.IDE, dde.data.FPDE)):
        return f"its data are {type(model.data).__name__}, with integrals over many points"
    if model.opt_name == "NNCG":
        return "NNCG differentiates the gradient once more"
    if dde.config.mixed:
        return "it trains in mixed precision"
    if dde.config.autodiff != "reverse":
        return "dde.config.set_default_autodiff is not 'reverse'"
    return None


def penalises_parameters(net: Any) -> bool:
    """Whether DeepXDE adds a loss of the parameters themselves; "l2" is left to the optimizer."""
    return net.regularizer is not None and net.regularizer[0] == "l1"


def training_batch(model: Any) -> tuple[Any, Any, Any]:
    """(inputs, targets, auxiliary variables) that training begins with."""
    with undisturbed():
        batch = model.data.train_next_batch(model.batch_size)
    return (*batch, None) if len(batch) == 2 else tuple(batch)


@dataclass(frozen=True)
class Share:
    """One process's part of the training points.

    Attributes:
        rows: Of ``train_x``, (n,), in the order of that array: conditions first.
        counts: Points of each condition, as ``num_bcs``.
        weights: Of the mean over this part in the mean over all points: for each condition, and
            last for the equations (or the targets).
        parts: Of each condition's own points, which of them.
    """

    rows: np.ndarray
    counts: list[int]
    weights: list[float]
    parts: list[np.ndarray]


def share_of_points(data: Any, n: int, rank: int, size: int) -> Share:
    """Every size-th point of each condition and of the n - Σ num_bcs others, beginning at rank.

    Pairs of points stay together. What has fewer points than there are processes is given to each
    of them whole.
    """

    def part(count: int) -> tuple[np.ndarray, float]:
        if count < size:
            return np.arange(count), 1.0 / size
        rows = np.arange(rank, count, size)
        return rows, len(rows) / count

    counts = [int(c) for c in getattr(data, "num_bcs", None) or []]
    starts = np.cumsum([0, *counts])
    parts, weights = [], []
    for condition, count in zip(conditions(data), counts, strict=True):
        if isinstance(condition, (dde.icbc.PeriodicBC, dde.icbc.Interface2DBC)):
            half, weight = part(count // 2)
            rows = np.concatenate([half, half + count // 2])
        else:
            rows, weight = part(count)
        parts.append(rows)
        weights.append(weight)
    rest, weight = part(n - int(starts[-1]))
    rows = np.concatenate(
        [start + p for start, p in zip(starts, [*parts, rest], strict=True)]
    ).astype(int)
    return Share(rows, [len(p) for p in parts], [*weights, weight], parts)


@contextlib.contextmanager
def sharing(data: Any, share: Share, points: np.ndarray) -> Iterator[None]:
    """Have a problem's losses computed at a share of its points, which are ``train_x[rows]``."""
    if not hasattr(data, "num_bcs"):
        yield
        return
    held: list[tuple[Any, str, Any]] = [(data, "train_x", points), (data, "num_bcs", share.counts)]
    for condition, rows in zip(conditions(data), share.parts, strict=True):
        if is_batched(condition):
            held.append((condition, "batch_indices", np.asarray(condition.batch_indices)[rows]))
        elif is_point_set(condition) and dde.backend.ndim(condition.values) > 0:
            held.append((condition, "values", condition.values[rows]))
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in held]
    for owner, name, value in held:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
