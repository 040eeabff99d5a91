"""Run checks in this process, for the backend that it has: one line of JSON for each.

    DDE_BACKEND=jax python -m backends.worker '{"float": "float64", "checks": ["signature"]}'

The job may also hold pytest's warning filters, as ``"warnings": ["error", ...]``.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import sys
import time
import traceback
import warnings
from typing import Any


def main() -> None:
    job = json.loads(sys.argv[1])
    # Frameworks print too: this process's standard output is kept for the results.
    report = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    _set_float(job["float"])

    from . import checks

    for name in job["checks"]:
        print(json.dumps(_run(checks.CHECKS[name], job.get("warnings", []))), file=report)


def _set_float(name: str) -> None:
    if os.environ["DDE_BACKEND"] == "jax":
        import jax

        jax.config.update("jax_enable_x64", name == "float64")
    import deepxde as dde

    dde.config.set_default_float(name)


def _run(check: Any, filters: list[str]) -> dict[str, Any]:
    from .support import fresh

    start, error, printed = time.perf_counter(), "", io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        for line in filters:
            _filter(line)
        try:
            fresh()
            check.run()
        except Exception:
            error = traceback.format_exc()
            if printed.getvalue():
                error += f"\nIt had printed:\n{printed.getvalue()[-2000:]}"
    seconds = round(time.perf_counter() - start, 2)
    return {"name": check.name, "passed": not error, "seconds": seconds, "error": error}


def _filter(line: str) -> None:
    """Apply one line of pytest's ``filterwarnings``: action:message:category:module."""
    action, message, category, module = (line.split(":") + [""] * 3)[:4]
    kind = getattr(builtins, category or "Warning")
    warnings.filterwarnings(action, message, kind, module)


if __name__ == "__main__":
    main()
