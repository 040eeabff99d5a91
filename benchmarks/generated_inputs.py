"""Every public entry point with thousands of generated inputs: answers, errors, nothing else.

    DDE_BACKEND=pytorch python benchmarks/generated_inputs.py [--examples 2000] [name ...]

What counts as an undocumented outcome is in ``tests/properties/entries.py``. The table goes to
``docs/_tables/generated_inputs.rst``, the outcomes to ``benchmarks/results/generated_inputs.json``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.rst import write_table  # noqa: E402


def table(results: dict) -> None:
    rows = [["Entry point", "Inputs", "Right answers", "Our errors", "Anything else"]]
    for name, found in sorted(results.items()):
        total, right = sum(found["outcomes"].values()), found["outcomes"].get("right answer", 0)
        shown = re.sub("^(magnitude|spectrum)_", r"\1.", name).replace("command_", "command: ")
        numbers = (total, right, total - right, int(bool(found["failed"])))
        rows.append([shown, *map(str, numbers)])
    write_table("generated_inputs", rows, "Written by ``benchmarks/generated_inputs.py``.")


def main() -> None:
    from properties import commands  # noqa: F401 (adds its entries)
    from properties.entries import ENTRIES, examine

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(ENTRIES))
    parser.add_argument("--examples", type=int, default=2000)
    arguments = parser.parse_args()
    path = ROOT / "benchmarks" / "results" / "generated_inputs.json"
    results = {}
    for name in arguments.names:
        start, failed = time.perf_counter(), ""
        try:
            examine(name, arguments.examples)
        except BaseException as error:  # a group, where there are several
            if isinstance(error, KeyboardInterrupt):
                raise
            several = getattr(error, "exceptions", [error])
            failed = "\n".join(f"{e}\n" + "\n".join(getattr(e, "__notes__", [])) for e in several)
        # Read anew: others may be at work on other names.
        results = json.loads(path.read_text()) if path.exists() else {}
        results[name] = {"outcomes": dict(ENTRIES[name].outcomes), "failed": failed}
        seconds = time.perf_counter() - start
        print(f"{name}: {results[name]['outcomes']} {seconds:.0f} s\n{failed}", flush=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
    table(results)


if __name__ == "__main__":
    main()
