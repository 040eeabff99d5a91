"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

Poisson equation u'' = f on [0, 1] with two scales, u(0) = u(1) = 0; the exact solution is
sin(2πx) + 0.1 sin(50πx).
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        dy_xx = dy_xx[0]
    sin = dde.backend.sin
    f = -((2 * np.pi) ** 2) * sin(2 * np.pi * x) - 0.1 * (50 * np.pi) ** 2 * sin(50 * np.pi * x)
    return dy_xx - f


def solution(x):
    return np.sin(2 * np.pi * x) + 0.1 * np.sin(50 * np.pi * x)


def hard_boundary(x, y):
    return x * (1 - x) * y


def stratified(num):
    """One random point in each of ``num`` equal cells: fresh, yet never far from even."""
    return (np.arange(num)[:, None] + np.random.rand(num, 1)) / num


class FreshPoints(dde.callbacks.Callback):
    """Draw the collocation points anew after every step."""

    def on_epoch_end(self):
        self.model.data.replace_with_anchors(stratified(len(self.model.data.train_x_all)))


def problem(num=512):
    geom = dde.geometry.Interval(0, 1)
    return dde.data.PDE(geom, pde, [], anchors=stratified(num), solution=solution)


def network(Net=RepFNN, **options):
    net = Net([1] + [64] * 3 + [1], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_boundary)
    return net


def train(model, adam=1750, rates=(5e-3, 2e-3, 6e-4, 2e-4)):
    """Adam in stages; a falling rate averages out the noise of points that are always new."""
    for lr in rates:
        model.compile("adam", lr=lr)
        model.train(iterations=adam, callbacks=[FreshPoints()])


def error(model, num_points=5001):
    x = np.linspace(0, 1, num_points)[:, None]
    return dde.metrics.l2_relative_error(solution(x), model.predict(x))


def main(Net=RepFNN, **options):
    model = dde.Model(problem(), network(Net))
    train(model, **options)
    print(f"L2 relative error: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
