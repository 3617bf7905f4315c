"""Demands: what a profile asks of several numbers together, written down for its bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.op import HEAVY_KINDS, LIGHT_KINDS
from hwsim.profile.kernels import LOCKSTEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwsim.profile import DeviceProfile, KernelRule

# One of them is above 0 where a kernel runs light ops (`hwsim.profile.check`).
_LIGHT = ("per_call", "per_input", "per_output", "per_position")


def follows_of(profile: DeviceProfile) -> tuple[str, ...]:
    """Return the keys of prices that follow from the geometry of an accelerator."""
    return tuple(
        f"runtime.kernels.{name}.cycles.per_mac"
        for name, rule in profile.runtime.kernels.items()
        if rule.schedule != LOCKSTEP and not isinstance(rule.cycles.per_mac, str)
    )


def positive_of(profile: DeviceProfile, used: Mapping[str, float]) -> tuple[tuple[str, ...], ...]:
    """Return groups of the `used` keys of which one must stay above 0 for the profile to load."""
    homes = [m for m in profile.hardware.memories.values() if "activations" in m.holds]
    is_timed = any(memory.is_timed for memory in homes)
    return tuple(
        group
        for name, rule in profile.runtime.kernels.items()
        for prices in _groups(rule, is_timed=is_timed)
        if set(group := tuple(f"runtime.kernels.{name}.cycles.{key}" for key in prices))
        <= used.keys()
    )


def _groups(rule: KernelRule, *, is_timed: bool) -> Iterator[tuple[str, ...]]:
    """Yield the prices of a kernel that must not all be 0, where none of them has a name."""
    if set(rule.ops) & set(HEAVY_KINDS) and not isinstance(rule.cycles.per_mac, str):
        yield ("per_mac",)
    paid = tuple(key for key in _LIGHT if getattr(rule.cycles, key))
    is_named = any(isinstance(getattr(rule.cycles, key), str) for key in paid)
    if set(rule.ops) & set(LIGHT_KINDS) and not is_named and not is_timed:
        yield paid
