"""Measure graphs in turns, probes of the core beside each sample; keep what was undisturbed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.calibrate.probe import Probe, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.calibrate.runtimes import Once

BATCH_S: Final = 0.00025
"""A sample runs the layer as often as fits: long beside the clock, short beside what disturbs."""

# Probes before and after a sample that differ by more tell of a change of rate between them.
_AGREEMENT = 0.03
# A core whose units are this much slower than at their best is shared with someone.
_CROWDED = 1.04
# Where no sample of a job is clean, the least disturbed stands in, its cycles divided by how much
# slower the units were; beyond this nothing can be told.
_BEARABLE = 1.25
# A probe that was interrupted may look better than the best: the best is what neighbours agree on.
_NEIGHBOURS, _BEST = 5, 0.005
_FIRST_PROBES = 2_000
# How long to leave the core to others before the next look.
_PAUSE_S = 0.0005
# Of clean samples, one from the lower half: what disturbs unseen only adds.
_QUANTILE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time, and what the core does.

    Attributes:
        now_s: Seconds since any moment.
        probe: The core's rate and crowding, now.
        sleep: Leaves the core alone for so many seconds.
    """

    now_s: Callable[[], float] = perf_counter
    probe: Callable[[], Probe] = probe
    sleep: Callable[[float], None] = sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to try.

    Attributes:
        enough: Clean samples of a job after which it is left alone.
        limit_s: Seconds after which all are left alone.
    """

    enough: int = 5
    limit_s: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one inference takes.

    Attributes:
        cycles: Per inference, at the core's own rate.
        rate_hz: The core's rate while it was measured.
        samples: How many are behind it; 0 where nothing could be told.
        is_clean: Whether nobody shared the core meanwhile.
    """

    cycles: float
    rate_hz: float
    samples: int
    is_clean: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    cycles: float
    rate_hz: float
    crowding: float


class _Watch:
    """Tells whether the core is ours; learns what its best is as it goes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: list[float] = []
        self.best = 0.0

    def look(self) -> Probe:
        """Return a probe, and remember it."""
        seen = self._clock.probe()
        self._seen.append(seen.busy_cycles)
        return seen

    def learn(self) -> None:
        """Settle what busy work takes at best, from all that was seen."""
        groups = len(self._seen) // _NEIGHBOURS
        runs = np.reshape(self._seen[: groups * _NEIGHBOURS], (groups, _NEIGHBOURS))
        self.best = float(np.quantile(np.median(runs, axis=1), _BEST))

    def crowding(self, *probes: Probe) -> float:
        """Return how much slower than at its best the core was at its worst probe.

        Infinite where the rate changed from one probe to the next, or a probe was interrupted.
        """
        rates = [probe.rate_hz for probe in probes]
        slowness = [probe.busy_cycles / self.best for probe in probes]
        if max(rates) > (1 + _AGREEMENT) * min(rates) or min(slowness) < 1 / _CROWDED:
            return math.inf
        return max(slowness)


def measure(
    jobs: Sequence[Once], rng: np.random.Generator, clock: Clock, effort: Effort
) -> list[Timing]:
    """Return the cycles of each job, measured in rounds of random order.

    Args:
        jobs: What runs one inference each.
        rng: Draws the orders.
        clock: Injected by tests.
        effort: How long to try.
    """
    watch, start_s = _Watch(clock), clock.now_s()
    for _ in range(_FIRST_PROBES):
        watch.look()
    repeats = [_repeats(job, clock) for job in jobs]
    taken: list[list[_Sample]] = [[] for _ in jobs]
    wanting: list[int] = list(range(len(jobs)))
    while wanting and clock.now_s() - start_s < effort.limit_s:
        watch.learn()
        for index in _shuffled(wanting, rng):
            sample = _sample(jobs[index], repeats[index], clock, watch)
            if sample is not None:
                taken[index].append(sample)
        wanting = [index for index in wanting if _clean(taken[index]) < effort.enough]
    return [_timing(samples) for samples in taken]


def _clean(samples: Sequence[_Sample]) -> int:
    return sum(sample.crowding <= _CROWDED for sample in samples)


def _shuffled(items: Sequence[int], rng: np.random.Generator) -> list[int]:
    return [items[int(place)] for place in rng.permutation(len(items))]


def _repeats(job: Once, clock: Clock) -> int:
    """Return how often a job runs in one sample; its first run prepares it."""
    job()
    least_s = np.inf
    for _ in range(3):
        start_s = clock.now_s()
        job()
        least_s = min(least_s, clock.now_s() - start_s)
    return max(1, int(BATCH_S / max(float(least_s), 1e-9)))


def _sample(job: Once, repeats: int, clock: Clock, watch: _Watch) -> _Sample | None:
    """Return a sample, or None where too much else ran meanwhile."""
    before = watch.look()
    if watch.crowding(before) > _CROWDED:
        clock.sleep(_PAUSE_S)
        before = watch.look()
        if watch.crowding(before) > _BEARABLE:
            return None
    # Probes leave the job's code and data cold.
    job()
    start_s = clock.now_s()
    for _ in range(repeats):
        job()
    taken_s = (clock.now_s() - start_s) / repeats
    after = watch.look()
    crowding = watch.crowding(before, after)
    if crowding > _BEARABLE:
        return None
    rate_hz = (before.rate_hz + after.rate_hz) / 2
    return _Sample(cycles=taken_s * rate_hz, rate_hz=rate_hz, crowding=crowding)


def _timing(samples: Sequence[_Sample]) -> Timing:
    if not samples:
        return Timing(cycles=0.0, rate_hz=0.0, samples=0, is_clean=False)
    if not _clean(samples):
        least = min(samples, key=lambda sample: sample.crowding)
        cycles = least.cycles / least.crowding
        return Timing(cycles=cycles, rate_hz=least.rate_hz, samples=1, is_clean=False)
    samples = [sample for sample in samples if sample.crowding <= _CROWDED]
    return Timing(
        cycles=float(np.quantile([sample.cycles for sample in samples], _QUANTILE)),
        rate_hz=float(np.median([sample.rate_hz for sample in samples])),
        samples=len(samples),
    )
