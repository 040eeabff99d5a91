"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

A fit of given values, normalised, whose network is made inside a function of a package.
"""

import deepxde as dde
import numpy as np
from parts.networks import build

x = np.linspace(0, 5, 80)[:, None]
y = np.cos(7 * x)
data = dde.data.DataSet(X_train=x[::2], y_train=y[::2], X_test=x, y_test=y, standardize=True)
model = dde.Model(data, build([1, 16, 16, 1]))
model.compile("adam", lr=0.001, metrics=["MSE"], decay=None)
losshistory, train_state = model.train(iterations=200)
