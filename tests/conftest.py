"""Environment of the tests, and processes of their own for those that need another backend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Before any framework is imported. One thread: the tests are small, and quicker without a pool.
ENVIRONMENT = {
    "DDE_BACKEND": "pytorch",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GLOG_minloglevel": "2",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a costly process or fixture stays together when tests run in several workers."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        parts = [str(params[name]) for name in ("backend", "float_type") if name in params]
        item.add_marker(pytest.mark.xdist_group("-".join([item.path.stem, *parts])))


def pytest_collection_finish(session: pytest.Session) -> None:
    """With a pytest that pytest-xdist does not fit, groups fall apart and all is done twice."""
    if getattr(session.config.option, "loadgroup", False) and session.items:
        assert "@" in session.items[0].nodeid, "pytest-xdist has not grouped the tests"


def run_python(
    *arguments: str, backend: str, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, where DeepXDE has the given backend.

    Standard input is closed, so that DeepXDE cannot wait for an answer.
    """
    environment = os.environ | {
        "DDE_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        # XLA compiles small programs here: quickly is better than well.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="session")
def in_backend():
    """The function ``run_python``."""
    return run_python


@pytest.fixture(scope="module")
def dask_cluster():
    """Address of a Dask scheduler with one worker, which is a process of its own."""
    from distributed import LocalCluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        cluster = LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0")
    with cluster:
        yield cluster.scheduler_address
