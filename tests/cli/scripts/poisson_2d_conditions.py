"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

-Δu = (4π² - 1) sin(2πx) exp(y) on the unit square with a condition of another kind on each side.
"""

import deepxde as dde
import numpy as np

k = 2 * np.pi


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    sin, exp = dde.backend.sin, dde.backend.exp
    return -dy_xx - dy_yy - (k**2 - 1) * sin(k * x[:, 0:1]) * exp(x[:, 1:2])


def func(x):
    return np.sin(k * x[:, 0:1]) * np.exp(x[:, 1:2])


def side(axis, value):
    return lambda x, on_boundary: on_boundary and dde.utils.isclose(x[axis], value)


geom = dde.geometry.Rectangle([0, 0], [1, 1])
conditions = [
    dde.icbc.DirichletBC(geom, func, side(0, 0)),
    dde.icbc.PeriodicBC(geom, 0, side(0, 1)),
    dde.icbc.NeumannBC(geom, lambda x: -func(x), side(1, 0)),
    dde.icbc.RobinBC(geom, lambda x, y: y, side(1, 1)),
]
data = dde.data.PDE(geom, pde, conditions, 200, 80, solution=func, num_test=200)
net = dde.nn.FNN([2] + [24] * 2 + [1], "tanh", "Glorot uniform")
model = dde.Model(data, net)
model.compile("adam", lr=0.001, metrics=["l2 relative error"], loss_weights=[1, 10, 10, 10, 10])
losshistory, train_state = model.train(iterations=200)
