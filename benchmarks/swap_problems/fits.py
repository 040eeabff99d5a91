"""Functions from their values."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from ..verdicts.common import columns, square
from .problem import Script, problem

fit = partial(problem, "fits")


@fit("x sin 5x from 16 values", [1, 20, 20, 20, 1], 8000)
def sixteen_values():
    """DeepXDE's example, on [-1, 1]."""

    def exact(x):
        return x * np.sin(5 * x)

    return Script(dde.data.Function(dde.geometry.Interval(-1, 1), exact, 16, 100), exact)


def hills(x):
    """Franke's function on the unit square."""
    a, b = (9 * axis for axis in columns(x))
    return (
        0.75 * np.exp(-((a - 2) ** 2 + (b - 2) ** 2) / 4)
        + 0.75 * np.exp(-((a + 1) ** 2) / 49 - (b + 1) / 10)
        + 0.5 * np.exp(-((a - 7) ** 2 + (b - 3) ** 2) / 4)
        - 0.2 * np.exp(-((a - 4) ** 2) - (b - 7) ** 2)
    )


@fit("Franke's function from 100 values with 1% noise", [2, 32, 32, 32, 1], 8000)
def noisy_values():
    """A ``dde.data.DataSet`` of scattered points."""
    train, test = np.random.random((2, 100, 2))
    values, seen = hills(train), hills(test)
    values = values + 0.01 * np.std(values) * np.random.standard_normal(values.shape)
    return Script(dde.data.DataSet(train, values, test, seen), hills, domain=square())


@fit("the logistic function from 20 values", [1, 20, 20, 20, 1], 8000)
def step_of_values():
    """1 / (1 + e⁻ˣ) on [-6, 6]."""

    def exact(x):
        return 1 / (1 + np.exp(-x))

    return Script(dde.data.Function(dde.geometry.Interval(-6, 6), exact, 20, 100), exact)
