"""Results: one JSON file for each study, one line for each cell; fields for pictures beside it.

A cell holds ``status``, which is "done", "diverged" (the loss was no number) or "failed", then with
``message``; ``cpu`` and ``wall``, seconds of training; ``iteration``, ``error`` and ``loss`` at its
end; ``parameters``, how many are trained; ``chosen``, what RepFNN or the solver said; ``stages``,
the optimizers and the times at which each ends; ``history``, the same quantities along training;
and ``machine``, an index into ``machines``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DIGITS = 5


def folder(root: Path) -> Path:
    return root / "benchmarks" / "results" / "suite"


def load(study: str, root: Path = ROOT) -> dict[str, Any]:
    """``{"machines": [...], "cells": {key: cell}}``, empty where nothing has been run."""
    path = folder(root) / f"{study}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {"machines": [], "cells": {}}


def load_fields(study: str, root: Path = ROOT) -> dict[str, np.ndarray]:
    """Name of a network -> its error at the points of ``cell.known``, (N, outputs), for seed 0."""
    path = folder(root) / f"{study}.npz"
    if not path.exists():
        return {}
    with np.load(path) as fields:
        return dict(fields)


def load_steps(root: Path = ROOT) -> dict[str, Any]:
    """What ``steps`` has measured, by study."""
    path = folder(root) / "steps.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {"studies": {}}


def keep_steps(results: dict[str, Any], root: Path = ROOT) -> None:
    folder(root).mkdir(parents=True, exist_ok=True)
    text = json.dumps(_rounded(results), indent=1) + "\n"
    _replace(folder(root) / "steps.json", text.encode())


def add(
    study: str,
    key: str,
    cell: dict[str, Any],
    machine: dict[str, Any],
    fields: dict[str, np.ndarray] | None = None,
    root: Path = ROOT,
) -> None:
    """Keep a cell, and fields by the name of their network, whoever else is writing."""
    folder(root).mkdir(parents=True, exist_ok=True)
    with _alone(folder(root) / f".{study}.lock"):
        results = load(study, root)
        if machine not in results["machines"]:
            results["machines"].append(machine)
        cell = cell | {"machine": results["machines"].index(machine)}
        results["cells"][key] = _rounded(cell)
        _replace(folder(root) / f"{study}.json", _text(results).encode())
        if fields:
            path = folder(root) / f"{study}.npz"
            temporary = path.with_suffix(".new.npz")
            np.savez_compressed(temporary, **(load_fields(study, root) | fields))
            os.replace(temporary, path)


def machine() -> dict[str, Any]:
    """What the times depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        "deepxde": version("deepxde"),
        "torch": version("torch"),
    }


def pack(result: dict[str, Any], path: Path) -> None:
    """What ``cell.run_cell`` returns, as a file, from one process to another."""
    fields = {name: result[name] for name in ("field",) if name in result}
    rest = {name: value for name, value in result.items() if name not in fields}
    with path.open("wb") as file:
        np.savez(file, cell=json.dumps(rest), **fields)


def unpack(path: Path) -> dict[str, Any]:
    with np.load(path) as packed:
        result = json.loads(str(packed["cell"]))
        if "field" in packed:
            result["field"] = packed["field"]
    return result


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given up when the file is closed
        yield


def _replace(path: Path, content: bytes) -> None:
    """Write so that a reader, or a power cut, meets the old file or the new one."""
    temporary = path.with_suffix(".new")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _text(results: dict[str, Any]) -> str:
    cells = ",\n".join(
        f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(cell, ensure_ascii=False)}"
        for key, cell in sorted(results["cells"].items())
    )
    machines = ",\n".join(json.dumps(facts) for facts in results["machines"])
    return f'{{"machines": [\n{machines}\n],\n"cells": {{\n{cells}\n}}}}\n'


def _rounded(value: Any) -> Any:
    """Numbers to a few digits; what is not finite becomes None, which JSON has."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _processor() -> str:
    """Its name where the system tells it, else the architecture."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
