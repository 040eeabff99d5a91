"""Backend supported: pytorch, jax

Poisson equation -Δu = f on the L-shaped domain [-1, 1]² less its upper right quarter, boundary
values given; the exact solution, sin(2πx + πy) cos(3πy), is smooth also at the corner.
"""

import deepxde as dde
import numpy as np

import deepxde_repnet

pi = np.pi


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        dy_xx, dy_yy = dy_xx[0], dy_yy[0]
    sin, cos = dde.backend.sin, dde.backend.cos
    a, b = pi * (2 * x[:, 0:1] + x[:, 1:2]), 3 * pi * x[:, 1:2]
    f = 14 * pi**2 * sin(a) * cos(b) + 6 * pi**2 * cos(a) * sin(b)
    return -dy_xx - dy_yy - f


def solution(x):
    return np.sin(pi * (2 * x[:, 0:1] + x[:, 1:2])) * np.cos(3 * pi * x[:, 1:2])


def geometry():
    return dde.geometry.Polygon([[0, 0], [0, 1], [-1, 1], [-1, -1], [1, -1], [1, 0]])


def problem(num_domain=2500, num_boundary=500):
    geom = geometry()
    bc = dde.icbc.DirichletBC(geom, solution, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(geom, pde, bc, num_domain, num_boundary, solution=solution)


def error(model, points_per_axis=141):
    axis = np.linspace(-1, 1, points_per_axis)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    x = x[np.min(x, axis=1) <= 0]
    return dde.metrics.l2_relative_error(solution(x), model.predict(x))


def main(**options):
    found = deepxde_repnet.solve(problem(), **options)
    print(found)
    print(f"L2 relative error: {error(found):.1e}")
    return found


if __name__ == "__main__":
    dde.config.set_default_float("float64")
    main()
