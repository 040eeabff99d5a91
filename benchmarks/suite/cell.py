"""One network trained on one problem for a given time, in this process; or one problem solved.

    python -m benchmarks.suite.cell STUDY NET SEED FILE

writes what came out to FILE, for ``runner``.

Time is the processor time of this process, which runs on one thread: unlike the time on the wall
it hardly depends on what else the machine does. The whole of the example's ``train`` counts, so
choosing RepFNN's scale is in it, and drawing new points; measuring the error is not.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import deepxde as dde
import numpy as np
import torch
from deepxde.optimizers.config import LBFGS_options

import deepxde_repnet
from deepxde_repnet import _host

from . import store
from .nets import FOURIER, NETS, TRUNKS
from .studies import SOLVE, STUDIES, Solve, Study

MOMENTS = 25  # records of one training, evenly spaced in the logarithm of the time
POINTS = {1: 2001, 2: 64}  # of the grid, along each axis, on which the error is kept
# DeepXDE looks up from L-BFGS on PyTorch once in so many iterations, which is then the finest time
# at which training can end. Once in 25 costs about 5% of the time, measured on Helmholtz.
LBFGS_AT_ONCE = 25
ENDLESS = 10**9
_warm: set[str] = set()  # examples that this process has trained on


class Clock:
    """Processor time and time on the wall, in seconds, while it runs."""

    def __init__(self) -> None:
        self._cpu = self._wall = 0.0
        self._since: tuple[float, float] | None = None

    def read(self) -> tuple[float, float]:
        if self._since is None:
            return self._cpu, self._wall
        cpu, wall = self._since
        return self._cpu + time.process_time() - cpu, self._wall + time.perf_counter() - wall

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        if self._since is not None:  # by an outer one
            yield
            return
        self._since = time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            self._cpu, self._wall = self.read()
            self._since = None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        self._cpu, self._wall = self.read()
        self._since = None
        try:
            yield
        finally:
            self._since = time.process_time(), time.perf_counter()


class _Plan(dde.Model):
    """A model that is not trained, to see in which stages an example would train it.

    Attributes:
        stages: Optimizer and iterations of each.
    """

    def __init__(self, data: Any, net: Any) -> None:
        super().__init__(data, net)
        self.stages: list[tuple[str, int]] = []

    def train(self, iterations: int | None = None, **_: Any) -> None:
        if self.opt_name.startswith("L-BFGS"):
            self.stages.append(("L-BFGS", LBFGS_options["maxiter"]))
        else:
            self.stages.append((self.opt_name, iterations or 0))


def stages(example: ModuleType, study: Study, budget: float) -> list[tuple[str, float]]:
    """The stages of the example's training: optimizer, and the time at which it ends.

    The last ends with the budget. A stage that ends early, as L-BFGS does where it finds no better
    point, leaves its time to the next.
    """
    data, *unknowns = made(example, study)
    plan = _Plan(data, example.network(constructor("FNN", data), **study.network))
    example.train(plan, *unknowns, **study.train)
    counts = {"L-BFGS": 0, "adam": 0}
    for name, count in plan.stages:
        counts[name] += count
    lbfgs = study.lbfgs if all(counts.values()) else float(counts["L-BFGS"] > 0)
    share = {"L-BFGS": lbfgs, "adam": 1 - lbfgs}
    parts = [share[name] * count / counts[name] for name, count in plan.stages]
    names = [name for name, _ in plan.stages]
    return list(zip(names, map(float, budget * np.cumsum(parts)), strict=True))


class _FirstStage(Exception):
    """Ends an example's training where its first stage would begin."""


def first_stage(example: ModuleType, study: Study, model: dde.Model, unknowns: Any) -> None:
    """Bring a model to where the first step of the example's training would be taken."""
    train = model.train

    def begin(iterations: Any = None, batch_size: Any = None, **_: Any) -> None:
        train(iterations=1, batch_size=batch_size, verbose=0)
        raise _FirstStage

    model.train = begin
    with contextlib.suppress(_FirstStage):
        example.train(model, *unknowns, **study.train)
    model.train = train


