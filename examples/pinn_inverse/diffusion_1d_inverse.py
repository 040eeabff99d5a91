"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Diffusion (a u')' = f on [0, 1] with an unknown, oscillating coefficient a(x), from values of u at
200 points, exact or with noise; u(0) = 0 and u(1) = 1. The exact solution is u = sin(2πx) + x and
a = 1 + 0.5 sin(8πx). Both are outputs of the network.

DeepXDE has no L-BFGS with JAX.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN


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


def observations(num_observed=200, noise=0.0, seed=0):
    """Points and values of u there; ``noise`` is relative to the rms of the values."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (num_observed, 1)).astype(dde.config.real(np))
    values = solution(points.astype(float))[:, 0:1]
    values += noise * np.sqrt(np.mean(values**2)) * rng.standard_normal(values.shape)
    return dde.icbc.PointSetBC(points, values, component=0)


def hard_boundary(x, y):
    """u(0) = 0 and u(1) = 1; the coefficient as it is."""
    return dde.backend.concat([x + x * (1 - x) * y[:, 0:1], y[:, 1:2]], 1)


def stratified(num):
    """One random point in each of ``num`` equal cells: fresh, yet never far from even."""
    return (np.arange(num)[:, None] + np.random.rand(num, 1)) / num


class FreshPoints(dde.callbacks.Callback):
    """Draw the collocation points anew after every step."""

    def __init__(self, num):
        super().__init__()
        self.num = num

    def on_epoch_end(self):
        self.model.data.replace_with_anchors(stratified(self.num))


def problem(num=200, **observed):
    geom = dde.geometry.Interval(0, 1)
    bc = observations(**observed)
    return dde.data.PDE(geom, pde, [bc], anchors=stratified(num), solution=solution)


def network(Net=RepFNN, **options):
    net = Net([1] + [64] * 3 + [2], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_boundary)
    return net


def train(model, adam=3000, lbfgs=2000, num=(200, 600)):
    """Adam on few points, always new; then L-BFGS on many, which it needs to keep."""
    # The equation's residual is about 100 times larger than the data, which must lead the way.
    options = {"loss_weights": [1e-3, 100.0]}
    model.compile("adam", lr=2e-3, **options)
    model.train(iterations=adam, callbacks=[FreshPoints(num[0])])
    model.data.replace_with_anchors(stratified(num[1]))
    dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
    model.compile("L-BFGS", **options)
    model.train()


def error(model, num_points=5001):
    """Relative L2 error of the coefficient."""
    x = np.linspace(0, 1, num_points)[:, None]
    return dde.metrics.l2_relative_error(solution(x)[:, 1:2], model.predict(x)[:, 1:2])


def main(Net=RepFNN, noise=0.0, **options):
    model = dde.Model(problem(noise=noise), network(Net))
    train(model, **options)
    print(f"L2 relative error of a: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
