"""Training that turns to NaN or infinity: noticed at once, explained, and taken back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _host
from ..spec import as_count, as_float
from . import state
from .checkpoint import Checkpoint, GoBack, latest

#: The loss has grown when it is this much larger than the best one.
_GROWN = 10.0

#: No parameter is this large in training that goes well.
_LARGE = 1e4


class Guard(_host.Callback):  # type: ignore[misc]
    """Callback that stops training as soon as a parameter is not finite, and says why.

    DeepXDE notices when it next shows the loss, and stops without a word. Here the message has the
    step, the term of the loss and the likely cause, which are found at the parameters of the last
    good step. The network is left with those.

    With ``rollback`` training goes back to the last checkpoint instead, with a smaller learning
    rate, and goes on to the step where it would have ended. That needs a ``Checkpoint`` among the
    callbacks, and PyTorch, TensorFlow or JAX.

    Args:
        every: Steps from one look to the next. A GPU waits for the CPU at each.
        rollback: Factor on the learning rate for going back, between 0 and 1, or None to stop.
        attempts: How many times it goes back to the same checkpoint, the rate multiplied by
            ``rollback`` each time, before it stops.

    Raises:
        ValueError: If an argument makes no sense, or there is no ``Checkpoint`` to go back to.
        FloatingPointError: In ``train``, when it stops.
    """

    def __init__(self, *, every: int = 1, rollback: float | None = None, attempts: int = 3) -> None:
        super().__init__()
        self.every = as_count("every", every)
        self.attempts = as_count("attempts", attempts)
        if rollback is not None:
            factor = as_float(rollback)
            if not 0 < factor < 1:
                raise ValueError(
                    f"rollback={rollback!r} must be a number between 0 and 1, by which the "
                    "learning rate is multiplied, or None."
                )
            rollback = factor
        self.rollback = rollback
        self._good: dict[str, np.ndarray] | None = None
        self._good_step = 0
        self._target: int | None = None  # step gone back to last, and how often
        self._times = 0

    def on_train_begin(self) -> None:
        if self.rollback is not None and self._checkpoint() is None:
            raise ValueError(
                "Guard(rollback=...) goes back to a checkpoint, and there is no Checkpoint among "
                "the callbacks; add one, or leave rollback out."
            )
        self._good, self._good_step = None, self.model.train_state.step
        if not np.isfinite(np.sum(self.model.train_state.loss_train)):
            self._diagnose_and_stop(f"before step {self._good_step + 1}")
        self._look()

    def on_epoch_end(self) -> None:
        step = self.model.train_state.step
        if step // self.every == self._good_step // self.every:
            return
        self._look()

    def _look(self) -> None:
        step, values = self.model.train_state.step, state.values(self.model)
        if all(bool(np.isfinite(array).all()) for array in values.values()):
            self._good, self._good_step = values, step
            return
        first = self._good_step + 1
        self._diagnose_and_stop(
            f"at step {step}" if first >= step else f"between steps {first} and {step}"
        )

    def _diagnose_and_stop(self, when: str) -> None:
        message = f"training turned to NaN or infinity {when}. {self._cause()}"
        if self.rollback is None:
            raise FloatingPointError(message + self._what_is_left())
        checkpoint = self._checkpoint()
        tree = None if checkpoint is None else latest(checkpoint.folder, self.model)
        if tree is None:
            raise FloatingPointError(f"{message} There is no checkpoint yet to go back to.")
        step = int(tree["progress"]["step"])
        self._times = self._times + 1 if step == self._target else 1
        self._target = step
        if self._times > self.attempts:
            raise FloatingPointError(
                f"{message} Going back to step {step} with a smaller learning rate did not help, "
                f"{self.attempts} times." + self._what_is_left()
            )
        factor = self.rollback**self._times
        try:
            state.slow_down(self.model, tree, factor)
        except (NotImplementedError, ValueError) as error:
            raise FloatingPointError(f"{message} It cannot be taken back: {error}") from None
        _host.announce(
            f"Guard: {message} Back to step {step}, the learning rate multiplied by {factor:g}.", 1
        )
        raise GoBack(tree)

    def _checkpoint(self) -> Checkpoint | None:
        found = [c for c in _host.callbacks(self.model) if isinstance(c, Checkpoint)]
        return found[0] if found else None

    def _what_is_left(self) -> str:
        checkpoint = self._checkpoint()
        if self._good is None:
            return ""
        kept = "" if checkpoint is None else f" The last checkpoint is in {checkpoint.folder}."
        return f" The network holds the parameters of step {self._good_step}.{kept}"

    def _cause(self) -> str:
        """The term of the loss and the likely cause, at the parameters of the last good step."""
        model = self.model
        if self._good is not None:
            state.set_values(model, self._good)
        losses = _host.losses(model)
        names = _host.loss_names(model, len(losses))
        bad = np.flatnonzero(~np.isfinite(losses))
        largest = max(float(np.abs(a).max(initial=0.0)) for a in state.values(model).values())
        best = float(model.train_state.best_loss_train)
        if len(bad) and largest > _LARGE and np.isfinite(best):
            return (
                f"The term {_list(names, bad)} of the loss is not finite with parameters as large "
                f"as {largest:.1g}; at step {model.train_state.best_step} the loss was {best:.3g}. "
                "Likely cause: the learning rate is too large."
            )
        if len(bad):
            return (
                f"The term {_list(names, bad)} of the loss is not finite at finite parameters. "
                "Likely cause: a value that the problem gives is NaN or infinite, or its formula "
                "divides by zero, takes log or sqrt of a negative number, or overflows at a point."
            )
        slopes = state.bad_gradients(model)
        if slopes:
            return (
                f"The term {_list(names, slopes)} of the loss is finite and its gradient is not. "
                "Likely cause: a derivative that is infinite where the value is finite, such as "
                "that of sqrt or of abs(u)**p with p < 1 at 0; add a small number inside."
            )
        total = float(losses.sum())
        worst = names[int(losses.argmax())]
        if np.isfinite(best) and total > _GROWN * best:
            return (
                f"The loss had grown from {best:.3g} (step {model.train_state.best_step}) to "
                f"{total:.3g}, most of it in {worst}. Likely cause: the learning rate is too large."
            )
        return (
            f"The loss was {total:.3g}, most of it in {worst}, and all of its gradients were "
            "finite: the step itself left the range of numbers. Likely cause: the learning rate is "
            f"too large, or {_host.float_name()} is too short for the problem."
        )


def _list(names: list[str], chosen: Any) -> str:
    return ", ".join(names[int(i)] for i in chosen)
