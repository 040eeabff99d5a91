"""Every check on every backend, in a process for each backend and float type.

DeepXDE's backend is fixed when it is imported. A backend that is not installed fails here.
"""

from __future__ import annotations

import json

import pytest

from backends.checks import CHECKS
from backends.registry import BACKENDS, FLOATS


def cell(backend, float_type, check):
    lacking = check.lacking(backend)
    marks = [pytest.mark.skip(lacking)] if lacking else []
    name = check.name
    return pytest.param(backend, float_type, name, id=f"{backend}-{float_type}-{name}", marks=marks)


CELLS = [
    cell(backend, float_type, check)
    for backend in BACKENDS
    for float_type in FLOATS
    for check in CHECKS.values()
    if backend in check.backends and float_type in check.floats
]


@pytest.fixture(scope="session")
def outcome(request, in_backend):
    """Function that gives a check's outcome; the first of a process runs all that are selected."""
    selected: dict[tuple[str, str], list[str]] = {}
    for item in request.session.items:
        ours = getattr(item, "originalname", None) == test_on_backend.__name__
        if ours and not item.get_closest_marker("skip"):
            p = item.callspec.params
            selected.setdefault((p["backend"], p["float_type"]), []).append(p["name"])
    outcomes: dict[tuple[str, str], tuple[dict, str]] = {}

    def get(backend: str, float_type: str, name: str) -> dict:
        cell = backend, float_type
        if cell not in outcomes:
            job = {
                "float": float_type,
                "checks": selected[cell],
                "warnings": [
                    *request.config.getini("filterwarnings"),
                    *(request.config.getoption("pythonwarnings") or []),
                ],
            }
            done = in_backend("-m", "backends.worker", json.dumps(job), backend=backend)
            found = [json.loads(line) for line in done.stdout.splitlines()]
            ended = f"it ended with exit status {done.returncode}:\n{done.stderr[-3000:]}"
            outcomes[cell] = {result["name"]: result for result in found}, ended
        results, ended = outcomes[cell]
        if name not in results:
            pytest.fail(f"the process of {backend} did not get to {name}; {ended}", pytrace=False)
        return results[name]

    return get


@pytest.mark.parametrize(("backend", "float_type", "name"), CELLS)
def test_on_backend(outcome, record_property, backend, float_type, name):
    result = outcome(backend, float_type, name)
    record_property("seconds", result["seconds"])
    if not result["passed"]:
        pytest.fail(result["error"], pytrace=False)


def test_missing_backend_fails(in_backend):
    """A backend that cannot be imported is an error in its process, not a skipped test."""
    blocked = (
        'import sys; sys.modules[\'paddle\'] = None; sys.argv[1:] = [\'{"float": "float32", '
        '"checks": []}\']; import backends.worker; backends.worker.main()'
    )
    done = in_backend("-c", blocked, backend="paddle")
    assert done.returncode != 0
    assert "paddle" in done.stderr
