"""One operator network trained on recorded earthquakes for a given time; see ``cell``.

    python -m benchmarks.suite.earthquake STUDY NET SEED FILE

The seed draws the split into training and unseen earthquakes too, not only the network.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from pathlib import Path
from typing import Any

import deepxde as dde
import torch

import deepxde_repnet

from . import cell, store
from .studies import STUDIES, Study

NETS = {
    "DeepONet": dde.nn.DeepONetCartesianProd,
    "RepDeepONet": deepxde_repnet.RepDeepONetCartesianProd,
}


def run_cell(study: Study, net: str, seed: int, budget: float | None = None) -> dict[str, Any]:
    """As ``cell.run_cell``, for the names in ``NETS``."""
    torch.set_num_threads(1)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            found = _train(study, net, seed, budget or study.budget)
    except Exception as error:
        return {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    said = [line for line in printed.getvalue().splitlines() if line.startswith("RepDeepONet")]
    return found | ({"chosen": said[-1]} if said else {})


def _train(study: Study, net: str, seed: int, budget: float) -> dict[str, Any]:
    example = importlib.import_module(study.module)
    plan = cell.stages(example, study, budget)
    data = example.problem(seed=seed, **study.problem)
    _warm_up(example, data)
    dde.config.set_random_seed(seed)
    network = example.network(NETS[net], **study.network)
    ends = [end for _, end in plan]
    model = cell.TimedModel(data, network, ends, lambda: example.error(model, **study.error))
    example.train(model, **study.train)
    if not model.diverged:
        model.record()
    return {
        "status": "diverged" if model.diverged else "done",
        **{name: values[-1] for name, values in model.history.items()},
        "parameters": sum(p.numel() for p in network.parameters()),
        "stages": plan,
        "history": model.history,
    }


def _warm_up(example: Any, data: Any) -> None:
    """Two steps: what PyTorch loads with its first step is nobody's cost."""
    model = dde.Model(data, example.network(NETS["DeepONet"]))
    model.compile("adam", lr=1e-4, verbose=0)
    model.train(iterations=2, batch_size=64, verbose=0)


def main(study: str, net: str, seed: str, path: str) -> None:
    store.pack(run_cell(STUDIES[study], net, int(seed)), Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
