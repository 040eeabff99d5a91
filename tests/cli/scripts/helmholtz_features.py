"""Backend supported: tensorflow, pytorch, paddle

u'' + u = (1 - 64) sin(8x) on [0, 2π] with sines and cosines of x for the network's inputs.
"""

import deepxde as dde
import numpy as np


def pde(x, y):
    return dde.grad.hessian(y, x) + y + 63 * dde.backend.sin(8 * x)


def func(x):
    return np.sin(8 * x)


def periodic(x):
    sin, cos = dde.backend.sin, dde.backend.cos
    return dde.backend.concat([sin(x), cos(x), sin(2 * x), cos(2 * x)], 1)


geom = dde.geometry.Interval(0, 2 * np.pi)
bc = dde.icbc.DirichletBC(geom, func, lambda _, on_boundary: on_boundary)
data = dde.data.PDE(geom, pde, bc, 100, 2, solution=func, num_test=100)
net = dde.nn.FNN([4] + [24] * 2 + [1], "tanh", "Glorot normal")
net.apply_feature_transform(periodic)
model = dde.Model(data, net)
model.compile("adam", lr=1e-3, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=200)
