"""Linear problems with one solution, which is smooth."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np

import deepxde_repnet

from .common import (
    at_start,
    boundary,
    columns,
    cos,
    d1,
    d2,
    exp,
    laplacian,
    line,
    observed,
    operator,
    part,
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
from .problem import Case, problem

linear = partial(problem, "linear")


def waves(x):
    """sin(πx) sin(2πy) + sin(3πx) sin(πy), zero on the unit square's boundary."""
    x, y = columns(x)
    return np.sin(pi * x) * np.sin(2 * pi * y) + np.sin(3 * pi * x) * np.sin(pi * y)


def waves_source(x, k2):
    """-Δu - k² u of ``waves``."""
    x, y = columns(x)
    first = (5 * pi**2 - k2) * sin(pi * x) * sin(2 * pi * y)
    return first + (10 * pi**2 - k2) * sin(3 * pi * x) * sin(pi * y)


@linear("-u'' = f, Dirichlet", tol=1e-8)
def poisson_1d():
    geom = dde.geometry.Interval(-1, 1)

    def pde(x, y):
        return -d2(y, x) - pi**2 * sin(pi * x)

    return Case(script(geom, pde, value(geom, 0)), lambda x: np.sin(pi * x))


@linear("-u'' = f, value and derivative")
def poisson_neumann_1d():
    geom = dde.geometry.Interval(-1, 1)
    slope = dde.icbc.NeumannBC(geom, lambda x: 2 * (x + 1), side(0, 1))
    conditions = [value(geom, 0, side(0, -1)), slope]
    return Case(script(geom, lambda x, y: d2(y, x) - 2, conditions), lambda x: (x + 1) ** 2)


@linear("-u'' = f, Robin")
def poisson_robin_1d():
    geom = dde.geometry.Interval(-1, 1)
    robin = dde.icbc.RobinBC(geom, lambda x, y: y, side(0, 1))
    conditions = [value(geom, 0, side(0, -1)), robin]
    return Case(script(geom, lambda x, y: d2(y, x) - 2, conditions), lambda x: (x + 1) ** 2)


@linear("-u'' = f, one value, periodic")
def poisson_periodic_1d():
    geom = dde.geometry.Interval(-1, 1)

    def pde(x, y):
        return -d2(y, x) - pi**2 * sin(pi * x)

    conditions = [value(geom, 0, side(0, -1)), *periodic(geom, 0, (0,))]
    return Case(script(geom, pde, conditions), lambda x: np.sin(pi * x))


@linear("second-order ODE, y(0) and y'(0)")
def ode_initial_values():
    geom = dde.geometry.TimeDomain(0, 0.25)

    def ode(t, y):
        return d2(y, t) - 10 * d1(y, t) + 9 * y - 5 * t

    def exact(t):
        return 50 / 81 + 5 / 9 * t + 31 / 81 * np.exp(9 * t) - 2 * np.exp(t)

    slope = operator(geom, lambda t, y: d1(y, t) - 2, at_start)
    return Case(script(geom, ode, [start(geom, -1), slope]), exact)


def beam(load):
    def pde(x, y):
        return dde.grad.hessian(d2(y, x), x) - load

    return pde


@linear("u'''' = -1, cantilever beam")
def beam_cantilever():
    geom = dde.geometry.Interval(0, 1)
    conditions = [
        value(geom, 0, side(0, 0)),
        dde.icbc.NeumannBC(geom, lambda _: 0, side(0, 0)),
        operator(geom, lambda x, y: d2(y, x), side(0, 1)),
        operator(geom, lambda x, y: dde.grad.jacobian(d2(y, x), x), side(0, 1)),
    ]
    return Case(script(geom, beam(-1), conditions), lambda x: -(x**4) / 24 + x**3 / 6 - x**2 / 4)


@linear("u'''' = 24, clamped beam")
def beam_clamped():
    geom = dde.geometry.Interval(0, 1)
    conditions = [value(geom, 0), operator(geom, lambda x, y: d1(y, x), boundary)]
    return Case(script(geom, beam(24), conditions), lambda x: (x * (1 - x)) ** 2)


@linear("-Δu = f on a square, Dirichlet")
def poisson_2d():
    geom = square()

    def pde(x, y):
        return -laplacian(y, x) - waves_source(x, 0)

    return Case(script(geom, pde, value(geom, 0)), waves)


