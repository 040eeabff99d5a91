"""Nonlinear problems whose solution is smooth and, near the zero state, the only one."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np
from scipy.optimize import brentq

from .common import (
    at_start,
    columns,
    cos,
    d1,
    d2,
    exp,
    laplacian,
    operator,
    part,
    pi,
    script,
    side,
    sin,
    space_time,
    square,
    start,
    trajectory,
    value,
)
from .problem import Case, problem

nonlinear = partial(problem, "nonlinear")


@nonlinear("-Δu + u³ = f")
def cubic_2d():
    geom = square()

    def pde(x, y):
        a, b = columns(x)
        u = sin(pi * a) * sin(2 * pi * b)
        return -laplacian(y, x) + y**3 - 5 * pi**2 * u - u**3

    def exact(x):
        return np.sin(pi * x[:, :1]) * np.sin(2 * pi * x[:, 1:])

    return Case(script(geom, pde, value(geom, 0)), exact)


@nonlinear("u'' + e^u = 0 (Bratu), lower branch")
def bratu():
    geom = dde.geometry.Interval(0, 1)
    theta = brentq(lambda s: s - np.sqrt(2) * np.cosh(s / 4), 0, 2)

    def exact(x):
        return -2 * np.log(np.cosh((x - 0.5) * theta / 2) / np.cosh(theta / 4))

    return Case(script(geom, lambda x, y: d2(y, x) + exp(y), value(geom, 0)), exact)


def initial_values(geom, values):
    """One for each output."""
    return [start(geom, v, component) for component, v in enumerate(values)]


@nonlinear("pendulum, y'' + sin y = 0")
def pendulum():
    geom = dde.geometry.TimeDomain(0, 6)
    exact = trajectory(lambda t, y: [y[1], -np.sin(y[0])], [1.5, 0.0], 6)
    at_rest = operator(geom, lambda t, y: d1(y, t), at_start)
    conditions = [start(geom, 1.5), at_rest]
    return Case(script(geom, lambda t, y: d2(y, t) + sin(y), conditions), part(exact, 0))


@nonlinear("van der Pol, μ = 1")
def van_der_pol():
    geom = dde.geometry.TimeDomain(0, 4)

    def ode(t, y):
        return d2(y, t) - (1 - y**2) * d1(y, t) + y

    exact = trajectory(lambda t, y: [y[1], (1 - y[0] ** 2) * y[1] - y[0]], [1.0, 0.0], 4)
    conditions = [start(geom, 1), operator(geom, lambda t, y: d1(y, t), at_start)]
    return Case(script(geom, ode, conditions), part(exact, 0))


PREY, PREDATORS = 0.5, 0.075


def lotka_volterra_equations(t, y):
    """Of DeepXDE's example: populations over 200, time over 20."""
    r, p = columns(y)
    return [
        d1(y, t, 0, 0) - 20 * (2 * r - 8 * r * p),
        d1(y, t, 0, 1) - 20 * (4 * r * p - 1.06 * p),
    ]


def lotka_volterra_case(end, **options):
    geom = dde.geometry.TimeDomain(0, end)
    exact = trajectory(
        lambda t, y: [
            20 * (2 * y[0] - 8 * y[0] * y[1]),
            20 * (4 * y[0] * y[1] - 1.06 * y[1]),
        ],
        [PREY, PREDATORS],
        end,
    )
    conditions = initial_values(geom, [PREY, PREDATORS])
    return Case(script(geom, lotka_volterra_equations, conditions), exact, options=options)


@nonlinear("predator and prey, a short time")
def lotka_volterra():
    return lotka_volterra_case(0.05)


@nonlinear("Lorenz, a short time")
def lorenz():
    geom = dde.geometry.TimeDomain(0, 0.5)

    def ode(t, y):
        a, b, c = columns(y)
        return [
            d1(y, t, 0, 0) - 10 * (b - a),
            d1(y, t, 0, 1) - a * (15 - c) + b,
            d1(y, t, 0, 2) - a * b + 8 / 3 * c,
        ]

    first = [-8.0, 7.0, 27.0]
    exact = trajectory(lorenz_rates, first, 0.5)
    return Case(script(geom, ode, initial_values(geom, first)), exact)


