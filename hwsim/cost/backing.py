"""Backing: whether evidence from real devices speaks of what takes the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost.terms import TERMS
from hwsim.records.pricing import LEAST_BACKED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.profile import DeviceProfile, KernelRule
    from hwsim.profile.quantities import Price
    from hwsim.program import Program
    from hwsim.records import StepEstimate

_OF_KERNELS = {term.name: term.price for term in TERMS} | {"call": "per_call"}
_OF_RUNTIMES = {
    "layout": "per_relayout",
    "fork": "per_fork",
    "launch": "per_launch",
    "inference": "per_inference",
}
_TRAFFIC = "traffic:"


def is_backed(program: Program, steps: Sequence[StepEstimate]) -> bool:
    """Return whether evidence from real devices speaks of what takes most of the time.

    Evidence is about fitted prices; where much of the time has others, which are assumed, it says
    nothing.
    """
    profile = program.profile
    if not profile.is_calibrated:
        return False
    fitted = fitted_prices(profile)
    if not fitted:
        return True  # One factor on everything.
    known_s = sum(
        seconds
        for step, one in zip(program.steps, steps, strict=True)
        if step.rule is not None
        for term, seconds in one.terms_s.items()
        if _price_of(term, step.rule, profile) in fitted
    )
    return known_s >= LEAST_BACKED * sum(one.latency_s for one in steps)


def fitted_prices(profile: DeviceProfile) -> frozenset[str]:
    """Return the names of prices that were fitted; none where one factor on everything was."""
    names = profile.runtime.constants if profile.fit is None else profile.fit.constants
    # Where only scales are fitted, constants were borrowed from a family that fitted them.
    return frozenset(names or profile.runtime.constants)


def _price_of(term: str, rule: KernelRule, profile: DeviceProfile) -> Price | None:
    for section, names in ((rule.cycles, _OF_KERNELS), (profile.runtime, _OF_RUNTIMES)):
        if term in names:
            price: Price = getattr(section, names[term])
            return price
    if term.startswith(_TRAFFIC):
        return profile.hardware.memories[term.removeprefix(_TRAFFIC)].cycles_per_byte
    return None
