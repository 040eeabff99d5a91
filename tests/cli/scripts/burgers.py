"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Burgers' equation u_t + u u_x = 0.02 u_xx: Adam, points added where the residual is large, L-BFGS.
"""

import deepxde as dde
import numpy as np


def pde(x, y):
    dy_x = dde.grad.jacobian(y, x, i=0, j=0)
    dy_t = dde.grad.jacobian(y, x, i=0, j=1)
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    return dy_t + y * dy_x - 0.02 * dy_xx


geom = dde.geometry.Interval(-1, 1)
geomtime = dde.geometry.GeometryXTime(geom, dde.geometry.TimeDomain(0, 1))
bc = dde.icbc.DirichletBC(geomtime, lambda x: 0, lambda _, on_boundary: on_boundary)
ic = dde.icbc.IC(geomtime, lambda x: -np.sin(np.pi * x[:, 0:1]), lambda _, initial: initial)
data = dde.data.TimePDE(geomtime, pde, [bc, ic], num_domain=200, num_boundary=20, num_initial=40)
net = dde.nn.FNN([2] + [20] * 3 + [1], "tanh", "Glorot normal")
model = dde.Model(data, net)
model.compile("adam", lr=1e-3)
model.train(iterations=100)

candidates = geomtime.random_points(1000)
residual = np.abs(model.predict(candidates, operator=pde))[:, 0]
data.add_anchors(candidates[np.argsort(-residual)[:10]])
model.train(iterations=100, callbacks=[dde.callbacks.EarlyStopping(min_delta=1e-6, patience=50)])
dde.optimizers.set_LBFGS_options(maxiter=50)
model.compile("L-BFGS")
losshistory, train_state = model.train()
