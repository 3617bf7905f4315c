"""Two probes of the core: how fast it runs, and whether someone else shares it.

A chain of dependent integers takes known cycles, so it tells the rate, whoever else is there. Work
that fills all units of the core takes more of these cycles where another thread takes its part.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

from hwsim.jit import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

CYCLES_PER_STEP: Final = 4
"""Latency of a 64-bit product (3) and a sum (1), as on x86-64 cores since 2008. Where it is
another, all cycles scale with it, the profile's clock too, and predicted seconds stay."""

_STEPS, _BUSY_STEPS = 12_000, 2_000
_FACTOR, _SUMMAND = 6_364_136_223_846_793_005, 1_442_695_040_888_963_407


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the core does now.

    Attributes:
        rate_hz: Cycles per second.
        busy_s: How long a fixed work takes that fills all units.
    """

    rate_hz: float
    busy_s: float

    @property
    def busy_cycles(self) -> float:
        """Cycles of that work: more where the units are shared."""
        return self.busy_s * self.rate_hz


@kernel
def _chain(value: int, factor: int, summand: int, steps: int) -> int:
    # Arguments, not constants: a compiler may merge two steps whose factor it knows.
    for _ in range(steps):
        value = value * factor + summand
    return value


@kernel
def _busy(a: int, b: int, c: int, d: int, e: int, f: int, steps: int) -> int:
    # Six independent generators (Marsaglia's xorshift, 13-7-17): more than a core can issue.
    for _ in range(steps):
        a ^= a << 13
        b ^= b << 13
        c ^= c << 13
        d ^= d << 13
        e ^= e << 13
        f ^= f << 13
        a ^= a >> 7
        b ^= b >> 7
        c ^= c >> 7
        d ^= d >> 7
        e ^= e >> 7
        f ^= f >> 7
        a ^= a << 17
        b ^= b << 17
        c ^= c << 17
        d ^= d << 17
        e ^= e << 17
        f ^= f << 17
    return a + b + c + d + e + f


def probe(now_s: Callable[[], float] = perf_counter) -> Probe:
    """Return what the core does now; takes some 20 microseconds.

    Args:
        now_s: Seconds since any moment.
    """
    start = now_s()
    _chain(1, _FACTOR, _SUMMAND, _STEPS)
    middle = now_s()
    _busy(1, 2, 3, 4, 5, 6, _BUSY_STEPS)
    end = now_s()
    return Probe(rate_hz=CYCLES_PER_STEP * _STEPS / (middle - start), busy_s=end - middle)
