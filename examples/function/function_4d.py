"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

Fit (sin 2π(x_1 + x_2) + sin 2π(x_3 - x_4))/2 + 0.25 Π_j cos(πx_j) on [-1, 1]^4 from its values at
20000 random points, in mini-batches. The error is taken at points that were not trained on.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepFNN


def function(x):
    sum_, difference = x[:, 0:1] + x[:, 1:2], x[:, 2:3] - x[:, 3:4]
    waves = (np.sin(2 * np.pi * sum_) + np.sin(2 * np.pi * difference)) / 2
    return waves + 0.25 * np.cos(np.pi * x).prod(axis=1, keepdims=True)


class MiniBatches(dde.data.Function):
    """``dde.data.Function`` takes all points at every step; these are batches of them, shuffled."""

    def train_next_batch(self, batch_size=None):
        x, y = super().train_next_batch()
        if batch_size is None:
            return x, y
        if not hasattr(self, "sampler"):
            self.sampler = dde.data.BatchSampler(len(x))
        chosen = self.sampler.get_next(batch_size)
        return x[chosen], y[chosen]


def problem(num_train=20000, num_test=10000):
    geom = dde.geometry.Hypercube([-1] * 4, [1] * 4)
    return MiniBatches(geom, function, num_train, num_test, train_distribution="pseudo")


def network(Net=RepFNN, activation="tanh", **options):
    return Net([4] + [100] * 3 + [1], activation, "Glorot uniform", **options)


def train(model, adam=(3000, 1000), rates=(2e-3, 2e-4), batch_size=500):
    for lr, iterations in zip(rates, adam, strict=True):
        model.compile("adam", lr=lr)
        model.train(iterations=iterations, batch_size=batch_size)


def error(model, num_points=20000):
    x = np.random.default_rng(0).uniform(-1, 1, (num_points, 4))
    return dde.metrics.l2_relative_error(function(x), model.predict(x))


def main(Net=RepFNN, **options):
    model = dde.Model(problem(), network(Net))
    train(model, **options)
    print(f"L2 relative error: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
