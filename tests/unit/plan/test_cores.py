"""Samples over cores."""

from __future__ import annotations

import threading

import pytest

from hwsim.plan import cores


def test_results_come_in_order() -> None:
    assert cores.spread(lambda i: i * i, range(100)) == [i * i for i in range(100)]
    assert cores.spread(str, []) == []


def test_threads_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of three workers waits until all three are there."""
    monkeypatch.setattr(cores, "cores", lambda: 3)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    cores.pool.cache_clear()
    barrier = threading.Barrier(3, timeout=20)

    def meet(index: int) -> tuple[int, str]:
        barrier.wait()
        return index, threading.current_thread().name

    results = cores.spread(meet, range(3))
    cores.pool.cache_clear()
    assert [index for index, _ in results] == [0, 1, 2]
    assert len({name for _, name in results}) == 3


def test_a_failure_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 2)

    def fail(index: int) -> int:
        if index == 5:
            raise ValueError("five")
        return index

    with pytest.raises(ValueError, match="five"):
        cores.spread(fail, range(10))


def test_workers_among_others_keep_to_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "parent_process", lambda: object())
    assert cores.cores() == 1
