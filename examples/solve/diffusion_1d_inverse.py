"""Backend supported: pytorch, jax

Diffusion (a u')' = f on [0, 1] with an unknown, oscillating coefficient a(x), from values of u at
200 points, exact or with noise; u(0) = 0 and u(1) = 1. The exact solution is u = sin(2πx) + x and
a = 1 + 0.5 sin(8πx). Both are outputs of the network.
"""

import deepxde as dde
import numpy as np

import deepxde_repnet


def pde(x, y):
    sin, cos = dde.backend.sin, dde.backend.cos
    slope = 2 * np.pi * cos(2 * np.pi * x) + 1
    curvature = -4 * np.pi**2 * sin(2 * np.pi * x)
    f = 4 * np.pi * cos(8 * np.pi * x) * slope + (1 + 0.5 * sin(8 * np.pi * x)) * curvature

    u_x = dde.grad.jacobian(y, x, i=0, j=0)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        flux = y[0][:, 1:2] * u_x[0], lambda x: y[1](x)[1:2] * u_x[1](x)
        return dde.grad.jacobian(flux, x)[0] - f
    a = y[:, 1:2]
    return dde.grad.jacobian(a * u_x, x) - f


def solution(x):
    """Both outputs, (N, 2): u and a."""
    return np.hstack([np.sin(2 * np.pi * x) + x, 1 + 0.5 * np.sin(8 * np.pi * x)])


def problem(num_observed=200, noise=0.0, seed=0, num_domain=600):
    """The data; ``noise`` is relative to the rms of the values of u."""
    geom = dde.geometry.Interval(0, 1)
    bc = dde.icbc.DirichletBC(geom, lambda x: x, lambda _, on_boundary: on_boundary, component=0)
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (num_observed, 1)).astype(dde.config.real(np))
    values = solution(points.astype(float))[:, 0:1]
    values += noise * np.sqrt(np.mean(values**2)) * rng.standard_normal(values.shape)
    observed = dde.icbc.PointSetBC(points, values, component=0)
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
