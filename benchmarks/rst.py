"""Tables for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def list_table(rows: Sequence[Sequence[str]], notes: str) -> str:
    """A list-table whose first row is its header, with a paragraph under it."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {entry}" for i, entry in enumerate(row)]
    return "\n".join([*lines, "", notes]) + "\n"


def write_table(name: str, rows: Sequence[Sequence[str]], notes: str) -> None:
    """Write it where the pages include it from."""
    (ROOT / "docs" / "_tables" / f"{name}.rst").write_text(list_table(rows, notes))
