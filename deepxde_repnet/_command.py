"""Whether this process is the command ``deepxde-repnet``, and when its package is loaded.

Importing the package imports DeepXDE, which takes seconds and settles the backend. The command has
to answer ``--help`` before that, and to choose the backend first.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

PACKAGE = __name__.rpartition(".")[0]
_loaded = False


def is_waiting() -> bool:
    """Whether this process is the command and has not asked for the package yet.

    It is started as ``deepxde-repnet`` or as ``python -m deepxde_repnet``, and its processes as
    ``python -m deepxde_repnet.cli...``; while it imports the package, Python calls itself ``-m``.
    """
    if _loaded or not sys.argv:
        return False
    if sys.argv[0] == "-m":
        of_python = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
        module = of_python[-1].removeprefix("-m")
        return module == PACKAGE or module.startswith(PACKAGE + ".cli.")
    return Path(sys.argv[0]).stem == "deepxde-repnet"


def load() -> None:
    """Import what the package left out when it was first imported, and with it DeepXDE."""
    global _loaded
    if not _loaded:
        _loaded = True
        importlib.reload(sys.modules[PACKAGE])
