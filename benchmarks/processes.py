"""Measurements in processes of their own: DeepXDE's backend is fixed in each."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.rst import ROOT


def _surroundings(backend: str, environment: dict[str, str]) -> dict[str, str]:
    wanted = {"DDE_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return os.environ | wanted | environment


def in_own_process(script: str, backend: str, *arguments: str, **environment: str) -> dict:
    """What ``script --here *arguments`` prints on its last line, as JSON."""
    command = [sys.executable, script, "--here", *arguments]
    surroundings = _surroundings(backend, environment)
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{backend} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def in_clean_fork(
    work: Callable[..., dict[str, Any]], *arguments: Any, modules: Sequence[str], limit: float
) -> dict[str, Any]:
    """What ``work(*arguments)`` returns, or ``{"failed": how}``, from a process of its own.

    It is forked from a server that has imported the frameworks and run nothing else, with the
    environment of the first call.

    Args:
        modules: What the server imports.
        limit: Seconds after which the process is ended.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=send_result, args=(sender, work, arguments))
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            return {"failed": f"no answer in {limit} s"}
        return receiver.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        by = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return {"failed": f"ended {by}"}
    finally:
        process.kill()
        process.join()


def send_result(connection: Any, work: Callable[..., dict[str, Any]], arguments: Any) -> None:
    """``work(*arguments)``; what it raises is a result too."""
    try:
        result = work(*arguments)
    except Exception as error:
        said = str(error).strip().splitlines()
        result = {"failed": f"{type(error).__name__}: {said[0] if said else ''}"}
    connection.send(result)


def in_turns(
    script: str, runners: Sequence[Sequence[str]], rounds: int, seconds: float = 0.3
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Seconds a step of processes that take turns, shape (rounds, runners).

    Each is started as ``script --here *arguments``, where it calls ``take_turns``. While one makes
    its steps the others wait. The order of the turns alternates.

    Args:
        runners: Backend and arguments of each process.
        seconds: A turn's length, about.

    Returns:
        What each said when it was ready, and the times.
    """
    started: list[subprocess.Popen[str]] = []
    ready = []
    try:
        for backend, *arguments in runners:
            process = subprocess.Popen(
                [sys.executable, script, "--here", *arguments],
                env=_surroundings(backend, {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            started.append(process)
            # Before the next one starts, as some measure while they get ready.
            ready.append(_answer(process, backend))

        def turn(i: int, steps: int) -> float:
            stdin = started[i].stdin
            assert stdin is not None
            stdin.write(f"{steps}\n")
            stdin.flush()
            return float(_answer(started[i], runners[i][0])["seconds"]) / steps

        for i in range(len(started)):
            turn(i, 2)
        counts = [max(1, round(seconds / turn(i, 2))) for i in range(len(started))]
        times = np.empty((rounds, len(started)))
        for number, row in enumerate(times):
            order = range(len(started))
            for i in order if number % 2 else reversed(order):
                row[i] = turn(i, counts[i])
        return ready, times
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _answer(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """The next line of JSON among what a process prints."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit(f"{name} ended with exit code {process.wait()}")


def take_turns(step: Callable[[], None], wait: Callable[[], None], ready: dict[str, Any]) -> None:
    """Make as many steps as each line of stdin says, and print how long they took.

    Args:
        wait: Returns when all that was begun has ended.
        ready: What to say first.
    """
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        wait()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
