"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Helmholtz equation -Δu - k²u = f on the unit square, u = 0 on the boundary, k = 2πn, n = 2 unless
given; the exact solution is sin(kx) sin(ky). Only the line that makes the network differs from a
script with ``dde.nn.FNN``, which does not resolve it.

DeepXDE has no L-BFGS with JAX.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN

k = 4 * np.pi


def helmholtz(x, y, k):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        y, dy_xx, dy_yy = y[0], dy_xx[0], dy_yy[0]
    sin = dde.backend.sin
    f = k**2 * sin(k * x[:, 0:1]) * sin(k * x[:, 1:2])
    return -dy_xx - dy_yy - k**2 * y - f


def solution(x, k=k):
    return np.sin(k * x[:, 0:1]) * np.sin(k * x[:, 1:2])


def hard_boundary(x, y):
    return x[:, 0:1] * (1 - x[:, 0:1]) * x[:, 1:2] * (1 - x[:, 1:2]) * y


def stratified(per_axis):
    """One random point in each cell of a grid: fresh, yet never far from even."""
    cells = np.stack(np.meshgrid(*2 * [np.arange(per_axis)]), axis=-1).reshape(-1, 2)
    return (cells + np.random.rand(*cells.shape)) / per_axis


class FreshPoints(dde.callbacks.Callback):
    """Draw the collocation points anew after every step."""

    def __init__(self, per_axis):
        super().__init__()
        self.per_axis = per_axis

    def on_epoch_end(self):
        self.model.data.replace_with_anchors(stratified(self.per_axis))


def problem(n=2, per_axis=23):
    k = 2 * np.pi * n
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    return dde.data.PDE(
        geom,
        lambda x, y: helmholtz(x, y, k),
        [],
        anchors=stratified(per_axis),
        solution=lambda x: solution(x, k),
    )


def network(Net=RepFNN, **options):
    net = Net([2] + [64] * 3 + [1], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_boundary)
    return net


def train(model, adam=1000, lbfgs=1000, per_axis=(23, 50), display_every=1000):
    """Adam on few points, always new; then L-BFGS on many, which it needs to keep."""
    model.compile("adam", lr=2e-3)
    fresh = FreshPoints(per_axis[0])
    model.train(iterations=adam, callbacks=[fresh], display_every=display_every)
    model.data.replace_with_anchors(stratified(per_axis[1]))
    dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
    model.compile("L-BFGS")
    model.train()


def error(model, n=2, points_per_axis=101):
    axis = np.linspace(0, 1, points_per_axis)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return dde.metrics.l2_relative_error(solution(x, 2 * np.pi * n), model.predict(x))


def main(Net=RepFNN, n=2, **options):
    model = dde.Model(problem(n), network(Net))
    train(model, **options)
    print(f"L2 relative error: {error(model, n):.2e}")
    return model


if __name__ == "__main__":
    main()
