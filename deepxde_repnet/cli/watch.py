"""What a script trains, seen from outside: its models, their losses, metrics and times.

This module imports DeepXDE. Once ``watch`` has been called, every ``dde.Model`` of this process is
watched.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import _host
from ..nets import RepFNN, RepNet, RepPFNN
from ..train.progress import ProgressBar


@dataclass
class Trained:
    """One model of a script, as it stood when its training ended last.

    Attributes:
        network: Name of its class.
        replaced: Whether it is one of this package's.
        parameters: Number of them.
        stages: (optimizer, iterations, seconds) of each ``model.train``.
        metrics: Name -> value of the compiled metrics.
        unknowns: Values of the external trainable variables, entry by entry.
        steps, history: Training loss as DeepXDE has recorded it.
    """

    network: str = ""
    replaced: bool = False
    parameters: int | None = None
    stages: list[tuple[str, int, float]] = field(default_factory=list)
    loss_train: list[float] = field(default_factory=list)
    loss_test: list[float] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    unknowns: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    history: list[float] = field(default_factory=list)


@dataclass
class Watch:
    """What was seen so far.

    Attributes:
        trained: The models in the order in which their training began.
    """

    trained: list[Trained] = field(default_factory=list)
    _of: dict[int, tuple[Any, Trained]] = field(default_factory=dict)
    _metrics: dict[int, list[str]] = field(default_factory=dict)

    def entry(self, model: Any) -> Trained:
        """The entry of a model; the model is kept, or another could get its address."""
        if id(model) not in self._of:
            self._of[id(model)] = model, Trained()
            self.trained.append(self._of[id(model)][1])
        return self._of[id(model)][1]


def replace_networks() -> None:
    """Have ``dde.nn.FNN`` and ``dde.nn.PFNN`` be this package's networks."""
    _host.replace_networks({"FNN": RepFNN, "PFNN": RepPFNN})


def watch(iterations: int | None = None, bar: bool = False, at_once: int | None = None) -> Watch:
    """Watch the models of this process from now on.

    Args:
        iterations: At most so many in each ``model.train``.
        bar: Show a progress bar for each.
        at_once: Iterations of L-BFGS between looks at it, where DeepXDE can.
    """
    found = Watch()

    @contextlib.contextmanager
    def compile(model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        found._metrics[id(model)] = [_name(metric) for metric in arguments["metrics"] or []]
        with _limited(iterations, at_once):
            yield

    @contextlib.contextmanager
    def train(model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        entry = found.entry(model)
        if iterations is not None:
            _host.limit_iterations(arguments, iterations)
        if bar:
            arguments["callbacks"] = [*(arguments["callbacks"] or []), ProgressBar()]
        before, start = model.train_state.step, time.perf_counter()
        try:
            with _limited(iterations, at_once):
                yield
        finally:
            taken, elapsed = int(model.train_state.step - before), time.perf_counter() - start
            entry.stages.append((_host.optimizer_name(model), taken, elapsed))
            _note(entry, model, found._metrics.get(id(model), []))

    _host.around("compile", compile)
    _host.around("train", train)
    return found


def _note(entry: Trained, model: Any, names: list[str]) -> None:
    standing = _host.standing(model)
    entry.network = type(model.net).__name__
    entry.replaced = isinstance(model.net, RepNet)
    entry.parameters = _host.n_parameters(model.net)
    entry.loss_train, entry.loss_test = standing.train, standing.test
    entry.metrics = dict(zip(names, standing.metrics, strict=False))
    entry.unknowns = _host.unknowns(model)
    entry.steps, entry.history = _host.loss_history(model)


@contextlib.contextmanager
def _limited(iterations: int | None, at_once: int | None) -> Iterator[None]:
    limit = None
    if iterations is not None:
        limit = min(iterations, int(_host.lbfgs_options()["maxiter"]))
    with _host.lbfgs_iterations(limit, at_once):
        yield


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", str(metric))


def wants_bar() -> bool:
    """Whether somebody looks at standard error."""
    return sys.stderr.isatty()
