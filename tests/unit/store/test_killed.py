"""A sweep may be killed at any moment: what was kept is there, once, and is not computed again."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from hwsim.store import Store
from tests.points import point
from tests.sweeper import COMPUTED, KEPT, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")

COUNT = 200
DELAY_S = 2e-3


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Return what starts processes quickly: each is forked off one that has imported all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sweeper"])
    yield context
    # It would outlive the tests that need it.
    from multiprocessing import forkserver

    forkserver._forkserver._stop()  # pyright: ignore


def told(log: Path, what: str) -> list[int]:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
    # The last line may be cut short.
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [int(index) for said, index in whole if said == what]


def kept(path: Path) -> list[int]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store.read(path) as store:
        points = store.points().points
    assert all(each == point(each.seed) for each in points)
    return [each.seed for each in points]


def killed_after(process: BaseProcess, log: Path, lines: int, delay_s: float) -> bool:
    """Kill it when it has told so much, and a moment later; return whether it was at work yet."""
    while process.is_alive() and (log.read_bytes() if log.exists() else b"").count(b"\n") < lines:
        time.sleep(1e-4)
    time.sleep(delay_s)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode == -signal.SIGKILL


def test_a_killed_sweep_goes_on_where_it_stopped(
    tmp_path: Path, processes: ForkServerContext
) -> None:
    drawn = random.Random(20)
    path = tmp_path / "runs.db"
    kills, finished = 0, False
    while not finished:
        assert kills < 200
        before = kept(path)
        log = tmp_path / f"{kills}.log"
        process = processes.Process(target=sweep, args=(path, log, COUNT, kills))
        process.start()
        finished = not killed_after(process, log, drawn.randrange(40), drawn.uniform(0, DELAY_S))
        kills += not finished
        # Nothing is lost, nothing is there twice, nothing is computed again.
        after = kept(path)
        assert set(before) | set(told(log, KEPT)) <= set(after)
        assert len(after) == len(set(after))
        assert not set(told(log, COMPUTED)) & set(before)
        assert len(told(log, COMPUTED)) == len(set(told(log, COMPUTED)))
    assert kills >= 5
    assert kept(path) == list(range(COUNT))


def test_two_resume_at_once_and_one_is_killed(tmp_path: Path, processes: ForkServerContext) -> None:
    drawn = random.Random(30)
    kills = 0
    for attempt in range(6):
        path = tmp_path / f"{attempt}.db"
        logs = [tmp_path / f"{attempt}.{name}.log" for name in "ab"]
        both = [processes.Process(target=sweep, args=(path, log, COUNT, attempt)) for log in logs]
        for process in both:
            process.start()
        kills += killed_after(both[0], logs[0], drawn.randrange(60), drawn.uniform(0, DELAY_S))
        both[1].join(60)
        assert both[1].exitcode == 0
        assert set(told(logs[0], KEPT)) <= set(kept(path))
        assert kept(path) == list(range(COUNT))
        # A store that was let go of is one file.
        assert [each.name for each in tmp_path.glob(f"{attempt}.db*")] == [path.name]
    # One may have been done before it could be killed, where the machine is busy.
    assert kills
