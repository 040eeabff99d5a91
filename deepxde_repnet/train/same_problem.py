"""Whether a script still has the problem of a checkpoint: it gives the same loss there.

A fingerprint holds sizes and names. An equation is a function, whose coefficients nobody can read.
But at the same points and parameters it gives the same loss, to rounding, if it is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _host
from . import state

#: Rounding differs with the number of threads, the processor and the framework's version. What it
#: does to a loss is estimated by rounding the parameters otherwise, several times: where training
#: has gone well, a residual is a small difference of large terms. So many times that is allowed,
#: beside the root of the float type's precision, relative.
OF_ROUNDING, ROUNDINGS = 100.0, 3


def loss_now(model: Any) -> dict[str, Any] | None:
    """The terms of the test loss, and what else they depend on, for a checkpoint.

    The test loss, since no dropout and no batch is in it. None where it can differ by itself: see
    ``_host.test_losses``.
    """
    terms = _terms(model)
    if terms is None or not np.isfinite(terms).all():
        return None
    return {
        "terms": terms,
        "weights": _host.traced_loss_weights(model),
        "devices": _host.devices(),
    }


def difference(model: Any, kept: dict[str, Any] | None) -> str | None:
    """Which terms of the loss are not what they were, in words; None if all are.

    Args:
        model: With the points and parameters of the checkpoint.
        kept: What ``loss_now`` gave for that one.
    """
    now = None if kept is None else loss_now(model)
    if kept is None or now is None:
        return None
    if any(now[name] != kept[name] for name in ("weights", "devices")):
        return None  # not comparable
    a, b = kept["terms"], now["terms"]
    names = _host.loss_names(model, len(b))
    if len(a) != len(b):
        return f"the loss has {len(b)} terms ({', '.join(names)}), and had {len(a)}"
    precision = float(np.finfo(_host.real(np)).eps)
    allowed = precision**0.5 * np.abs(a) + precision * np.abs(a).sum()
    if np.all(np.abs(b - a) <= allowed):
        return None
    again = _terms(model)
    if again is None or np.any(np.abs(again - b) > allowed):
        return None  # random by itself
    rounded = _at_rounded_parameters(model, precision)
    allowed += OF_ROUNDING * np.max([np.abs(terms - b) for terms in rounded], axis=0)
    other = [i for i in range(len(a)) if not abs(b[i] - a[i]) <= allowed[i]]
    if not other:
        return None
    return "; ".join(f"the loss of {names[i]} is {b[i]:.3g}, and was {a[i]:.3g}" for i in other)


def _terms(model: Any) -> np.ndarray | None:
    # In one process alone: only the first of several writes checkpoints.
    with state.undisturbed(), state.alone(model):
        return _host.test_losses(model)


def _at_rounded_parameters(model: Any, precision: float) -> list[np.ndarray]:
    """The terms of the loss with parameters that are rounded otherwise."""
    held = state.values(model)
    generator = np.random.default_rng(0)
    found = []
    try:
        for _ in range(ROUNDINGS):
            rounded = {
                name: (a * (1 + precision * generator.standard_normal(a.shape))).astype(a.dtype)
                for name, a in held.items()
            }
            state.set_values(model, rounded)
            found.append(_terms(model))
    finally:
        state.set_values(model, held)
    return [terms for terms in found if terms is not None]
