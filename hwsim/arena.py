"""What a program needs in memory: the buffers of its arena, and its footprint on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.memory import Buffer, peak_bytes
from hwsim.records import Footprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.graph import Graph
    from hwsim.memory import Placement
    from hwsim.profile import DeviceProfile, Runtime
    from hwsim.program import Step


def buffers_of(graph: Graph, steps: tuple[Step, ...], runtime: Runtime) -> list[Buffer]:
    """Return the room that tensors and scratch need; views share the buffer of their operand.

    Step i reads in moment 2 i and writes in 2 i + 1. Where the runtime works in place, an operand
    that nobody reads afterwards is gone when its step writes, so that the output may lie over it.
    """
    owner = {tensor: tensor for tensor in graph.inputs}
    first = dict.fromkeys(graph.inputs, -1)
    last = dict.fromkeys(graph.inputs, -1)
    buffers: list[Buffer] = []
    for index, step in enumerate(steps):
        for tensor in step.node.inputs:
            if tensor in owner:
                last[owner[tensor]] = _written(index)
        if step.scratch_bytes:
            buffers.append(
                Buffer(
                    name=f"{step.node.name} (scratch)",
                    size_bytes=step.scratch_bytes,
                    first=_read(index),
                    last=_written(index),
                )
            )
        if not step.node.inputs:
            continue  # A constant stays in flash.
        is_view = step.workload.output_elements == 0
        for tensor in step.node.outputs:
            source = step.node.inputs[0]
            owner[tensor] = owner.get(source, tensor) if is_view else tensor
            first.setdefault(owner[tensor], _read(index))
            last[owner[tensor]] = _written(index)
    for tensor in graph.outputs:
        if tensor in owner:
            last[owner[tensor]] = _read(len(steps))
    sizes = {tensor: graph.tensors[tensor].stored_bytes(runtime.real_bits) for tensor in first}
    _overlay(steps, runtime, owner, sizes, first, last)
    return buffers + [
        Buffer(name=tensor, size_bytes=sizes[tensor], first=start, last=last[tensor])
        for tensor, start in first.items()
    ]


def _read(index: int) -> int:
    return 2 * index


def _written(index: int) -> int:
    return 2 * index + 1


def _overlay(
    steps: tuple[Step, ...],
    runtime: Runtime,
    owner: Mapping[str, str],
    sizes: Mapping[str, int],
    first: dict[str, int],
    last: dict[str, int],
) -> None:
    """Let outputs of steps in place begin when the operand under them has been read.

    The first operand is taken that ends here and is no smaller; the other operands stay until the
    step is over.
    """
    for index, step in enumerate(steps):
        if step.workload.kind not in runtime.in_place or len(step.node.outputs) != 1:
            continue
        output = step.node.outputs[0]
        for tensor in step.node.inputs:
            under = owner.get(tensor, output)
            is_last = under != output and last[under] == _written(index)
            if output in sizes and is_last and sizes[under] >= sizes[output]:
                last[under], first[output] = _read(index), _written(index)
                break


def footprint_of(
    steps: tuple[Step, ...], arena: tuple[Placement, ...], profile: DeviceProfile
) -> Footprint:
    """Return RAM and flash that the program needs, and that the device has."""
    memories, runtime = profile.hardware.memories.values(), profile.runtime
    weight_bytes = sum(step.flash_bytes(runtime) for step in steps)
    called = sum(step.workload.output_elements > 0 for step in steps)
    return Footprint(
        peak_ram_bytes=peak_bytes(arena)
        + runtime.arena_bytes
        + runtime.arena_bytes_per_step * called,
        flash_bytes=weight_bytes + runtime.code_bytes + runtime.code_bytes_per_step * called,
        ram_capacity_bytes=sum(m.size_bytes for m in memories if "activations" in m.holds),
        flash_capacity_bytes=sum(m.size_bytes for m in memories if "weights" in m.holds),
        is_shared=any(len(set(m.holds)) == 2 for m in memories),
    )
