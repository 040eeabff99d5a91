"""``doctor``: what is installed, and whether every backend can train."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich.table import Table

from .backend import PACKAGES, choose, missing
from .output import FAILED, INTERRUPTED, Output, WrongUsage, seconds, sheet

#: Packages whose versions are shown; names as they are installed by.
SHOWN = ("deepxde_repnet", "deepxde", "numpy", "scipy", "matplotlib", "joblib", "typer", "rich")
FRAMEWORKS = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tf-nightly"),
    "jax": ("jax",),
    "paddle": ("paddlepaddle", "paddlepaddle-gpu"),
}
#: Seconds after which a backend that does not answer is given up.
PATIENCE = 180


def doctor(given: str | None, output: Output) -> int:
    """Say what is there and try each backend; returns the exit code."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in SHOWN}
    try:
        choice = choose(given)
        chosen, why = choice.name, choice.why
    except WrongUsage as wrong:
        chosen, why = None, str(wrong)
    checks: dict[str, dict[str, Any]] = {}
    interrupted = False
    for backend, packages in PACKAGES.items():
        lacking = missing(backend)
        if lacking:
            checks[backend] = {"status": "not installed", "lacking": lacking}
            continue
        output.say(f"deepxde-repnet: checking {backend} ...")
        try:
            checks[backend] = _check(backend) | {"version": _framework_version(packages[0])}
        except KeyboardInterrupt:
            interrupted = True
            break
    found = any(check["status"] == "works" for check in checks.values())
    broken = any(check["status"] == "fails" for check in checks.values())
    data = {"versions": versions, "backend": chosen, "why": why, "backends": checks}
    output.result(data, _software(versions, chosen, why), _backends(checks))
    for name, check in checks.items():
        if check["status"] == "fails":
            output.warn(f"deepxde-repnet: {name} fails: {check['message']}")
    if interrupted:
        return INTERRUPTED
    return 0 if found and not broken and chosen else FAILED


def _check(backend: str) -> dict[str, Any]:
    """What ``probe`` says of a backend, in a process of its own."""
    command = [sys.executable, "-m", "deepxde_repnet.cli.probe"]
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            env=dict(os.environ, DDE_BACKEND=backend, MPLBACKEND="Agg", TF_CPP_MIN_LOG_LEVEL="3"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return {"status": "fails", "message": f"no answer in {PATIENCE} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"status": "fails", "message": said}
    found: dict[str, Any] = json.loads(lines[-1])
    return found | {"whole": time.perf_counter() - start}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _framework_version(package: str) -> str:
    for name in FRAMEWORKS[package]:
        found = _version(name)
        if found != "not installed":
            return found
    return "version not known"


def _software(versions: dict[str, str], chosen: str | None, why: str) -> Table:
    grid = sheet("", "", title="deepxde-repnet doctor", heading=False)
    for name, found in versions.items():
        grid.add_row(name, found)
    grid.add_row("backend in use", f"{chosen} ({why})" if chosen else why)
    grid.add_row("processors", str(os.cpu_count()))
    return grid


def _backends(checks: dict[str, dict[str, Any]]) -> Table:
    grid = sheet("backend", "version", "device", "float", "autodiff", "training")
    for name, check in checks.items():
        if check["status"] == "not installed":
            grid.add_row(name, "-", "-", "-", "-", f"not installed: {', '.join(check['lacking'])}")
        elif check["status"] == "fails":
            grid.add_row(name, check.get("version", "-"), "-", "-", "-", "fails")
        else:
            text = f"works: {check['iterations']} iterations in {seconds(check['seconds'])}"
            devices = ", ".join(check["devices"])
            grid.add_row(name, check["version"], devices, check["float"], check["autodiff"], text)
    return grid
