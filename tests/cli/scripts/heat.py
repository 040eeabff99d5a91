"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Heat equation u_t = 0.01 u_xx for x and t in [0, 1] with points drawn anew as it trains.
"""

import deepxde as dde
import numpy as np

dde.config.set_random_seed(0)


def pde(x, y):
    dy_t = dde.grad.jacobian(y, x, i=0, j=1)
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    return dy_t - 0.01 * dy_xx


def func(x):
    return np.sin(3 * np.pi * x[:, 0:1]) * np.exp(-0.09 * np.pi**2 * x[:, 1:2])


geom = dde.geometry.Interval(0, 1)
geomtime = dde.geometry.GeometryXTime(geom, dde.geometry.TimeDomain(0, 1))
bc = dde.icbc.DirichletBC(geomtime, lambda x: 0, lambda _, on_boundary: on_boundary)
ic = dde.icbc.IC(geomtime, func, lambda _, on_initial: on_initial)
data = dde.data.TimePDE(
    geomtime,
    pde,
    [bc, ic],
    num_domain=200,
    num_boundary=20,
    num_initial=40,
    train_distribution="pseudo",
    solution=func,
    num_test=200,
)
Net = getattr(dde.nn, "FNN")  # noqa: B009
model = dde.Model(data, Net([2] + [20] * 2 + [1], "tanh", "Glorot normal"))
resampler = dde.callbacks.PDEPointResampler(period=2)
model.compile("adam", lr=1e-3, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=200, callbacks=[resampler])
