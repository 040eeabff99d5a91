"""Backend supported: pytorch, jax

Helmholtz equation Δu + u = f on [-1, 1]² with a solution that oscillates four times faster along y,
u = 0 on the boundary; the exact solution is sin(πx) sin(4πy).
"""

import deepxde as dde
import numpy as np

import deepxde_repnet


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        y, dy_xx, dy_yy = y[0], dy_xx[0], dy_yy[0]
    sin = dde.backend.sin
    f = (1 - 17 * np.pi**2) * sin(np.pi * x[:, 0:1]) * sin(4 * np.pi * x[:, 1:2])
    return dy_xx + dy_yy + y - f


def solution(x):
    return np.sin(np.pi * x[:, 0:1]) * np.sin(4 * np.pi * x[:, 1:2])


def problem(num_domain=2500, num_boundary=400):
    geom = dde.geometry.Rectangle([-1, -1], [1, 1])
    bc = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(geom, pde, bc, num_domain, num_boundary, solution=solution)


def error(model, points_per_axis=101):
    axis = np.linspace(-1, 1, points_per_axis)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return dde.metrics.l2_relative_error(solution(x), model.predict(x))


def main(**options):
    found = deepxde_repnet.solve(problem(), **options)
    print(found)
    print(f"L2 relative error: {error(found):.1e}")
    return found


if __name__ == "__main__":
    dde.config.set_default_float("float64")
    main()
