"""What a script prints of its errors and metrics: the lines, and the same lines of two runs."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

_WORDS = (
    "error|err|residual|residue|accuracy|metric|mse|rmse|mae|mape|l1|l2|linf|norm|deviation|"
    "difference|discrepancy|score|r2|loss"
)
_MEASURE = re.compile(rf"(?<![a-z])(?:{_WORDS})(?:e?s)?(?![a-z])", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf)(?!\w)", re.IGNORECASE
)

#: DeepXDE prints these itself, and the table has them.
_DEEPXDE = re.compile(r"\s*(?:train loss|test loss|test metric)\b", re.IGNORECASE)

#: Lines of a run that are kept, the last of them, and characters of each.
MOST, LONGEST = 200, 200

#: Repetitions of a line, with other numbers, from which on only the last is shown.
REPEATED = 4


@contextlib.contextmanager
def recorded() -> Iterator[list[str]]:
    """All that is printed to standard output meanwhile, in pieces; it is printed nevertheless."""
    pieces: list[str] = []
    usual = sys.stdout
    sys.stdout = _Heard(usual, pieces)  # type: ignore[assignment]
    try:
        yield pieces
    finally:
        sys.stdout = usual


class _Heard:
    """A stream that keeps what is written to another."""

    def __init__(self, stream: Any, pieces: list[str]) -> None:
        self._stream, self._pieces = stream, pieces

    def write(self, text: str) -> int:
        self._pieces.append(text)
        return int(self._stream.write(text))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def measures(pieces: Sequence[str]) -> list[str]:
    """The lines that name an error or a metric and give a number."""
    # A progress bar begins its line anew.
    lines = "".join(pieces).replace("\r", "\n").splitlines()
    found = [
        line.strip()[:LONGEST]
        for line in lines
        if _MEASURE.search(line) and _NUMBER.search(line) and not _DEEPXDE.match(line)
    ]
    return found[-MOST:]


def side_by_side(runs: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Rows of (label, the numbers of each run): lines that differ in their numbers alone are one.

    A line that one run has not printed has "-" there.
    """
    counted: list[dict[str, list[str]]] = []
    for lines in runs:
        by_label: dict[str, list[str]] = {}
        for line in lines:
            label = _NUMBER.sub("…", line).strip()
            numbers = ", ".join(match.group() for match in _NUMBER.finditer(line))
            by_label.setdefault(label, []).append(numbers)
        counted.append(by_label)
    rows = []
    for label in dict.fromkeys(label for by_label in counted for label in by_label):
        printed = [by_label.get(label, []) for by_label in counted]
        count = max(map(len, printed))
        name = re.sub(r"[\s:=]*…$", "", label) or label
        if count >= REPEATED:
            rows.append((f"{name} (last)", [values[-1] if values else "-" for values in printed]))
            continue
        for i in range(count):
            row = [values[i] if i < len(values) else "-" for values in printed]
            rows.append((name, row))
    return rows
