"""``compare``: several networks and seeds, each run in a process of its own; resumable."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import bundled
from .child import Job, Processes
from .cluster import side_by_side, threads_of_a_run
from .networks import NETS, Network
from .output import (
    FAILED,
    INTERRUPTED,
    Failure,
    Output,
    WrongUsage,
    made,
    number,
    plain,
    sheet,
    to_json,
)
from .swap import total

#: Of a working directory, what is copied for the runs of a script at most.
LARGEST_COPY = 200e6  # bytes
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*-compare", "*-figures")


def jobs_of(
    target: str,
    arguments: Sequence[str],
    nets: Sequence[str],
    seeds: Sequence[int],
    iterations: int | None,
    float_type: str | None,
) -> list[Job]:
    """A job for each network and seed, seed by seed: stopped early, all have as many.

    Raises:
        WrongUsage: A network is not known.
    """
    script = bundled.is_script(target)
    for net in nets:
        if script and net not in NETS:
            raise WrongUsage(
                f"{net!r} cannot take the place of a script's networks; write "
                f"{' or '.join(NETS)}. (FNN:sin and so on are for bundled problems.)"
            )
        Network.parse(net)
    if not script:
        problem = bundled.find(target)
        if problem.training is None:
            raise WrongUsage(f"{target} is solved without training: there is nothing to compare.")
        if arguments:
            raise WrongUsage(f"{target} takes no arguments, and {' '.join(arguments)} is given.")
    path = os.path.abspath(target) if script else target
    return [
        Job(path, script, net, tuple(arguments), iterations, seed, float_type=float_type)
        for seed in seeds
        for net in nets
    ]


def compare(
    jobs: list[Job],
    backend: str,
    out: Path,
    at_once: int,
    redo: bool,
    in_place: bool,
    output: Output,
    cluster: str | None = None,
) -> int:
    """Run what has not been run, and show all; returns the exit code.

    Runs of a script work in copies of the working directory, so that what they write gets into
    nobody's way, unless ``in_place``. On a cluster that directory must be there for the workers
    too.
    """
    runs = made(out / "runs")
    files = {job: runs / f"{_file_name(job.net)}-seed{job.seed}.json" for job in jobs}
    identities = {job: _identity(job, backend) for job in jobs}
    done = {} if redo else {j: r for j in jobs if (r := _stored(files[j], identities[j]))}
    todo = [job for job in jobs if job not in done]
    if done:
        output.say(f"deepxde-repnet: {len(done)} of {len(jobs)} runs are in {runs} already.")
    at_once = min(at_once, max(len(todo), 1))
    processes = Processes(threads=max((os.cpu_count() or 1) // at_once, 1))
    interrupted = False

    def stop(*_: Any) -> None:
        """joblib waits for what runs before it passes on an interruption: that is ended first."""
        processes.stop()
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGINT, stop)

    def here(job: Job) -> tuple[Job, dict[str, Any] | None]:
        return _run(job, processes, job.script and not in_place)

    there = functools.partial(_on_worker, backend=backend, home=os.getcwd())
    one = joblib.delayed(here if cluster is None else there)
    try:
        with (
            side_by_side(at_once, cluster) as parallel,
            _progress(len(jobs), len(done), output) as advance,
        ):
            for job, found in parallel(one(job) for job in todo):
                if found is None:
                    raise KeyboardInterrupt
                done[job] = _outcome(job, found)
                _store(files[job], identities[job], done[job])
                advance(f"{job.net}, seed {job.seed}: {_said(done[job])}")
    except KeyboardInterrupt:
        interrupted = True
    finally:
        signal.signal(signal.SIGINT, usual)
        processes.close()
    if interrupted:
        output.warn(
            f"deepxde-repnet: interrupted; {len(done)} of {len(jobs)} runs are kept in {runs}, and "
            "the same command goes on from there."
        )
    if done:
        _show(jobs, done, out, output)
    if interrupted:
        return INTERRUPTED
    return FAILED if any(r["status"] != "done" for r in done.values()) else 0


def _run(
    job: Job, processes: Processes, copy: bool, home: str = "."
) -> tuple[Job, dict[str, Any] | None]:
    """A job and what came out of it; None where it was interrupted."""
    try:
        with _workplace(copy, home) as folder:
            return job, processes.run(job, folder)
    except KeyboardInterrupt:  # in a thread it would end that, and joblib wait for ever
        return job, None


def _on_worker(job: Job, backend: str, home: str) -> tuple[Job, dict[str, Any] | None]:
    """A job on a worker of a cluster; ``home`` is the directory in which the command was called."""
    if job.script and not os.path.isfile(job.target):
        why = f"there is no {job.target} on this worker; scripts must be where all can read them"
        return job, {"code": FAILED, "said": [why]}
    processes = Processes(threads_of_a_run(), DDE_BACKEND=backend)
    try:
        return _run(job, processes, job.script, home)
    finally:
        processes.close()


def _file_name(net: str) -> str:
    return net.replace(":", "-")


def _identity(job: Job, backend: str) -> dict[str, Any]:
    """What a stored run must agree with to be taken for this one."""
    identity = {**job.identity(), "backend": backend}
    if job.script:
        identity["sha256"] = hashlib.sha256(Path(job.target).read_bytes()).hexdigest()
    return identity


def _stored(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if stored.get("job") != identity or stored["result"]["status"] == "failed":
        return None
    found: dict[str, Any] = stored["result"]
    return found


def _store(path: Path, identity: dict[str, Any], result: dict[str, Any]) -> None:
    """Write a run's file all at once, so that one that is there is whole."""
    new = path.with_suffix(".new")
    new.write_text(to_json({"job": identity, "result": result}), "utf-8")
    new.replace(path)