@linear(
    "the same, filters that take the corners too",
    name="poisson_mixed_corners",
    corners=True,
    right={"converged", "contradictory"},
)
@linear("-Δu = f, Dirichlet, Neumann and Robin sides")
def poisson_mixed(corners=False):
    """At a corner DeepXDE's normal is that of neither side, and the condition is another there."""
    geom = square()

    def pde(x, y):
        return -laplacian(y, x) - 3 * sin(2 * x[:, :1]) * exp(x[:, 1:])

    def exact(x):
        return np.sin(2 * x[:, :1]) * np.exp(x[:, 1:])

    def outward(x):
        """-u_y, which on the lower side is the normal derivative."""
        return -exact(x)

    def horizontal(height):
        on_side = side(1, height)
        return lambda x, on: on_side(x, on) and (corners or 0 < x[0] < 1)

    conditions = [
        value(geom, exact, side(0, 0)),
        value(geom, exact, side(0, 1)),
        dde.icbc.NeumannBC(geom, outward, horizontal(0)),
        dde.icbc.RobinBC(geom, lambda x, y: y, horizontal(1)),
    ]
    return Case(script(geom, pde, conditions), exact, options={"max_features": 600})


@linear("-Δu = 1 in a disk")
def poisson_disk():
    geom = dde.geometry.Disk([0, 0], 1)
    data = script(geom, lambda x, y: -laplacian(y, x) - 1, value(geom, 0))
    return Case(data, lambda x: (1 - (x**2).sum(1, keepdims=True)) / 4)


@linear("-Δu + u = f, periodic")
def periodic_2d():
    geom = square()

    def pde(x, y):
        wave = sin(2 * pi * x[:, :1]) * cos(2 * pi * x[:, 1:])
        return -laplacian(y, x) + y - (1 + 8 * pi**2) * wave - 1

    conditions = periodic(geom, 0) + periodic(geom, 1)
    return Case(
        script(geom, pde, conditions),
        lambda x: 1 + np.sin(2 * pi * x[:, :1]) * np.cos(2 * pi * x[:, 1:]),
    )


@linear("-Δu = f in a cube", tol=1e-4)
def poisson_3d():
    geom = dde.geometry.Cuboid([0, 0, 0], [1, 1, 1])

    def product(function, x):
        a, b, c = columns(x)
        return function(pi * a) * function(pi * b) * function(pi * c)

    def pde(x, y):
        return -d2(y, x, 0) - d2(y, x, 1) - d2(y, x, 2) - 3 * pi**2 * product(sin, x)

    return Case(script(geom, pde, value(geom, 0)), lambda x: product(np.sin, x))


def heat_equation(x, y):
    return d1(y, x, 1) - 0.4 * d2(y, x)


def heat_solution(x):
    return np.exp(-0.4 * pi**2 * x[:, 1:]) * np.sin(pi * x[:, :1])


@linear("heat equation")
def heat():
    geom = space_time(0, 1, 1)
    conditions = [value(geom, 0), start(geom, heat_solution)]
    return Case(script(geom, heat_equation, conditions), heat_solution)


def wave_equation(x, y):
    return d2(y, x, 1) - d2(y, x, 0)


def wave_solution(x):
    """Standing waves."""
    x, t = columns(x)
    return np.sin(pi * x) * np.cos(pi * t) + np.sin(2 * pi * x) * np.cos(2 * pi * t) / 2


@linear("wave equation")
def wave():
    geom = space_time(0, 1, 2)
    at_rest = operator(geom, lambda x, y: d1(y, x, 1), at_start)
    conditions = [value(geom, 0), start(geom, wave_solution), at_rest]
    return Case(script(geom, wave_equation, conditions), wave_solution)


@linear("u_t + u_x = 0, inflow")
def transport():
    geom = space_time(0, 1, 1)

    def exact(x):
        return np.sin(2 * pi * (x[:, :1] - x[:, 1:]))

    conditions = [value(geom, exact, side(0, 0)), start(geom, exact)]
    return Case(script(geom, lambda x, y: d1(y, x, 1) + d1(y, x, 0), conditions), exact)


@linear("-0.05 u'' + u' = 1")
def advection_diffusion():
    geom = dde.geometry.Interval(0, 1)
    data = script(geom, lambda x, y: -0.05 * d2(y, x) + d1(y, x) - 1, value(geom, 0))
    return Case(data, lambda x: x - np.expm1(x / 0.05) / np.expm1(1 / 0.05))


