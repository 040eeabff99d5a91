"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

A fit with arguments, of what a file beside the script says, trained twice; a plot; exit code 3.
"""

import argparse
import os
import sys

import deepxde as dde
import matplotlib.pyplot as plt
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--iterations", type=int, default=50)
parser.add_argument("label")
arguments = parser.parse_args()

with open(os.path.join(os.path.dirname(__file__), "amplitude.txt")) as file:
    amplitude = float(file.read())
geom = dde.geometry.Interval(0, 1)
data = dde.data.Function(geom, lambda x: amplitude * np.sin(20 * x), 40, 40)
model = dde.Model(data, dde.nn.FNN([1, 16, 16, 1], "tanh", "Glorot uniform"))
for lr in (arguments.lr, arguments.lr / 10):
    model.compile("adam", lr=lr, metrics=["l2 relative error"])
    model.train(iterations=arguments.iterations)
plt.plot(geom.uniform_points(20), model.predict(geom.uniform_points(20)), label=arguments.label)
plt.show()
print(f"{__name__} in {os.getcwd()}: {arguments.label}, step {model.train_state.step}")
sys.exit(3)