class TimedModel(dde.Model):
    """A model whose training ends with the time, not with the iterations it is asked for.

    Attributes:
        history: Lists of equal length, one entry a record: processor time and time on the wall, in
            seconds; iteration; test error; training loss.
        diverged: Whether the loss or the error was no number. Training then ends.

    Args:
        ends: Times at which the stages of training end, in seconds.
        error: Returns the test error at the moment.
        at_once: Iterations of L-BFGS between looks at the clock.
    """

    def __init__(
        self, data: Any, net: Any, ends: list[float], error: Any, at_once: int = LBFGS_AT_ONCE
    ) -> None:
        super().__init__(data, net)
        self.clock = Clock()
        self.history: dict[str, list[float]] = {
            name: [] for name in ("cpu", "wall", "iteration", "error", "loss")
        }
        self.diverged = False
        self._ends = iter(ends)
        self._end = 0.0
        self._error = error
        # An iteration that needs many evaluations must not look like the last one.
        self._lbfgs = {"iter_per_step": at_once, "fun_per_step": 5 * at_once, "maxiter": ENDLESS}
        self._moments = list(np.geomspace(ends[-1] / 100, ends[-1], MOMENTS))

    def compile(self, *arguments: Any, **options: Any) -> None:
        # What the example has set is read here by DeepXDE, and the number of iterations later.
        LBFGS_options.update(self._lbfgs)
        with self.clock.running():
            super().compile(*arguments, **options)

    def train(self, iterations: Any = None, callbacks: Any = None, **options: Any) -> None:
        try:
            self._end = next(self._ends)
        except StopIteration:
            raise RuntimeError(
                "the example trains in more stages than it did when they were counted; its train "
                "must not depend on how training goes."
            ) from None
        if self.diverged:
            return
        options |= {"display_every": ENDLESS, "verbose": 0}
        with self.clock.running():
            super().train(ENDLESS, callbacks=[*(callbacks or []), _Watch(self)], **options)

    def _test(self, verbose: int = 1) -> None:
        """Nothing: what DeepXDE evaluates here between steps, ``record`` does at its moments."""

    def look_up(self) -> None:
        """Record if a moment has passed, and end the stage if its time has."""
        cpu, _ = self.clock.read()
        if cpu >= self._moments[0] and len(self._moments) > 1:  # the last is recorded at the end
            while len(self._moments) > 1 and cpu >= self._moments[0]:
                self._moments.pop(0)
            with self.clock.stopped():
                self.record()
        if cpu >= self._end or self.diverged:
            self.stop_training = True

    def record(self) -> None:
        cpu, wall = self.clock.read()
        state = self.train_state
        losses = self._outputs_losses(True, state.X_train, state.y_train, state.train_aux_vars)[1]
        values = (cpu, wall, state.step, float(self._error()), float(np.sum(losses)))
        for name, value in zip(self.history, values, strict=True):
            self.history[name].append(value)
        self.diverged = not all(map(math.isfinite, values))


class _Watch(dde.callbacks.Callback):
    def __init__(self, model: TimedModel) -> None:
        super().__init__()
        self.timed = model

    def on_epoch_end(self) -> None:
        self.timed.look_up()


