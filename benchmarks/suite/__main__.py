"""The command line of the suite."""

from __future__ import annotations

import argparse
import functools
import os
import tempfile
from pathlib import Path

from . import __doc__ as description
from . import runner, store, tables
from .studies import SEEDS, STUDIES

TINY_BUDGET = 0.02  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=", ".join(STUDIES))
    parser.add_argument("--nets", nargs="+", metavar="NET", help="these only; see studies.py")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--jobs", type=int, default=1, help="cells side by side, one thread each")
    parser.add_argument("--cluster", metavar="ADDRESS", help="run on this Dask scheduler's workers")
    parser.add_argument("--redo", action="store_true", help="run again what has been run")
    parser.add_argument("--tables", action="store_true", help="run nothing, write the tables")
    parser.add_argument("--figures", action="store_true", help="run nothing, draw the figures")
    parser.add_argument("--steps", action="store_true", help="measure the cost of a step instead")
    parser.add_argument("--tiny", action="store_true", help="a moment each, into a new folder")
    arguments = parser.parse_args()
    unknown = set(arguments.studies) - STUDIES.keys()
    known_nets = {net for study in STUDIES.values() for net in study.rows}
    unknown |= set(arguments.nets or ()) - known_nets
    if unknown:
        parser.error(
            f"no study or network is called {', '.join(sorted(unknown))}; there are the studies "
            f"{', '.join(STUDIES)} and the networks {', '.join(sorted(known_nets))}"
        )
    studies = arguments.studies or list(STUDIES)
    root, execute, seeds = store.ROOT, runner.in_own_process, arguments.seeds
    if arguments.tiny:
        root = Path(tempfile.mkdtemp(prefix="suite-"))
        execute, seeds = functools.partial(runner.here, budget=TINY_BUDGET), 1
        print(f"Results, tables and figures: {root}")
    if arguments.steps:
        os.environ |= runner.ENVIRONMENT  # before DeepXDE is imported
        from . import steps

        steps.run(studies, root, *((1, 2) if arguments.tiny else ()))
        return
    if not (arguments.tables or arguments.figures):
        todo = runner.cells(studies, arguments.nets, seeds, root, arguments.redo)
        try:
            runner.run(todo, root, arguments.jobs, execute, arguments.cluster)
        except KeyboardInterrupt:
            raise SystemExit(
                "Stopped. What is finished is kept; the same command goes on."
            ) from None
    if arguments.tables or not arguments.figures:
        print(*tables.write(root), sep="\n")
    if arguments.figures or not arguments.tables:
        from . import figures

        print(*figures.write(root), sep="\n")


if __name__ == "__main__":
    main()
