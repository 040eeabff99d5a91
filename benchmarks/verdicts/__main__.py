"""The command line of the verdicts."""

from __future__ import annotations

import argparse

from . import PROBLEMS
from . import __doc__ as description
from .problem import KINDS
from .run import SEEDS, run
from .table import write_table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.verdicts",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=PROBLEMS, metavar="NAME")
    parser.add_argument("--kind", nargs="+", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--redo", action="store_true", help="run again what has been run")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    names = [
        name
        for name in options.only or PROBLEMS
        if not options.table and (not options.kind or PROBLEMS[name].kind in options.kind)
    ]
    write_table(run(names, options.seeds, options.redo))


if __name__ == "__main__":
    main()
