"""A measurement in a process of its own: DeepXDE's backend is fixed in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.rst import ROOT


def in_own_process(script: str, backend: str, *arguments: str, **environment: str) -> dict:
    """What ``script --here *arguments`` prints on its last line, as JSON."""
    wanted = {"DDE_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, script, "--here", *arguments]
    done = subprocess.run(
        command, env=os.environ | wanted | environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"{backend} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
