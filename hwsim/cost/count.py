"""Count: what each step of a program does, in whole numbers, walking the real non-zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.cost.gathers import gathers_of
from hwsim.cost.patterns import EXACT
from hwsim.cost.slots import slots_of
from hwsim.cost.traffic import relayouts_of, traffic_of, weight_bytes_of
from hwsim.records import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.accelerators import Mask
    from hwsim.activations import Activations
    from hwsim.cost.patterns import Patterns
    from hwsim.program import Program, Step


def count(program: Program, activations: Activations | None = None) -> tuple[Counts, ...]:
    """Return the counts of every step of `program`.

    Args:
        program: What runs, and where.
        activations: Which activations are zero, from `activations_of`; none of them where absent.

    Raises:
        UnsupportedError: A kernel gathers weights whose places their format does not tell.
    """
    return counted(program, activations, EXACT)


def counted(
    program: Program, activations: Activations | None, patterns: Patterns
) -> tuple[Counts, ...]:
    """Return the counts of every step, with patterns of zeros from `patterns`.

    Raises:
        UnsupportedError: See `count`.
    """
    masks: Mapping[str, Mask] = {} if activations is None else activations.masks
    return tuple(
        _count_step(program, step, relayouts, _mask(step, masks), patterns)
        for step, relayouts in zip(program.steps, relayouts_of(program), strict=True)
    )


def _mask(step: Step, masks: Mapping[str, Mask]) -> Mask | None:
    return masks.get(step.node.inputs[0]) if step.node.inputs else None


def _count_step(
    program: Program, step: Step, relayouts: int, mask: Mask | None, patterns: Patterns
) -> Counts:
    workload = step.workload
    slots = slots_of(step, program.graph.input_types(step.node), mask, patterns)
    gathers, misses = gathers_of(program, step, patterns)
    return Counts(
        macs=workload.macs,
        macs_effective=_effective(step),
        macs_executed=slots.executed,
        macs_padding=slots.padding,
        macs_idle=slots.idle,
        macs_gated=slots.gated,
        outputs=workload.output_elements,
        inputs=workload.input_elements,
        taps=workload.taps,
        nonzeros=slots.nonzeros,
        checks=slots.checks,
        gathers=gathers,
        decodes=step.weight.codes.size if step.weight is not None and step.decoded_bytes else 0,
        weight_bytes=weight_bytes_of(step, program.profile.runtime.real_bits),
        transforms=slots.transforms,
        positions=_positions(program, step),
        relayouts=relayouts,
        calls=1,
        traffic_bytes=traffic_of(program, step, slots),
        gather_misses=misses,
    )


def _positions(program: Program, step: Step) -> int:
    """Return the output positions of a product; elsewhere the rows read, or written if more."""
    if step.workload.output_elements == 0 or step.workload.columns:
        return step.workload.columns
    graph, node = program.graph, step.node
    types = (*graph.input_types(node), *graph.output_types(node))
    return max(type_.elements // (type_.shape[-1] if type_.shape else 1) for type_ in types)


def _effective(step: Step) -> int:
    """Return the MACs whose weight is not zero."""
    if step.weight is None:
        return step.workload.macs
    return step.weight.nonzeros * step.workload.columns