def lorenz_rates(t, y, sigma=10.0, rho=15.0, beta=8 / 3):
    return [sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]]


@nonlinear("Klein-Gordon, u_tt - u_xx + u² = f")
def klein_gordon():
    geom = space_time(-1, 1, 4)

    def pde(x, y):
        a, t = columns(x)
        return d2(y, x, 1) - d2(y, x, 0) + y**2 + a * cos(t) - (a * cos(t)) ** 2

    def exact(x):
        return x[:, :1] * np.cos(x[:, 1:])

    at_rest = operator(geom, lambda x, y: d1(y, x, 1), at_start)
    return Case(script(geom, pde, [value(geom, exact), start(geom, exact), at_rest]), exact)


@nonlinear("u_t = u_xx + u (1 - u), travelling wave")
def fisher():
    geom = space_time(-5, 5, 2)

    def exact(x):
        return (1 + np.exp((x[:, :1] - 5 / np.sqrt(6) * x[:, 1:]) / np.sqrt(6))) ** -2.0

    def pde(x, y):
        return d1(y, x, 1) - d2(y, x, 0) - y * (1 - y)

    return Case(script(geom, pde, [value(geom, exact), start(geom, exact)]), exact)


def burgers_equation(viscosity):
    return lambda x, y: d1(y, x, 1) + y * d1(y, x, 0) - viscosity * d2(y, x, 0)


def burgers_data(viscosity):
    geom = space_time(-1, 1, 1)
    conditions = [value(geom, 0), start(geom, lambda x: -np.sin(pi * x[:, :1]))]
    return script(geom, burgers_equation(viscosity), conditions)


def burgers_solution(x, viscosity):
    """Cole and Hopf's, by Gauss-Hermite quadrature; for a viscosity that is not small."""
    nodes, weights = np.polynomial.hermite.hermgauss(100)
    space, time = columns(x)
    shifted = space - np.sqrt(4 * viscosity * time) * nodes
    kernel = weights * np.exp(-np.cos(pi * shifted) / (2 * pi * viscosity))
    return -(kernel * np.sin(pi * shifted)).sum(1, keepdims=True) / kernel.sum(1, keepdims=True)


@nonlinear("Burgers, ν = 0.1", tol=1e-5)
def burgers():
    return Case(burgers_data(0.1), lambda x: burgers_solution(x, 0.1))


@nonlinear("Navier-Stokes (Kovasznay flow)", tol=1e-4)
def kovasznay():
    return flow(pressure=True)


def flow(pressure):
    """Kovasznay's solution at Re = 20, with the pressure at the outflow or without."""
    geom = dde.geometry.Rectangle([-0.5, -0.5], [1, 0.5])
    decay = 10 - np.sqrt(100 + 4 * pi**2)

    def pde(x, y):
        u, v, _ = columns(y)

        def momentum(axis):
            carried = u * d1(y, x, 0, axis) + v * d1(y, x, 1, axis)
            return carried + d1(y, x, axis, 2) - laplacian(y, x, axis) / 20

        return [momentum(0), momentum(1), d1(y, x, 0, 0) + d1(y, x, 1, 1)]

    def exact(x):
        a, b = columns(x)
        growth = np.exp(decay * a)
        u = 1 - growth * np.cos(2 * pi * b)
        v = decay / (2 * pi) * growth * np.sin(2 * pi * b)
        return np.hstack([u, v, (1 - growth**2) / 2])

    conditions = [value(geom, part(exact, j), component=j) for j in (0, 1)]
    if pressure:
        conditions.append(value(geom, part(exact, 2), side(0, 1), component=2))
    return Case(script(geom, pde, conditions), exact)
