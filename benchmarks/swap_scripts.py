"""``deepxde-repnet swap`` on every script of tests/cli/scripts/, on every backend that it supports.

    python benchmarks/swap_scripts.py [--backends pytorch jax ...] [--iterations 5]

Each runs through the command in a process of its own, in a folder of its own. What is looked at:
that it ends with its own exit code, that a network was replaced, and that no file changes but those
that the script writes itself. The table goes to ``docs/_tables/swap_scripts.rst``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.cli.catalogue import CASES, SCRIPTS, backends, files, unexpected  # noqa: E402

BACKENDS = ("pytorch", "tensorflow", "tensorflow.compat.v1", "jax", "paddle")
TABLE = ROOT / "docs" / "_tables" / "swap_scripts.rst"


def outcome(name: str, backend: str, iterations: int) -> str:
    """``"runs"``, or what went wrong."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "work"
        shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        before = files(folder)
        command = [sys.executable, "-m", "deepxde_repnet", "swap", "--iterations", str(iterations)]
        done = subprocess.run(
            [*command, name, *case.arguments],
            cwd=folder,
            env=os.environ | {"DDE_BACKEND": backend, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        if done.returncode != case.code:
            print(done.stdout[-1000:], done.stderr[-3000:], sep="\n", file=sys.stderr)
            return f"exit code {done.returncode}"
        if "networks replaced: Rep" not in done.stderr:
            return "not replaced"
        wrong = unexpected(before, files(folder), case.leaves)
        return f"changes {wrong[0]}" if wrong else "runs"


def table(rows: dict[str, dict[str, str]], columns: list[str]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - script"]
    lines += [f"     - {column}" for column in columns]
    for name, found in rows.items():
        lines.append(f"   * - ``{name}``")
        lines += [f"     - {found[column]}" for column in columns]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--iterations", type=int, default=5)
    given = parser.parse_args()
    rows: dict[str, dict[str, str]] = {name: {} for name in sorted(CASES)}
    for backend in given.backends:
        for name, found in rows.items():
            start = time.perf_counter()
            supported = backend in backends(name)
            found[backend] = outcome(name, backend, given.iterations) if supported else "-"
            seconds = time.perf_counter() - start
            print(f"{backend}, {name}: {found[backend]} ({seconds:.0f} s)", flush=True)
    if given.backends == list(BACKENDS):
        TABLE.write_text(table(rows, given.backends), "utf-8")


if __name__ == "__main__":
    main()
