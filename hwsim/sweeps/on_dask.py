"""Engine on Dask: a cluster's scheduler hands tasks out, and again where a worker dies."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hwsim.errors import RecipeError
from hwsim.sweeps.tasks import Tasks, answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hwsim.sweeps.job import Job
    from hwsim.sweeps.pricing import Part
    from hwsim.sweeps.run import Engine

LOCAL = "local"
"""The address for which Dask starts a cluster of its own on this machine."""

_KILLED = "Dask gave up on this point: {count} workers died of it; try again with --resume"


def on_dask(address: str) -> Engine:
    """Return what does jobs on a Dask cluster.

    Args:
        address: Of the scheduler, such as `tcp://10.0.0.1:8786`; `local` starts a cluster here.

    Raises:
        RecipeError: distributed is not installed, or nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise RecipeError(
            "--dask: expected distributed, found none; pip install 'hwsim[dask]'"
        ) from None

    def engine(jobs: list[Job]) -> Iterator[Iterable[Part]]:
        try:
            client: Any = Client() if address == LOCAL else Client(address, timeout=_WAIT_S)
        except (OSError, ValueError, TypeError) as error:
            raise RecipeError(f"--dask {address}: no scheduler answers there ({error})") from error
        with client:
            yield from on_client(client)(jobs)

    return engine


_WAIT_S = 10


def on_client(client: Any) -> Engine:
    """Return what does jobs by a `distributed.Client`."""

    def engine(jobs: list[Job]) -> Iterator[Iterable[Part]]:
        from distributed import KilledWorker, as_completed

        tasks = Tasks(workers=max(1, len(client.ncores())))
        waiting: Any = as_completed()
        running: dict[str, Any] = {}

        def submit(task: Any) -> None:
            with warnings.catch_warnings():
                # Dask advises to scatter large graphs; scattered ones are lost with their worker.
                warnings.simplefilter("ignore", UserWarning)
                future = client.submit(answer, task, pure=False)
            running[future.key] = task
            waiting.add(future)

        for task in tasks.first(jobs):
            submit(task)
        for future in waiting:
            task = running.pop(future.key)
            try:
                given = future.result()
            except KilledWorker as error:
                given = task.lost(_KILLED.format(count=getattr(error, "allowed_failures", 0) + 1))
            for own in tasks.next(task, given, jobs):
                submit(own)
            if isinstance(given, tuple):
                yield given

    return engine
