"""Problems with one solution that the allowed features do not resolve."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from .common import (
    at_start,
    columns,
    cos,
    d1,
    d2,
    exp,
    laplacian,
    operator,
    pi,
    script,
    side,
    sin,
    space_time,
    square,
    start,
    value,
)
from .nonlinear import burgers_data
from .problem import Case, problem

out_of_reach = partial(problem, "out of reach")
FEW = {"max_features": 600}
BRIEF = {"max_features": 300, "seconds": 10.0}


@out_of_reach("-ε u'' + u' = 1, ε = 1e-5")
def boundary_layer():
    geom, epsilon = dde.geometry.Interval(0, 1), 1e-5

    def exact(x):
        return x - np.exp((x - 1) / epsilon)

    data = script(geom, lambda x, y: -epsilon * d2(y, x) + d1(y, x) - 1, value(geom, 0))
    return Case(data, exact, options=FEW)


@out_of_reach("-u'' = a source of width 0.001")
def narrow_source():
    geom, width = dde.geometry.Interval(0, 1), 1e-3

    def pde(x, y):
        return d2(y, x) + exp(-(((x - 0.3) / width) ** 2)) / (width * pi**0.5)

    def exact(x):
        return np.minimum(0.7 * x, 0.3 * (1 - x))  # but for the width of the source

    return Case(script(geom, pde, value(geom, 0)), exact, options=FEW)


@out_of_reach("Burgers, ν = 0.001/π", right={"unresolved", "stopped"})
def burgers_shock():
    return Case(burgers_data(0.001 / pi), options=BRIEF)


@out_of_reach("-Δu = 0, r^(2/3) at the corner of an L", tol=1e-9)
def corner_singularity():
    geom = dde.geometry.Polygon([[0, 0], [0, 1], [-1, 1], [-1, -1], [1, -1], [1, 0]])

    def exact(x):
        a, b = columns(x)
        angle = (np.arctan2(b, a) - pi / 2) % (2 * pi)
        return (a**2 + b**2) ** (1 / 3) * np.sin(2 / 3 * angle)

    return Case(script(geom, lambda x, y: -laplacian(y, x), value(geom, exact)), exact, options=FEW)


@out_of_reach("-a(x) Δu = 1, a jumps from 1 to 100")
def jumping_coefficient():
    geom = square()

    def pde(x, y):
        conductivity = 1 + 99 * (x[:, :1] > 0.5)
        return -conductivity * laplacian(y, x) - 1

    return Case(script(geom, pde, value(geom, 0)), options=FEW)


@out_of_reach("Allen-Cahn, D = 1e-4, 2 seconds allowed", right={"unresolved", "stopped"})
def allen_cahn():
    geom = space_time(-1, 1, 1)

    def pde(x, y):
        return d1(y, x, 1) - 1e-4 * d2(y, x, 0) - 5 * (y - y**3)

    conditions = [value(geom, -1), start(geom, lambda x: x[:, :1] ** 2 * np.cos(pi * x[:, :1]))]
    return Case(script(geom, pde, conditions), options={"seconds": 2.0})


@out_of_reach("-Δu - k² u = f, 225 half waves, 500 features")
def many_waves():
    geom, n = square(), 30 * pi

    def pde(x, y):
        a, b = columns(x)
        return -laplacian(y, x) - 8000 * y - (2 * n**2 - 8000) * sin(n * a) * sin(n * b)

    def exact(x):
        return np.sin(n * x[:, :1]) * np.sin(n * x[:, 1:])

    return Case(script(geom, pde, value(geom, 0)), exact, options={"max_features": 500})


@out_of_reach("van der Pol, μ = 1000", right={"unresolved", "diverged", "stopped"})
def stiff_van_der_pol():
    """In time over μ, as is usual."""
    geom = dde.geometry.TimeDomain(0, 2)

    def ode(t, y):
        return 1e-6 * d2(y, t) - (1 - y**2) * d1(y, t) + y

    conditions = [start(geom, 2), operator(geom, lambda t, y: d1(y, t), at_start)]
    return Case(script(geom, ode, conditions), options=BRIEF)


@out_of_reach(
    "heat, u = 1 at first and 0 at the ends", tol=1e-8, right={"unresolved", "contradictory"}
)
def heat_shock():
    geom = space_time(0, 1, 0.2)

    def exact(x):
        a, t = columns(x)
        n = np.arange(1, 400, 2)
        modes = 4 / (pi * n) * np.sin(pi * n * a) * np.exp(-((pi * n) ** 2) * t)
        return modes.sum(1, keepdims=True)

    data = script(geom, lambda x, y: d1(y, x, 1) - d2(y, x, 0), [value(geom, 0), start(geom, 1)])
    return Case(data, exact, options=FEW)


@out_of_reach("Stokes flow in a cavity with a moving lid", right={"unresolved", "contradictory"})
def lid_driven_cavity():
    geom = square()

    def pde(x, y):
        return [
            -laplacian(y, x, 0) + d1(y, x, 0, 2),
            -laplacian(y, x, 1) + d1(y, x, 1, 2),
            d1(y, x, 0, 0) + d1(y, x, 1, 1),
        ]

    still = [side(0, 0), side(0, 1), side(1, 0)]
    conditions = [
        value(geom, 1, side(1, 1), 0),
        *(value(geom, 0, wall, 0) for wall in still),
        value(geom, 0, component=1),
        dde.icbc.PointSetBC(np.array([[0.0, 0.0]]), np.array([[0.0]]), component=2),
    ]
    return Case(script(geom, pde, conditions), options={"max_features": 300})


@out_of_reach("u_t + u_x = 0 from a step")
def transported_step():
    geom = space_time(0, 1, 0.5)

    def exact(x):
        return (x[:, :1] - x[:, 1:] < 0.3).astype(float)

    conditions = [value(geom, 1, side(0, 0)), start(geom, exact)]
    data = script(geom, lambda x, y: d1(y, x, 1) + d1(y, x, 0), conditions)
    return Case(data, exact, options=FEW)


@out_of_reach("-u'' = f with 250 waves, 300 features")
def hidden_waves():
    geom, n = dde.geometry.Interval(0, 1), 500 * pi

    def pde(x, y):
        return -d2(y, x) - pi**2 * sin(pi * x) - n**2 / 10 * cos(n * x)

    def exact(x):
        return np.sin(pi * x) + (np.cos(n * x) - 1) / 10

    return Case(script(geom, pde, value(geom, 0)), exact, options={"max_features": 300})
