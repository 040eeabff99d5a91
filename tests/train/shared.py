"""Started by torchrun: PROBLEM OPTIMIZER STEPS FILE, and FAIL=STEP for an error in process 1."""

import json
import os
import sys

import deepxde as dde

from benchmarks.training_problems import PROBLEMS, train
from deepxde_repnet import accelerate, distribute

names, optimizer, steps, path = sys.argv[1:]


class Failing(dde.callbacks.Callback):
    """An error at a certain step."""

    def on_epoch_end(self):
        if self.model.train_state.step == int(os.environ["FAIL"]):
            raise RuntimeError("process 1 has failed on purpose")


def prepare(model):
    accelerate(model, compile=False, block=64, verbose=0)
    distribute(model)


found = {}
for name in names.split(";"):
    make = PROBLEMS[name]
    if os.environ.get("FAIL") and os.environ["RANK"] == "1":
        problem = PROBLEMS[name]

        def make(problem=problem):
            return problem()._replace(callbacks=lambda: [Failing()])

    losses, variables = train(make, optimizer, steps=int(steps), prepare=prepare)
    found[name] = [*losses, *variables]
print("trained", flush=True)
if os.environ["RANK"] == "0":
    with open(path, "w") as file:
        json.dump(found, file)
