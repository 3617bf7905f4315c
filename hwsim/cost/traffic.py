"""Traffic: bytes that a step moves through each memory, and elements that it rearranges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hwsim.formats import Dense

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hwsim.cost.slots import Slots
    from hwsim.profile import Memory
    from hwsim.program import Program, Step
    from hwsim.tensor import TensorType


def weight_bytes_of(step: Step, real_bits: int) -> int:
    """Return the bytes of a step's constants as the device stores them."""
    return sum(constant.stored_bytes(real_bits) for constant in step.stored_constants)


def traffic_of(program: Program, step: Step, slots: Slots) -> Mapping[str, int]:
    """Return bytes moved per memory.

    Where weights and activations live, each byte moves once. In the nearest cache or scratchpad
    (a memory that holds nothing at rest) each operand moves once per tile that uses it; the ones
    between pass every byte on once. Activations go no further than a cache that retains them.
    """
    graph, memories = program.graph, program.profile.hardware.memories
    real_bits = program.profile.runtime.real_bits
    if step.workload.output_elements == 0:
        return {}
    outputs = _tensor_bytes(program, graph.output_types(step.node))
    moved = dict.fromkeys(memories, 0)
    homes = (
        ("weights", step.flash_bytes(program.profile.runtime)),
        ("activations", activation_bytes(program, step)),
    )
    for home, size in homes:
        for level in _path(memories, home):
            moved[level] += size
            if home == "activations" and retains(memories[level], size):
                break
    caches = [name for name, memory in memories.items() if not memory.holds]
    if caches and (slots.executed or slots.gated or slots.checks):
        moved[caches[0]] = _operand_bytes(step, slots, real_bits) + outputs
    return {name: size for name, size in moved.items() if size}


def activation_bytes(program: Program, step: Step) -> int:
    """Return the bytes of activations that a step moves, an unpacked weight in RAM included."""
    node, graph = step.node, program.graph
    types = (*graph.input_types(node), *graph.output_types(node))
    # An unpacked weight is written to RAM and read back from there.
    return _tensor_bytes(program, types) + 2 * step.decoded_bytes


def _tensor_bytes(program: Program, types: Iterable[TensorType]) -> int:
    memories = program.profile.hardware.memories
    real_bits = program.profile.runtime.real_bits
    access = next(m.access_bytes for m in memories.values() if "activations" in m.holds)
    return sum(_accessed_bytes(type_, real_bits, access) for type_ in types)


def element_bits(step: Step, real_bits: int) -> int:
    """Return the width of an activation as the multipliers see it."""
    return real_bits if step.types.startswith("f32") else int(step.types.split("x")[0])


def _accessed_bytes(type_: TensorType, real_bits: int, access: int) -> int:
    """Return the bytes that move with a tensor, the channels of a position `access` at a time."""
    size = type_.stored_bytes(real_bits)
    if access == 1:
        return size
    positions = math.prod(type_.shape[:-1])
    of_one = -(-size // positions)
    return positions * -(-of_one // access) * access


def _path(memories: Mapping[str, Memory], home: str) -> list[str]:
    """Return the caches and the memory that data kept at `home` passes through."""
    holders = [name for name, memory in memories.items() if home in memory.holds]
    return [name for name, memory in memories.items() if not memory.holds] + holders[:1]


def retains(memory: Memory, size: int) -> bool:
    """Return whether activations of `size` bytes stay in a cache from one op to the next."""
    return memory.retains_activations and size <= memory.size_bytes


def _operand_bytes(step: Step, slots: Slots, real_bits: int) -> int:
    """Return bytes of operands read by the multipliers.

    One weight serves the n positions of a tile; how many of its m channels one activation serves,
    the format says. Operands that are looked at for zeros are read once.
    """
    if slots.tile is None:
        return 0
    bits = element_bits(step, real_bits)
    weight_bits = bits if step.weight is None else min(step.weight.bits, real_bits)
    issued = slots.executed + slots.padding + slots.gated
    format_ = step.weight.format if step.weight is not None and step.is_walked else Dense()
    weights = issued // slots.tile.positions
    activations = format_.activation_reads(issued, slots.tile.m)
    if step.rule is not None and step.rule.zeros == "check":
        weights = slots.checks * (step.rule.skips_vectors or 1)
    elif step.rule is not None and step.rule.zeros == "check_activations":
        activations = slots.checks
    total_bits = weights * weight_bits + activations * bits
    return -(-total_bits // 8)


def relayouts_of(program: Program) -> list[int]:
    """Return for each step the elements of its inputs that lie in another order of axes.

    A kernel without a layout of its own works in that of its first input; what nobody has laid out
    yet (inputs of the graph, constants) takes any.
    """
    layouts: dict[str, str | None] = {}
    moved: list[int] = []
    for step in program.steps:
        own = None if step.rule is None else step.rule.layout
        found = {tensor: layouts.get(tensor) for tensor in step.node.inputs}
        moved.append(
            sum(
                program.graph.tensors[tensor].elements
                for tensor, layout in found.items()
                if own is not None and layout not in (None, own)
            )
        )
        carried = own if own is not None else next(iter(found.values()), None)
        layouts.update(dict.fromkeys(step.node.outputs, carried))
    return moved
