"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

A fit whose network is made by a module beside this script.
"""

import deepxde as dde
import helper_networks
import numpy as np

geom = dde.geometry.Interval(-1, 1)
data = dde.data.Function(geom, lambda x: np.sin(9 * x), 40, 100)
model = dde.Model(data, helper_networks.small(1, 1))
model.compile("adam", lr=0.001, metrics=["l2 relative error"])
losshistory, train_state = model.train(iterations=200)
