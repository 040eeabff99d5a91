"""Unknown constants and fields from observed values."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from ..verdicts import inverse as known
from ..verdicts import linear
from ..verdicts.common import (
    columns,
    d1,
    d2,
    line,
    observed,
    operator,
    part,
    pi,
    side,
    value,
)
from .problem import Script, of_case, problem, script

inverse = partial(problem, "inverse")


@inverse("diffusivity, 10 values of u", [2, 32, 32, 32, 1], 4000, of="diffusivity")
def diffusivity():
    """u_t = D u_xx + f with 40 points; D is 1, guessed as 2."""
    case = known.diffusivity(0.0, 10)
    return of_case(case, 40, 20, 10, anchors=case.problem.bcs[-1].points)


@inverse("heat equation, diffusivity, 20 values of u", [2, 20, 20, 20, 1], 4000, of="diffusivity")
def heat_diffusivity():
    """The heat equation with 40 points; its diffusivity is 0.4, guessed as 1."""
    given, unknown = linear.heat().problem, dde.Variable(1.0)
    points = np.random.default_rng(0).random((20, 2))
    conditions = [*given.bcs, observed(points, linear.heat_solution)]

    def pde(x, y):
        return d1(y, x, 1) - unknown * d2(y, x)

    data = script(given.geom, pde, conditions, 40, 20, 10, anchors=points)
    return Script(data, linear.heat_solution, [(unknown, 0.4)])


@inverse("u'''' = -1, beam with an unknown slope at its end", [1, 20, 20, 20, 1], 1500, of="slope")
def beam_slope():
    """u(0) = 0, u'(0) = s, u''(1) = u'''(1) = 0, and u at four points; s is 1/4, guessed as 0."""
    geom, slope = dde.geometry.Interval(0, 1), dde.Variable(0.0)

    def exact(x):
        return x / 4 - (x**4) / 24 + x**3 / 6 - x**2 / 4

    conditions = [
        value(geom, 0, side(0, 0)),
        operator(geom, lambda x, y: d1(y, x) - slope, side(0, 0)),
        operator(geom, lambda x, y: d2(y, x), side(0, 1)),
        operator(geom, lambda x, y: dde.grad.jacobian(d2(y, x), x), side(0, 1)),
        observed(line(0.25, 1, 4), exact),
    ]
    return Script(script(geom, linear.beam(-1), conditions, 10, 2), exact, [(slope, 0.25)])


@inverse(
    "Lorenz, 25 values of each variable",
    [1, 40, 40, 40, 3],
    2000,
    lbfgs=1000,
    of="three constants",
)
def lorenz():
    """DeepXDE's example for a unit of time: σ = 10, ρ = 15, β = 8/3, all guessed as 1."""
    case = known.lorenz_inverse(end=1)
    return of_case(case, 60, 2, anchors=case.problem.bcs[-1].points)


@inverse("logistic growth, 60 values with 5% noise", [1, 20, 20, 20, 1], 5000, of="rate")
def growth():
    """y' = r y (1 - y); r is 1.5, guessed as 0.5."""
    return of_case(known.growth(), 30, 2)


@inverse("damped oscillator, 25 values", [1, 32, 32, 32, 1], 2500, lbfgs=300, of="two constants")
def oscillator():
    """y'' + c y' + k y = 0; k is 9, guessed as 5, and c is 0.5, guessed as 0.1."""
    return of_case(known.oscillator(), 50, 2)


@inverse("-u'' = q(x), 30 values of u", [1, 20, 20, 20, 2], 2500, lbfgs=500, of="q(x)")
def source():
    """DeepXDE's inverse field: q = π² sin πx is an output."""
    geom = dde.geometry.Interval(-1, 1)

    def pde(x, y):
        return -d2(y, x, 0, 0) - columns(y)[1]

    def exact(x):
        return np.hstack([np.sin(pi * x), pi**2 * np.sin(pi * x)])

    points = line(-1, 1, 30)
    conditions = [value(geom, part(exact, 0)), observed(points, exact)]
    data = script(geom, pde, conditions, 40, 2, anchors=points)
    return Script(data, exact, outputs=(1,), loss_weights=[1, 100, 1000])
