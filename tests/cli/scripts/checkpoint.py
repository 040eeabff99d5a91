"""Backend supported: tensorflow, pytorch, paddle

Trains, saves the best model, and restores it into a model that was not trained.
"""

import deepxde as dde
import numpy as np


def func(x):
    return np.sin(12 * x)


def new_model():
    geom = dde.geometry.Interval(-1, 1)
    data = dde.data.Function(geom, func, 60, 100)
    model = dde.Model(data, dde.nn.FNN([1] + [20] * 2 + [1], "tanh", "Glorot uniform"))
    model.compile("adam", lr=0.01, metrics=["l2 relative error"])
    return model


model = new_model()
checker = dde.callbacks.ModelCheckpoint("best", verbose=0, save_better_only=False, period=2)
model.train(iterations=20, callbacks=[checker])
path = model.save("trained")

x = np.linspace(-1, 1, 11)[:, None]
restored = new_model()
assert not np.allclose(restored.predict(x), model.predict(x), atol=1e-6)  # Keras builds it here
restored.restore(path, verbose=1)
assert np.allclose(restored.predict(x), model.predict(x), atol=1e-6)
print("restored what was saved")
