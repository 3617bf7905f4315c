"""Spread samples over the cores: one pool of threads for the life of the process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from multiprocessing import parent_process
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """Return how many cores this process may use; a worker among others keeps to one."""
    if parent_process() is not None:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def pool() -> ThreadPoolExecutor:
    """Return the threads that all batches share."""
    # Threads start when there is work for them; the caller's own is one of the workers.
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="hwsim")


if hasattr(os, "register_at_fork"):
    # A forked child has the pool's record, but none of its threads.
    os.register_at_fork(after_in_child=pool.cache_clear)


def spread(function: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
    """Return `function` of every argument, in order; whoever is free takes the next one."""
    workers = min(cores(), len(arguments))
    results: dict[int, R] = {}
    # One iterator for all: taking the next index is atomic.
    indices = iter(range(len(arguments)))

    def work() -> None:
        for index in indices:
            results[index] = function(arguments[index])

    others = [pool().submit(work) for _ in range(workers - 1)]
    work()
    for other in others:
        # Whoever has not begun by now has nothing left to do.
        if not other.cancel():
            other.result()
    return [results[index] for index in range(len(arguments))]
