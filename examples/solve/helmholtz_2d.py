"""Backend supported: pytorch, jax

Helmholtz equation -Δu - k²u = f on the unit square, u = 0 on the boundary, k = 2πn, without
training. Equation and solution, sin(kx) sin(ky), are those of ``pinn_forward/helmholtz_2d.py``; the
boundary values are an ordinary condition here.
"""

import sys
from pathlib import Path

import deepxde as dde
import numpy as np

import deepxde_repnet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pinn_forward.helmholtz_2d import helmholtz, solution


def problem(n=2, num_domain=2500, num_boundary=400):
    k = 2 * np.pi * n
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    bc = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(
        geom,
        lambda x, y: helmholtz(x, y, k),
        bc,
        num_domain,
        num_boundary,
        solution=lambda x: solution(x, k),
    )


def error(model, n=2, points_per_axis=101):
    axis = np.linspace(0, 1, points_per_axis)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return dde.metrics.l2_relative_error(solution(x, 2 * np.pi * n), model.predict(x))


def main(n=2, **options):
    found = deepxde_repnet.solve(problem(n), **options)
    print(found)
    print(f"L2 relative error: {error(found, n):.1e}")
    return found


if __name__ == "__main__":
    dde.config.set_default_float("float64")
    main()
