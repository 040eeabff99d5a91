"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

Stokes flow between plates with parallel sub-networks for both velocities and the pressure.
"""

import deepxde as dde
from deepxde.nn import (
    PFNN,  # one sub-network for each output
)


def pde(x, y):
    du_x = dde.grad.jacobian(y, x, i=0, j=0)
    dv_y = dde.grad.jacobian(y, x, i=1, j=1)
    dp_x = dde.grad.jacobian(y, x, i=2, j=0)
    dp_y = dde.grad.jacobian(y, x, i=2, j=1)
    momentum_x, momentum_y = (
        dde.grad.hessian(y, x, component=i, i=0, j=0)
        + dde.grad.hessian(y, x, component=i, i=1, j=1)
        for i in (0, 1)
    )
    return [momentum_x - dp_x, momentum_y - dp_y, du_x + dv_y]


def parabola(x):
    return 4 * x[:, 1:2] * (1 - x[:, 1:2])


geom = dde.geometry.Rectangle([0, 0], [2, 1])
u = dde.icbc.DirichletBC(geom, parabola, lambda _, on_boundary: on_boundary, component=0)
v = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on_boundary: on_boundary, component=1)
data = dde.data.PDE(geom, pde, [u, v], num_domain=150, num_boundary=60)
net = PFNN([2, [16, 16, 16], [16, 16, 16], 3], "tanh", "Glorot normal")
model = dde.Model(data, net)
model.compile("adam", lr=1e-3)
losshistory, train_state = model.train(iterations=200)
