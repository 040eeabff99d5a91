"""The scripts that swap is tried on: what they are called with, and what they may leave behind."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from .support import command

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@dataclass(frozen=True)
class Case:
    """How a script is called.

    Attributes:
        arguments: Of the script.
        code: Its exit code.
        leaves: Patterns of the files that it writes itself, or that its figures are saved in.
        says: Part of what it prints last, after trainings of two iterations.
    """

    arguments: tuple[str, ...] = ()
    code: int = 0
    leaves: tuple[str, ...] = ()
    says: str = ""


#: All that are not modules of others.
CASES = {path.name: Case() for path in SCRIPTS.glob("*.py") if path.name != "helper_networks.py"}
CASES |= {
    "arguments.py": Case(
        ("--lr", "1e-3", "label"), 3, ("arguments-figures/1.png",), "label, step 4"
    ),
    "checkpoint.py": Case((), 0, ("best-*", "trained-*", "checkpoint"), "restored what was saved"),
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


def swapped(folder: Path, backend: str, iterations: int) -> dict[str, str]:
    """``swap`` on all scripts of a backend, each script in a folder of its own.

    Returns:
        For each script ``"runs"``, or what went wrong: another exit code than its own, a network
        that is not replaced, or a file that changes and is not the script's to write.
    """
    names = {name: CASES[name].arguments for name in CASES if backend in backends(name)}
    places = {name: folder / name.removesuffix(".py") for name in names}
    for place in places.values():
        shutil.copytree(SCRIPTS, place, ignore=shutil.ignore_patterns("__pycache__"))
    before = {name: files(place) for name, place in places.items()}
    shutil.copy(SCRIPTS.parent / "all_scripts.py", folder)
    outcome = {}
    # With its first layer Keras settles on a float type, so double precision gets its own process.
    double = {name: names[name] for name in names if name.startswith("float64")}
    for part in ({n: a for n, a in names.items() if n not in double}, double):
        call = ("swap", "--iterations", str(iterations), "all_scripts.py", json.dumps(part))
        done = command(*call, folder=folder, backend=backend) if part else None
        if done is not None:
            assert done.returncode == 0, done.stderr
            outcome |= json.loads((folder / "outcome.json").read_text("utf-8"))
    return {name: _verdict(name, outcome[name], before[name], places[name]) for name in names}


def _verdict(name: str, outcome: dict, before: dict[str, bytes], place: Path) -> str:
    case = CASES[name]
    if outcome["code"] != case.code:
        return f"exit code {outcome['code']}"
    if set(outcome["networks"]) != {"RepPFNN" if name.startswith("pfnn") else "RepFNN"}:
        return f"trains {', '.join(outcome['networks'])}"
    if case.says not in outcome["said"]:
        return f"does not say {case.says!r}"
    # The figures of all of them go to the folder of the one that is swapped.
    leaves = tuple(pattern for pattern in case.leaves if "figures" not in pattern)
    wrong = unexpected(before, files(place), leaves)
    return f"changes {', '.join(wrong)}" if wrong else "runs"
