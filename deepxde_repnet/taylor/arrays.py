"""NumPy in the place of a framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..spec import Array
from ..theory import activations
from .features import Jet


class NumPyArrays:
    """What ``Features`` needs, for activations that ``theory.activations`` knows by name."""

    def asarray(self, values: Array) -> Array:
        return np.asarray(values, dtype=float)

    def activation(self, identifier: Any) -> Callable[[Array, int], Array]:
        activations.get(identifier)
        return lambda z, order: activations.derivatives(identifier, z, order)[order]

    def cat(self, arrays: list[Array], dim: int = 0) -> Array:
        return np.concatenate(arrays, axis=dim)

    def transformed(self, transform: Any, x: Array) -> Jet:
        raise NotImplementedError("transforms belong to a framework.")
