"""Backend supported: pytorch, jax

Poisson equation -Δu = f on the unit square with one peak and no oscillation, boundary values given;
the exact solution is 1/(1 + 25 r²), where r is the distance from (0.5, 0.3).
"""

import deepxde as dde
import numpy as np

import deepxde_repnet


def denominator(x):
    return 1 + 25 * ((x[:, 0:1] - 0.5) ** 2 + (x[:, 1:2] - 0.3) ** 2)


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        dy_xx, dy_yy = dy_xx[0], dy_yy[0]
    q = denominator(x)
    f = 200 / q**3 - 100 / q**2
    return -dy_xx - dy_yy - f


def solution(x):
    return 1 / denominator(x)


def problem(num_domain=2500, num_boundary=400):
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    bc = dde.icbc.DirichletBC(geom, solution, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(geom, pde, bc, num_domain, num_boundary, solution=solution)


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
