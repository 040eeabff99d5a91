"""Backend supported: pytorch, jax

Poisson equation u'' = f on [0, 1] with two scales, u(0) = u(1) = 0, without training. Equation and
solution, sin(2πx) + 0.1 sin(50πx), are those of ``pinn_forward/poisson_1d_multiscale.py``; the
boundary values are an ordinary condition here.
"""

import sys
from pathlib import Path

import deepxde as dde
import numpy as np

import deepxde_repnet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pinn_forward.poisson_1d_multiscale import pde, solution


def problem(num_domain=512):
    geom = dde.geometry.Interval(0, 1)
    bc = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(geom, pde, bc, num_domain, num_boundary=2, solution=solution)


def error(model, num_points=5001):
    x = np.linspace(0, 1, num_points)[:, None]
    return dde.metrics.l2_relative_error(solution(x), model.predict(x))


def main(**options):
    found = deepxde_repnet.solve(problem(), **options)
    print(found)
    print(f"L2 relative error: {error(found):.1e}")
    return found


if __name__ == "__main__":
    dde.config.set_default_float("float64")
    main()
