"""Cost of a training step of RepFNN relative to dde.nn.FNN, on the network and data of each study.

Both are trained by turns in one process, a block of Adam steps each, as in
``benchmarks/step_cost.py``; the ratio is taken block by block, so that it holds when the machine's
speed drifts. ``dde.nn.FNN`` against itself is measured in the same way: its distance from 1 is the
noise.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from pathlib import Path
from typing import Any

import deepxde as dde
import numpy as np
import torch

from benchmarks.step_cost import paired

from . import store, tables
from .cell import constructor, first_stage, made
from .studies import STUDIES, Study

STEPS, BLOCKS = 5, 60


def measure(study: Study, steps: int = STEPS, blocks: int = BLOCKS) -> dict[str, Any]:
    """Milliseconds a step of both networks and the paired ratios."""
    torch.set_num_threads(1)
    example = importlib.import_module(study.module)

    def ready(net: str) -> dde.Model:
        data, *unknowns = made(example, study)
        model = dde.Model(data, example.network(constructor(net, data), **study.network))
        with contextlib.redirect_stdout(io.StringIO()):
            first_stage(example, study, model, unknowns)
        return model

    times = paired([ready("FNN"), ready("RepFNN"), ready("FNN")], steps, blocks)
    ratio, noise = times[:, 1] / times[:, 0], times[:, 2] / times[:, 0]
    return {
        "fnn_ms": 1e3 * float(np.median(times[:, 0])),
        "repfnn_ms": 1e3 * float(np.median(times[:, 1])),
        "ratio": float(np.median(ratio)),
        "quartiles": [float(q) for q in np.percentile(ratio, [25, 75])],
        "fnn_against_itself": float(np.median(noise)),
    }


def run(
    studies: list[str], root: Path = store.ROOT, steps: int = STEPS, blocks: int = BLOCKS
) -> None:
    """Measure studies of trained networks and write the tables."""
    results = store.load_steps(root)
    results["machine"] = store.machine()
    for name in studies:
        results["studies"][name] = measure(STUDIES[name], steps, blocks)
        print(name, f"{results['studies'][name]['ratio']:.3f}", flush=True)
    store.keep_steps(results, root)
    tables.write(root)
