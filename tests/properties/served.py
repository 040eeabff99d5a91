"""Calls of the command in processes of their own, forked from one that has imported everything.

    DDE_BACKEND=pytorch python -m properties.served     (JSON lines in and out)

What takes long is put aside where it begins: a training makes one iteration, ``solve`` and what
``swap --compare`` runs are interrupted at once, a run of ``compare`` has ended in an instant, and
``doctor`` examines nothing. The rest is what a user gets.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that one call may take.
LONGEST = 120


class Server:
    """The process to fork from."""

    def __init__(self) -> None:
        variables = {
            "DDE_BACKEND": "pytorch",
            "MPLBACKEND": "Agg",
            "OMP_NUM_THREADS": "1",  # threads do not survive a fork
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "properties.served"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | variables,
            text=True,
        )

    def call(self, arguments: list[str], files: dict[str, str]) -> dict[str, Any]:
        """Exit code, and texts of both streams, of a call in a new folder with these files."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([arguments, files]), file=self._process.stdin, flush=True)
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        self._process.communicate()


def _shorten() -> None:
    """Import what the commands need, and put aside what takes long."""
    from deepxde_repnet import _command

    _command.load()
    import deepxde as dde
    from deepxde.optimizers.config import LBFGS_options

    import deepxde_repnet
    from deepxde_repnet.cli import app, cluster, compare, doctor, explain, figures, run, swap  # noqa: F401

    importlib.import_module("deepxde_repnet.cli.rewrite")
    train = dde.Model.train

    @functools.wraps(train)
    def briefly(*given: Any, **named: Any) -> Any:
        LBFGS_options.update(maxiter=1, iter_per_step=1)
        arguments = inspect.signature(train).bind(*given, **named).arguments
        return train(**arguments | {"iterations": 1})

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    dde.Model.train = briefly
    cluster.PATIENCE = 0.2  # type: ignore[assignment]
    deepxde_repnet.solve = interrupted
    compare._run = lambda job, *_: (job, _ended(job))  # type: ignore[assignment]
    swap.Processes.run = interrupted  # type: ignore[method-assign]
    doctor.doctor = lambda *_: 0  # type: ignore[assignment]


def _ended(job: Any) -> dict[str, Any]:
    """What a run of ``compare`` may have come to; with sines it has diverged."""
    loss = [None] if ":" in job.net else [0.5, 0.25]
    found = {"loss_train": loss, "network": job.net, "history": [1.0, loss[0]], "steps": [0, 5]}
    if not job.script:
        history = {"iteration": found["steps"], "loss": found["history"]}
        status = "diverged" if ":" in job.net else "done"
        return found | {"status": status, "error": loss[0], "seconds": 1.5, "history": history}
    model = found | {"loss_test": loss, "metrics": {}, "stages": [["adam", 5, 1.5]]}
    return {"code": 0, "said": [], "models": [model | {"replaced": job.net == "RepFNN"}]}


def _child(arguments: list[str], stdout: Any, stderr: Any) -> None:
    """The call itself; never returns."""
    code = 70
    try:
        signal.alarm(LONGEST)
        for file, number in ((stdout, 1), (stderr, 2)):
            os.dup2(file.fileno(), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin, sys.stdout, sys.stderr = (
            open(k, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 (for all of the process)
            for k, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        sys.argv = ["deepxde-repnet", *arguments]
        from deepxde_repnet.cli.app import main

        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(code)


def _answer(arguments: list[str], files: dict[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above, "here")
        folder.mkdir()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1"))
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            child = os.fork()
            if child == 0:
                os.chdir(folder)
                _child(arguments, stdout, stderr)
            _, status = os.waitpid(child, 0)
            found: dict[str, Any] = {"code": os.waitstatus_to_exitcode(status)}
            for name, file in (("stdout", stdout), ("stderr", stderr)):
                file.seek(0)
                found[name] = file.read().decode("utf-8", "replace")
        found["beside"] = sorted(p.name for p in Path(above).iterdir() if p.name != "here")
        return found


def main() -> None:
    with open(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        _shorten()
        for line in sys.stdin:
            print(json.dumps(_answer(*json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
