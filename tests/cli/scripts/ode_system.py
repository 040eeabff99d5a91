"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

A system of ordinary differential equations: y1' = 3 y2, y2' = -3 y1, y1(0) = 0, y2(0) = 1.
"""

import deepxde as dde
import numpy as np


def ode_system(x, y):
    y1, y2 = y[:, 0:1], y[:, 1:2]
    dy1_x = dde.grad.jacobian(y, x, i=0)
    dy2_x = dde.grad.jacobian(y, x, i=1)
    return [dy1_x - 3 * y2, dy2_x + 3 * y1]


def boundary(_, on_initial):
    return on_initial


def func(x):
    return np.hstack((np.sin(3 * x), np.cos(3 * x)))


geom = dde.geometry.TimeDomain(0, 4)
ic1 = dde.icbc.IC(geom, lambda x: 0, boundary, component=0)
ic2 = dde.icbc.IC(geom, lambda x: 1, boundary, component=1)
data = dde.data.PDE(geom, ode_system, [ic1, ic2], 35, 2, solution=func, num_test=100)

net = dde.nn.FNN([1] + [20] * 2 + [2], "tanh", "Glorot uniform")
model = dde.Model(data, net)
model.compile("adam", lr=0.001, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=200)
