"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

-Δu = 1 on a rectangle with a bay and a hole, u = 0 on all of its boundary.
"""

import deepxde as dde


def pde(x, y):
    dy_xx = dde.grad.hessian(y, x, i=0, j=0)
    dy_yy = dde.grad.hessian(y, x, i=1, j=1)
    return -dy_xx - dy_yy - 1


rectangle = dde.geometry.Rectangle([-2, -1], [2, 1])
bay = dde.geometry.Disk([2, 0], 0.5)
hole = dde.geometry.Polygon([[-1, -0.3], [0, -0.2], [0.1, 0.4], [-1, 0.3]])
geom = dde.geometry.CSGDifference(dde.geometry.CSGDifference(rectangle, bay), hole)
bc = dde.icbc.DirichletBC(geom, lambda x: 0, lambda _, on_boundary: on_boundary)
data = dde.data.PDE(geom, pde, bc, 150, 60, num_test=150, train_distribution="pseudo")
layer_size = [2] + [20] * 2 + [1]
net = dde.nn.FNN(layer_size, "tanh", "Glorot uniform")
model = dde.Model(data, net)
model.compile("adam", lr=0.001)
losshistory, train_state = model.train(iterations=200)
