"""A line that says how far a training has come and how long it will take."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar as Bar
from rich.table import Table

from .. import _host
from ..spec import as_float

#: Iterations that the running ``Model.train`` will take at most, or None, by model.
_planned: weakref.WeakKeyDictionary[Any, int | None] = weakref.WeakKeyDictionary()


class ProgressBar(_host.Callback):
    """Shows iteration, loss, test metric, rate, elapsed and remaining time of a training.

    ``model.train(iterations=10000, callbacks=[ProgressBar()])``; Adam, L-BFGS and all others. On a
    terminal it is a bar that stays in the last line, and what is printed goes above it; elsewhere
    plain lines. Loss and metric are those that DeepXDE evaluated last, once in ``display_every``
    iterations: nothing is computed for the sake of the bar, and training goes as without it.

    DeepXDE hands L-BFGS over at once with TensorFlow, where nothing but time is known before its
    end. The remaining time is the elapsed time per iteration times the iterations that are left; an
    optimizer that converges ends sooner.

    Args:
        every: Seconds between plain lines.
        file: Where to write; None is standard error.

    Raises:
        ValueError: ``every`` is not positive, or longer than a thread can wait.
        TypeError: ``file`` cannot be written to.
    """

    def __init__(self, every: float = 10.0, file: TextIO | None = None) -> None:
        super().__init__()
        seconds = as_float(every)
        if not 0 < seconds <= threading.TIMEOUT_MAX:
            raise ValueError(f"every={every!r} must be a positive number of seconds.")
        if file is not None and not hasattr(file, "write"):
            raise TypeError(f"file={file!r} must be an open file of text, such as sys.stderr.")
        self.every = seconds
        self.file = file
        self._end: threading.Event | None = None

    def on_train_begin(self) -> None:
        if not _host.is_first_rank():
            return
        self._total = _planned.get(self.model)
        self._first = _host.steps_taken(self.model)
        self._since = time.perf_counter()
        file = self.file or sys.stderr
        console = Console(file=file)
        self._end = threading.Event()
        if console.is_terminal:
            # A terminal that shows both streams shows them in order only if one place writes.
            both = file is sys.stderr and sys.stdout.isatty()
            live = Live(
                console=console,
                get_renderable=self._bar,
                refresh_per_second=4,
                redirect_stdout=both,
                redirect_stderr=file is sys.stderr,
            )
            live.start(refresh=True)
            self._stop = live.stop
        else:
            thread = threading.Thread(target=self._lines, args=(file, self._end), daemon=True)
            thread.start()

            def stop() -> None:
                thread.join()
                print(self._text(), file=file, flush=True)

            self._stop = stop

    def on_train_end(self) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar off the terminal; done by itself at the end of training, however it ends."""
        if self._end is not None:
            self._end.set()
            self._end = None
            self._stop()

    def _lines(self, file: TextIO, end: threading.Event) -> None:
        while not end.wait(self.every):
            print(self._text(), file=file, flush=True)

    def _state(self) -> tuple[int, float, _host.Standing]:
        done = max(_host.steps_taken(self.model) - self._first, 0)
        return done, time.perf_counter() - self._since, _host.standing(self.model)

    def _parts(self) -> tuple[str, str, str, str]:
        """Iterations, loss and metric, rate, and times, in words."""
        done, seconds, now = self._state()
        count = f"{done}" if self._total is None else f"{done}/{self._total}"
        values = [f"loss {math.fsum(now.train):.1e}"] if now.train else []
        values += [f"metric {now.metrics[0]:.1e}"] if now.metrics else []
        rate = done / seconds if done and seconds > 0 else 0.0
        times = _clock(seconds)
        if self._total is not None and rate:
            times += f" + {_clock(max(self._total - done, 0) / rate)}"
        return count, ", ".join(values), _rate(rate), times

    def _text(self) -> str:
        count, values, rate, times = self._parts()
        name = _host.optimizer_name(self.model)
        return ", ".join(part for part in (f"{name} {count}", values, rate, times) if part)

    def _bar(self) -> Table:
        count, values, rate, times = self._parts()
        done, _, _ = self._state()
        grid = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, 1, None, None, None, None):
            grid.add_column(ratio=ratio, no_wrap=True)
        bar = Bar(total=self._total, completed=done, pulse=not done)
        grid.add_row(_host.optimizer_name(self.model), bar, count, values, rate, times)
        return grid


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _rate(rate: float) -> str:
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.2g}/s" if rate else ""


@contextlib.contextmanager
def _train(model: Any, arguments: dict[str, Any]) -> Iterator[None]:
    """Around ``Model.train``: callbacks are not told its iterations, nor that it was broken off."""
    _planned[model] = _host.planned_iterations(model, arguments)
    try:
        yield
    finally:
        for callback in arguments["callbacks"] or []:
            if isinstance(callback, ProgressBar):
                callback.close()


_host.around("train", _train)
