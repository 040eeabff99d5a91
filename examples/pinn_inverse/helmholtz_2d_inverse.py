"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Helmholtz equation -Δu - k²u = f on the unit square, u = 0 on the boundary, with k² unknown and u
known at 25 interior points. The exact solution is sin(4πx) sin(4πy), for k = 4π.

DeepXDE has no L-BFGS with JAX.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN

k_true = 4 * np.pi
k2_guess = 100.0


def solution(x):
    return np.sin(k_true * x[:, 0:1]) * np.sin(k_true * x[:, 1:2])


def source(x):
    sin = dde.backend.sin
    return k_true**2 * sin(k_true * x[:, 0:1]) * sin(k_true * x[:, 1:2])


def hard_boundary(x, y):
    return x[:, 0:1] * (1 - x[:, 0:1]) * x[:, 1:2] * (1 - x[:, 1:2]) * y


def stratified(per_axis):
    """One random point in each cell of a grid."""
    cells = np.stack(np.meshgrid(*2 * [np.arange(per_axis)]), axis=-1).reshape(-1, 2)
    return (cells + np.random.rand(*cells.shape)) / per_axis


class FreshPoints(dde.callbacks.Callback):
    """Draw the collocation points anew after every step.

    On fixed ones the network may fit the equation between the data for a wrong k².
    """

    def __init__(self, per_axis):
        super().__init__()
        self.per_axis = per_axis

    def on_epoch_end(self):
        self.model.data.replace_with_anchors(stratified(self.per_axis))


def problem(per_axis=23, num_observed=25, seed=0):
    """The data, and the unknown as a trainable variable of order one: k² in units of the guess."""
    geom = dde.geometry.Rectangle([0, 0], [1, 1])
    ratio = dde.Variable(1.0)

    def residual(x, y, ratio):
        dy_xx = dde.grad.hessian(y, x, i=0, j=0)
        dy_yy = dde.grad.hessian(y, x, i=1, j=1)
        if dde.backend.backend_name == "jax":  # JAX passes a function along with each array
            y, dy_xx, dy_yy = y[0], dy_xx[0], dy_yy[0]
        return -dy_xx - dy_yy - k2_guess * ratio * y - source(x)

    if dde.backend.backend_name == "jax":
        # JAX hands the current values of the unknowns to the PDE.

        def pde(x, y, unknowns=(1.0,)):
            return residual(x, y, unknowns[0])
    else:

        def pde(x, y):
            return residual(x, y, ratio)

    points = np.random.default_rng(seed).uniform(0.05, 0.95, (num_observed, 2))
    observed = dde.icbc.PointSetBC(points, solution(points))
    data = dde.data.PDE(geom, pde, [observed], anchors=stratified(per_axis))
    return data, ratio


def network(Net=RepFNN, **options):
    net = Net([2] + [64] * 3 + [1], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_boundary)
    return net


def train(model, ratio, adam=2000, lbfgs=1000, per_axis=(23, 50)):
    """Adam on few points, always new; then L-BFGS on many, which it needs to keep."""
    # The equation's residual is about k² times larger than the data, which must lead the way.
    options = {"loss_weights": [1e-3, 100.0], "external_trainable_variables": [ratio]}
    model.compile("adam", lr=5e-3, **options)
    model.train(iterations=adam, callbacks=[FreshPoints(per_axis[0])])
    model.data.replace_with_anchors(stratified(per_axis[1]))
    dde.optimizers.set_LBFGS_options(maxiter=lbfgs)
    model.compile("L-BFGS", **options)
    model.train()


def identified(model, ratio):
    """The identified k² as a number."""
    if dde.backend.backend_name == "tensorflow.compat.v1":
        return k2_guess * float(model.sess.run(ratio))
    if dde.backend.backend_name == "jax":
        return k2_guess * float(ratio.value)
    return k2_guess * dde.backend.to_numpy(ratio).item()


def error(model, ratio):
    """Relative error of the identified k²."""
    return abs(identified(model, ratio) / k_true**2 - 1)


def main(Net=RepFNN, **options):
    data, ratio = problem()
    model = dde.Model(data, network(Net))
    train(model, ratio, **options)
    k2 = identified(model, ratio)
    print(f"k² = {k2:.3f}, exact {k_true**2:.3f} ({error(model, ratio):.1e} relative)")
    return model, k2


if __name__ == "__main__":
    main()
