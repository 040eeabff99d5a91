"""What a checkpoint says about the frequencies of a FourierFNN.

The function depends on the seed and the distribution, not on the parameters alone: their root mean
square is the scale of the trained tensor, and frequencies that are fixed are drawn anew on JAX.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ...spec import is_number
from ...theory import frequencies
from ...theory.frequencies import LogUniform, Normal, Samples, StudentT, Uniform

_BY_NAME = {kind.__name__: kind for kind in (LogUniform, Normal, StudentT, Uniform)}

#: Numbers by which a distribution is told from another that is described in the same words.
_DRAWS = 8


def described(given: Any) -> Any:
    """The argument ``frequencies`` of a network in words, equal for equal distributions."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Samples):
        return _described(given)
    return [_described(axis) for axis in given]


def _described(axis: Any) -> str:
    name = type(axis).__name__
    numbers = _numbers(axis)
    if numbers is not None:
        return f"{name}({', '.join(f'{key}={value:g}' for key, value in numbers.items())})"
    # Four digits: a function of the user's may be rounded otherwise on another machine.
    draws = np.ravel(axis.sample(np.random.default_rng(0), _DRAWS))
    drawn = f"{name} that draws {', '.join(f'{k:.4g}' for k in draws)}"
    if not isinstance(axis, Samples):
        return drawn
    size = float(np.sqrt(np.mean(axis.values**2)))
    return f"{drawn} of {list(axis.values.shape)} values of root mean square {size:.4g}"


def _numbers(axis: Any) -> dict[str, float] | None:
    """The arguments of a distribution, if these are numbers alone."""
    if not dataclasses.is_dataclass(axis):
        return None
    values = {f.name: getattr(axis, f.name) for f in dataclasses.fields(axis)}
    if not all(is_number(value) for value in values.values()):
        return None
    return {name: float(value) for name, value in values.items()}


def plain(joint: Any) -> Any:
    """A distribution as numbers and arrays; None for one that only the script knows."""
    if isinstance(joint, Samples):
        return np.array(joint.values)
    if not all(type(axis) in _BY_NAME.values() for axis in joint):
        return None
    return [[type(axis).__name__, _numbers(axis)] for axis in joint]


def from_plain(kept: Any) -> frequencies.Joint:
    """The distribution that ``plain`` was given."""
    if isinstance(kept, np.ndarray):
        return Samples(kept)
    return tuple(_BY_NAME[name](**numbers) for name, numbers in kept)
