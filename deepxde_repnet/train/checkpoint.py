"""Checkpoints of a training run, and going on from one as if nothing had happened."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import _host
from ..spec import as_count, as_float
from . import _files, same_problem, state

#: Iterations of L-BFGS from one chance to write a checkpoint to the next, unless ``every`` is less.
LBFGS_PASS = 100

_DEFAULT_SECONDS = 60.0

# States that the next train of a model starts from.
_pending: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


class Checkpoint(_host.Callback):  # type: ignore[misc]
    """Callback that keeps the state of a training run in files, from which ``resume`` goes on.

    A checkpoint holds the network with its calibration, the optimizer and its schedule, external
    trainable variables, steps, loss history, best results, the current training points, what
    DeepXDE's callbacks have counted, and the random states. It is written under another name,
    flushed to the disk and renamed, with a checksum; a process that is killed at any moment leaves
    whole files behind. The last one is written when training ends.

    At SIGTERM a checkpoint is written at the end of the step that runs, and the process then ends
    as it would have without this. A write that fails (a full disk, a folder that has become
    read-only) gives a warning, and training goes on. Parameters that are not finite are not
    written. A second process with the same folder writes nothing while the first one runs.

    With L-BFGS on PyTorch, DeepXDE gives callbacks no chance for up to 1000 iterations; this
    callback has it run in passes of ``every`` iterations, at most 100. On the other backends
    DeepXDE gives none before the end, and a checkpoint is written only then.

    Args:
        folder: Where the files are; made if it does not exist. One for each optimizer of a script
            that has several.
        every: Steps from one checkpoint to the next.
        seconds: Seconds from one checkpoint to the next. With neither it is 60.
        keep: How many of the last checkpoints are kept.

    Raises:
        ValueError, TypeError: If an argument makes no sense.
        OSError: In ``train``, if the folder cannot be made or written to from the start.
        NotImplementedError: In ``train``, for the optimizer NNCG, whose state DeepXDE hides.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every: int | None = None,
        seconds: float | None = None,
        keep: int = 3,
    ) -> None:
        super().__init__()
        self.folder = _folder(folder)
        self.every = None if every is None else as_count("every", every)
        self.seconds = None if seconds is None else _duration(seconds)
        if every is None and seconds is None:
            self.seconds = _DEFAULT_SECONDS
        self.keep = as_count("keep", keep)
        self._lock = _files.Lock(self.folder)
        self._step = 0
        self._time = 0.0
        self._told: set[str] = set()
        self._terminated = False

    def on_train_begin(self) -> None:
        if _host.optimizer_name(self.model) == "NNCG":
            raise NotImplementedError(
                "Checkpoint does not know the optimizer NNCG, whose preconditioner DeepXDE keeps "
                "outside of its state; train with Adam or L-BFGS."
            )
        try:
            if _host.is_first_rank():
                self.folder.mkdir(parents=True, exist_ok=True)
                self._lock.take()
        except OSError as error:
            raise type(error)(
                f"no checkpoints can be written to {self.folder}: {error.strerror or error}. Give "
                "a folder that can be written to."
            ) from None
        self._step = self.model.train_state.step
        self._time = time.monotonic()

    def on_batch_begin(self) -> None:
        if _host.loops_lbfgs(self.model) and _host.backend_name == "pytorch":
            _host.limit_lbfgs_pass(self.model, self._pass)

    @property
    def _pass(self) -> int:
        return min(self.every or LBFGS_PASS, LBFGS_PASS)

    def on_epoch_end(self) -> None:
        """Write a checkpoint if it is time to; after each step, when other callbacks are done."""
        if self._terminated or self._is_due():
            self.save()
        if self._terminated:
            self._terminate()

    def on_train_end(self) -> None:
        self.save(ended=True)

    def _is_due(self) -> bool:
        step = self.model.train_state.step
        if self.every is not None and step // self.every > self._step // self.every:
            return True
        return self.seconds is not None and time.monotonic() - self._time >= self.seconds

    def save(self, *, ended: bool = False) -> Path | None:
        """Write a checkpoint now; between two steps, as callbacks are called.

        Args:
            ended: Whether training is over, and there is nothing to go on with.

        Returns:
            Its file, or None if none was written: a warning then says why, except in all but the
            first of several processes that train together, whose state is the same.
        """
        model, step = self.model, self.model.train_state.step
        self._step = step
        if not _host.is_first_rank():
            return None
        try:
            if not state.is_finite(model):
                self._warn(
                    f"Checkpoint: nothing is written at step {step}, where the parameters or the "
                    f"loss are not finite; the last good state is in {self.folder}."
                )
                return None
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._lock.take():
                self._warn(
                    f"Checkpoint: process {self._lock.holder()} writes to {self.folder}, so this "
                    "one does not until that one has ended; give each run a folder of its own."
                )
                return None
            tree = state.capture(model) | {
                "finished": ended and _is_finished(model),
                "loss": same_problem.loss_now(model),
            }
            path = _files.write(self.folder, step, tree, self.keep)
            self._told.clear()
            return path
        except OSError as error:
            advice = {
                errno.ENOSPC: " Free some space.",
                errno.EDQUOT: " Free some space.",
                errno.EROFS: " Make it writable.",
                errno.EACCES: " Make it writable.",
            }.get(error.errno or 0, "")
            self._warn(
                f"Checkpoint: step {step} could not be written to {self.folder}: "
                f"{error.strerror or error}.{advice} Training goes on, older checkpoints are as "
                "they were, and it is tried again at the next one."
            )
            return None
        finally:
            self._time = time.monotonic()

    def _warn(self, message: str) -> None:
        """Say it once, and again only after a checkpoint was written."""
        kind = message.partition("step")[0] + message.partition(": ")[2].rpartition(":")[2]
        if kind not in self._told:
            self._told.add(kind)
            warnings.warn(message, RuntimeWarning, stacklevel=4)

    # What ``training`` below does around it.

    def _terminate(self) -> None:
        """End the process as SIGTERM would have without this callback."""
        signal.signal(signal.SIGTERM, self._previous_handler)
        self._lock.give_up()
        self._terminated = False
        os.kill(os.getpid(), signal.SIGTERM)

    def _handle(self, number: int, frame: Any) -> None:
        self._terminated = True

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Hold SIGTERM back while training runs."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._lock.give_up)
            # Python has signals in the main thread only.
            if threading.current_thread() is threading.main_thread():
                self._previous_handler = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
                signal.signal(signal.SIGTERM, self._handle)
                stack.callback(self._release)
            yield

    def _release(self) -> None:
        if signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, self._previous_handler)
            if self._terminated:
                self._terminate()


