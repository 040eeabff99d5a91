"""Problems in one dimension of space and time."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

from ..verdicts import inverse, linear, nonlinear
from ..verdicts.common import (
    at_start,
    boundary,
    columns,
    cos,
    d1,
    d2,
    exp,
    operator,
    part,
    periodic,
    pi,
    sin,
    space_time,
    start,
    value,
)
from .problem import Script, of_case, problem, script

evolution = partial(problem, "in time")


def diffusion_equation(x, y):
    """u_t - u_xx = e⁻ᵗ (π² - 1) sin πx, whose solution is e⁻ᵗ sin πx."""
    a, t = columns(x)
    return d1(y, x, 1) - d2(y, x) - exp(-t) * (pi**2 - 1) * sin(pi * a)


@evolution("u_t = u_xx + f", [2, 32, 32, 32, 1], 3000)
def diffusion():
    """DeepXDE's example, with 40 points and the exact values on the boundary."""
    geom, exact = space_time(-1, 1, 1), inverse.decaying_sine
    conditions = [value(geom, exact), start(geom, exact)]
    return Script(script(geom, diffusion_equation, conditions, 40, 20, 10), exact)


@evolution("the same, conditions by an output transform", [2, 32, 32, 32, 1], 3000)
def diffusion_hard():
    """DeepXDE's other example of it."""

    def hard(x, y):
        a, t = columns(x)
        return t * (1 - a**2) * y + sin(pi * a)

    data = script(space_time(-1, 1, 1), diffusion_equation, [], 40)
    return Script(data, inverse.decaying_sine, output_transform=hard)


@evolution("heat equation, 40 points", [2, 20, 20, 20, 1], 4000)
def heat():
    """u_t = 0.4 u_xx on [0, 1], 0 at both ends, sin πx at the start."""
    return of_case(linear.heat(), 40, 20, 10)


@evolution("heat equation, insulated ends", [2, 32, 32, 32, 1], 3000)
def heat_insulated():
    """u_t = 0.2 u_xx on [0, 1], u_x = 0 at both ends, 1 + cos πx at the start."""
    geom = space_time(0, 1, 1)

    def exact(x):
        return 1 + np.exp(-0.2 * pi**2 * x[:, 1:]) * np.cos(pi * x[:, :1])

    conditions = [dde.icbc.NeumannBC(geom, lambda _: 0, boundary), start(geom, exact)]
    data = script(geom, lambda x, y: d1(y, x, 1) - 0.2 * d2(y, x), conditions, 100, 40, 20)
    return Script(data, exact)


@evolution("wave equation, one period of a standing wave", [2, 32, 32, 32, 1], 1500, lbfgs=300)
def wave():
    """u_tt = u_xx, 0 at both ends of [0, 1], sin πx at rest at the start."""
    geom = space_time(0, 1, 2)

    def exact(x):
        return np.sin(pi * x[:, :1]) * np.cos(pi * x[:, 1:])

    at_rest = operator(geom, lambda x, y: d1(y, x, 1), at_start)
    conditions = [value(geom, 0), start(geom, exact), at_rest]
    data = script(geom, linear.wave_equation, conditions, 150, 40, 30)
    return Script(data, exact, loss_weights=[1, 10, 10, 1])


@evolution("u_t + 40 u_x = 0, periodic", [2, 32, 32, 32, 1], 4000)
def transport():
    """A sine on [0, 2π] that travels a third of its length in a time of 0.05."""
    geom = space_time(0, 2 * pi, 0.05)

    def exact(x):
        return np.sin(x[:, :1] - 40 * x[:, 1:])

    def pde(x, y):
        return d1(y, x, 1) + 40 * d1(y, x, 0)

    conditions = [start(geom, exact), *periodic(geom, 0, (0,))]
    data = script(geom, pde, conditions, 300, 60, 60)
    return Script(data, exact, loss_weights=[1, 100, 100])


