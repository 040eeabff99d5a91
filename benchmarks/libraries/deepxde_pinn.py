"""DeepXDE on PyTorch: time to an error, and the cost of a step. Run by ``run.py``.

``reach`` trains the examples of ``examples/pinn_forward/`` as they are, with ``dde.nn.FNN`` and
with ``RepFNN``, or calls ``deepxde_repnet.solve`` on those of ``examples/solve/``. ``step`` trains
the problems of ``examples/solve/``, whose boundary values are a loss of their own, as they are in
the other libraries. ``fastlsq`` solves those of ``examples/solve/``, to be compared with fastlsq.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import time
from typing import Any

import deepxde as dde
import torch
from deepxde.optimizers.config import LBFGS_options

import deepxde_repnet
from benchmarks.libraries.problems import HIDDEN, PROBLEMS
from benchmarks.libraries.watch import Watch, one_core
from benchmarks.solve import ROWS

#: What ``solve`` is asked for beside fastlsq: as in ``benchmarks/solve.py``, where the problem is
#: there.
TOLERANCES = {row.module: row.tol for row in ROWS.values() if row.error != {"n": 4}}
TOLERANCES["layer_2d"] = 1e-6

NETS = {"FNN": dde.nn.FNN, "RepFNN": deepxde_repnet.RepFNN}


class Over(Exception):
    """The watch has seen enough."""


class Looking(dde.callbacks.Callback):
    """Hands each step to the watch."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch, self.before = watch, 0

    def on_epoch_end(self) -> None:
        now = self.model.train_state.step
        done, self.before = now - self.before, now
        if self.watch.step(self.model.predict, done):
            raise Over


class Watched(dde.Model):
    """A model every training of which is looked at, in however many parts it comes."""

    def __init__(self, data: Any, net: Any, looking: Looking) -> None:
        super().__init__(data, net)
        self.looking = looking

    def train(self, *args: Any, callbacks: Any = None, **options: Any) -> Any:
        return super().train(*args, callbacks=[*(callbacks or []), self.looking], **options)


def reach(name: str, net: str, budget: float) -> dict[str, Any]:
    example = importlib.import_module(f"examples.pinn_forward.{name}")
    # DeepXDE hands L-BFGS over for 1000 iterations at once on PyTorch: too many to look between.
    LBFGS_options.update(iter_per_step=20, fun_per_step=25)
    watch = Watch(PROBLEMS[name], budget)
    model = Watched(example.problem(), example.network(NETS[net]), Looking(watch))
    with contextlib.suppress(Over):
        example.train(model)
        watch.look(model.predict)
    return watch.report()


def solve(name: str, seed: int) -> dict[str, Any]:
    """``deepxde_repnet.solve`` with its own tolerance; it is there or not, with nothing between."""
    example = importlib.import_module(f"examples.solve.{name}")
    dde.config.set_default_float("float64")
    watch = Watch(PROBLEMS[name], budget=0)
    found = deepxde_repnet.solve(example.problem(), seed=seed, verbose=0)
    watch.step(found.predict)
    return watch.report()


def beside_fastlsq(name: str, seed: int) -> dict[str, Any]:
    """``deepxde_repnet.solve``, and the slope scale that it found best for its sines.

    That is the one of the sines that left the smallest residual at unseen points, whether they or
    the ridges were kept in the end, in radians per unit of length: fastlsq's coordinates are not
    normalised.
    """
    home = "benchmarks.libraries" if name == "layer_2d" else "examples.solve"
    example, facts = importlib.import_module(f"{home}.{name}"), PROBLEMS[name]
    dde.config.set_default_float("float64")
    data = example.problem()
    began = time.perf_counter()
    found = deepxde_repnet.solve(data, tol=TOLERANCES[name], seed=seed, verbose=0)
    seconds = time.perf_counter() - began
    sines = [trial for trial in found.trials if trial.family == "sin"]
    best = min(sines, key=lambda trial: trial.fit.unseen)
    half_widths = [(up - low) / 2 for low, up in zip(facts.lower, facts.upper, strict=True)]
    return {
        "error": facts.error(found.predict),
        "seconds": seconds,
        "family": found.family,
        "features": found.features,
        "scale": [s / half for s, half in zip(best.slope_scale, half_widths, strict=True)],
    }


def step(name: str, net: str, iterations: int) -> dict[str, Any]:
    example, facts = importlib.import_module(f"examples.solve.{name}"), PROBLEMS[name]
    began = time.perf_counter()
    # In one dimension the example has the two ends, and takes no number of them.
    boundary = {"num_boundary": facts.num_boundary} if facts.dim > 1 else {}
    data = example.problem(num_domain=facts.num_domain, **boundary)
    layers = [facts.dim, *HIDDEN, 1]
    model = dde.Model(data, NETS[net](layers, "tanh", "Glorot uniform"))
    model.compile("adam", lr=1e-3, verbose=0)

    def train(count: int) -> float:
        model.train(iterations=count, display_every=10**9, verbose=0)
        return time.perf_counter()

    first = train(1)
    warm = train(9)
    return {
        "first_step": first - began,
        "per_1000": (train(iterations) - warm) / iterations * 1000,
    }


def main(cell: dict[str, Any]) -> dict[str, Any]:
    one_core()
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):
        dde.config.set_random_seed(cell["seed"])
        if cell["table"] == "fastlsq":
            return beside_fastlsq(cell["problem"], cell["seed"])
        if cell["table"] == "step":
            return step(cell["problem"], cell["net"], cell["iterations"])
        if cell["net"] == "solve":
            return solve(cell["problem"], cell["seed"])
        return reach(cell["problem"], cell["net"], cell["budget"])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
