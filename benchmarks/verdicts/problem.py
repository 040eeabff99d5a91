"""What a problem with a known verdict is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

#: Kind of problem -> the verdicts that are right, unless a problem says otherwise.
KINDS = {
    "linear": {"converged"},
    "nonlinear": {"converged"},
    "inverse": {"converged"},
    "noise": {"converged"},
    "out of reach": {"unresolved"},
    "undetermined": {"undetermined"},
    "mended": {"converged"},
    "contradictory": {"contradictory"},
    "singular": {"converged", "unresolved", "diverged"},
}


@dataclass(frozen=True)
class Case:
    """What a script hands to ``solve``, and what should come out.

    Attributes:
        problem: A ``dde.data.PDE``, a ``dde.data.TimePDE`` or a ``dde.Model``.
        exact: Points (N, d) -> solution (N, m); None where it is not unique or not known.
        unknowns: The ``dde.Variable`` objects that are sought too, each with its true value (None
            where it has none).
        options: Further arguments of ``solve``.
        mended: For an undetermined problem: the same with what was missing.
    """

    problem: Any
    exact: Callable[[np.ndarray], np.ndarray] | None = None
    unknowns: list[tuple[Any, float | None]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    mended: Case | None = None


@dataclass(frozen=True)
class Problem:
    """A line of the table.

    Attributes:
        kind: One of ``KINDS``.
        title: As the table shows it.
        right: The verdicts that are right.
        build: Makes the problem; noise is drawn from NumPy's global state.
        tol: Given to ``solve``.
        accuracy: Largest relative error, of an output or an unknown, with which "converged" is
            right.
    """

    kind: str
    title: str
    right: frozenset[str]
    build: Callable[[], Case]
    tol: float
    accuracy: float

    def is_right(self, verdict: str, error: float | None) -> bool:
        if verdict not in self.right:
            return False
        return verdict != "converged" or error is None or error <= self.accuracy


PROBLEMS: dict[str, Problem] = {}


def problem(
    kind: str,
    title: str,
    *,
    right: set[str] | None = None,
    tol: float = 1e-6,
    accuracy: float | None = None,
    name: str | None = None,
    **parameters: Any,
) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    """Add the decorated function to the list, under its name or another, with these parameters.

    Of several decorators of one function, the lowest comes first in the table.
    For an undetermined problem its mended version is added too.
    """
    if accuracy is None:
        accuracy = max(1e-3, 100 * tol)

    def add(build: Callable[..., Case]) -> Callable[..., Case]:
        def enter(key: str, kind: str, title: str, build: Callable[[], Case]) -> None:
            if key in PROBLEMS:
                raise ValueError(f"there are two problems with the name {key}")
            verdicts = right if right and kind != "mended" else KINDS[kind]
            PROBLEMS[key] = Problem(kind, title, frozenset(verdicts), build, tol, accuracy)

        key, make = name or build.__name__, partial(build, **parameters)
        enter(key, kind, title, make)
        if kind == "undetermined":
            enter(f"{key}_mended", "mended", title, lambda: make().mended)
        return build

    return add
