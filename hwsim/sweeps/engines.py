"""Engines: hand tasks out to any executor, or to a pool of processes that outlives its workers."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING, cast

from hwsim.sweeps.tasks import Task, Tasks, answer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from hwsim.sweeps.job import Job
    from hwsim.sweeps.pricing import Part
    from hwsim.sweeps.run import Engine
    from hwsim.sweeps.tasks import Answer

DIED_TWICE = (
    "a worker died twice of these points, or of others with them (out of memory?); "
    "try fewer --jobs, then --resume"
)
_DIED = "the executor given broke, and none of its workers is left; give a fresh one"
# Tasks that a worker has waiting, so that it need not.
_AHEAD = 2


def on_executor(executor: Executor) -> Engine:
    """Return what does jobs on any `concurrent.futures.Executor`.

    Where it breaks, the points that are left are refused: only its owner can mend it.
    """

    def engine(jobs: list[Job]) -> Iterator[Iterable[Part]]:
        workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        tasks = Tasks(workers=workers)
        running = {executor.submit(answer, task): task for task in tasks.first(jobs)}
        try:
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task = running.pop(future)
                    try:
                        given = future.result()
                        more = tasks.next(task, given, jobs)
                        running |= {executor.submit(answer, own): own for own in more}
                    except BrokenExecutor:
                        given = task.lost(_DIED)
                    if isinstance(given, tuple):
                        yield given
        finally:
            for future in running:
                future.cancel()

    return engine


@contextmanager
def _without_interrupts() -> Generator[None, None, None]:
    """Let processes that begin here never see Ctrl-C, which is the parent's to answer.

    It goes to the whole group of processes, and one that is still importing would print where it
    was. The parent sees it a moment later.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# How long nothing may come before somebody looks whether the workers are alive.
_LOOK_S = 2.0


def on_processes(workers: int) -> Engine:
    """Return what does jobs in so many processes, and starts new ones where some die.

    What was in flight when one died is done again, task by task: a task of which a worker dies
    again is refused by name, everything else is finished.
    """

    def engine(jobs: list[Job]) -> Iterator[Iterable[Part]]:
        pool = _Pool(workers)
        try:
            yield from pool.work(jobs)
        finally:
            pool.end()

    return engine


class _Pool:
    """Processes, and the tasks that they have."""

    def __init__(self, workers: int) -> None:
        self._workers, self._tasks = workers, Tasks(workers=workers)
        self._todo: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._running: dict[Future[Answer], Task] = {}
        self._executor: ProcessPoolExecutor | None = None

    def work(self, jobs: list[Job]) -> Iterator[Iterable[Part]]:
        """Yield what comes of all jobs."""
        self._todo.extend(self._tasks.first(jobs))
        while self._todo or self._suspects or self._running:
            is_alone = self._hand_out()
            dead: list[Task] = []
            for future in self._done():
                task = self._running.pop(future)
                try:
                    given = future.result()
                except BrokenExecutor:
                    dead.append(task)
                    continue
                self._todo.extend(self._tasks.next(task, given, jobs))
                if isinstance(given, tuple):
                    yield given
            if not dead:
                continue
            # All that was in flight is lost with the pool, and nobody tells which one killed it.
            dead += self._running.values()
            self.end()
            if is_alone:
                yield dead[0].lost(DIED_TWICE)
            else:
                self._suspects.extend(dead)

    def _done(self) -> set[Future[Answer]]:
        """Wait for an answer, or for a death."""
        while not (done := wait(self._running, timeout=_LOOK_S, return_when=FIRST_COMPLETED).done):
            self._hang_up_on_dead()
        return done

    def _hand_out(self) -> bool:
        """Give the workers tasks; return whether it is a suspect, alone."""
        if self._suspects:
            if not self._running:
                self._submit(self._suspects.popleft())
                return True
            return False
        while self._todo and len(self._running) < _AHEAD * self._workers:
            self._submit(self._todo.popleft())
        return False

    def _submit(self, task: Task) -> None:
        if self._executor is None:
            # Forked workers inherit the locks of the parent's threads; spawned ones start clean.
            self._executor = ProcessPoolExecutor(
                max_workers=self._workers, mp_context=get_context("spawn"), initializer=_begin
            )
        try:
            with _without_interrupts():
                self._running[self._executor.submit(answer, task)] = task
        except BrokenExecutor:
            # It broke since the last look at it: those in flight tell.
            self._todo.appendleft(task)
            if not self._running:
                self.end()

    def end(self) -> None:
        """End the workers, whatever they do."""
        executor, self._executor = self._executor, None
        self._running.clear()
        if executor is None:
            return
        # Python 3.14 has kill_workers() for this.
        processes, results = _processes(executor), _results(executor)
        executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join()
        if results is not None:
            results.close()

    def _hang_up_on_dead(self) -> None:
        """Let the pool see that a worker died in the middle of an answer.

        It waits for the rest, which cannot come, as long as the parent itself could still write it.
        """
        executor = self._executor
        if executor is None or all(p.exitcode is None for p in _processes(executor)):
            return
        results = _results(executor)
        if results is not None:
            results.close()


def _processes(executor: ProcessPoolExecutor) -> list[BaseProcess]:
    own = cast("dict[int, BaseProcess] | None", getattr(executor, "_processes", None))
    return list((own or {}).values())


def _results(executor: ProcessPoolExecutor) -> Connection | None:
    """Return the parent's own end of the pipe that workers answer through."""
    queue = getattr(executor, "_result_queue", None)
    return cast("Connection | None", getattr(queue, "_writer", None))


def _begin() -> None:
    """Let a worker leave Ctrl-C to its parent, and end when that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
