"""A short training on the backend of this process: ``python -m deepxde_repnet.cli.probe``.

The last line that it prints is a JSON document.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np

LONGEST = 5.0  # seconds of training
ITERATIONS = 100


def probe() -> dict[str, object]:
    """Fit a wave with a RepFNN for at most five seconds.

    Raises:
        RuntimeError: The loss does not fall.
    """
    from .. import _command

    _command.load()
    from .. import _host
    from ..nets import RepFNN

    end = time.perf_counter() + LONGEST

    class Stop(_host.Callback):
        def on_epoch_end(self) -> None:
            self.model.stop_training = time.perf_counter() > end

    _host.set_seed(0)
    model = _host.Model(_host.wave_data(), RepFNN([1, 32, 32, 1], "tanh", "Glorot uniform"))
    model.compile("adam", lr=1e-2, verbose=0)
    start = time.perf_counter()
    model.train(iterations=ITERATIONS, display_every=ITERATIONS, callbacks=[Stop()], verbose=0)
    seconds = time.perf_counter() - start
    _, losses = _host.loss_history(model)
    last = float(np.sum(model.losshistory.loss_train[-1]))
    taken = int(model.train_state.step)
    if not math.isfinite(last) or (taken == ITERATIONS and not last < 0.5 * losses[0]):
        raise RuntimeError(f"the loss went from {losses[0]:.2g} to {last:.2g} in {taken} steps")
    return {
        "status": "works",
        "devices": _host.devices(),
        **_host.settings(),
        "iterations": taken,
        "seconds": seconds,
    }


if __name__ == "__main__":
    print(json.dumps(probe()))
    sys.stdout.flush()
