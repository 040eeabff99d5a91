"""Backend supported: pytorch, jax

Diffusion (a u')' = f on [0, 1] with an unknown, oscillating coefficient a(x), from values of u at
200 points, exact or with noise, without training; u(0) = 0 and u(1) = 1. Equation and solution,
u = sin(2πx) + x and a = 1 + 0.5 sin(8πx), are those of ``pinn_inverse/diffusion_1d_inverse.py``;
the boundary values are an ordinary condition here.
"""

import sys
from pathlib import Path

import deepxde as dde
import numpy as np

import deepxde_repnet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pinn_inverse.diffusion_1d_inverse import observations, pde, solution


def problem(num_observed=200, noise=0.0, seed=0, num_domain=600):
    """The data; ``noise`` is relative to the rms of the values of u."""
    geom = dde.geometry.Interval(0, 1)
    bc = dde.icbc.DirichletBC(geom, lambda x: x, lambda _, on_boundary: on_boundary, component=0)
    observed = observations(num_observed, noise, seed)
    return dde.data.PDE(geom, pde, [bc, observed], num_domain, num_boundary=2)


def error(model, num_points=5001):
    """Relative L2 error of the coefficient."""
    x = np.linspace(0, 1, num_points)[:, None]
    return dde.metrics.l2_relative_error(solution(x)[:, 1:2], model.predict(x)[:, 1:2])


def main(**options):
    found = deepxde_repnet.solve(problem(), **options)
    print(found)
    print(f"L2 relative error of a: {error(found):.1e}")
    return found


if __name__ == "__main__":
    dde.config.set_default_float("float64")
    main()
