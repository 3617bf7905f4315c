"""What a price needs and a device may not give: refused by name, never zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import UnsupportedError

if TYPE_CHECKING:
    from hwsim.profile import KernelRule
    from hwsim.program import Program, Step


def rule_of(program: Program, step: Step) -> KernelRule:
    """Return the kernel of a step.

    Raises:
        UnsupportedError: None runs it there.
    """
    if step.rule is None:
        raise UnsupportedError(f"{program.graph.name}/{step.node.name}: {step.reason}")
    return step.rule


def mac_pj_of(program: Program, step: Step) -> float:
    """Return the picojoules of a multiply-accumulate of a step.

    Raises:
        UnsupportedError: The profile gives none of these types.
    """
    given = program.profile.hardware.mac_pj
    if step.types not in given:
        raise UnsupportedError(
            f"{program.graph.name}/{step.node.name}: {program.profile.name} gives no energy "
            f"of a {step.types} MAC (gives: {', '.join(given)}); "
            f"add hardware.mac_pj.{step.types}"
        )
    return given[step.types]


def overlaps(program: Program, rule: KernelRule) -> bool:
    """Return whether transfers run beside the compute of a kernel."""
    own = rule.overlaps_memory
    return program.profile.runtime.overlaps_memory if own is None else own
