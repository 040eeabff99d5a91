"""Calling the command as users do: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(
    *arguments: str, folder: Path, backend: str | None = "pytorch", **variables: str
) -> subprocess.CompletedProcess[str]:
    """``deepxde-repnet ARGUMENTS`` in a folder, 80 columns wide, with nobody at the terminal."""
    environment = {k: v for k, v in os.environ.items() if k not in ("DDE_BACKEND", "MPLBACKEND")}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1", **variables}
    if backend is not None:
        environment["DDE_BACKEND"] = backend
    return subprocess.run(
        [sys.executable, "-m", "deepxde_repnet", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
