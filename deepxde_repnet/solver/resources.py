"""Memory that a solve takes and that there is, and how far it has come."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

from ..taylor.framework import taylor
from .equations import BLOCK_BYTES

#: Of what is free, the part that may be taken.
SHARE = 0.8


def bytes_needed(unknowns: int, equations: int | None = None) -> float:
    """Bytes at the peak of a solve.

    A block of rows with the triangle under which it is put, twice more inside the QR
    decomposition; then the triangles of the damped solves.

    Args:
        equations: Their number; None is as many as are drawn for those unknowns, or more.
    """
    equations = 4 * unknowns + 2000 if equations is None else equations
    block = min(max(2 * unknowns, BLOCK_BYTES / 8 / (unknowns + 1)), equations)
    return 8.0 * (3 * (block + unknowns) * unknowns + 5 * unknowns**2)


def bytes_free() -> float:
    """Bytes that are free on the device in use; infinite where that cannot be known."""
    on_device: float | None = taylor.bytes_free()
    if on_device is not None:
        return on_device
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = 1024.0 * int(next(line for line in lines if "MemAvailable" in line).split()[1])
    except (OSError, StopIteration, ValueError, IndexError):
        return math.inf
    group = Path("/sys/fs/cgroup")
    try:
        limit = float((group / "memory.max").read_text())
        return min(free, limit - float((group / "memory.current").read_text()))
    except (OSError, ValueError):  # no limit there
        return free


def most_features(wanted: int, outputs: int, free: float) -> int:
    """The largest number of features up to ``wanted`` whose solve fits.

    Raises:
        ValueError: If not even a small one does.
    """
    for features in (wanted, *range(wanted // 100 * 100, 0, -100)):
        if bytes_needed(outputs * (features + 1)) <= SHARE * free:
            return features
    raise ValueError(
        f"100 features for {outputs} outputs would take "
        f"{bytes_needed(outputs * 101) / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free."
    )


def check_memory(unknowns: int, free: float) -> None:
    """Whether a solve fits.

    Raises:
        ValueError: If not.
    """
    needed = bytes_needed(unknowns)
    if needed > SHARE * free:
        raise ValueError(
            f"{unknowns} unknowns would take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are "
            "free; make the network's last hidden layer smaller."
        )


class Progress:
    """A line on standard error that says how far a long solve has come.

    On a terminal it is written over; elsewhere a line is added now and then. Nothing is said in
    the first seconds.
    """

    FIRST, EVERY, WIDTH = 3.0, 15.0, 24

    def __init__(self, tol: float, verbose: int) -> None:
        self._tol, self._shown = tol, bool(verbose)
        self._start = time.perf_counter()
        self._said = -math.inf
        self._first: float | None = None
        self._tried, self._best = 0, math.inf

    def update(self, family: str, features: int, unseen: float) -> None:
        """A set of features has been tried, or a step taken; ``unseen`` is its residual."""
        self._tried += 1
        if not math.isfinite(unseen) or unseen <= 0:
            return
        self._first = unseen if self._first is None else self._first
        self._best = min(self._best, unseen)
        seconds = time.perf_counter() - self._start
        terminal = sys.stderr.isatty()
        if not self._shown or seconds < self.FIRST:
            return
        if not terminal and seconds - self._said < self.EVERY:
            return
        self._said = seconds
        line = (
            f"solve [{self._bar()}] residual {self._best:.1e}, wanted {self._tol:.0e}; "
            f"attempt {self._tried}, {features} {family}, {seconds:.0f} s"
        )
        print(
            f"\r{line}\x1b[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr
        )
        sys.stderr.flush()

    def close(self) -> None:
        """End the line."""
        if self._said > -math.inf and sys.stderr.isatty():
            print(file=sys.stderr)

    def _bar(self) -> str:
        """By the digits that have been won of those that are wanted."""
        assert self._first is not None
        wanted = math.log(max(self._first / self._tol, 1.0 + 1e-9))
        part = min(max(math.log(self._first / self._best) / wanted, 0.0), 1.0)
        return "#" * round(part * self.WIDTH) + "-" * (self.WIDTH - round(part * self.WIDTH))
