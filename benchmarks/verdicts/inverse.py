"""Unknown constants and coefficients, from exact values and from noisy ones."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np
from scipy.integrate import solve_bvp

from examples.solve import diffusion_1d_inverse

from .common import (
    at_start,
    columns,
    cos,
    d1,
    d2,
    exp,
    line,
    observed,
    operator,
    part,
    pi,
    script,
    sin,
    space_time,
    start,
    trajectory,
    value,
)
from .nonlinear import initial_values, lorenz_rates
from .problem import Case, problem

inverse = partial(problem, "inverse")
noisy = partial(problem, "noise")


def decaying_sine(x):
    return np.exp(-x[:, 1:]) * np.sin(pi * x[:, :1])


@noisy("diffusivity, 20% noise", name="diffusivity_20_percent", noise=0.2, accuracy=0.2)
@noisy("diffusivity, 5% noise", name="diffusivity_5_percent", noise=0.05, accuracy=0.05)
@noisy("diffusivity, 1% noise", name="diffusivity_1_percent", noise=0.01, accuracy=0.01)
@inverse("diffusivity, 10 values", name="diffusivity", noise=0.0, count=10)
def diffusivity(noise, count=200):
    """u_t = D u_xx + f, with values of u at half-time."""
    geom, unknown = space_time(-1, 1, 1), dde.Variable(2.0)

    def pde(x, y):
        a, t = columns(x)
        return d1(y, x, 1) - unknown * d2(y, x, 0) + exp(-t) * (1 - pi**2) * sin(pi * a)

    points = np.hstack([line(-0.9, 0.9, count), np.full((count, 1), 0.5)])
    conditions = [
        value(geom, decaying_sine),
        start(geom, decaying_sine),
        observed(points, decaying_sine, noise=noise),
    ]
    return Case(script(geom, pde, conditions), decaying_sine, [(unknown, 1.0)])


@inverse("damped oscillator, frequency and damping, 25 values")
def oscillator():
    geom = dde.geometry.TimeDomain(0, 4)
    stiffness, damping = dde.Variable(5.0), dde.Variable(0.1)
    exact = part(trajectory(lambda t, y: [y[1], -9 * y[0] - 0.5 * y[1]], [1.0, 0.0], 4), 0)

    def ode(t, y):
        return d2(y, t) + damping * d1(y, t) + stiffness * y

    at_rest = operator(geom, lambda t, y: d1(y, t), at_start)
    conditions = [start(geom, 1), at_rest, observed(line(0.1, 4, 25), exact)]
    return Case(script(geom, ode, conditions), exact, [(stiffness, 9.0), (damping, 0.5)])


@inverse("Lorenz, three constants, 25 values of each")
def lorenz_inverse(end=3):
    geom = dde.geometry.TimeDomain(0, end)
    sigma, rho, beta = (dde.Variable(1.0) for _ in range(3))
    exact = trajectory(lorenz_rates, [-8.0, 7.0, 27.0], end)

    def ode(t, y):
        a, b, c = columns(y)
        return [
            d1(y, t, 0, 0) - sigma * (b - a),
            d1(y, t, 0, 1) - a * (rho - c) + b,
            d1(y, t, 0, 2) - a * b + beta * c,
        ]

    conditions = initial_values(geom, [-8.0, 7.0, 27.0])
    conditions += [observed(line(0, end, 25), exact, component) for component in range(3)]
    unknowns = [(sigma, 10.0), (rho, 15.0), (beta, 8 / 3)]
    return Case(script(geom, ode, conditions), exact, unknowns)


@inverse("-u'' + q(x) u = f, q = sin 20x", tol=1e-5)
def potential():
    geom = dde.geometry.Interval(0, 1)

    def pde(x, y):
        u, q = columns(y)
        exact = 2 + cos(3 * x)
        return -d2(y, x) + q * u - 9 * cos(3 * x) - sin(20 * x) * exact

    def exact(x):
        return np.hstack([2 + np.cos(3 * x), np.sin(20 * x)])

    ends = value(geom, part(exact, 0))
    return Case(script(geom, pde, [ends, observed(line(0, 1, 200), exact)]), exact)


def coefficient_case(noise):
    """The problem of the example: u' has zeros, where the equation gives a(x)."""
    data = diffusion_1d_inverse.problem(noise=noise, seed=np.random.randint(2**31))
    return Case(data, diffusion_1d_inverse.solution)


