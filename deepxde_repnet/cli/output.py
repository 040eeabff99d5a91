"""What the command says, and where: results to standard output, all else to standard error."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table

#: Exit codes besides 0.
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130


class Failure(Exception):
    """The run failed; the message says why and what to do."""

    code = FAILED


class WrongUsage(Failure):
    """The command was called in a way that makes no sense."""

    code = WRONG_USAGE


def made(folder: Path) -> Path:
    """A folder for results, made before anything runs whose results would be lost without.

    Raises:
        WrongUsage: It cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUsage(
            f"the folder {folder} cannot be made ({error.strerror}); give another with --out."
        ) from None
    return folder


@dataclass(frozen=True)
class Output:
    """Where a command writes.

    Attributes:
        quiet: Nothing but the result and errors.
        as_json: The result as one JSON document.
    """

    quiet: bool = False
    as_json: bool = False

    def say(self, text: str) -> None:
        """Something on the way, to standard error."""
        if not self.quiet:
            _to_stderr(text)

    def warn(self, text: str) -> None:
        """Something that the user should know even where all is quiet, to standard error."""
        _to_stderr(text)

    def result(self, data: dict[str, Any], *shown: RenderableType) -> None:
        """The result: ``data`` as JSON, or what is shown."""
        if self.as_json:
            print(to_json(data), flush=True)
            return
        console = Console(highlight=False)
        for part in shown:
            console.print(part, markup=False)


def sheet(*columns: str, title: str | None = None, heading: bool = True) -> Table:
    """An empty table with these columns; the first is for names, and is not broken into lines."""
    grid = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_header=heading,
        min_width=min(len(title or ""), 78),  # or the title would be broken where the table ends
    )
    for i, column in enumerate(columns):
        grid.add_column(column, no_wrap=i == 0)
    return grid


def to_json(data: Any) -> str:
    """JSON that every reader takes: what is no finite number is null."""
    return json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Numbers, texts, lists and dicts of Python's own, from what NumPy and paths are in it."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def number(value: float | None, digits: int = 1) -> str:
    """A loss or an error in a table."""
    if value is None:
        return "-"
    return f"{value:.{digits}e}" if math.isfinite(value) else "not finite"


def seconds(value: float | None) -> str:
    """A time in a table."""
    return "-" if value is None else f"{value:.1f} s"


def print_error(message: str) -> None:
    """An error and what to do about it, to standard error."""
    sys.stdout.flush()
    _to_stderr(f"error: {message}")


def _to_stderr(text: str) -> None:
    console = Console(stderr=True, highlight=False)
    # In a file a line stays whole: a path in it can be found.
    console.print(text, markup=False, soft_wrap=not console.is_terminal)
