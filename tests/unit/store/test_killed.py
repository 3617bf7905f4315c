"""A sweep may be killed at any moment: what was kept is there, once, and is not computed again."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from hwsim.records import Point
from hwsim.store import Store
from hwsim.sweeps.run import run
from tests.points import point
from tests.sweeper import COMPUTED, KEPT, Death, made, real, real_plan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")

COUNT = 120
DELAY_S = 2e-3
NEVER = Death(points=10**9, delay_s=0)


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Return what starts processes quickly: each is forked off one that has imported all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sweeper"])
    yield context
    # It would outlive the tests that need it.
    from multiprocessing import forkserver

    forkserver._forkserver._stop()  # pyright: ignore


def told(log: Path, what: str) -> list[str]:
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
    # The last line may be cut short.
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [key for said, key in whole if said == what]


def kept(path: Path) -> list[Point]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store.read(path) as store:
        return list(store.points().points)


def is_killed(process: BaseProcess) -> bool:
    """Return whether it was killed before it was done."""
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def drawn_death(drawn: random.Random) -> Death:
    return Death(points=drawn.randrange(25), delay_s=drawn.uniform(0, DELAY_S))


def resumed(
    path: Path, processes: ForkServerContext, sweep: Callable[..., None], *arguments: object
) -> int:
    """Sweep, kill, look, and again until it is done; return how often it was killed."""
    drawn = random.Random(20)
    kills, finished = 0, False
    while not finished:
        assert kills < 200
        before = [each.key for each in kept(path)]
        log = path.with_suffix(f".{kills}.log")
        process = processes.Process(target=sweep, args=(path, log, drawn_death(drawn), *arguments))
        process.start()
        finished = not is_killed(process)
        kills += not finished
        # Nothing is lost, nothing is there twice, nothing is computed again.
        after = [each.key for each in kept(path)]
        assert {*before, *told(log, KEPT)} <= set(after)
        assert len(after) == len(set(after))
        computed = told(log, COMPUTED)
        assert not {*computed} & {*before}
        assert len(computed) == len(set(computed))
    return kills


def test_a_killed_sweep_goes_on_where_it_stopped(
    tmp_path: Path, processes: ForkServerContext
) -> None:
    path = tmp_path / "runs.db"
    assert resumed(path, processes, made, COUNT) >= 4
    assert kept(path) == [point(i) for i in range(COUNT)]


def test_a_killed_sweep_of_a_network_ends_as_one_that_was_left_alone(
    tmp_path: Path, processes: ForkServerContext
) -> None:
    path = tmp_path / "runs.db"
    assert resumed(path, processes, real) >= 2
    alone = run(real_plan(), are_told=True)
    assert kept(path) == list(alone.points.points)
    with Store.read(path) as store:
        results = store.study().comparison.results
    assert [(r.recipe, r.device) for r in results] == [(r.recipe, r.device) for r in alone.results]
    assert [r.latency_s for r in results] == [r.latency_s for r in alone.results]


def test_two_resume_at_once_and_one_is_killed(tmp_path: Path, processes: ForkServerContext) -> None:
    drawn = random.Random(30)
    kills = 0
    for attempt in range(4):
        path = tmp_path / f"{attempt}.db"
        logs = [tmp_path / f"{attempt}.{name}.log" for name in "ab"]
        deaths = (drawn_death(drawn), NEVER)
        both = [
            processes.Process(target=made, args=(path, log, death, COUNT))
            for log, death in zip(logs, deaths, strict=True)
        ]
        for process in both:
            process.start()
        kills += is_killed(both[0])
        assert not is_killed(both[1])
        assert kept(path) == [point(i) for i in range(COUNT)]
        # A store that was let go of is one file.
        assert [each.name for each in tmp_path.glob(f"{attempt}.db*")] == [path.name]
    # One may find nothing left to do, where the machine is busy.
    assert kills
