"""Ordinary differential equations and boundary value problems in one dimension."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from ..verdicts import linear, nonlinear
from ..verdicts.common import boundary, columns, d1, d2, line, pi, side, sin, start, value
from .problem import Script, of_case, problem, script

ordinary = partial(problem, "ordinary differential equations")


@ordinary("y₁' = y₂, y₂' = -y₁, values at the start", [1, 50, 50, 50, 2], 5000)
def ode_system():
    """DeepXDE's example of a system: sin t and cos t, for about a period."""
    geom = dde.geometry.TimeDomain(0, 6)

    def ode(t, y):
        first, second = columns(y)
        return [d1(y, t, 0, 0) - second, d1(y, t, 0, 1) + first]

    def exact(t):
        return np.hstack([np.sin(t), np.cos(t)])

    return Script(script(geom, ode, [start(geom, 0, 0), start(geom, 1, 1)], 35, 2), exact)


@ordinary("second order, y(0) and y'(0)", [1, 20, 20, 20, 1], 5000)
def ode_second_order():
    """y'' - 10 y' + 9 y = 5 t, y(0) = -1, y'(0) = 2."""
    return of_case(linear.ode_initial_values(), 16, 2, loss_weights=[0.01, 1, 1])


@ordinary("pendulum, y'' + sin y = 0", [1, 32, 32, 32, 1], 5000)
def pendulum():
    """From rest at an angle of 1.5, for about a period."""
    return of_case(nonlinear.pendulum(), 40, 2)


@ordinary("-u'' = f, Dirichlet", [1, 50, 50, 50, 1], 4000)
def poisson_dirichlet():
    """-u'' = π² sin πx on [-1, 1], 0 at both ends."""
    return of_case(linear.poisson_1d(), 16, 2)


@ordinary("u'' = 2, Dirichlet and Neumann", [1, 50, 50, 50, 1], 4000)
def poisson_neumann():
    """u'' = 2 on [-1, 1], u(-1) = 0, u'(1) = 4; (x + 1)²."""
    return of_case(linear.poisson_neumann_1d(), 16, 2)


@ordinary("u'' = 2, Dirichlet and Robin", [1, 50, 50, 50, 1], 4000)
def poisson_robin():
    """u'' = 2 on [-1, 1], u(-1) = 0, u'(1) = u(1); (x + 1)²."""
    return of_case(linear.poisson_robin_1d(), 16, 2)


@ordinary("-u'' = f, one value, periodic", [1, 50, 50, 50, 1], 4000)
def poisson_periodic():
    """-u'' = π² sin πx on [-1, 1], u(-1) = 0, u(-1) = u(1)."""
    return of_case(linear.poisson_periodic_1d(), 16, 2)


@ordinary("u'' = 2, Dirichlet and ``PointSetOperatorBC``", [1, 50, 50, 50, 1], 4000)
def poisson_point_operator():
    """u'' = 2 on [-1, 1], u(-1) = 0 and u' = 2 (x + 1) at given points; (x + 1)²."""
    geom, given = dde.geometry.Interval(-1, 1), line(0.8, 1, 3)
    slope = dde.icbc.PointSetOperatorBC(given, 2 * (given + 1), lambda x, y, _: d1(y, x))
    conditions = [value(geom, 0, side(0, -1)), slope]
    data = script(geom, lambda x, y: d2(y, x) - 2, conditions, 16, 2)
    return Script(data, lambda x: (x + 1) ** 2)


@ordinary("-u'' = f, values by an output transform", [1, 50, 50, 50, 1], 4000)
def poisson_hard():
    """-u'' = π² sin πx + eˣ on [-1, 1], 0 at both ends."""
    geom = dde.geometry.Interval(-1, 1)

    def pde(x, y):
        return -d2(y, x) - pi**2 * sin(pi * x) - dde.backend.exp(x)

    def exact(x):
        return np.sin(pi * x) - np.exp(x) + np.cosh(1) + x * np.sinh(1)

    data = script(geom, pde, [], 16, 2)
    return Script(data, exact, output_transform=lambda x, y: (1 - x**2) * y)


@ordinary("u'''' = -1, cantilever beam", [1, 20, 20, 20, 1], 1500)
def beam():
    """Fourth order with 10 points: u(0) = u'(0) = 0, u''(1) = u'''(1) = 0."""
    return of_case(linear.beam_cantilever(), 10, 2)


@ordinary("u'''' = 24, clamped beam", [1, 20, 20, 20, 1], 1500)
def beam_clamped():
    """Fourth order with 20 points: u = u' = 0 at both ends; x² (1 - x)²."""
    case, geom = linear.beam_clamped(), dde.geometry.Interval(0, 1)
    clamped = [value(geom, 0), dde.icbc.NeumannBC(geom, lambda _: 0, boundary)]
    data = script(geom, case.problem.pde, clamped, 20, 2, train_distribution="uniform")
    return Script(data, case.exact, loss_weights=[0.01, 1, 1])


@ordinary("-0.05 u'' + u' = 1, boundary layer, hard ends", [1, 32, 32, 32, 1], 4000)
def boundary_layer():
    """0 at both ends of [0, 1] by a transform; a layer of width 0.05 at the right one."""
    case, geom = linear.advection_diffusion(), dde.geometry.Interval(0, 1)
    data = script(geom, case.problem.pde, [], 40, 2)
    return Script(data, case.exact, output_transform=linear.zero_at_ends)