@contextlib.contextmanager
def _workplace(copy: bool, home: str) -> Iterator[str | None]:
    if not copy:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="deepxde-repnet-") as place:
        shutil.copytree(home, place, ignore=NOT_COPIED, dirs_exist_ok=True, symlinks=True)
        yield place


def check_size() -> None:
    """Refuse to copy a working directory that is large.

    Raises:
        Failure: It holds more than ``LARGEST_COPY`` bytes.
    """
    size = 0
    for folder, folders, names in os.walk("."):
        left_out = NOT_COPIED(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in left_out]
        for name in set(names) - left_out:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
        if size > LARGEST_COPY:
            raise Failure(
                f"the working directory holds more than {LARGEST_COPY / 1e6:.0f} MB, too much to "
                "copy for every run. Call the command from a folder that holds what the script "
                "needs, or let the runs work here one after the other: --in-place."
            )


def _outcome(job: Job, found: dict[str, Any]) -> dict[str, Any]:
    """A run's result in the same form for scripts and bundled problems."""
    if job.script:
        models = found.get("models", [])
        if found["code"] != 0 or not models:
            why = found["said"][-1] if found["said"] else f"exit code {found['code']}"
            if found["code"] == 0:
                why = "the script trained no dde.Model"
            return {"status": "failed", "message": why}
        last = models[-1]
        metrics = {name: _real(value) for name, value in last["metrics"].items()}
        loss = total(last, "loss_train")
        finite = loss is not None and np.isfinite(loss)
        return {
            "status": "done" if finite else "diverged",
            "measure": next(iter(metrics), "test loss"),
            "value": next(iter(metrics.values()), total(last, "loss_test")),
            "loss": loss,
            "seconds": sum(stage[2] for model in models for stage in model["stages"]),
            "network": last["network"],
            "replaced": last["replaced"],
            "steps": last["steps"],
            "history": last["history"],
        }
    if "status" not in found:
        why = found["said"][-1] if found["said"] else f"exit code {found['code']}"
        return {"status": "failed", "message": why}
    return {
        "status": found["status"],
        "measure": "relative error",
        "value": _real(found["error"]),
        "loss": total(found, "loss_train"),
        "seconds": found["seconds"],
        "network": found["network"],
        "steps": found["history"]["iteration"],
        "history": found["history"]["loss"],
    }