@evolution("Klein-Gordon, u_tt - u_xx + u² = f", [2, 32, 32, 32, 1], 1500, lbfgs=250)
def klein_gordon():
    """x cos t on [-1, 1] for 4 units of time, values on the boundary, at rest at the start."""
    return of_case(nonlinear.klein_gordon(), 200, 60, 40)


@evolution("Burgers, ν = 0.05/π, 400 points", [2, 20, 20, 20, 1], 2000, lbfgs=500)
def burgers(viscosity=0.05 / pi):
    """u_t + u u_x = ν u_xx, -sin πx at the start, 0 at both ends of [-1, 1]."""
    given = nonlinear.burgers_data(viscosity)
    data = script(given.geom, given.pde, given.bcs, 400, 80, 80)
    return Script(data, partial(nonlinear.burgers_solution, viscosity=viscosity))


@evolution("u_t = u_xx + u (1 - u), travelling wave", [2, 32, 32, 32, 1], 3000)
def fisher():
    return of_case(nonlinear.fisher(), 200, 60, 40)


@evolution("Allen-Cahn, smooth front", [2, 32, 32, 32, 1], 3000)
def allen_cahn():
    """u_t = u_xx + u - u³ on [-4, 4]; a front from 0 to 1."""
    geom = space_time(-4, 4, 1)

    def exact(x):
        a, t = columns(x)
        return (1 + np.tanh(a / np.sqrt(8) + 3 * t / 4)) / 2

    def pde(x, y):
        return d1(y, x, 1) - d2(y, x) - y + y**3

    conditions = [value(geom, exact), start(geom, exact)]
    return Script(script(geom, pde, conditions, 200, 60, 40), exact)


@evolution("reaction and diffusion, two substances", [2, 32, 32, 32, 2], 1800)
def reaction_diffusion():
    """u_t = 0.1 u_xx - u v² + f, v_t = 0.05 v_xx + u v² + g on [-1, 1], insulated ends."""
    geom = space_time(-1, 1, 1)

    def pde(x, y):
        u, v = columns(y)
        mode = exp(-x[:, 1:]) * cos(pi * x[:, :1])
        made = (2 + mode) * (1 - mode / 2) ** 2
        f = (0.1 * pi**2 - 1) * mode + made
        g = (0.5 - 0.025 * pi**2) * mode - made
        return [
            d1(y, x, 1, 0) - 0.1 * d2(y, x, 0, 0) + u * v**2 - f,
            d1(y, x, 1, 1) - 0.05 * d2(y, x, 0, 1) - u * v**2 - g,
        ]

    def exact(x):
        mode = np.exp(-x[:, 1:]) * np.cos(pi * x[:, :1])
        return np.hstack([2 + mode, 1 - mode / 2])

    conditions = [start(geom, part(exact, j), j) for j in (0, 1)]
    conditions += [dde.icbc.NeumannBC(geom, lambda _: 0, boundary, component=j) for j in (0, 1)]
    return Script(script(geom, pde, conditions, 200, 60, 40), exact)


@evolution("nonlinear Schrödinger equation, soliton", [2, 40, 40, 40, 2], 1400)
def schrodinger():
    """i h_t + h_xx / 2 + h times its squared modulus = 0 on [-5, 5]; sech(x) e^(it/2)."""
    geom = space_time(-5, 5, pi / 2)

    def exact(x):
        a, t = columns(x)
        return np.hstack([np.cos(t / 2) / np.cosh(a), np.sin(t / 2) / np.cosh(a)])

    def pde(x, y):
        u, v = columns(y)
        square = u**2 + v**2
        return [
            d1(y, x, 1, 0) + d2(y, x, 0, 1) / 2 + square * v,
            d1(y, x, 1, 1) - d2(y, x, 0, 0) / 2 - square * u,
        ]

    conditions = [value(geom, part(exact, j), component=j) for j in (0, 1)]
    conditions += [start(geom, part(exact, j), j) for j in (0, 1)]
    return Script(script(geom, pde, conditions, 300, 60, 60), exact)
