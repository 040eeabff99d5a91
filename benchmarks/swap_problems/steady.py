"""Steady problems in the plane and in space."""

from __future__ import annotations

from functools import partial

import deepxde as dde
import numpy as np
import torch

from ..verdicts import linear, nonlinear
from ..verdicts.common import columns, cos, d1, laplacian, pi, sin, square, value
from .problem import Script, of_case, problem, script

steady = partial(problem, "steady, in the plane and in space")


@steady(
    "Helmholtz, k = 4π, hard boundary, sines",
    [2, 50, 50, 50, 1],
    800,
    lbfgs=400,
    activation="sin",
    name="helmholtz_4pi",
    k=4 * pi,
)
@steady(
    "Helmholtz, k = 2π, hard boundary", [2, 32, 32, 32, 1], 2000, name="helmholtz_2pi", k=2 * pi
)
def helmholtz(k):
    """-Δu - k² u = k² sin kx sin ky on the unit square, 0 on its boundary by a transform."""

    def pde(x, y):
        a, b = columns(x)
        return -laplacian(y, x) - k**2 * y - k**2 * sin(k * a) * sin(k * b)

    def exact(x):
        a, b = columns(x)
        return np.sin(k * a) * np.sin(k * b)

    def hard(x, y):
        a, b = columns(x)
        return a * (1 - a) * b * (1 - b) * y

    return Script(script(square(), pde, [], 400), exact, output_transform=hard)


def cartesian(x):
    """r sin θ and r cos θ."""
    r, theta = columns(x)
    return torch.cat([r * sin(theta), r * cos(theta)], 1)


def angle_apart(x):
    """r, sin θ and cos θ."""
    r, theta = columns(x)
    return torch.cat([r, sin(theta), cos(theta)], 1)


@steady(
    "the same with features r, sin θ, cos θ",
    [3, 20, 20, 20, 1],
    2000,
    name="laplace_disk_angle",
    features=angle_apart,
)
@steady(
    "Laplace on a disk, features r sin θ, r cos θ",
    [2, 20, 20, 20, 1],
    2000,
    features=cartesian,
)
def laplace_disk(features):
    """In polar coordinates with the values cos θ + sin 2θ on the rim, made periodic by features."""
    geom = dde.geometry.Rectangle([0, 0], [1, 2 * pi])

    def exact(x):
        r, theta = columns(x)
        return r * np.cos(theta) + r**2 * np.sin(2 * theta)

    def rim(x, on_boundary):
        return on_boundary and bool(np.isclose(x[0], 1))

    data = script(geom, linear.polar_laplace, [value(geom, exact, rim)], 300, 80)
    return Script(data, exact, feature_transform=features)


@steady("-Δu = f with a peak, L-shaped plate less a disk", [2, 32, 32, 32, 1], 2000)
def plate_with_peak():
    """exp(-r² / 2s²) with s = 0.2, whose values are given on the boundary."""
    corners = [[-1, -1], [1, -1], [1, 0], [0, 0], [0, 1], [-1, 1]]
    hole = dde.geometry.Disk([-0.5, -0.5], 0.25)
    geom = dde.geometry.CSGDifference(dde.geometry.Polygon(corners), hole)
    width2 = 0.2**2

    def distance2(x):
        return (x[:, :1] - 0.4) ** 2 + (x[:, 1:] + 0.5) ** 2

    def exact(x):
        return np.exp(-distance2(x) / (2 * width2))

    def pde(x, y):
        r2 = distance2(x)
        source = torch.exp(-r2 / (2 * width2)) * (2 - r2 / width2) / width2
        return -laplacian(y, x) - source

    conditions = value(geom, exact)
    data = script(geom, pde, conditions, 300, 120, train_distribution="pseudo")
    return Script(data, exact, loss_weights=[1, 100])


@steady("Laplace, square with a hole, Neumann on it", [2, 32, 32, 32, 1], 2000)
def hole():
    """The flow around a cylinder: no flow through the hole, the exact values on the square."""
    outer, inner = dde.geometry.Rectangle([-2, -2], [2, 2]), dde.geometry.Disk([0, 0], 0.5)
    geom = dde.geometry.CSGDifference(outer, inner)

    def exact(x):
        a, b = columns(x)
        return a * (1 + 0.25 / (a**2 + b**2))

    def on_square(x, on_boundary):
        return on_boundary and bool(outer.on_boundary(x))

    def on_hole(x, on_boundary):
        return on_boundary and bool(inner.on_boundary(x))

    conditions = [
        value(geom, exact, on_square),
        dde.icbc.NeumannBC(geom, lambda _: 0, on_hole),
    ]
    data = script(geom, laplacian_of, conditions, 300, 120, train_distribution="pseudo")
    return Script(data, exact)


def laplacian_of(x, y):
    return laplacian(y, x)


