"""Started by torchrun: FILE, and BREAK=STEP for a gradient that is not finite from there on.

An unknown enters the loss at one point only, which one of two processes has. Each process draws its
points and batches from a seed of its own.
"""

import json
import os
import sys

import deepxde as dde
import numpy as np
import torch

from benchmarks.training_problems import (
    Problem,
    laplacian,
    network,
    on_square,
    train,
    zero_boundary,
)
from deepxde_repnet import Guard, accelerate, distribute

rank = os.environ.get("RANK", "0")
inside = [1.0]


class Break(dde.callbacks.Callback):
    def on_epoch_end(self):
        if self.model.train_state.step == int(os.environ["BREAK"]):
            inside[0] = 0.0


def conditions(geom):
    observed = np.random.default_rng(0).random((12, 2))
    values = dde.icbc.PointSetBC(observed, np.sin(3 * observed[:, :1]), batch_size=5)
    return [*zero_boundary(geom), values]


def problem():
    dde.config.set_random_seed(int(rank))
    k, unused = dde.Variable(0.5), dde.Variable(0.25)
    anchor = torch.tensor([0.123, 0.456])

    def equations(x, y):
        found = laplacian(x, y) + 1
        there = (x - anchor).abs().max(1, keepdim=True)[0] < 1e-6
        if there.any():
            found = found + there * k * y
        return found, torch.sqrt(inside[0] + 0 * y)

    model = on_square(equations, conditions, network(), anchors=anchor.numpy().reshape(1, 2))
    callbacks = [Break(), Guard()] if os.environ.get("BREAK") else []
    return Problem(model, (k, unused), lambda: callbacks)


def prepare(model):
    accelerate(model, compile=False, block=64, verbose=0)
    distribute(model, verbose=0)


try:
    losses, variables = train(problem, "adam", 12, prepare)
    found = [*losses, *variables]
except FloatingPointError as error:
    found = str(error)
with open(f"{sys.argv[1]}-{rank}", "w") as file:
    json.dump(found, file)
