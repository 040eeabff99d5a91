"""``deepxde-repnet swap`` on every script of tests/cli/scripts/, on every backend that it supports.

    python benchmarks/swap_scripts.py [--backends pytorch jax ...]

One process a backend and one more for double precision, and a folder for each script. What is
looked at: that a script ends with its own exit code, that its networks are replaced, and that no
file changes but those that it writes itself. The table goes to ``docs/_tables/swap_scripts.rst``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import write_table  # noqa: E402
from tests.cli.catalogue import CASES, swapped  # noqa: E402

BACKENDS = ("pytorch", "tensorflow", "tensorflow.compat.v1", "jax", "paddle")
ITERATIONS = 2


def table(found: dict[str, dict[str, str]]) -> None:
    rows = [["Script", *found]]
    for name in sorted(CASES):
        rows.append([f"``{name}``", *(outcomes.get(name, "-") for outcomes in found.values())])
    write_table("swap_scripts", rows, "Written by ``benchmarks/swap_scripts.py``.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    given = parser.parse_args()
    found = {}
    for backend in given.backends:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as place:
            found[backend] = swapped(Path(place).resolve(), backend, ITERATIONS)
        print(f"{backend}, {time.perf_counter() - start:.0f} s", flush=True)
        for name, outcome in sorted(found[backend].items()):
            print(f"  {name}: {outcome}", flush=True)
    if given.backends == list(BACKENDS):
        table(found)


if __name__ == "__main__":
    main()
