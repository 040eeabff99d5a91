"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Diffusion C u'' + 16 sin(4x) = 0 on [0, π], with C unknown and u known at some points; C is written
to variables.dat as it is found.
"""

import deepxde as dde
import numpy as np

C = dde.Variable(2.0)


def pde(x, y):
    return C * dde.grad.hessian(y, x) + 16 * dde.backend.sin(4 * x)


def func(x):
    return np.sin(4 * x)


geom = dde.geometry.Interval(0, np.pi)
bc = dde.icbc.DirichletBC(geom, func, lambda _, on_boundary: on_boundary)
observe_x = np.linspace(0.1, 3, 20)[:, None]
observe_y = dde.icbc.PointSetBC(observe_x, func(observe_x), component=0)
data = dde.data.PDE(geom, pde, [bc, observe_y], 60, 2, anchors=observe_x, solution=func)
model = dde.Model(data, dde.nn.FNN([1] + [20] * 2 + [1], "tanh", "Glorot uniform"))
model.compile("adam", lr=0.001, metrics=["l2 relative error"], external_trainable_variables=C)
variable = dde.callbacks.VariableValue(C, period=2, filename="variables.dat")
losshistory, train_state = model.train(iterations=200, callbacks=[variable])
