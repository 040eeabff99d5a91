"""Runs side by side: in threads that wait for processes here, or on a Dask cluster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import joblib

from .output import Failure, WrongUsage

#: Seconds in which a scheduler, and then a first worker, must answer.
PATIENCE = 10


@contextlib.contextmanager
def side_by_side(jobs: int, cluster: str | None = None) -> Iterator[joblib.Parallel]:
    """A ``joblib.Parallel`` that gives each result as it comes.

    Args:
        jobs: How many at once, here.
        cluster: Address of a Dask scheduler, on whose workers the calls are made instead, as many
            at once as they have threads.

    Raises:
        WrongUsage: Dask is not installed.
        Failure: Nothing answers at that address, or the scheduler has no workers.
    """
    if cluster is None:
        yield joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator_unordered")
        return
    try:
        from distributed import Client
    except ImportError:
        raise WrongUsage(
            "--cluster needs Dask, which is not installed: pip install 'deepxde_repnet[cluster]'"
        ) from None
    try:
        client = Client(cluster, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise Failure(
            f"no Dask scheduler answers at {cluster} ({error}). Start one with 'dask scheduler', "
            "workers with 'dask worker ADDRESS', and give the address that it prints."
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise Failure(
                f"the scheduler at {cluster} has no workers: 'dask worker {cluster}' starts one."
            )
        with joblib.parallel_config("dask", client=client, wait_for_workers_timeout=PATIENCE):
            # Batches of several would be told of only when the last of them has ended.
            yield joblib.Parallel(n_jobs=-1, batch_size=1, return_as="generator_unordered")


def threads_of_a_run() -> int:
    """On a worker: the machine's cores for each run that it makes at once."""
    from distributed import get_worker

    return max((os.cpu_count() or 1) // get_worker().state.nthreads, 1)
