"""Problems with more than one solution, each with the condition that a user has forgotten."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from .common import (
    at_start,
    boundary,
    columns,
    d1,
    d2,
    exp,
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
from .linear import (
    LAME,
    SHEAR,
    beam,
    elastic_forces,
    heat_equation,
    heat_solution,
    no_slip,
    oscillating_source,
    polar_laplace,
    polar_solution,
    pressure_at_corner,
    rims,
    ring,
    stokes_equations,
    stokes_solution,
    wave_equation,
    wave_solution,
    zero_at_ends,
)
from .nonlinear import PREY, flow, lotka_volterra, lotka_volterra_equations
from .problem import Case, problem

undetermined = partial(problem, "undetermined")


def lacking(geom, pde, conditions, missing, exact):
    """The problem with these conditions, and the mended one with the missing ones too."""
    mended = Case(script(geom, pde, [*conditions, *missing]), exact)
    return Case(script(geom, pde, conditions), mended=mended)


@undetermined("-u'' = f, no conditions (the script's network has a transform)")
def transform_forgotten():
    data = script(dde.geometry.Interval(0, 1), oscillating_source, [])
    options = {"output_transform": zero_at_ends}
    return Case(data, mended=Case(data, lambda x: np.sin(8 * pi * x), options=options))


@undetermined("wave equation without u_t at t = 0")
def wave_without_velocity():
    geom = space_time(0, 1, 1)
    at_rest = operator(geom, lambda x, y: d1(y, x, 1), at_start)
    conditions = [value(geom, 0), start(geom, wave_solution)]
    return lacking(geom, wave_equation, conditions, [at_rest], wave_solution)


@undetermined("second-order ODE with one condition")
def ode_one_condition():
    geom = dde.geometry.TimeDomain(0, 3)
    conditions = [start(geom, 0)]
    missing = [operator(geom, lambda t, y: d1(y, t) - 2, at_start)]

    def ode(t, y):
        return d2(y, t) + 4 * y

    return lacking(geom, ode, conditions, missing, lambda t: np.sin(2 * t))


@undetermined("beam with three conditions")
def beam_three_conditions():
    geom = dde.geometry.Interval(0, 1)
    clamped = [value(geom, 0), operator(geom, lambda x, y: d1(y, x), side(0, 0))]
    missing = [operator(geom, lambda x, y: d1(y, x), side(0, 1))]
    return lacking(geom, beam(24), clamped, missing, lambda x: (x * (1 - x)) ** 2)


def cosines(x):
    return np.cos(pi * x[:, :1]) * np.cos(pi * x[:, 1:])


def cosines_source(x, y):
    a, b = columns(x)
    return -laplacian(y, x) - 2 * pi**2 * dde.backend.cos(pi * a) * dde.backend.cos(pi * b)


@undetermined("-Δu = f, Neumann on all sides")
def poisson_neumann():
    geom = square()
    conditions = [dde.icbc.NeumannBC(geom, lambda x: np.zeros((len(x), 1)), boundary)]
    missing = [observed([[0, 0]], cosines)]
    return lacking(geom, cosines_source, conditions, missing, cosines)


@undetermined("heat equation without initial values")
def heat_without_start():
    geom = space_time(0, 1, 0.5)
    missing = [start(geom, heat_solution)]
    return lacking(geom, heat_equation, [value(geom, 0)], missing, heat_solution)


@undetermined("-Δu = f, one side without a condition")
def poisson_open_side():
    geom = square()

    def pde(x, y):
        a, b = columns(x)
        return -laplacian(y, x) - 2 * pi**2 * sin(pi * a) * sin(pi * b)

    def exact(x):
        return np.sin(pi * x[:, :1]) * np.sin(pi * x[:, 1:])

    sides = [value(geom, 0, side(*where)) for where in ((0, 0), (0, 1), (1, 0), (1, 1))]
    return lacking(geom, pde, sides[:3], sides[3:], exact)


@undetermined("-u'' = f, periodic: a constant is free")
def periodic_constant():
    geom = dde.geometry.Interval(0, 2)

    def pde(x, y):
        return -d2(y, x) - pi**2 * sin(pi * x)

    missing = [value(geom, 0, side(0, 0))]
    return lacking(geom, pde, periodic(geom, 0), missing, lambda x: np.sin(pi * x))


@undetermined("y'' + 4π² y = 0, periodic: amplitude and phase are free")
def periodic_phase():
    geom = dde.geometry.Interval(0, 1)
    missing = [value(geom, 0), operator(geom, lambda t, y: d1(y, t) - 1, side(0, 0))]

    def ode(t, y):
        return d2(y, t) + 4 * pi**2 * y

    return lacking(geom, ode, periodic(geom, 0), missing, lambda t: np.sin(2 * pi * t) / (2 * pi))


@undetermined("polar coordinates, periodic in the value only")
def polar_value_only():
    geom = ring()
    conditions = rims(geom) + periodic(geom, 1, (0,))
    return lacking(geom, polar_laplace, conditions, periodic(geom, 1, (1,)), polar_solution)


@undetermined("Stokes flow without a value of the pressure", tol=1e-5)
def stokes_free_pressure():
    geom = square()
    missing = [pressure_at_corner()]
    return lacking(geom, stokes_equations, no_slip(geom), missing, stokes_solution)


@undetermined("Navier-Stokes without a value of the pressure", tol=1e-4)
def kovasznay_free_pressure():
    case = flow(pressure=False)
    return Case(case.problem, mended=flow(pressure=True))


@undetermined("plane elasticity, tractions only: free to move and turn")
def elastic_free_body():
    geom, stretch = square(), 0.1
    # Pulled along x: the sides with constant y are free of forces.
    shrink = -LAME / (LAME + 2 * SHEAR) * stretch
    pull = (LAME + 2 * SHEAR) * stretch + LAME * shrink

    def exact(x):
        return np.hstack([stretch * x[:, :1], shrink * x[:, 1:]])

    def normal(axis, force):
        def residual(x, y):
            across = LAME * d1(y, x, 1 - axis, 1 - axis)
            return (LAME + 2 * SHEAR) * d1(y, x, axis, axis) + across - force

        return residual

    def shear(x, y):
        return SHEAR * (d1(y, x, 1, 0) + d1(y, x, 0, 1))

    def sides(axis):
        return lambda x, on_boundary: (
            on_boundary and bool(np.isclose(x[axis], 0) or np.isclose(x[axis], 1))
        )

    conditions = [
        operator(geom, normal(0, pull), sides(0)),
        operator(geom, normal(1, 0.0), sides(1)),
        operator(geom, shear, boundary),
    ]
    missing = [
        observed([[0, 0]], exact, 0),
        observed([[0, 0], [1, 0]], exact, 1),
    ]
    return lacking(geom, lambda x, y: elastic_forces(y, x), conditions, missing, exact)


@undetermined("an unknown on which nothing depends")
def unused_unknown():
    geom = dde.geometry.TimeDomain(0, 2)
    rate, unused = dde.Variable(0.5), dde.Variable(1.0)

    def exact(t):
        return np.exp(-1.5 * t)

    conditions = [start(geom, 1), observed(line(0.2, 2, 10), exact)]
    data = script(geom, lambda t, y: d1(y, t) + rate * y, conditions)
    mended = Case(data, exact, [(rate, 1.5)])
    return Case(data, unknowns=[(rate, 1.5), (unused, None)], mended=mended)


@undetermined("two unknowns of which only the product counts")
def unknown_product():
    geom = dde.geometry.TimeDomain(0, 2)
    first, second = dde.Variable(0.5), dde.Variable(1.0)

    def exact(t):
        return np.exp(-1.5 * t)

    conditions = [start(geom, 1), observed(line(0.2, 2, 10), exact)]
    both = script(geom, lambda t, y: d1(y, t) + first * second * y, conditions)
    one = script(geom, lambda t, y: d1(y, t) + first * y, conditions)
    mended = Case(one, exact, [(first, 1.5)])
    return Case(both, unknowns=[(first, None), (second, None)], mended=mended)


@undetermined("u_t + u_x = 0, values at the outflow only")
def transport_outflow():
    geom = space_time(0, 1, 1)

    def exact(x):
        return np.sin(2 * pi * (x[:, :1] - x[:, 1:]))

    def pde(x, y):
        return d1(y, x, 1) + d1(y, x, 0)

    conditions = [value(geom, exact, side(0, 1)), start(geom, exact)]
    return lacking(geom, pde, conditions, [value(geom, exact, side(0, 0))], exact)


@undetermined("-u'' - π² u = f at resonance, f orthogonal to the mode")
def resonance():
    geom = dde.geometry.Interval(0, 1)

    def pde(x, y):
        return -d2(y, x) - pi**2 * y - 3 * pi**2 * sin(2 * pi * x)

    def exact(x):
        return np.sin(2 * pi * x)

    return lacking(geom, pde, [value(geom, 0)], [observed([[0.4]], exact)], exact)


@undetermined("predator and prey, predators not given at t = 0")
def predators_not_given():
    geom = dde.geometry.TimeDomain(0, 0.05)
    data = script(geom, lotka_volterra_equations, [start(geom, PREY)])
    return Case(data, mended=lotka_volterra())


@undetermined("(a(x) u')' = f, a(x) given nowhere and u' never zero", tol=1e-5)
def coefficient_without_value():
    geom = dde.geometry.Interval(0, 1)

    def exact(x):
        return np.hstack([np.exp(x), 1 + x**2])

    def pde(x, y):
        flux = y[:, 1:2] * d1(y, x)
        return dde.grad.jacobian(flux, x) - (1 + x) ** 2 * exp(x)

    conditions = [observed(line(0, 1, 100), exact)]
    missing = [value(geom, 1, side(0, 0), component=1)]
    return lacking(geom, pde, conditions, missing, exact)
