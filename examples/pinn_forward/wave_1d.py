"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Wave equation u_tt = 4 u_xx for x and t in [0, 1], u = 0 at both ends, u and u_t = 0 given at t = 0;
the exact solution is sin(πx) cos(2πt) + 0.5 sin(4πx) cos(8πt). The network's output is transformed
so that all conditions hold whatever it gives.

DeepXDE has no L-BFGS with JAX.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_tt = dde.grad.hessian(y, x, i=1, j=1)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        dy_xx, dy_tt = dy_xx[0], dy_tt[0]
    return dy_tt - 4 * dy_xx


def solution(x):
    slow = np.sin(np.pi * x[:, 0:1]) * np.cos(2 * np.pi * x[:, 1:2])
    return slow + 0.5 * np.sin(4 * np.pi * x[:, 0:1]) * np.cos(8 * np.pi * x[:, 1:2])


def hard_conditions(x, y):
    sin = dde.backend.sin
    space, time = x[:, 0:1], x[:, 1:2]
    initial = sin(np.pi * space) + 0.5 * sin(4 * np.pi * space)
    # t² alone would ask for an output hundreds of times larger near t = 0 than at t = 1. A power,
    # since PaddlePaddle does not differentiate a quotient often enough.
    return initial + time**2 * (time**2 + 0.01) ** -1 * 4 * space * (1 - space) * y


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


def problem(per_axis=20):
    geomtime = dde.geometry.GeometryXTime(
        dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1)
    )
    return dde.data.TimePDE(geomtime, pde, [], anchors=stratified(per_axis), solution=solution)


def network(Net=RepFNN, **options):
    net = Net([2] + [64] * 3 + [1], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_conditions)
    return net


def train(model, adam=1000, lbfgs=400, per_axis=(20, 36)):
    """Adam on few points, always new; then L-BFGS on many, which it needs to keep."""
    model.compile("adam", lr=2e-3)
    model.train(iterations=adam, callbacks=[FreshPoints(per_axis[0])])
    model.data.replace_with_anchors(stratified(per_axis[1]))
    dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
    model.compile("L-BFGS")
    model.train()


def error(model, points_per_axis=101):
    axis = np.linspace(0, 1, points_per_axis)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return dde.metrics.l2_relative_error(solution(x), model.predict(x))


def main(Net=RepFNN, **options):
    model = dde.Model(problem(), network(Net))
    train(model, **options)
    print(f"L2 relative error: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
