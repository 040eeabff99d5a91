"""Backend supported: pytorch

Wave equation u_tt = 4 u_xx for x and t in [0, 1], u = 0 at both ends, u and u_t given at t = 0,
without training. Equation and solution, sin(πx) cos(2πt) + 0.5 sin(4πx) cos(8πt), are those of
``pinn_forward/wave_1d.py``; the conditions are ordinary ones here.

DeepXDE has no conditions on derivatives, as u_t at t = 0, with JAX.
"""

import sys
from pathlib import Path

import deepxde as dde
import numpy as np

import deepxde_repnet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pinn_forward.wave_1d import pde, solution


def velocity(x, y, _):
    dy_t = dde.grad.jacobian(y, x, i=0, j=1)
    return dy_t[0] if isinstance(dy_t, tuple) else dy_t


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
