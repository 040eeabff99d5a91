"""Problems without a solution: conditions, values or equations contradict each other."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from .common import (
    at_start,
    boundary,
    d1,
    d2,
    laplacian,
    line,
    observed,
    operator,
    periodic,
    pi,
    script,
    side,
    sin,
    space_time,
    square,
    start,
    value,
)
from .linear import heat_equation, wave_equation
from .problem import Case, problem

contradictory = partial(problem, "contradictory")
FEW = {"max_features": 600}


@contradictory("u = 0 and u = 1 on one side")
def two_values():
    geom = square()
    conditions = [value(geom, 0), value(geom, 1, side(0, 0))]
    return Case(script(geom, lambda x, y: -laplacian(y, x) - 1, conditions))


@contradictory("u = 0 and u = 1 at one end of an ODE")
def two_values_1d():
    geom = dde.geometry.Interval(0, 1)
    conditions = [value(geom, 0), value(geom, 1, side(0, 0))]
    return Case(script(geom, lambda x, y: -d2(y, x) - 1, conditions))


@contradictory(
    "u_t = 1 at t = 0 also where the ends are held", right={"contradictory", "unresolved"}
)
def velocity_at_held_ends():
    geom = space_time(0, 1, 1)
    struck = operator(geom, lambda x, y: d1(y, x, 1) - 1, at_start)
    return Case(script(geom, wave_equation, [value(geom, 0), start(geom, 0), struck]), options=FEW)


@contradictory("-Δu = 1, no flux through the boundary")
def neumann_imbalance():
    geom = square()
    closed = dde.icbc.NeumannBC(geom, lambda x: np.zeros((len(x), 1)), boundary)
    return Case(script(geom, lambda x, y: -laplacian(y, x) - 1, closed))


@contradictory("-u'' = 1 + sin 2πx, periodic")
def periodic_imbalance():
    geom = dde.geometry.Interval(0, 1)
    data = script(geom, lambda x, y: -d2(y, x) - 1 - sin(2 * pi * x), periodic(geom, 0))
    return Case(data, options={"max_features": 300})


@contradictory("y' = 0 and 50 exact values of sin 3x")
def values_against_equation():
    geom = dde.geometry.Interval(0, 2)
    conditions = [
        value(geom, 0, side(0, 0)),
        observed(line(0, 2, 50), lambda x: np.sin(3 * x)),
    ]
    return Case(script(geom, lambda x, y: d1(y, x), conditions))


@contradictory("oscillator, values of another frequency")
def other_frequency():
    geom = dde.geometry.TimeDomain(0, 5)
    conditions = [
        start(geom, 1),
        operator(geom, lambda t, y: d1(y, t), at_start),
        observed(line(0, 5, 50), lambda t: np.cos(3 * t)),
    ]
    return Case(script(geom, lambda t, y: d2(y, t) + 4 * y, conditions))


@contradictory("growth from 1 at rate 1, and 5 at t = 1")
def two_times():
    geom = dde.geometry.TimeDomain(0, 1)
    conditions = [start(geom, 1), observed([[1.0]], lambda t: 5 * t)]
    return Case(script(geom, lambda t, y: d1(y, t) - y, conditions))


@contradictory("second-order ODE, three conditions that disagree")
def three_conditions():
    geom = dde.geometry.Interval(0, 1)
    conditions = [value(geom, 0), operator(geom, lambda x, y: d1(y, x) - 1, side(0, 0))]
    return Case(script(geom, lambda x, y: -d2(y, x) - pi**2 * sin(pi * x), conditions))


@contradictory("-u'' - π² u = sin πx at resonance")
def resonance_driven():
    geom = dde.geometry.Interval(0, 1)

    def pde(x, y):
        return -d2(y, x) - pi**2 * y - sin(pi * x)

    return Case(script(geom, pde, value(geom, 0)))


@contradictory("Stokes flow, more flows in than out")
def unbalanced_inflow():
    geom = square()

    def pde(x, y):
        return [
            -laplacian(y, x, 0) + d1(y, x, 0, 2),
            -laplacian(y, x, 1) + d1(y, x, 1, 2),
            d1(y, x, 0, 0) + d1(y, x, 1, 1),
        ]

    # A parabolic profile enters on the left, half of it leaves on the right.
    def profile(x):
        return 4 * x[:, 1:] * (1 - x[:, 1:]) * (1 - x[:, :1] / 2)

    def walls(x, on_boundary):
        return on_boundary and bool(np.isclose(x[1], 0) or np.isclose(x[1], 1))

    conditions = [
        *(value(geom, profile, side(0, end)) for end in (0, 1)),
        value(geom, 0, walls),
        value(geom, 0, component=1),
        dde.icbc.PointSetBC(np.array([[0.0, 0.0]]), np.array([[0.0]]), component=2),
    ]
    return Case(script(geom, pde, conditions), options={"max_features": 300})


@contradictory("heat equation with wrong values at the end time")
def wrong_end_values():
    geom = space_time(0, 1, 1)
    points = np.hstack([line(0, 1, 20), np.ones((20, 1))])
    conditions = [
        value(geom, 0),
        start(geom, lambda x: np.sin(pi * x[:, :1])),
        observed(points, lambda x: 0.5 * np.sin(pi * x[:, :1])),
    ]
    return Case(script(geom, heat_equation, conditions))


@contradictory("an ODE system with one equation too many")
def surplus_equation():
    geom = dde.geometry.TimeDomain(0, 2)
    conditions = [start(geom, 1)]
    return Case(script(geom, lambda t, y: [d1(y, t) + y, d1(y, t) + 2 * y], conditions))
