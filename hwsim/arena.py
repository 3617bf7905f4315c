"""What a program needs in memory: the buffers of its arena, and its footprint on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.memory import Buffer, peak_bytes
from hwsim.records import Footprint

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.memory import Placement
    from hwsim.profile import DeviceProfile
    from hwsim.program import Step


def buffers_of(graph: Graph, steps: tuple[Step, ...], real_bits: int) -> list[Buffer]:
    """Return the room that tensors and scratch need; views share the buffer of their operand.

    Reals take `real_bits` each.
    """
    owner = {tensor: tensor for tensor in graph.inputs}
    first = dict.fromkeys(graph.inputs, -1)
    last = dict.fromkeys(graph.inputs, -1)
    buffers: list[Buffer] = []
    for index, step in enumerate(steps):
        for tensor in step.node.inputs:
            if tensor in owner:
                last[owner[tensor]] = index
        if step.scratch_bytes:
            buffers.append(
                Buffer(
                    name=f"{step.node.name} (scratch)",
                    size_bytes=step.scratch_bytes,
                    first=index,
                    last=index,
                )
            )
        if not step.node.inputs:
            continue  # A constant stays in flash.
        is_view = step.workload.output_elements == 0
        for tensor in step.node.outputs:
            source = step.node.inputs[0]
            owner[tensor] = owner.get(source, tensor) if is_view else tensor
            first.setdefault(owner[tensor], index)
            last[owner[tensor]] = index
    for tensor in graph.outputs:
        if tensor in owner:
            last[owner[tensor]] = len(steps)
    return buffers + [
        Buffer(
            name=tensor,
            size_bytes=graph.tensors[tensor].stored_bytes(real_bits),
            first=start,
            last=last[tensor],
        )
        for tensor, start in first.items()
    ]


def footprint_of(
    steps: tuple[Step, ...], arena: tuple[Placement, ...], profile: DeviceProfile
) -> Footprint:
    """Return RAM and flash that the program needs, and that the device has."""
    memories = profile.hardware.memories.values()
    weight_bytes = sum(step.flash_bytes(profile.runtime) for step in steps)
    return Footprint(
        peak_ram_bytes=peak_bytes(arena) + profile.runtime.arena_bytes,
        flash_bytes=weight_bytes + profile.runtime.code_bytes,
        ram_capacity_bytes=sum(m.size_bytes for m in memories if "activations" in m.holds),
        flash_capacity_bytes=sum(m.size_bytes for m in memories if "weights" in m.holds),
        is_shared=any(len(set(m.holds)) == 2 for m in memories),
    )
