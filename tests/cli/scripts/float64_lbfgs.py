"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

u'' = -100 sin(10x) on [0, 1] in double precision, by L-BFGS alone.
"""

import deepxde as dde
import numpy as np

dde.config.set_default_float("float64")
dde.config.set_random_seed(7)


def pde(x, y):
    return dde.grad.hessian(y, x) + 100 * dde.backend.sin(10 * x)


def func(x):
    return np.sin(10 * x)


geom = dde.geometry.Interval(0, 1)
bc = dde.icbc.DirichletBC(geom, func, lambda _, on_boundary: on_boundary)
data = dde.data.PDE(geom, pde, bc, 60, 2, solution=func, num_test=100)
model = dde.Model(data, dde.nn.FNN([1] + [20] * 2 + [1], "tanh", "Glorot uniform"))
dde.optimizers.set_LBFGS_options(maxiter=60, gtol=1e-12)
model.compile("L-BFGS", metrics=["l2 relative error"])
losshistory, train_state = model.train()
assert model.predict(np.array([[0.5]])).dtype == np.float64
