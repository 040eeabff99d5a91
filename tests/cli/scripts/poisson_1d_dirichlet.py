"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

Poisson equation -u'' = 16 π² sin(4πx) on [-1, 1], u(±1) = 0; saves and shows its plots.
"""

import deepxde as dde
import numpy as np


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x)
    if dde.backend.backend_name == "jax":
        dy_xx = dy_xx[0]
    return -dy_xx - 16 * np.pi**2 * dde.backend.sin(4 * np.pi * x)


def func(x):
    return np.sin(4 * np.pi * x)


geom = dde.geometry.Interval(-1, 1)
bc = dde.icbc.DirichletBC(geom, func, lambda x, on_boundary: on_boundary)
data = dde.data.PDE(geom, pde, bc, 40, 2, solution=func, num_test=100)
model = dde.Model(data, dde.nn.FNN([1] + [20] * 2 + [1], "tanh", "Glorot uniform"))
model.compile("adam", lr=0.001, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=300)
dde.saveplot(losshistory, train_state, issave=False, isplot=True)