@linear(
    "-Δu - k² u = f, k² 0.1% off an eigenvalue",
    name="helmholtz_0_1_percent",
    k2=5 * pi**2 * 1.001,
    tol=1e-8,
)
@linear("-Δu - k² u = f, k² 1% off an eigenvalue", name="helmholtz_1_percent", k2=5 * pi**2 * 1.01)
@linear("-Δu - k² u = f, k² between eigenvalues", k2=30.0)
def helmholtz(k2):
    geom = square()

    def pde(x, y):
        return -laplacian(y, x) - k2 * y - waves_source(x, k2)

    return Case(script(geom, pde, value(geom, 0)), waves)


@linear("u'' + k² u = 0, complex, radiation condition")
def impedance():
    k, geom = 20.0, dde.geometry.Interval(0, 1)

    def pde(x, y):
        return [d2(y, x, 0, part) + k**2 * y[:, part : part + 1] for part in (0, 1)]

    conditions = [
        value(geom, 1, side(0, 0), 0),
        value(geom, 0, side(0, 0), 1),
        operator(geom, lambda x, y: d1(y, x, 0, 0) + k * y[:, 1:2], side(0, 1)),
        operator(geom, lambda x, y: d1(y, x, 0, 1) - k * y[:, 0:1], side(0, 1)),
    ]
    return Case(script(geom, pde, conditions), lambda x: np.hstack([np.cos(k * x), np.sin(k * x)]))


def polar_laplace(x, y):
    """r u_r + r² u_rr + u_θθ = 0."""
    r = x[:, :1]
    return r * d1(y, x, 0) + r**2 * d2(y, x, 0) + d2(y, x, 1)


def polar_solution(x):
    r, theta = columns(x)
    return (r - 1 / r) * np.cos(theta) + r**2 * np.sin(2 * theta)


def ring():
    """In polar coordinates, 1 < r < 2."""
    return dde.geometry.Rectangle([1, 0], [2, 2 * pi])


def rims(geom):
    return [value(geom, polar_solution, side(0, r)) for r in (1, 2)]


@linear("Laplace's equation in a ring, polar coordinates")
def laplace_polar():
    geom = ring()
    return Case(script(geom, polar_laplace, rims(geom) + periodic(geom, 1)), polar_solution)


@linear("((1 + x²) u')' = f")
def variable_coefficient_1d():
    geom = dde.geometry.Interval(0, 2)

    def pde(x, y):
        flux = (1 + x**2) * d1(y, x)
        return dde.grad.jacobian(flux, x) - 6 * x * cos(3 * x) + 9 * (1 + x**2) * sin(3 * x)

    def exact(x):
        return np.sin(3 * x)

    return Case(script(geom, pde, value(geom, exact)), exact)


@linear("-div(e^{x+y} grad u) = f")
def variable_coefficient_2d():
    geom = square()

    def pde(x, y):
        a, b = columns(x)
        growth, u = exp(a + b), cos(2 * a) * cos(b)
        slopes = -2 * sin(2 * a) * cos(b) - cos(2 * a) * sin(b)
        return growth * (laplacian(y, x) + d1(y, x, 0) + d1(y, x, 1) - slopes + 5 * u)

    def exact(x):
        return np.cos(2 * x[:, :1]) * np.cos(x[:, 1:])

    return Case(script(geom, pde, value(geom, exact)), exact)


def zero_at_ends(x, y):
    """An output transform."""
    return x * (1 - x) * y


def oscillating_source(x, y):
    return -d2(y, x) - 64 * pi**2 * sin(8 * pi * x)


@linear("-u'' = f, values by output_transform=")
def transform():
    data = script(dde.geometry.Interval(0, 1), oscillating_source, [])
    return Case(data, lambda x: np.sin(8 * pi * x), options={"output_transform": zero_at_ends})


@linear("-u'' = f, values by the transform of a RepFNN")
def transform_of_model():
    data = script(dde.geometry.Interval(0, 1), oscillating_source, [])
    net = deepxde_repnet.RepFNN([1, 300, 1], "tanh", "Glorot uniform")
    net.apply_output_transform(zero_at_ends)
    return Case(dde.Model(data, net), lambda x: np.sin(8 * pi * x))