def resume(model: Any, folder: str | os.PathLike[str]) -> int:
    """Put the newest checkpoint of a folder into a model; its next ``train`` goes on from there.

    The script is the same for the first start and for every other::

        model.compile("adam", lr=1e-3)
        step = resume(model, "run")
        model.train(iterations=20000 - step, callbacks=[Checkpoint("run", every=1000)])

    The ``train`` that follows is one with the run that was cut off: on the CPU, with the same
    versions and callbacks, it ends with the same parameters, unknowns and loss history. What is
    restored replaces all random states, which is why it comes after everything that draws. A run
    that had ended by itself (L-BFGS had converged, a callback had stopped it) is not trained again.

    Args:
        model: Compiled, with the same network, data and optimizer as that of the checkpoint.
        folder: As given to ``Checkpoint``.

    Returns:
        The step that training goes on from; 0 where there is no checkpoint yet.

    Raises:
        ValueError: If the checkpoint is of another network, backend, problem or optimizer, with the
            differences; or if there are checkpoints and none can be read. A damaged one is passed
            over, with a warning, for the one before it.
        TypeError, RuntimeError: If ``model`` is no ``dde.Model``, or is not compiled.

    Warns:
        RuntimeWarning: If the loss at the checkpoint's points and parameters is not what it was
            when that was written, as with another coefficient in an equation.
    """
    if not isinstance(model, _host.Model):
        raise TypeError(f"resume takes a dde.Model and the folder, not {type(model).__name__}.")
    if not _host.is_compiled(model):
        raise RuntimeError("resume: call model.compile(...) first, as in the run to go on with.")
    found = _files.newest(_folder(folder))
    if found is None:
        return 0
    path, tree = found
    _check(path, tree, model)
    try:
        state.restore(model, tree)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is whole, and what it holds is not what this model needs ({error!r}). The "
            "model may be partly changed: make it anew before it is used."
        ) from error
    _pending[model] = tree
    step = int(tree["progress"]["step"])
    if _host.is_first_rank():
        difference = same_problem.difference(model, tree.get("loss"))
        if difference is not None:
            warnings.warn(
                f"resume: at the points and parameters of the checkpoint (step {step}), "
                f"{difference}. The equations, conditions or data are not what they were, unless a "
                "callback changes them. Training goes on with those of this script.",
                RuntimeWarning,
                stacklevel=2,
            )
    _host.announce(f"resume: step {step}, from {path}", 1)
    return step


def _check(path: Path, tree: Any, model: Any) -> None:
    """
    Raises:
        ValueError: If a checkpoint is not of this model.
    """
    if not isinstance(tree, dict) or not isinstance(tree.get("fingerprint"), dict):
        raise ValueError(f"{path} does not hold a training run.")
    here = state.fingerprint(model)
    lines = state.differences(tree["fingerprint"], here)
    if lines:
        raise ValueError(
            f"the checkpoint {path} does not belong to this model:\n  "
            + "\n  ".join(lines)
            + "\nMake the model as it was, or use another folder."
        )


def latest(folder: Path, model: Any) -> dict[str, Any] | None:
    """The newest whole checkpoint of a folder, if it is of this model."""
    found = _files.newest(folder)
    if found is None:
        return None
    _check(found[0], found[1], model)
    return dict(found[1])


