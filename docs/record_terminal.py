"""Record what the commands print, as docs/command_line.rst shows it: 80 columns, without colour.

python docs/record_terminal.py [names ...]

Each command runs in a folder of its own, with its plain output and its errors in one file, as they
come; the scripts are those of tests/cli/scripts/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "tests" / "cli" / "scripts"
OUT = ROOT / "docs" / "_static" / "terminal"

RECORDED = {
    "help": ["--help"],
    "list": ["list"],
    "run": ["run", "poisson-1d-multiscale", "--iterations", "100", "--out", "poisson"],
    "solve": ["run", "helmholtz-2d", "--optimizer", "solve"],
    "swap_help": ["swap", "--help"],
    "swap": ["swap", "--compare", "--iterations", "300", "poisson_1d_dirichlet.py"],
    "diff": ["swap", "--diff", "poisson_1d_dirichlet.py"],
    "compare": ["compare", "--iterations", "300", "--seeds", "3", "poisson_1d_dirichlet.py"],
    "explain": ["explain", "helmholtz-2d", "--picture", "helmholtz-2d-spectrum.png"],
    "doctor": ["doctor"],
    "wrong": ["run", "helmholtz"],
}


def record(name: str) -> None:
    """Run one command and write what it prints."""
    arguments = RECORDED[name]
    with tempfile.TemporaryDirectory() as place:
        for path in SCRIPTS.glob("poisson_1d_dirichlet.py"):
            shutil.copy(path, place)
        done = subprocess.run(
            [sys.executable, "-m", "deepxde_repnet", *arguments],
            cwd=place,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "DDE_BACKEND": "pytorch",
                "COLUMNS": "80",
                "NO_COLOR": "1",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = [line.rstrip() for line in done.stdout.splitlines()]
        assert "\x1b" not in done.stdout, name
        text = "\n".join([f"$ deepxde-repnet {' '.join(arguments)}", *lines]).rstrip() + "\n"
        if done.returncode:
            text += f"$ echo $?\n{done.returncode}\n"
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / f"{name}.txt").write_text(text, "utf-8")
        for picture in Path(place).glob("*-spectrum.png"):
            shutil.copy(picture, OUT)
        for picture in Path(place).glob("*-compare/compare.png"):
            shutil.copy(picture, OUT)
    print(text, flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or RECORDED:
        record(chosen)
