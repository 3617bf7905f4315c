"""Designs: how often each named price of a profile is paid for one inference of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost import count
from hwsim.evidence.contributions import FIXED, contributions
from hwsim.lower import lower

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile


def kernel_of(graph: Graph, profile: DeviceProfile) -> str:
    """Return the kernel that runs a graph's first node; empty where none does."""
    return lower(graph, profile).steps[0].kernel


def design_of(graph: Graph, profile: DeviceProfile) -> dict[str, float]:
    """Return units by name of a price, such that cycles = sum(units * price).

    Prices that are plain numbers are left out.

    Args:
        graph: All of whose nodes the profile takes.
        profile: On one core, with memories that are not timed.
    """
    program = lower(graph, profile)
    seconds, _ = contributions(program, count(program), profile)
    clock_hz = profile.hardware.clock_hz
    return {name: value * clock_hz for name, value in seconds.items() if name != FIXED}
