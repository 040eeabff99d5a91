"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

-u'' = π² sin(πx) on [-1, 1], periodic, u(-1) = 0. The network comes by a name of its own.
"""

import deepxde as dde
import numpy as np
from deepxde.nn import FNN as Network


def pde(x, y):
    return -dde.grad.hessian(y, x) - np.pi**2 * dde.backend.sin(np.pi * x)


def left(x, on_boundary):
    return on_boundary and dde.utils.isclose(x[0], -1)


def right(x, on_boundary):
    return on_boundary and dde.utils.isclose(x[0], 1)


def func(x):
    return np.sin(np.pi * x)


geom = dde.geometry.Interval(-1, 1)
conditions = [dde.icbc.DirichletBC(geom, func, left), dde.icbc.PeriodicBC(geom, 0, right)]
data = dde.data.PDE(geom, pde, conditions, 16, 2, solution=func, num_test=100)
model = dde.Model(data, Network([1] + [20] * 2 + [1], "tanh", "Glorot uniform"))
model.compile("adam", lr=0.001, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=300)
