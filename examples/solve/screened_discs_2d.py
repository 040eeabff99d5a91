"""Backend supported: pytorch, jax

Screened Poisson equation -Δu + 64u = 100 sin(πx) sin(4πy) on [-1, 1]² less four discs, u = 0.2 on
the outer boundary and 1 on the discs. There is no formula for the solution;
``benchmarks/screened_discs_reference.py`` computes it with finite elements.
"""

from pathlib import Path

import deepxde as dde
import numpy as np

import deepxde_repnet

DISCS = [((0.5, 0.5), 0.2), ((0.4, -0.4), 0.4), ((-0.2, -0.7), 0.1), ((-0.6, 0.5), 0.3)]


def source(x, sin):
    return 100 * sin(np.pi * x[:, 0:1]) * sin(4 * np.pi * x[:, 1:2])


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        y, dy_xx, dy_yy = y[0], dy_xx[0], dy_yy[0]
    return -dy_xx - dy_yy + 64 * y - source(x, dde.backend.sin)


def outer(x, on_boundary):
    return on_boundary and dde.utils.isclose(np.max(np.abs(x)), 1)


def on_discs(x, on_boundary):
    return on_boundary and not dde.utils.isclose(np.max(np.abs(x)), 1)


def geometry():
    geom = dde.geometry.Rectangle([-1, -1], [1, 1])
    for center, radius in DISCS:
        geom = geom - dde.geometry.Disk(center, radius)
    return geom


def problem(num_domain=4000, num_boundary=1200):
    geom = geometry()
    square = dde.icbc.DirichletBC(geom, lambda x: 0.2, outer)
    discs = dde.icbc.DirichletBC(geom, lambda x: 1, on_discs)
    # Of other distributions DeepXDE would repeat points to replace those in the discs.
    return dde.data.PDE(
        geom, pde, [square, discs], num_domain, num_boundary, train_distribution="pseudo"
    )


def reference():
    """Points (N, 2) of the domain and the finite-element solution (N, 1) there."""
    file = Path(__file__).with_name("screened_discs_2d.npz")
    if not file.exists():
        raise FileNotFoundError(f"{file}: benchmarks/screened_discs_reference.py writes it.")
    with np.load(file) as stored:
        return stored["x"], stored["u"]


def error(model):
    x, u = reference()
    return dde.metrics.l2_relative_error(u, model.predict(x))


def main(**options):
    found = deepxde_repnet.solve(problem(), **options)
    print(found)
    print(f"L2 relative difference from finite elements: {error(found):.1e}")
    return found


if __name__ == "__main__":
    main()
