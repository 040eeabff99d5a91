"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

Fit sin(2πx) + 0.5 sin(16πx) + 0.2 sin(50πx) on [-1, 1] from its values at 1000 points.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN


def function(x):
    return np.sin(2 * np.pi * x) + 0.5 * np.sin(16 * np.pi * x) + 0.2 * np.sin(50 * np.pi * x)


def problem(num_train=1000, num_test=1000):
    geom = dde.geometry.Interval(-1, 1)
    return dde.data.Function(geom, function, num_train, num_test)


def network(Net=RepFNN, activation="tanh", **options):
    return Net([1] + [100] * 3 + [1], activation, "Glorot uniform", **options)


def train(model, adam=(2500, 500)):
    for lr, iterations in zip((1e-3, 1e-4), adam, strict=True):
        model.compile("adam", lr=lr)
        model.train(iterations=iterations)


def error(model, num_points=5001):
    x = np.linspace(-1, 1, num_points)[:, None]
    return dde.metrics.l2_relative_error(function(x), model.predict(x))


def main(Net=RepFNN, **options):
    model = dde.Model(problem(), network(Net))
    train(model, **options)
    print(f"L2 relative error: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
