"""A clock that stands still while the error is taken."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from typing import Any

from benchmarks.libraries.problems import TARGETS, Array, Problem

#: Seconds of training between two looks at the error, and their share of the time passed: times are
#: known to the larger of the two.
EVERY, SHARE = 0.25, 0.02


def one_core() -> None:
    """Hold this process to one core, where the system can: XLA has no count of threads to set."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


class Watch:
    """Measures when training reaches each of ``targets``, and how long it has been at it.

    It runs from its making on, so that building the model and compiling it count.

    Args:
        problem: Whose error is taken, at its test points.
        budget: Seconds after which training is to stop.
        clock: Seconds from some moment on; another one in tests.
    """

    def __init__(
        self, problem: Problem, budget: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.problem, self.budget, self.clock = problem, budget, clock
        self.looks: list[tuple[float, float]] = []
        self.first_step: float | None = None
        self.iterations = 0
        self.over = False
        self._away = 0.0
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Time passed, less that of looking."""
        return self.clock() - self._began - self._away

    def step(self, predict: Callable[[Array], Array], iterations: int = 1) -> bool:
        """An iteration, or several, is done: look if it is time to. Whether training is over."""
        now = self.seconds
        self.iterations += iterations
        if self.first_step is None:
            self.first_step = now
        elif now < self.budget and now - self.looks[-1][0] < max(EVERY, SHARE * now):
            return False
        return self.look(predict)

    def look(self, predict: Callable[[Array], Array]) -> bool:
        """Take the error now. Whether the last target is reached or the time is up."""
        now = self.seconds
        left = self.clock()
        self.looks.append((now, self.problem.error(predict)))
        self._away += self.clock() - left
        self.over = now >= self.budget or self.looks[-1][1] <= min(TARGETS)
        return self.over

    def report(self) -> dict[str, Any]:
        """What is kept of a run; a time is None where the error was not reached."""
        reached = {
            f"{target:.0e}": next((round(s, 3) for s, e in self.looks if e <= target), None)
            for target in TARGETS
        }
        finite = [error for _, error in self.looks if math.isfinite(error)]
        seconds, error = self.looks[-1]
        return {
            "reached": reached,
            "first_step": round(self.first_step if self.first_step is not None else seconds, 3),
            "seconds": round(seconds, 3),
            "error": error if math.isfinite(error) else None,
            "best": min(finite, default=None),
            "iterations": self.iterations,
        }
