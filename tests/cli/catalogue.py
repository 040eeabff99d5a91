"""The scripts that swap is tried on: what they are called with, and what they may leave behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@dataclass(frozen=True)
class Case:
    """How a script is called.

    Attributes:
        arguments: Of the script.
        code: Its exit code.
        leaves: Patterns of the files that it writes itself, or that its figures are saved in.
    """

    arguments: tuple[str, ...] = ()
    code: int = 0
    leaves: tuple[str, ...] = ()


#: All that are not modules of others.
CASES = {path.name: Case() for path in SCRIPTS.glob("*.py") if path.name != "helper_networks.py"}
CASES |= {
    "arguments.py": Case(("--lr", "1e-3", "label"), 3, ("arguments-figures/1.png",)),
    "checkpoint.py": Case((), 0, ("best-*", "trained-*", "checkpoint")),
    "inverse_variable.py": Case((), 0, ("variables.dat",)),
    "poisson_1d_dirichlet.py": Case((), 0, ("poisson_1d_dirichlet-figures/*.png",)),
}


def backends(name: str) -> list[str]:
    """The backends that a script says it runs on."""
    text = (SCRIPTS / name).read_text("utf-8")
    found = re.search(r"Backend supported: (.*)", text)
    assert found is not None, name
    return found.group(1).split(", ")


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, less what Python compiles."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def unexpected(before: dict[str, bytes], after: dict[str, bytes], leaves: tuple[str, ...]) -> list:
    """Files that are gone, changed or new, and not the script's to write."""
    changed = [name for name in before if after.get(name) != before[name]]
    new = [name for name in after if name not in before]
    return changed + [n for n in new if not any(fnmatch(n, pattern) for pattern in leaves)]