@steady("two dielectrics, div(ε grad u) = f, ε from 1 to 4", [2, 32, 32, 32, 1], 1500, lbfgs=300)
def dielectrics():
    """U(x) sin πy where U' = 1/ε, and ε changes from 1 to 4 over a width of 0.1 at x = 1/2."""
    geom, width = square(), 0.05

    def inverse_permittivity(a):
        return 0.625 - 0.375 * torch.tanh((a - 0.5) / width)

    def potential(a, cosh, log):
        return 0.625 * a - 0.375 * width * (log(cosh((a - 0.5) / width)) - np.log(np.cosh(10)))

    def exact(x):
        a, b = columns(x)
        return potential(a, np.cosh, np.log) * np.sin(pi * b)

    def pde(x, y):
        a, b = columns(x)
        permittivity = 1 / inverse_permittivity(a)
        charge = pi**2 * permittivity * potential(a, torch.cosh, torch.log) * sin(pi * b)
        flux_a, flux_b = (permittivity * d1(y, x, axis) for axis in (0, 1))
        return d1(flux_a, x, 0) + d1(flux_b, x, 1) + charge

    data = script(geom, pde, value(geom, exact), 300, 80)
    return Script(data, exact, loss_weights=[1, 100])


@steady("-Δu = f, Dirichlet, Neumann and Robin sides", [2, 32, 32, 32, 1], 2200)
def poisson_mixed():
    """sin 2x e^y on the unit square."""
    return of_case(linear.poisson_mixed(), 200, 80)


@steady("-Δu = f in a cube, few points", [3, 32, 32, 32, 1], 1800)
def poisson_cube():
    """sin πx sin πy sin πz, 0 on the boundary of the unit cube, with few points."""
    return of_case(linear.poisson_3d(), 150, 150, loss_weights=[1, 100])


@steady(
    "plane elasticity, displacements and stresses",
    [2, 40, 40, 40, 5],
    1200,
    lbfgs=500,
    of="displacements",
)
def elasticity():
    """DeepXDE's elastic plate: equilibrium and Hooke's law, its conditions by a transform."""
    lame, shear, load = linear.LAME, linear.SHEAR, 4.0
    stretched = lame + 2 * shear

    def forces(a, b):
        wave, bent = cos(2 * pi * a) * sin(pi * b), sin(2 * pi * a) * cos(pi * b)
        along, up = load * pi * b**3 * cos(pi * a), load * sin(pi * a)
        first = -(4 * stretched + shear) * pi**2 * wave + (lame + shear) * along
        second = stretched * 3 * b**2 * up - 2 * (lame + shear) * pi**2 * bent
        return first, second - shear * pi**2 * b**4 / 4 * up

    def pde(x, y):
        first, second = forces(*columns(x))
        _, _, sxx, syy, sxy = columns(y)
        exx, eyy = d1(y, x, 0, 0), d1(y, x, 1, 1)
        return [
            d1(y, x, 0, 2) + d1(y, x, 1, 4) - first,
            d1(y, x, 0, 4) + d1(y, x, 1, 3) - second,
            stretched * exx + lame * eyy - sxx,
            lame * exx + stretched * eyy - syy,
            shear * (d1(y, x, 1, 0) + d1(y, x, 0, 1)) - sxy,
        ]

    def exact(x):
        a, b = columns(x)
        u = np.cos(2 * pi * a) * np.sin(pi * b)
        v = load / 4 * np.sin(pi * a) * b**4
        exx = -2 * pi * np.sin(2 * pi * a) * np.sin(pi * b)
        eyy = load * np.sin(pi * a) * b**3
        twice_exy = pi * np.cos(2 * pi * a) * np.cos(pi * b)
        twice_exy = twice_exy + load / 4 * pi * np.cos(pi * a) * b**4
        sxx, syy = stretched * exx + lame * eyy, lame * exx + stretched * eyy
        return np.hstack([u, v, sxx, syy, shear * twice_exy])

    def hard(x, y):
        a, b = columns(x)
        u, v, sxx, syy, sxy = columns(y)
        pulled = (1 - b) * syy + stretched * load * sin(pi * a)
        sides = a * (1 - a)
        return torch.cat([b * (1 - b) * u, sides * b * v, sides * sxx, pulled, sxy], 1)

    data = script(square(), pde, [], 150)
    return Script(data, exact, outputs=(0, 1), output_transform=hard)


@steady("plane elasticity, displacements given", [2, 40, 40, 40, 2], 1200)
def elasticity_displacements():
    """The same displacements from their own equations, with their values on the boundary."""
    return of_case(linear.elasticity(), 150, 60, loss_weights=[1, 1, 100, 100])


@steady("Navier-Stokes (Kovasznay flow)", [2, 40, 40, 40, 3], 600, lbfgs=400)
def kovasznay():
    """At Re = 20; velocities on the boundary, the pressure at the outflow."""
    return of_case(nonlinear.kovasznay(), 150, 60)


@steady("Laplace's equation, values by a formula", [2, 20, 20, 20, 1], 3500)
def laplace_square():
    """eˣ sin y on the unit square, with 60 points."""
    geom = square()

    def exact(x):
        return np.exp(x[:, :1]) * np.sin(x[:, 1:])

    data = script(geom, laplacian_of, value(geom, exact), 60, 40)
    return Script(data, exact)
