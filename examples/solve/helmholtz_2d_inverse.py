"""Backend supported: pytorch, jax

Helmholtz equation -Δu - k²u = f on the unit square, u = 0 on the boundary, with k² unknown and u
known at some points, exactly or with noise, without training. Source and solution, sin(4πx)
sin(4πy) for k = 4π, are those of ``pinn_inverse/helmholtz_2d_inverse.py``; the boundary values are
an ordinary condition here.
"""

import sys
from pathlib import Path

import deepxde as dde
import numpy as np

import deepxde_repnet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pinn_inverse.helmholtz_2d_inverse import k2_guess, k_true, solution, source


def problem(num_observed=25, noise=0.0, seed=0, num_domain=2500, num_boundary=400):
    """The data, and the unknown k². ``noise`` is relative to the rms of the values."""
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    k2 = dde.Variable(k2_guess)

    def residual(x, y, k2):
        dy_xx = dde.grad.hessian(y, x, i=0, j=0)
        dy_yy = dde.grad.hessian(y, x, i=1, j=1)
        if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
            y, dy_xx, dy_yy = y[0], dy_xx[0], dy_yy[0]
        return -dy_xx - dy_yy - k2 * y - source(x)

    if dde.backend.backend_name == "jax":
        # JAX hands the current values of the unknowns to the PDE.

        def pde(x, y, unknowns=(k2_guess,)):
            return residual(x, y, unknowns[0])
    else:

        def pde(x, y):
            return residual(x, y, k2)

    rng = np.random.default_rng(seed)
    points = rng.uniform(0.05, 0.95, (num_observed, 2)).astype(dde.config.real(np))
    values = solution(points.astype(float))
    values += noise * np.sqrt(np.mean(values**2)) * rng.standard_normal(values.shape)
    observed = dde.icbc.PointSetBC(points, values)
    bc = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on_boundary: on_boundary)
    return dde.data.PDE(geom, pde, [bc, observed], num_domain, num_boundary), k2


def error(k2):
    return abs(k2 / k_true**2 - 1)


def main(**options):
    data, k2 = problem()
    found = deepxde_repnet.solve(data, external_trainable_variables=[k2], **options)
    print(found)
    value = found.variables[0].value
    print(f"k² = {value:.8g}, exact {k_true**2:.8g} ({error(value):.1e} relative)")
    return found


if __name__ == "__main__":
    dde.config.set_default_float("float64")
    main()
