"""What the libraries are compared on, in NumPy alone: each runs in an environment of its own.

The equations are those of ``examples/``, written once more in the language of each library; a test
holds the solutions and test points here to those of the examples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

#: Hidden layers of the network that every library trains where the cost of a step is measured.
HIDDEN = (64, 64, 64)
#: Relative L2 errors that are waited for.
TARGETS = (1e-1, 1e-2, 1e-3)


@dataclass(frozen=True)
class Problem:
    """A problem with an exact solution, and where its error is taken.

    lower, upper : bounds of the box, one entry per axis.
    solution : points (N, d) -> values (N, 1).
    per_axis : test points along each axis, an even grid with the boundary.
    num_domain, num_boundary : collocation points where all libraries have the same number.
    """

    label: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    solution: Callable[[Array], Array]
    per_axis: int
    num_domain: int
    num_boundary: int

    @property
    def dim(self) -> int:
        return len(self.lower)

    def test_points(self) -> Array:
        """The even grid that the examples take their error on, (per_axis^d, d)."""
        axes = [
            np.linspace(low, up, self.per_axis)
            for low, up in zip(self.lower, self.upper, strict=True)
        ]
        return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, self.dim)

    def error(self, predict: Callable[[Array], Array]) -> float:
        """Relative L2 error of ``predict`` at the test points; NaN where it is not finite."""
        x = self.test_points()
        exact = self.solution(x)
        found = np.asarray(predict(x), dtype=np.float64).reshape(exact.shape)
        return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def multiscale(x: Array) -> Array:
    return np.sin(2 * np.pi * x) + 0.1 * np.sin(50 * np.pi * x)


def waves(x: Array) -> Array:
    k = 4 * np.pi
    return np.sin(k * x[:, 0:1]) * np.sin(k * x[:, 1:2])


def one_and_four(x: Array) -> Array:
    return np.sin(np.pi * x[:, 0:1]) * np.sin(4 * np.pi * x[:, 1:2])


def standing(x: Array) -> Array:
    slow = np.sin(np.pi * x[:, 0:1]) * np.cos(2 * np.pi * x[:, 1:2])
    return slow + 0.5 * np.sin(4 * np.pi * x[:, 0:1]) * np.cos(8 * np.pi * x[:, 1:2])


def peak(x: Array) -> Array:
    return 1 / (1 + 25 * ((x[:, 0:1] - 0.5) ** 2 + (x[:, 1:2] - 0.3) ** 2))


def layer(x: Array) -> Array:
    return np.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1))


def _square(
    label: str, solution: Callable[[Array], Array], lower: float = 0.0, upper: float = 1.0
) -> Problem:
    return Problem(label, (lower,) * 2, (upper,) * 2, solution, 101, 2500, 400)


PROBLEMS = {
    "poisson_1d_multiscale": Problem(
        "poisson-1d-multiscale", (0.0,), (1.0,), multiscale, 5001, 512, 2
    ),
    "helmholtz_2d": _square("helmholtz-2d, n = 2", waves),
    "helmholtz_1_4": _square("helmholtz-1-4", one_and_four, -1.0, 1.0),
    "wave_1d": _square("wave-1d", standing),
    "poisson_peak_2d": _square("peak, -Δu = f", peak),
    "layer_2d": _square("layer, Δu = f", layer),
    "nonlinear_2d": _square("nonlinear, -Δu + u³ = f", waves),
}
#: Trained on.
TRAINED = ("poisson_1d_multiscale", "helmholtz_2d")
