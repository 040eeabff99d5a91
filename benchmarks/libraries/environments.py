"""An environment of its own for each library that this one is compared with.

    python benchmarks/libraries/environments.py [NAME ...]     # or: make peers

Versions are pinned in ``requirements-NAME.txt``. PyTorch is installed first, in a call of its own:
the build that pip finds for it then stays. An environment that is up to date is left alone.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent.parent / ".venv-peers"
LIBRARIES = ("jinns", "pina", "fastlsq")


def requirements(library: str) -> Path:
    return HERE / f"requirements-{library}.txt"


def pins(library: str) -> dict[str, str]:
    """Package -> version, in the order of the file."""
    lines = requirements(library).read_text().splitlines()
    pinned = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name: version for name, version in pinned}


def python_of(library: str) -> Path:
    return ENVIRONMENTS / library / "bin" / "python"


def missing(libraries: list[str]) -> str | None:
    """What to say where one of these has no environment; None where all have."""
    absent = [library for library in libraries if not python_of(library).exists()]
    if not absent:
        return None
    return (
        f"no environment for {' and '.join(absent)} under {ENVIRONMENTS.name}/, and each library "
        "runs in its own. Build it first:\n"
        f"    python benchmarks/libraries/environments.py {' '.join(absent)}\n"
        "or leave it out: --only takes the names of the rows to run."
    )


def build(library: str) -> None:
    """Make the environment, or leave it alone where its stamp is that of the pins."""
    folder = ENVIRONMENTS / library
    stamp = folder / "up-to-date"
    wanted = hashlib.sha256(requirements(library).read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"{library}: up to date")
        return
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(python_of(library)), "-m", "pip", "install", "--quiet", "--no-input"]
    if "torch" in pins(library):
        subprocess.run([*install, f"torch=={pins(library)['torch']}"], check=True)
    subprocess.run([*install, "-r", str(requirements(library))], check=True)
    stamp.write_text(wanted)
    print(f"{library}: built")


if __name__ == "__main__":
    names = sys.argv[1:] or list(LIBRARIES)
    if unknown := [name for name in names if name not in LIBRARIES]:
        sys.exit(f"{', '.join(unknown)}: there are environments for {', '.join(LIBRARIES)} only.")
    for name in names:
        build(name)
