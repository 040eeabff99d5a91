"""Networks for with_helper.py."""

from deepxde.nn import FNN


def small(inputs, outputs):
    return FNN([inputs, 16, 16, outputs], "tanh", "Glorot normal")
