"""Many cells: which are still to be run, side by side, each in a process of its own.

A cell is a call of ``in_own_process``, which can be made anywhere that this repository is: on the
workers of a Dask cluster too, which are started in it. This process alone writes results.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from deepxde_repnet.cli.cluster import side_by_side

from . import store
from .studies import STUDIES

# Of every process that trains; DeepXDE and PyTorch read it when they are imported.
ENVIRONMENT = {
    "DDE_BACKEND": "pytorch",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(store.ROOT),
}


class Cell(NamedTuple):
    study: str
    net: str
    seed: int

    @property
    def key(self) -> str:
        return STUDIES[self.study].key(self.net, self.seed)


def cells(
    studies: Iterable[str], nets: Iterable[str] | None, seeds: int, root: Path, redo: bool
) -> list[Cell]:
    """What has not been run, seed by seed: stopped early, every network has as many runs."""
    finished = {study: {} if redo else store.load(study, root)["cells"] for study in studies}
    return [
        cell
        for seed in range(seeds)
        for study in finished
        for net in STUDIES[study].rows
        if nets is None or net in nets
        if (cell := Cell(study, net, seed)).key not in finished[study]
    ]


def in_own_process(cell: Cell) -> dict[str, Any]:
    """Run a cell with one thread, in a process whose backend and threads are set before DeepXDE."""
    study = STUDIES[cell.study]
    environment = os.environ | ENVIRONMENT
    limit = 600 + 20 * study.budget  # on the wall, on a machine that does much else
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        command = [
            sys.executable,
            "-m",
            "benchmarks.suite.cell",
            cell.study,
            cell.net,
            str(cell.seed),
            str(path),
        ]
        try:
            done = subprocess.run(
                command,
                cwd=store.ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return {"status": "failed", "message": f"no answer in {limit:.0f} s"}
        if done.returncode == -signal.SIGINT:
            raise KeyboardInterrupt
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            return {"status": "failed", "message": f"ended by {name}"}
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            message = said[-1] if said else f"exit status {done.returncode}"
            return {"status": "failed", "message": message}
        return store.unpack(path)


def here(cell: Cell, budget: float) -> dict[str, Any]:
    """Run a cell in this process, for so many seconds: to see that it runs."""
    from .cell import run_cell  # with which DeepXDE is imported

    return run_cell(STUDIES[cell.study], cell.net, cell.seed, budget)


def run_one(
    cell: Cell, execute: Callable[[Cell], dict[str, Any]]
) -> tuple[Cell, dict[str, Any], dict[str, Any]]:
    """A cell, its result, and the machine that it ran on."""
    return cell, execute(cell), store.machine()


def run(
    todo: list[Cell],
    root: Path = store.ROOT,
    jobs: int = 1,
    execute: Callable[[Cell], dict[str, Any]] = in_own_process,
    cluster: str | None = None,
) -> None:
    """Run cells and keep each as it ends; an interruption loses those that have not ended.

    Args:
        jobs: Cells at once, here.
        cluster: Address of a Dask scheduler, on whose workers they run instead.
    """
    with side_by_side(jobs, cluster) as parallel:
        ended = parallel(joblib.delayed(run_one)(cell, execute) for cell in todo)
        for number, (cell, result, machine) in enumerate(ended, 1):
            print(
                f"{number}/{len(todo)} {cell.study}, {cell.net}, seed {cell.seed}: {said(result)}",
                flush=True,
            )
            field = result.pop("field", None)
            fields = {cell.net: field} if field is not None and cell.seed == 0 else None
            store.add(cell.study, cell.key, result, machine, fields, root)


def said(result: dict[str, Any]) -> str:
    """A finished cell in one line."""
    if result["status"] == "failed":
        return f"failed: {result['message']}"
    steps = f", {result['iteration']} iterations" if "iteration" in result else ""
    return f"{result['status']}, error {result['error']:.1e}, {result['cpu']:.1f} s{steps}"
