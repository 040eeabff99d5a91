"""Backend supported: pytorch

Nonlinear equation -Δu + u³ = f on the unit square, u_x given on the side x = 1 and u = 0 on the
others; the exact solution is sin(4πx) sin(4πy).

DeepXDE has no conditions on derivatives, as the one on the side x = 1, with JAX.
"""

import deepxde as dde
import numpy as np

import deepxde_repnet

k = 4 * np.pi


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        y, dy_xx, dy_yy = y[0], dy_xx[0], dy_yy[0]
    sin = dde.backend.sin
    u = sin(k * x[:, 0:1]) * sin(k * x[:, 1:2])
    f = 2 * k**2 * u + u**3
    return -dy_xx - dy_yy + y**3 - f


def solution(x):
    return np.sin(k * x[:, 0:1]) * np.sin(k * x[:, 1:2])


def slope_at_right(x):
    return k * np.cos(k * x[:, 0:1]) * np.sin(k * x[:, 1:2])


def right(x, on_boundary):
    return on_boundary and dde.utils.isclose(x[0], 1)


def others(x, on_boundary):
    return on_boundary and not dde.utils.isclose(x[0], 1)


def problem(num_domain=2500, num_boundary=400):
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    neumann = dde.icbc.NeumannBC(geom, slope_at_right, right)
    dirichlet = dde.icbc.DirichletBC(geom, lambda x: 0, others)
    return dde.data.PDE(
        geom, pde, [neumann, dirichlet], num_domain, num_boundary, solution=solution
    )


def error(model, points_per_axis=101):
    axis = np.linspace(0, 1, points_per_axis)
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
