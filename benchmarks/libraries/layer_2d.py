"""Poisson equation Δu = f on the unit square with a steep layer along x + y = 1, boundary values
given; the exact solution is tanh 20(x + y - 1). Stated as the examples of ``examples/solve/`` are.
"""

import deepxde as dde
import numpy as np


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    t = dde.backend.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1))
    return dy_xx + dy_yy + 1600 * t * (1 - t**2)


def solution(x):
    return np.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1))


def problem(num_domain=2500, num_boundary=400):
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    bc = dde.icbc.DirichletBC(geom, solution, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(geom, pde, bc, num_domain, num_boundary, solution=solution)
