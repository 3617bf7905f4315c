"""Measure graphs in turns, probes of the core beside each sample; keep what was undisturbed."""

from __future__ import annotations

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
        samples: How many were clean; 0 where all were disturbed.
    """

    cycles: float
    rate_hz: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    cycles: float
    rate_hz: float


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

    def is_ours(self, *probes: Probe) -> bool:
        """Return whether nobody shared the core, whose rate was the same at each probe."""
        rates = [probe.rate_hz for probe in probes]
        return max(rates) <= (1 + _AGREEMENT) * min(rates) and all(
            self.best / _CROWDED <= probe.busy_cycles <= self.best * _CROWDED for probe in probes
        )


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
        wanting = [index for index in wanting if len(taken[index]) < effort.enough]
    return [_timing(samples) for samples in taken]


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
    """Return a clean sample, or None where the core was shared meanwhile."""
    before = watch.look()
    if not watch.is_ours(before):
        clock.sleep(_PAUSE_S)
        before = watch.look()
        if not watch.is_ours(before):
            return None
    # Probes leave the job's code and data cold.
    job()
    start_s = clock.now_s()
    for _ in range(repeats):
        job()
    taken_s = (clock.now_s() - start_s) / repeats
    after = watch.look()
    if not watch.is_ours(before, after):
        return None
    rate_hz = (before.rate_hz + after.rate_hz) / 2
    return _Sample(cycles=taken_s * rate_hz, rate_hz=rate_hz)


def _timing(samples: Sequence[_Sample]) -> Timing:
    if not samples:
        return Timing(cycles=0.0, rate_hz=0.0, samples=0)
    return Timing(
        cycles=float(np.quantile([sample.cycles for sample in samples], _QUANTILE)),
        rate_hz=float(np.median([sample.rate_hz for sample in samples])),
        samples=len(samples),
    )
