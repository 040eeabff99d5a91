"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

Helmholtz equation -Δu - k²u = f on the unit square, u = 0 on the boundary, with k² unknown and u
known at 25 interior points. The exact solution is sin(4πx) sin(4πy), for k = 4π.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN

k_true = 4 * np.pi


def solution(x):
    return np.sin(k_true * x[:, 0:1]) * np.sin(k_true * x[:, 1:2])


def source(x):
    sin = dde.backend.sin
    return k_true**2 * sin(k_true * x[:, 0:1]) * sin(k_true * x[:, 1:2])


def hard_boundary(x, y):
    return x[:, 0:1] * (1 - x[:, 0:1]) * x[:, 1:2] * (1 - x[:, 1:2]) * y


def problem(k2_guess=100.0, num_domain=1000, num_observed=25, seed=0):
    """The data, and the unknown k² as a trainable variable."""
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

    points = np.random.default_rng(seed).uniform(0.05, 0.95, (num_observed, 2))
    observed = dde.icbc.PointSetBC(points, solution(points))
    data = dde.data.PDE(geom, pde, [observed], num_domain=num_domain, train_distribution="Sobol")
    return data, k2


def network(Net=RepFNN, **options):
    net = Net([2] + [64] * 3 + [1], "tanh", "Glorot uniform", **options)
    net.apply_output_transform(hard_boundary)
    return net


def train(model, k2, adam=4000):
    # The data count as much as the equation, whose residual is about k² times larger.
    model.compile("adam", lr=5e-3, loss_weights=[1e-4, 1.0], external_trainable_variables=[k2])
    model.train(iterations=adam)


def value(model, k2):
    """The identified k² as a number."""
    if dde.backend.backend_name == "tensorflow.compat.v1":
        return float(model.sess.run(k2))
    if dde.backend.backend_name == "jax":
        return float(k2.value)
    return float(k2)


def main(Net=RepFNN, **options):
    data, k2 = problem()
    model = dde.Model(data, network(Net))
    train(model, k2, **options)
    found = value(model, k2)
    print(f"k² = {found:.3f}, exact {k_true**2:.3f} ({abs(found / k_true**2 - 1):.1e} relative)")
    return model, found


if __name__ == "__main__":
    main()
