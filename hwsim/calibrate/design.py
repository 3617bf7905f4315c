"""Designs: how often each named price of a profile is paid for one inference of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost import count
from hwsim.cost.terms import TERMS
from hwsim.lower import lower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.program import Step
    from hwsim.records import Counts


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
    design: dict[str, float] = {}
    for step, done in zip(program.steps, count(program), strict=True):
        for name, units in _units(step, done, profile).items():
            design[name] = design.get(name, 0.0) + units
    return design


def _units(step: Step, done: Counts, profile: DeviceProfile) -> Mapping[str, float]:
    units: dict[str, float] = {}
    if step.rule is None:
        return units
    cycles = step.rule.cycles
    paid = [(getattr(cycles, term.price), term.units(done, profile.hardware)) for term in TERMS]
    for price, often in (*paid, (cycles.per_call, done.calls)):
        if isinstance(price, str):
            units[price] = units.get(price, 0.0) + often
    return units
