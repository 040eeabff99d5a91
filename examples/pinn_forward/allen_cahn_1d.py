"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Allen-Cahn equation u_t = 0.001 u_xx + 5(u - u³) for x in [-1, 1] and t in [0, 1]; u = x² cos(πx) at
t = 0 and u = -1 at both ends. Two fronts form and steepen. There is no formula for the solution;
``benchmarks/spectral_references.py`` computes it.

DeepXDE has no L-BFGS with JAX; there, train with ``lbfgs=()``.
"""

from pathlib import Path

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN

diffusivity = 0.001


def pde(x, y):
    dy_t = dde.grad.jacobian(y, x, i=0, j=1)
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
        y, dy_t, dy_xx = y[0], dy_t[0], dy_xx[0]
    return dy_t - diffusivity * dy_xx - 5 * (y - y**3)


def initial(x):
    return x**2 * np.cos(np.pi * x)


def hard_conditions(x, y):
    space, time = x[:, 0:1], x[:, 1:2]
    return space**2 * dde.backend.cos(np.pi * space) + time * (1 - space**2) * y


def stratified(cells_x, cells_t):
    """One random point in each cell of a grid: fresh, yet never far from even."""
    cells = np.stack(np.meshgrid(np.arange(cells_x), np.arange(cells_t)), axis=-1).reshape(-1, 2)
    return (cells + np.random.rand(*cells.shape)) / [cells_x, cells_t] * [2, 1] - [1, 0]


def adaptive(model, num):
    """Points drawn from a fine grid of cells, the likelier the larger the residual is there.

    A steep part of the solution would slip between points that are spread evenly: a network can
    then put it where it does not belong, and the loss would not tell.
    """
    x = stratified(200, 50)
    residual = np.abs(model.predict(x, operator=pde))[:, 0]
    likely = residual / residual.mean() + 1
    return x[np.random.choice(len(x), num, replace=False, p=likely / likely.sum())]


class AdaptivePoints(dde.callbacks.Callback):
    """Draw the collocation points anew every ``period`` steps."""

    def __init__(self, num, period=25):
        super().__init__()
        self.num, self.period = num, period

    def on_epoch_end(self):
        if self.model.train_state.step % self.period == 0:
            self.model.data.replace_with_anchors(adaptive(self.model, self.num))


def problem(cells=(40, 10)):
    geomtime = dde.geometry.GeometryXTime(
        dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1)
    )
    return dde.data.TimePDE(geomtime, pde, [], anchors=stratified(*cells))


def network(Net=RepFNN, **options):
    net = Net([2] + [64] * 3 + [1], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_conditions)
    return net


def train(model, adam=1000, lbfgs=(150, 150), num=(400, 1000)):
    """Adam on few points, drawn anew often; then L-BFGS on more, which it needs to keep a while."""
    model.compile("adam", lr=2e-3)
    model.train(iterations=adam, callbacks=[AdaptivePoints(num[0])])
    for iterations in lbfgs:
        model.data.replace_with_anchors(adaptive(model, num[1]))
        dde.optimizers.set_LBFGS_options(maxiter=iterations)
        model.compile("L-BFGS")
        model.train()


def reference():
    """Points (N, 2) of a grid, x and t, and the solution (N, 1) there."""
    file = Path(__file__).with_name("allen_cahn_1d.npz")
    if not file.exists():
        raise FileNotFoundError(f"{file}: benchmarks/spectral_references.py writes it.")
    with np.load(file) as stored:
        x, t, u = stored["x"], stored["t"], stored["u"]
    return np.stack(np.meshgrid(x, t), axis=-1).reshape(-1, 2), u.reshape(-1, 1)


def error(model):
    x, u = reference()
    return dde.metrics.l2_relative_error(u, model.predict(x))


def main(Net=RepFNN, **options):
    model = dde.Model(problem(), network(Net))
    train(model, **options)
    print(f"L2 relative error: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
