"""What an ordinary script is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import deepxde as dde
import numpy as np

from ..verdicts.problem import Case

GROUPS = (
    "ordinary differential equations",
    "steady, in the plane and in space",
    "in time",
    "inverse",
    "fits",
)
TEST_POINTS = 4000
TEST_SEED = 12345  # no training has it


@dataclass(frozen=True)
class Script:
    """What a script defines beside its network, and the truth.

    Attributes:
        data: Any ``dde.data`` object.
        exact: Points (N, d) -> all outputs (N, m), a formula or a trusted reference.
        unknowns: The ``dde.Variable`` objects that are sought, each with its true value.
        outputs: The outputs whose error counts; all, if None.
        domain: Where the error is measured; None is the geometry of the data.
    """

    data: Any
    exact: Callable[[Any], Any]
    unknowns: list[tuple[Any, float]] = field(default_factory=list)
    outputs: tuple[int, ...] | None = None
    feature_transform: Callable[[Any], Any] | None = None
    output_transform: Callable[[Any, Any], Any] | None = None
    loss_weights: list[float] | None = None
    domain: Any = None

    def test_points(self) -> np.ndarray:
        """The same for every training; none of them is a training point."""
        dde.config.set_random_seed(TEST_SEED)
        domain = self.data.geom if self.domain is None else self.domain
        return domain.random_points(TEST_POINTS).astype(float)

    def error(self, model: dde.Model) -> float:
        """The largest relative error of an unknown; without any, the relative L2 error."""
        if self.unknowns:
            return max(abs(float(found.detach()) / true - 1) for found, true in self.unknowns)
        x = self.test_points()
        exact, predicted = self.exact(x), model.predict(x)
        if self.outputs is not None:
            exact, predicted = exact[:, self.outputs], predicted[:, self.outputs]
        return dde.metrics.l2_relative_error(exact, predicted)


@dataclass(frozen=True)
class Problem:
    """A line of the table.

    Attributes:
        group: One of ``GROUPS``.
        title: As the table shows it.
        of: Whose error counts, as the table shows it; empty where it is the solution's.
        layers: Sizes of the layers.
        steps: Of Adam, with a learning rate of 1e-3.
        lbfgs: Iterations of L-BFGS after that.
        build: Makes the script; what is random is drawn from NumPy's global state.
    """

    name: str
    group: str
    title: str
    of: str
    layers: tuple[int, ...]
    steps: int
    lbfgs: int
    activation: str
    initializer: str
    build: Callable[[], Script]


PROBLEMS: dict[str, Problem] = {}


def problem(
    group: str,
    title: str,
    layers: list[int],
    steps: int,
    *,
    lbfgs: int = 0,
    of: str = "",
    activation: str = "tanh",
    name: str | None = None,
    **parameters: Any,
) -> Callable[[Callable[..., Script]], Callable[..., Script]]:
    """Add the decorated function to the list, under its name or another, with these parameters.

    Of several decorators of one function, the lowest comes first in the table.
    """

    def add(build: Callable[..., Script]) -> Callable[..., Script]:
        key = name or build.__name__
        if key in PROBLEMS:
            raise ValueError(f"there are two problems with the name {key}")
        PROBLEMS[key] = Problem(
            key,
            group,
            title,
            of,
            tuple(layers),
            steps,
            lbfgs,
            activation,
            "Glorot uniform",
            partial(build, **parameters),
        )
        return build

    return add


def script(geom: Any, pde: Any, conditions: Any, *counts: int, **options: Any) -> Any:
    """``dde.data.PDE`` or ``TimePDE`` with these numbers of points, as scripts give them.

    Args:
        counts: In the domain, on the boundary and, in time, at the start.
    """
    in_time = isinstance(geom, dde.geometry.GeometryXTime)
    kind = dde.data.TimePDE if in_time else dde.data.PDE
    return kind(geom, pde, conditions, *counts, **({"num_test": 1000} | options))


def of_case(case: Case, *counts: int, anchors: Any = None, **options: Any) -> Script:
    """A problem of ``benchmarks.verdicts`` with these numbers of points."""
    given = case.problem
    assert case.exact is not None
    data = script(given.geom, given.pde, given.bcs, *counts, anchors=anchors)
    unknowns = [(unknown, true) for unknown, true in case.unknowns if true is not None]
    return Script(data, case.exact, unknowns, **options)
