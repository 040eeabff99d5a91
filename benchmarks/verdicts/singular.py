"""Nonlinear problems that are hard from the zero state, or whose solution ends.

They may be solved or not. What is not right is an error, or "converged" with a wrong solution.
"""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from .common import d1, d2, exp, line, observed, script, start, value
from .nonlinear import lotka_volterra_case
from .problem import Case, problem

singular = partial(problem, "singular")
NO_SOLUTION = {"contradictory", "unresolved", "diverged", "stopped"}
#: They iterate in vain, or for long.
LIMITS = {"max_features": 300, "seconds": 10.0}


def first_order(rate, first, end):
    """y' = rate(y) from t = 0 on."""
    geom = dde.geometry.TimeDomain(0, end)
    return script(geom, lambda t, y: d1(y, t) - rate(y), [start(geom, first)])


@singular("y' = 1/y")
def reciprocal():
    return Case(first_order(lambda y: 1 / y, 1.0, 2), lambda t: np.sqrt(1 + 2 * t))


@singular("y' = -√y (Torricelli)")
def square_root():
    data = first_order(lambda y: -dde.backend.torch.sqrt(y), 1.0, 1.5)
    return Case(data, lambda t: (1 - t / 2) ** 2)


@singular("y' = -y log y (Gompertz)")
def logarithm():
    data = first_order(lambda y: -y * dde.backend.torch.log(y), 0.1, 4)
    return Case(data, lambda t: np.exp(np.log(0.1) * np.exp(-t)))


@singular("y' = -e^k y from k = 20")
def poor_start():
    geom, exponent = dde.geometry.TimeDomain(0, 2), dde.Variable(20.0)

    def exact(t):
        return np.exp(-1.5 * t)

    conditions = [start(geom, 1), observed(line(0.2, 2, 10), exact)]
    data = script(geom, lambda t, y: d1(y, t) + exp(exponent) * y, conditions)
    return Case(data, exact, [(exponent, np.log(1.5))])


@singular("an unknown that fits best at infinity", right={"diverged", "unresolved", "undetermined"})
def unbounded_unknown():
    """y' = -y/(1 + k²) with values that do not decay."""
    geom, unknown = dde.geometry.TimeDomain(0, 2), dde.Variable(1.0)
    conditions = [start(geom, 1), observed(line(0.2, 2, 10), lambda t: np.ones_like(t))]
    return Case(
        script(geom, lambda t, y: d1(y, t) + y / (1 + unknown**2), conditions),
        unknowns=[(unknown, None)],
    )


@singular(
    "predator and prey, a long time", right={"converged", "unresolved", "diverged", "stopped"}
)
def lotka_volterra_long():
    return lotka_volterra_case(1.0, seconds=10.0)


@singular("y' = y² beyond its pole", right=NO_SOLUTION)
def blow_up():
    return Case(first_order(lambda y: y**2, 1.0, 2), options=LIMITS)


@singular("Bratu beyond its largest parameter", right=NO_SOLUTION)
def bratu_without_solution():
    geom = dde.geometry.Interval(0, 1)
    return Case(script(geom, lambda x, y: d2(y, x) + 4 * exp(y), value(geom, 0)), options=LIMITS)


@singular("(u')² = 1, u = 0 at both ends", right=NO_SOLUTION)
def eikonal():
    geom = dde.geometry.Interval(0, 1)
    return Case(script(geom, lambda x, y: d1(y, x) ** 2 - 1, value(geom, 0)), options=LIMITS)
