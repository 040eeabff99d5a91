"""One run in a process of its own: ``python -m deepxde_repnet.cli.child JOB``, JOB as JSON.

The process that starts it has chosen the backend. What came out is written as JSON to the file that
the job names; the exit code is that of the script.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .output import FAILED, INTERRUPTED, plain

#: How much of what a run printed last is kept for its error message.
TAIL = 15


@dataclass(frozen=True)
class Job:
    """What one process runs.

    Attributes:
        target: Path of a script, or name of a bundled problem.
        script: Whether it is a script.
        net: ``FNN`` keeps a script's networks as they are, ``RepFNN`` replaces them; for a bundled
            problem also with an activation, ``FNN:sin``.
        arguments: Of the script.
        iterations: At most so many in each training; of a bundled problem, just so many.
        seed: None leaves a script its own.
        figures: Folder for the figures that a script would show.
    """

    target: str
    script: bool
    net: str
    arguments: tuple[str, ...] = ()
    iterations: int | None = None
    seed: int | None = None
    figures: str | None = None
    float_type: str | None = None

    def identity(self) -> dict[str, Any]:
        """All that its outcome depends on, less what the process was told from outside."""
        return plain({k: v for k, v in asdict(self).items() if k != "figures"})


class Processes:
    """Runs jobs in processes of their own, and ends those that still run when it is closed.

    Args:
        threads: Of each process, unless ``OMP_NUM_THREADS`` says otherwise.
        environment: What else they are told by it.
    """

    def __init__(self, threads: int | None = None, **environment: str) -> None:
        # The same package as here, wherever the process works.
        paths = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
        paths.append(str(Path(__file__).parents[2]))
        self.environment = dict(
            os.environ, MPLBACKEND="Agg", PYTHONPATH=os.pathsep.join(map(os.path.abspath, paths))
        )
        self.environment |= environment
        if threads is not None:
            self.environment.setdefault("OMP_NUM_THREADS", str(threads))
        self._running: set[subprocess.Popen[bytes]] = set()
        self.closed = False

    def run(self, job: Job, folder: str | None = None) -> dict[str, Any]:
        """What came out of a job; ``code`` is its exit code, ``said`` what it printed last.

        Args:
            folder: Working directory of the job; None is the present one.
        """
        if self.closed:
            raise KeyboardInterrupt
        with tempfile.TemporaryDirectory() as place:
            record, log = Path(place) / "record.json", Path(place) / "log.txt"
            command = [sys.executable, "-m", __name__, json.dumps(asdict(job)), str(record)]
            start = time.perf_counter()
            with log.open("wb") as printed:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=subprocess.STDOUT,
                )
                self._running.add(process)
                try:
                    code = process.wait()
                finally:
                    self._running.discard(process)
                    _end(process)
            # Ctrl-C goes to all processes of a terminal, and that one may have been the first.
            if self.closed or code in (INTERRUPTED, -signal.SIGINT):
                raise KeyboardInterrupt
            found = json.loads(record.read_text("utf-8")) if record.exists() else {}
            lines = log.read_text("utf-8", "replace").rstrip().splitlines()
            return {
                "code": code,
                "seconds": time.perf_counter() - start,
                "said": lines[-TAIL:],
                **found,
            }

    def stop(self) -> None:
        """Ask what still runs to end, and wait for nothing: a signal handler may call this."""
        self.closed = True
        for process in list(self._running):
            process.terminate()

    def close(self) -> None:
        """End what still runs."""
        self.closed = True
        for process in list(self._running):
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_script(job: Job, record: Path) -> int:
    """Run a script under watch and write what it trained, whatever became of it."""
    from .printed import measures, recorded
    from .script import execute, save_figures

    watched: list[Any] = []
    shown: list[list[Path]] = []

    def prepare() -> None:
        from .. import _command

        _command.load()
        from .. import _host
        from .watch import replace_networks, watch

        watched.append(watch(job.iterations))
        if job.net == "RepFNN":
            replace_networks()
        if job.seed is not None:
            _host.hold_seed(job.seed)
        if job.figures is not None:
            shown.append(save_figures(Path(job.figures), f"{job.net}-"))

    start = time.perf_counter()
    with recorded() as pieces:
        code = execute(job.target, job.arguments, prepare)
    models = [asdict(entry) for entry in watched[0].trained] if watched else []
    files = [str(path) for group in shown for path in group]
    found = {
        "models": models,
        "printed": measures(pieces),
        "figures": files,
        "script_seconds": time.perf_counter() - start,
    }
    record.write_text(json.dumps(plain(found)), "utf-8")
    return code


def run_bundled(job: Job, record: Path) -> int:
    """Run a bundled problem and write its result."""
    from .networks import Network
    from .output import Failure, Output, print_error
    from .run import Request, run

    try:
        request = Request(
            job.target,
            Network.parse(job.net),
            iterations=job.iterations,
            seed=job.seed or 0,
            float_type=job.float_type,
        )
        found, _ = run(request, Output(quiet=True))
    except Failure as failure:
        print_error(str(failure))
        return failure.code
    record.write_text(json.dumps(plain(found)), "utf-8")
    return 0 if found["status"] == "done" else FAILED


def main() -> None:
    """Run the job of the command line."""
    given = json.loads(sys.argv[1])
    job = Job(**{**given, "arguments": tuple(given["arguments"])})
    record = Path(sys.argv[2])
    sys.exit(run_script(job, record) if job.script else run_bundled(job, record))


if __name__ == "__main__":
    main()