def run_cell(study: Study, net: str, seed: int, budget: float | None = None) -> dict[str, Any]:
    """Train one network, or solve the problem.

    Args:
        net: A name in ``studies``.
        budget: Seconds; None is that of the study. A moment, to see that it runs, otherwise.

    Returns:
        What the results keep of it, see ``store``; with ``"field"``, where there is one, the error
        at the points of ``known``.
    """
    torch.set_num_threads(1)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            if net == SOLVE:
                return _solve(study, seed)
            cell = _train(study, net, seed, budget)
    except Exception as error:
        return {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    names = ("RepFNN:", "RepDeepONet")
    said = [line for line in printed.getvalue().splitlines() if line.startswith(names)]
    return cell | ({"chosen": said[-1]} if said else {})


def _train(study: Study, net: str, seed: int, budget: float | None) -> dict[str, Any]:
    example = importlib.import_module(study.module)
    plan = stages(example, study, budget or study.budget)
    if study.module not in _warm:
        _warm_up(example, study)
        _warm.add(study.module)
    dde.config.set_random_seed(seed)
    data, *unknowns = made(example, study, seed)
    network = example.network(constructor(net, data), **study.options(net))
    model = TimedModel(
        data,
        network,
        [end for _, end in plan],
        lambda: example.error(model, *unknowns, **study.error),
        at_once=2 if budget else LBFGS_AT_ONCE,
    )
    with model.clock.running():
        example.train(model, *unknowns, **study.train)
    if not model.diverged:
        model.record()
    last = {name: values[-1] for name, values in model.history.items()}
    cell = {
        "status": "diverged" if model.diverged else "done",
        **last,
        "parameters": sum(p.numel() for p in network.parameters()) + len(unknowns),
        "stages": plan,
        "history": model.history,
    }
    return cell | _field(example, data, model)


def _solve(study: Study, seed: int) -> dict[str, Any]:
    """``deepxde_repnet.solve`` once, in float64; the time is that of the whole call."""
    given = study.solve
    assert given is not None
    name = study.module if given.module is None else f"examples.solve.{given.module}"
    example = importlib.import_module(name)
    before = dde.config.real(np)
    dde.config.set_default_float("float64")
    try:
        dde.config.set_random_seed(seed)
        data, *unknowns = made(example, given if given.problem else study)
        options = {"external_trainable_variables": unknowns} if unknowns else {}
        given_to_it = data if given.features is None else _wide(example, data, given.features)
        clock = Clock()
        with clock.running():
            found = deepxde_repnet.solve(given_to_it, given.tol, seed=seed, verbose=0, **options)
        cpu, wall = clock.read()
        arguments = given.error or study.error
        if unknowns:
            error = example.error(float(found.variables[0].value))
        else:
            error = example.error(found, **arguments)
        cell = {
            "status": "done",
            "cpu": cpu,
            "wall": wall,
            "error": float(error),
            "parameters": int(found.unknowns),
            "converged": bool(found.converged),
            "chosen": f"{found.family}, slope scale "
            + " × ".join(f"{s:.3g}" for s in found.slope_scale),
        }
        return cell | _field(example, data, found)
    finally:
        dde.config.set_default_float(before.__name__)


def _wide(example: ModuleType, data: Any, features: int) -> dde.Model:
    """A model for ``solve`` with the example's hard conditions and a RepFNN of one hidden layer."""

    def build(sizes: Any, activation: Any, initializer: Any) -> Any:
        return deepxde_repnet.RepFNN([sizes[0], features, sizes[-1]], activation, initializer)

    return dde.Model(data, example.network(build))


def made(example: ModuleType, study: Study | Solve, seed: int = 0) -> tuple[Any, ...]:
    """The data and the unknowns of the problem, if any; the seed is for an operator's data."""
    drawn = {"seed": seed} if isinstance(study, Study) and study.operator else {}
    problem = example.problem(**drawn, **study.problem)
    return problem if isinstance(problem, tuple) else (problem,)


def constructor(net: str, data: Any) -> Any:
    """The network of this name, with the arguments of ``dde.nn.FNN`` or of an operator network."""
    if hasattr(data, "geom"):
        table, domain = NETS | FOURIER, _host.bounding_box(data.geom)
    else:
        trunk_inputs = data.train_x[1]
        table, domain = TRUNKS, (trunk_inputs.min(axis=0), trunk_inputs.max(axis=0))

    def build(*arguments: Any, **options: Any) -> Any:
        return table[net](*arguments, domain=domain, **options)

    return build


def _warm_up(example: ModuleType, study: Study) -> None:
    """Two steps of each optimizer: what PyTorch loads with its first step is nobody's cost."""
    data, *unknowns = made(example, study)
    model = dde.Model(data, example.network(constructor("FNN", data), **study.network))
    for optimizer in ("adam", "L-BFGS"):
        LBFGS_options.update(iter_per_step=2, fun_per_step=2, maxiter=2)
        lr = None if optimizer == "L-BFGS" else 1e-4
        model.compile(optimizer, lr=lr, external_trainable_variables=unknowns or None, verbose=0)
        model.train(iterations=2, verbose=0)


def known(example: ModuleType, data: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Points on a regular grid, (N, d), and the exact solution there, in one or two dimensions.

    They are those of the example's reference solution where it has one.
    """
    if hasattr(example, "reference"):
        return example.reference()
    solution = getattr(data, "soln", None) or getattr(data, "func", None)
    if not hasattr(data, "geom"):
        return None
    lower, upper = _host.bounding_box(data.geom)
    if solution is None or len(lower) not in POINTS:
        return None
    axes = [np.linspace(*ends, POINTS[len(lower)]) for ends in zip(lower, upper, strict=True)]
    points = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(lower))
    return points, solution(points)


def _field(example: ModuleType, data: Any, model: Any) -> dict[str, np.ndarray]:
    """Prediction less exact solution at those points, in half precision: it is for pictures."""
    found = known(example, data)
    if found is None:
        return {}
    points, solution = found
    with np.errstate(over="ignore"):
        return {"field": (model.predict(points) - solution).astype(np.float16)}


def main(study: str, net: str, seed: str, path: str) -> None:
    store.pack(run_cell(STUDIES[study], net, int(seed)), Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