# -------------------------------------------------------------------------------------------------
# Around Model.train


class GoBack(Exception):
    """Raised by a callback: leave this training, and go on from the state that it carries."""

    def __init__(self, tree: dict[str, Any]) -> None:
        super().__init__("training goes back to a checkpoint")
        self.tree = tree


def training(model: Any, arguments: dict[str, Any], train: Callable[[dict[str, Any]], Any]) -> Any:
    """Hook around ``Model.train``: take up a pending state, and have checkpoints come last.

    Last, since what the other callbacks count in a step belongs to the checkpoint at its end.
    """
    given = list(arguments["callbacks"] or [])
    checkpoints = [c for c in given if isinstance(c, Checkpoint)]
    others = [c for c in given if not isinstance(c, Checkpoint)]
    target = None
    if not _host.is_lbfgs(model.opt_name):
        iterations = _host.planned_iterations(model, arguments)
        target = None if iterations is None else model.train_state.step + iterations
    with contextlib.ExitStack() as watching:
        for checkpoint in checkpoints:
            watching.enter_context(checkpoint._watching())
        while True:
            tree = _pending.pop(model, None)
            arrival = [] if tree is None else [_Arrival(tree)]
            if given or arrival:
                arguments["callbacks"] = [*others, *arrival, *checkpoints]
            try:
                with _nothing_left(model, tree, arguments):
                    return train(arguments)
            except GoBack as back:
                state.restore(model, back.tree)
                _pending[model] = back.tree
                if target is not None:
                    arguments["iterations"] = target - model.train_state.step


class _Arrival(_host.Callback):  # type: ignore[misc]
    """Puts a state in once more, when a training has begun and before its first step.

    What a beginning does (a batch is drawn, a loss recorded, counters of callbacks are set to zero)
    did not happen at this point in the run that was cut off.
    """

    def __init__(self, tree: dict[str, Any]) -> None:
        super().__init__()
        self._tree: dict[str, Any] | None = tree
        self._carried = 0  # iterations of L-BFGS that DeepXDE would count once more

    def on_train_begin(self) -> None:
        tree, self._tree = self._tree, None
        if tree is None:
            return
        state.restore(self.model, tree)
        state.restore_callbacks(self.model, tree)
        if _host.loops_lbfgs(self.model) and _host.backend_name == "pytorch":
            self._carried = _host.lbfgs_steps(self.model)
            self._progress = tree["progress"]

    def on_batch_begin(self) -> None:
        if self._carried:
            self.model.train_state.step -= self._carried
            self.model.train_state.iteration -= self._carried

    def on_batch_end(self) -> None:
        if not self._carried:
            return
        # A pass of one iteration is what DeepXDE ends with, if it has seen one before.
        if _host.lbfgs_steps(self.model) - self._carried == 1:
            _host.set_progress(self.model, self._progress)
            self.model.stop_training = True
        self._carried = 0


def _is_finished(model: Any) -> bool:
    """Whether a training that has ended would not go on with more iterations either."""
    if not _host.loops_lbfgs(model):
        return bool(model.stop_training)
    limit = _host.lbfgs_options()["maxiter"]
    if _host.backend_name == "pytorch":
        return _host.lbfgs_steps(model) < limit
    return True


def _all_iterations_made(model: Any) -> bool:
    """Whether L-BFGS has made them; DeepXDE would start another pass all the same."""
    if not _host.loops_lbfgs(model) or _host.backend_name != "pytorch":
        return False
    return _host.lbfgs_steps(model) >= _host.lbfgs_options()["maxiter"]


@contextlib.contextmanager
def _nothing_left(
    model: Any, tree: dict[str, Any] | None, arguments: dict[str, Any]
) -> Iterator[None]:
    """No step is made from the state of a run that had ended by itself."""
    if tree is None or not (tree["finished"] or _all_iterations_made(model)):
        yield
        return
    step = tree["progress"]["step"]
    _host.announce(
        f"resume: this training had ended by itself at step {step}; it is not taken further.",
        arguments["verbose"],
    )
    if arguments["iterations"] is not None:
        arguments["iterations"] = 0
    options = _host.lbfgs_options()
    limit, options["maxiter"] = options["maxiter"], 0
    try:
        yield
    finally:
        options["maxiter"] = limit


# -------------------------------------------------------------------------------------------------
# Arguments


def _folder(folder: Any) -> Path:
    if not isinstance(folder, (str, os.PathLike)) or isinstance(os.fspath(folder), bytes):
        raise TypeError(f"folder={folder!r} must be the path of a folder.")
    if os.fspath(folder) in ("", b"") or "\0" in str(os.fspath(folder)):
        raise ValueError(f"folder={folder!r} must be the path of a folder, such as 'run'.")
    return Path(folder)


def _duration(value: Any) -> float:
    seconds = as_float(value)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"seconds={value!r} must be a positive finite number.")
    return seconds
