"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

u'' = 2 on [-1, 1] with u' given at the left end and u' = u at the right end; u = (x + 1)².
"""

import deepxde
import numpy as np


def pde(x, y):
    return deepxde.grad.hessian(y, x) - 2


def func(x):
    return (x + 1) ** 2


def left(x, on_boundary):
    return on_boundary and deepxde.utils.isclose(x[0], -1)


def right(x, on_boundary):
    return on_boundary and deepxde.utils.isclose(x[0], 1)


geom = deepxde.geometry.Interval(-1, 1)
neumann = deepxde.icbc.NeumannBC(geom, lambda x: np.zeros((len(x), 1)), left)
robin = deepxde.icbc.RobinBC(geom, lambda x, y: y, right)
data = deepxde.data.PDE(geom, pde, [neumann, robin], 16, 2, solution=func, num_test=100)
net = deepxde.nn.FNN([1, 20, 20, 1], "tanh", "Glorot uniform")
model = deepxde.Model(data, net)
model.compile("adam", lr=0.001, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=300)
