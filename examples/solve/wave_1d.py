"""Backend supported: pytorch

Wave equation u_tt = 4 u_xx for x and t in [0, 1], u = 0 at both ends, u and u_t given at t = 0; the
exact solution is sin(πx) cos(2πt) + 0.5 sin(4πx) cos(8πt).

DeepXDE has no conditions on derivatives, as u_t at t = 0, with JAX.
"""

import deepxde as dde
import numpy as np

import deepxde_repnet


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_tt = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        dy_xx, dy_tt = dy_xx[0], dy_tt[0]
    return dy_tt - 4 * dy_xx


def velocity(x, y, _):
    dy_t = dde.grad.jacobian(y, x, i=0, j=1)
    return dy_t[0] if isinstance(dy_t, tuple) else dy_t


def solution(x):
    slow = np.sin(np.pi * x[:, 0:1]) * np.cos(2 * np.pi * x[:, 1:2])
    return slow + 0.5 * np.sin(4 * np.pi * x[:, 0:1]) * np.cos(8 * np.pi * x[:, 1:2])


def problem(num_domain=2500, num_boundary=200, num_initial=200):
    geom = dde.geometry.Interval(0, 1)
    geomtime = dde.geometry.GeometryXTime(geom, dde.geometry.TimeDomain(0, 1))
    bc = dde.icbc.DirichletBC(geomtime, lambda x: 0, lambda _, on_boundary: on_boundary)
    ic = dde.icbc.IC(geomtime, solution, lambda _, on_initial: on_initial)
    ic_t = dde.icbc.OperatorBC(geomtime, velocity, lambda x, _: dde.utils.isclose(x[1], 0))
    return dde.data.TimePDE(
        geomtime, pde, [bc, ic, ic_t], num_domain, num_boundary, num_initial, solution=solution
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
