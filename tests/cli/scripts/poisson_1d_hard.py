"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

-u'' = 36 sin(6x) on [0, π], where an output transform holds u = 0 at both ends.
"""

import deepxde as dde
import numpy as np
from deepxde import nn


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x)
    if dde.backend.backend_name == "jax":
        dy_xx = dy_xx[0]
    return -dy_xx - 36 * dde.backend.sin(6 * x)


def func(x):
    return np.sin(6 * x)


def main():
    geom = dde.geometry.Interval(0, np.pi)
    data = dde.data.PDE(geom, pde, [], num_domain=64, solution=func, num_test=100)
    net = nn.FNN([1] + [20] * 2 + [1], "tanh", "Glorot uniform")
    net.apply_output_transform(lambda x, y: x * (np.pi - x) * y)
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, metrics=["l2 relative error"])
    model.train(iterations=200)
    return model


if __name__ == "__main__":
    model = main()
