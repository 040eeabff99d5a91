"""A training step that the device repeats without Python: a CUDA graph of it.

A step on few points is hundreds of short kernels, each of which takes Python longer to start than
the GPU to run. A graph of them is started at once. It works in memory of its own: on the same
points, with the same numbers in the optimizer and the same weights of the losses. Where one of
these is another, steps are made as usual again, and recorded anew.

(PyTorch documentation, CUDA semantics, CUDA graphs.)
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch

from .torch_step import Batch, Step, trained

#: Evaluations that are made as usual before one is recorded: optimizers make their state in the
#: first, and libraries their workspaces.
FIRST = 3
#: A recording that was repeated less often was not worth it, and the next one waits twice as long.
WORTH = 100


class Recorder(Protocol):
    """How a device records."""

    def aside(self) -> contextlib.AbstractContextManager[Any]:
        """Where work that is to be recorded later is done before."""

    def record(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        """Recorded work, as a function that repeats it; this alone does not do it."""


class CudaGraphs:
    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        # What is recorded must not depend on work on the default stream.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            yield
        torch.cuda.current_stream().wait_stream(stream)

    def record(self, work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = work()

        def replay() -> torch.Tensor:
            graph.replay()
            return result

        return replay


class ReplayedStep(Step):
    """A ``Step`` most of whose work is replayed.

    That is the loss, its gradient and, where the optimizer can be recorded (Adam and its
    relatives), the update; L-BFGS and others are given loss and gradient.

    Args:
        step: What is to be replayed.
        recorder: How.
    """

    def __init__(self, step: Step, recorder: Recorder) -> None:
        super().__init__(step.model, step.network, step.settings)
        self.asked, self.defers = step.asked, step.defers
        self._recorder = recorder
        self._replay: Callable[[], torch.Tensor] | None = None
        self._valid_for: Any = None
        self._made, self._replayed, self._wait = 0, 0, FIRST
        self._expected: torch.Tensor | None = None
        self.given_up: str | None = None

    def advance(self, batch: Batch) -> None:
        optimizer = self.model.opt
        if "capturable" not in optimizer.defaults:
            optimizer.step(lambda: self._evaluated(batch, self.loss_and_gradient))
            return

        def update(batch: Batch) -> torch.Tensor:
            loss: torch.Tensor = optimizer.step(lambda: self.loss_and_gradient(batch))
            return loss

        self._evaluated(batch, update)

    def _evaluated(self, batch: Batch, work: Callable[[Batch], torch.Tensor]) -> torch.Tensor:
        """The loss, after its work has been done in one way or the other."""
        if self.given_up is not None:
            return work(batch)
        state = self._state(batch)
        if not _same(state, self._valid_for):
            if self._replay is not None:
                self._wait = FIRST if self._replayed >= WORTH else 2 * self._wait
            self._valid_for, self._replay, self._made, self._replayed = state, None, 0, 0
            self._expected = None
        if self._replay is None:
            if self._made < self._wait:
                self._made += 1
                with self._recorder.aside():
                    return work(batch)
            self._record(batch, work)
            if self._replay is None:
                return work(batch)
        loss = self._replay()
        self._replayed += 1
        self._check(loss)
        return loss

    def _record(self, batch: Batch, work: Callable[[Batch], torch.Tensor]) -> None:
        _make_recordable(self.model)
        self._valid_for = self._state(batch)
        try:
            with _weights_on_device(self.model, batch[0]):
                self._replay = self._recorder.record(lambda: work(batch))
        except Exception as error:  # whatever a device, or the user's function on it, comes up with
            self._give_up(f"the step cannot be recorded: {str(error).strip().splitlines()[0]}")

    def _give_up(self, reason: str) -> None:
        self.given_up, self._replay = reason, None
        warnings.warn(f"accelerate: {reason}; training goes on without a graph.", stacklevel=2)

    def outputs_losses(self, training: bool, batch: Any) -> Any:
        found = super().outputs_losses(training, batch)
        if training and self._replay is not None:
            self._expected = found[1].sum()
        return found

    def _check(self, loss: torch.Tensor) -> None:
        """Whether a replayed loss is the one that the user's functions gave just before."""
        expected, self._expected = self._expected, None
        if expected is None or not torch.isfinite(expected):
            return
        tolerance = torch.finfo(loss.dtype).eps ** 0.5 * 10
        if not abs(float(loss - expected)) <= tolerance * abs(float(expected)):
            self._give_up(
                f"the loss is {float(expected):.6g}, and {float(loss):.6g} as it was recorded: the "
                "equations or conditions change while the model is trained, which graph=True does "
                "not allow, and steps since they changed were made with what they were before"
            )

    def _state(self, batch: Batch) -> Any:
        """All that a recording depends on; tensors by identity."""
        groups = self.model.opt.param_groups
        numbers = [v for group in groups for k, v in group.items() if k != "params"]
        weights = self.model.loss_weights
        if not torch.is_tensor(weights):
            weights = np.asarray(weights).tolist()
        return [*batch, *trained(self.model.opt), *numbers, weights]


def _same(a: Any, b: Any) -> bool:
    """Whether two states are the same: the same tensors, and equal numbers."""
    if a is None or b is None or len(a) != len(b):
        return a is b

    def equal(one: Any, other: Any) -> bool:
        if torch.is_tensor(one) or torch.is_tensor(other):
            return one is other
        return bool(one == other)

    return all(map(equal, a, b))


def _make_recordable(model: Any) -> None:
    """Have an optimizer keep on the device what changes from step to step."""
    for group in model.opt.param_groups:
        device = group["params"][0].device
        if "capturable" in group and device.type == "cuda":
            group["capturable"] = True
            for parameter in group["params"]:
                state = model.opt.state.get(parameter, {})
                if "step" in state:
                    state["step"] = torch.as_tensor(state["step"], device=device)
        scheduled = "capturable" in group and model.lr_scheduler is not None
        if scheduled and not torch.is_tensor(group["lr"]):
            # Schedules write into a tensor, and put another number in the place of a number.
            group["lr"] = torch.tensor(group["lr"], device=device)


@contextlib.contextmanager
def _weights_on_device(model: Any, x: torch.Tensor) -> Iterator[None]:
    """Spare DeepXDE the copy of its weights to the device, which cannot be recorded."""
    weights = model.loss_weights
    if weights is not None:
        model.loss_weights = torch.as_tensor(weights, dtype=x.dtype, device=x.device)
    try:
        yield
    finally:
        model.loss_weights = weights