@inverse("(a(x) u')' = f, a oscillating", tol=1e-5)
def coefficient():
    return coefficient_case(0.0)


@noisy("(a(x) u')' = f, 1% noise", tol=1e-3, accuracy=0.1)
def coefficient_1_percent():
    return coefficient_case(0.01)


def bump(x):
    return 0.1 + np.exp(-0.5 * (x - 0.5) ** 2 / 0.15**2)


def boundary_values(rates, conditions, size):
    """Solution of a boundary value problem on [0, 1], as a function of points (N, 1)."""
    x = np.linspace(0, 1, 401)
    found = solve_bvp(rates, conditions, x, np.zeros((size, 401)), tol=1e-10, max_nodes=100000)
    assert found.success, found.message
    return lambda x: found.sol(np.asarray(x)[:, 0]).T


@inverse("0.01 u'' - k(x) u = f, values from an ODE solver", tol=1e-5, accuracy=1e-2)
def reaction_rate():
    geom = dde.geometry.Interval(0, 1)

    # u has a zero at which k(x) is fixed by continuity only, hence the accuracy.
    def rates(x, y):
        return [y[1], 100 * (bump(x) * y[0] + np.sin(2 * pi * x))]

    reference = boundary_values(rates, lambda a, b: [a[0], b[0]], 2)

    def pde(x, y):
        u, k = columns(y)
        return 0.01 * d2(y, x) - k * u - sin(2 * pi * x)

    def exact(x):
        return np.hstack([reference(x)[:, :1], bump(x)])

    conditions = [value(geom, 0), observed(line(0, 1, 200), exact)]
    return Case(script(geom, pde, conditions), exact)


@inverse("two substances, unknown k(x), values from an ODE solver", tol=1e-5)
def reaction_system():
    geom = dde.geometry.Interval(0, 1)

    def rates(x, y):
        consumed = bump(x) * y[0] * y[2]
        return [y[1], 10 * consumed, y[3], 5 * consumed]

    def ends(a, b):
        return [a[0] - 1, b[0] - 0.5, a[2] - 0.5, b[2] - 1]

    reference = boundary_values(rates, ends, 4)

    def exact(x):
        return np.hstack([reference(x)[:, 0::2], bump(x)])

    def pde(x, y):
        u, v, k = columns(y)
        return [d2(y, x, 0, 0) - 10 * k * u * v, d2(y, x, 0, 1) - 5 * k * u * v]

    conditions = [value(geom, part(exact, j), component=j) for j in (0, 1)]
    conditions += [observed(line(0, 1, 100), exact, component) for component in (0, 1)]
    return Case(script(geom, pde, conditions), exact)


@noisy("oscillator, two sensors with 1% and 20% noise", accuracy=0.05)
def two_sensors():
    geom, stiffness = dde.geometry.TimeDomain(0, 4), dde.Variable(5.0)
    exact = trajectory(lambda t, y: [y[1], -9 * y[0]], [1.0, 0.0], 4)

    def ode(t, y):
        position, velocity = columns(y)
        return [d1(y, t, 0, 0) - velocity, d1(y, t, 0, 1) + stiffness * position]

    conditions = [
        *initial_values(geom, [1.0, 0.0]),
        observed(line(0, 4, 100), exact, 0, noise=0.01),
        observed(line(0, 4, 100), exact, 1, noise=0.2),
    ]
    return Case(script(geom, ode, conditions), exact, [(stiffness, 9.0)])


@noisy("logistic growth, rate from values with 5% noise", accuracy=0.05)
def growth():
    geom, rate = dde.geometry.TimeDomain(0, 5), dde.Variable(0.5)

    def exact(t):
        return 1 / (1 + 9 * np.exp(-1.5 * t))

    conditions = [start(geom, 0.1), observed(line(0, 5, 60), exact, noise=0.05)]
    return Case(
        script(geom, lambda t, y: d1(y, t) - rate * y * (1 - y), conditions), exact, [(rate, 1.5)]
    )
