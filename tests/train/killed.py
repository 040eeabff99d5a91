"""Started by torchrun: FOLDER STEPS, and KILL=STEP for the end of process 1 there, once.

Two processes train with checkpoints in FOLDER/checkpoints, and go on from there when started anew.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import deepxde as dde
import numpy as np

from benchmarks.training_problems import PROBLEMS
from deepxde_repnet import Checkpoint, accelerate, distribute, resume

folder, steps = Path(sys.argv[1]), int(sys.argv[2])


class Killed(dde.callbacks.Callback):
    """SIGKILL to this process at a certain step, the first time."""

    def on_epoch_end(self):
        there = folder / "killed"
        if self.model.train_state.step == int(os.environ["KILL"]) and not there.exists():
            there.write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)


dde.config.set_default_float("float64")
dde.config.set_random_seed(3)
problem = PROBLEMS["Burgers, resampled"]()
model = problem.model
model.compile("adam", lr=1e-3, decay=("step", 7, 0.8), verbose=0)
accelerate(model, compile=False, block=64, verbose=0)
distribute(model)
step = resume(model, folder / "checkpoints")
callbacks = [*problem.callbacks(), Checkpoint(folder / "checkpoints", every=4)]
if os.environ.get("KILL") and os.environ["RANK"] == "1":
    callbacks.append(Killed())
history, state = model.train(
    iterations=steps - step, display_every=5, callbacks=callbacks, verbose=0
)
print("trained from", step, flush=True)
if os.environ["RANK"] == "0":
    found = {
        "from": step,
        "steps": history.steps,
        "losses": np.array(history.loss_train).tolist(),
        "output": model.predict(np.array([[0.3, 0.4], [0.7, 0.2]])).tolist(),
    }
    (folder / "found.json").write_text(json.dumps(found))