def _real(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _said(result: dict[str, Any]) -> str:
    if result["status"] == "failed":
        return f"failed: {result['message']}"
    value = number(_real(result["value"]))
    return f"{result['status']}, {result['measure']} {value}, {result['seconds']:.1f} s"


@contextlib.contextmanager
def _progress(total_runs: int, done: int, output: Output) -> Iterator[Any]:
    """A function that says a run's outcome and moves the bar; lines where it is no terminal."""
    console = Console(stderr=True, highlight=False)
    if output.quiet or not console.is_terminal:
        yield lambda text: output.say(f"deepxde-repnet: {text}")
        return
    columns = (TextColumn("runs"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, expand=True) as bar:
        task = bar.add_task("", total=total_runs, completed=done)

        def advance(text: str) -> None:
            bar.console.print(text, markup=False)
            bar.advance(task)

        yield advance


def _show(jobs: list[Job], done: dict[Job, dict[str, Any]], out: Path, output: Output) -> None:
    from . import figures

    nets = list(dict.fromkeys(job.net for job in jobs))
    ended = {
        net: [done[job] for job in jobs if job.net == net and job in done and _counts(done[job])]
        for net in nets
    }
    measures = [r["measure"] for results in ended.values() for r in results]
    measure = measures[0] if measures else "value"
    rows = [_row(net, ended[net], sum(j.net == net for j in jobs)) for net in nets]
    grid = sheet("network", title=f"{Path(jobs[0].target).name}: {measure}")
    for column in ("median", "range", "training loss", "time", "runs"):
        grid.add_column(column, justify="right")
    for row in rows:
        grid.add_row(
            row["network"],
            number(row["median"]),
            f"{number(row['least'])} to {number(row['largest'])}" if row["ended"] else "-",
            number(row["loss"]),
            "-" if row["seconds"] is None else f"{row['seconds']:.1f} s",
            f"{row['ended']}/{row['asked']}",
        )
    values = {net: [_real(r["value"]) for r in results] for net, results in ended.items()}
    curves = {net: [(r["steps"], _reals(r["history"])) for r in rs] for net, rs in ended.items()}
    picture = figures.comparison(values, curves, measure, out / "compare.png")
    failures = [f"{j.net}, seed {j.seed}: {_said(done[j])}" for j in jobs if _failed(done.get(j))]
    data = {
        "target": jobs[0].target,
        "measure": measure,
        "networks": rows,
        "failures": failures,
        "figure": str(picture),
        "runs": str(out / "runs"),
    }
    (out / "results.json").write_text(to_json(plain(data)) + "\n", "utf-8")
    output.result(data, grid)
    for failure in failures:
        output.warn(f"deepxde-repnet: {failure}")
    swapped = [r for net in nets if net == "RepFNN" for r in ended[net] if "replaced" in r]
    if swapped and not any(r["replaced"] for r in swapped):
        output.warn(
            "deepxde-repnet: nothing was replaced: the script trained no dde.nn.FNN or dde.nn.PFNN."
        )
    output.say(f"deepxde-repnet: figure: {picture}")


def _reals(values: list[float | None]) -> list[float]:
    return [_real(value) for value in values]


def _counts(result: dict[str, Any]) -> bool:
    return bool(result["status"] == "done" and np.isfinite(_real(result["value"])))


def _failed(result: dict[str, Any] | None) -> bool:
    return result is not None and result["status"] != "done"


def _row(net: str, results: list[dict[str, Any]], asked: int) -> dict[str, Any]:
    values = [r["value"] for r in results]
    losses = [r["loss"] for r in results if r["loss"] is not None]
    return {
        "network": net,
        "median": float(np.median(values)) if values else None,
        "least": min(values, default=None),
        "largest": max(values, default=None),
        "loss": float(np.median(losses)) if losses else None,
        "seconds": float(np.median([r["seconds"] for r in results])) if results else None,
        "ended": len(results),
        "asked": asked,
    }