def stokes_equations(x, y):
    """Of ``stokes_solution``: momentum and divergence."""
    a, b = columns(x)
    fu = 4 * pi**2 * sin(pi * a) ** 2 * sin(2 * pi * b) - 2 * pi**2 * cos(2 * pi * a) * sin(
        2 * pi * b
    )
    fv = (
        2 * pi**2 * sin(2 * pi * a) * cos(2 * pi * b)
        - 4 * pi**2 * sin(2 * pi * a) * sin(pi * b) ** 2
    )
    fu = fu - pi * sin(pi * a) * cos(pi * b)
    fv = fv - pi * cos(pi * a) * sin(pi * b)
    return [
        -laplacian(y, x, 0) + d1(y, x, 0, 2) - fu,
        -laplacian(y, x, 1) + d1(y, x, 1, 2) - fv,
        d1(y, x, 0, 0) + d1(y, x, 1, 1),
    ]


def stokes_solution(x):
    a, b = columns(x)
    u = np.sin(pi * a) ** 2 * np.sin(2 * pi * b)
    v = -np.sin(2 * pi * a) * np.sin(pi * b) ** 2
    return np.hstack([u, v, np.cos(pi * a) * np.cos(pi * b)])


def no_slip(geom):
    return [value(geom, 0, component=0), value(geom, 0, component=1)]


def pressure_at_corner():
    return observed([[0, 0]], stokes_solution, component=2)


@linear("Stokes flow, pressure given at a point", tol=1e-5)
def stokes():
    geom = square()
    conditions = [*no_slip(geom), pressure_at_corner()]
    return Case(script(geom, stokes_equations, conditions), stokes_solution)


LAME, SHEAR = 1.0, 0.5


def elastic_forces(y, x):
    """Divergence of the stress, two components."""
    first = (LAME + SHEAR) * dde.grad.hessian(y[:, 1:2], x, i=0, j=1)
    second = (LAME + SHEAR) * dde.grad.hessian(y[:, 0:1], x, i=0, j=1)
    stretched = LAME + 2 * SHEAR
    return [
        stretched * d2(y, x, 0, 0) + SHEAR * d2(y, x, 1, 0) + first,
        stretched * d2(y, x, 1, 1) + SHEAR * d2(y, x, 0, 1) + second,
    ]


@linear("plane elasticity, displacements given")
def elasticity():
    geom = square()

    def pde(x, y):
        a, b = columns(x)
        u, v = cos(2 * pi * a) * sin(pi * b), sin(pi * a) * b**4
        both, stretched = LAME + SHEAR, LAME + 2 * SHEAR
        first = -(4 * stretched + SHEAR) * pi**2 * u + both * 4 * pi * cos(pi * a) * b**3
        second = stretched * 12 * b**2 * sin(pi * a) - SHEAR * pi**2 * v
        second = second - both * 2 * pi**2 * sin(2 * pi * a) * cos(pi * b)
        return [f - g for f, g in zip(elastic_forces(y, x), (first, second), strict=True)]

    def exact(x):
        a, b = columns(x)
        return np.hstack([np.cos(2 * pi * a) * np.sin(pi * b), np.sin(pi * a) * b**4])

    conditions = [value(geom, part(exact, j), component=j) for j in (0, 1)]
    return Case(script(geom, pde, conditions), exact)


@linear("waves as a first-order system")
def acoustics():
    geom = space_time(0, 1, 1)

    def pde(x, y):
        return [d1(y, x, 1, 0) + d1(y, x, 0, 1), d1(y, x, 1, 1) + d1(y, x, 0, 0)]

    def exact(x):
        x, t = columns(x)
        return np.hstack([np.cos(pi * x) * np.cos(pi * t), np.sin(pi * x) * np.sin(pi * t)])

    conditions = [
        value(geom, 0, component=1),
        start(geom, part(exact, 0), 0),
        start(geom, 0, 1),
    ]
    return Case(script(geom, pde, conditions), exact)


@linear("-u'' = f, one value inside, anchors")
def anchors():
    geom = dde.geometry.Interval(-1, 1)

    def exact(x):
        return np.sin(pi * x) + x

    def pde(x, y):
        return -d2(y, x) - pi**2 * sin(pi * x)

    inside = observed([[0.3]], exact)
    conditions = [value(geom, exact, side(0, -1)), inside]
    return Case(script(geom, pde, conditions, anchors=line(-0.5, 0.5, 11)), exact)
