"""What a model needs before and after, for the reader who wants more than latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.explanation.fit import storage_of
from reports.explanation.units import readable_unit
from reports.units import BYTES, JOULES, SECONDS

if TYPE_CHECKING:
    from hwsim.records import Attribution, Result


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure of the baseline and of the result, in one unit."""

    title: str
    before: str
    after: str


def facts_of(attribution: Attribution) -> tuple[Fact, ...]:
    """Return latency, energy, memory, and accuracy where one is known."""
    before, after = attribution.baseline, attribution.result
    figures = (
        ("latency", SECONDS, before.latency_s, after.latency_s),
        ("energy", JOULES, before.energy_j, after.energy_j),
        (storage_of(after), BYTES, before.flash_bytes, after.flash_bytes),
        ("peak RAM", BYTES, before.peak_ram_bytes, after.peak_ram_bytes),
    )
    facts: list[Fact] = []
    for title, ladder, was, now in figures:
        unit = readable_unit([was, now], ladder)
        facts.append(Fact(title, *(f"{unit.text(each)} {unit.symbol}" for each in (was, now))))
    if before.accuracy is not None or after.accuracy is not None:
        facts.append(Fact("top-1", _top1(before), _top1(after)))
    return tuple(facts)


def _top1(result: Result) -> str:
    return "-" if result.accuracy is None else f"{100 * result.accuracy.top1:.1f} %"
