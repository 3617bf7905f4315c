"""Count: what each step of a program does, in whole numbers, walking the real non-zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.formats import Dense
from hwsim.records import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.op import Workload
    from hwsim.profile import Memory
    from hwsim.profile.schema import Tile
    from hwsim.program import Program, Step
    from hwsim.tensor import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slots:
    """Lane slots that a kernel spends, split by what they are spent on."""

    executed: int
    padding: int
    idle: int
    nonzeros: int = 0


def count(program: Program) -> tuple[Counts, ...]:
    """Return the counts of every step of `program`."""
    return tuple(_count_step(program, step) for step in program.steps)


def _count_step(program: Program, step: Step) -> Counts:
    workload, tile = step.workload, None if step.rule is None else step.rule.tile
    slots = _Slots(executed=0, padding=0, idle=0)
    if workload.macs and tile is not None:
        if step.is_walked and step.weight is not None:
            slots = _walked(step.weight, workload, tile)
        else:
            slots = _dense(workload, tile)
    return Counts(
        macs=workload.macs,
        macs_effective=_effective(step),
        macs_executed=slots.executed,
        macs_padding=slots.padding,
        macs_idle=slots.idle,
        outputs=workload.output_elements,
        inputs=workload.input_elements,
        taps=workload.taps,
        nonzeros=slots.nonzeros,
        decodes=step.weight.codes.size if step.weight is not None and step.decoded_bytes else 0,
        calls=1,
        traffic_bytes=_traffic(program, step, slots),
    )


def _effective(step: Step) -> int:
    """Return the MACs whose weight is not zero."""
    if step.weight is None:
        return step.workload.macs
    return int(np.count_nonzero(step.weight.nonzero)) * step.workload.columns


def _up(extent: int, tile: int) -> int:
    """Round `extent` up to a multiple of `tile`."""
    return -(-extent // tile) * tile


def _dense(workload: Workload, tile: Tile) -> _Slots:
    """Return the slots of a kernel that multiplies everything, extents rounded to its tile.

    Lanes of a depthwise kernel lie across channels, so its groups count as rows.
    """
    rows, groups = workload.rows, workload.groups
    if workload.kind == "depthwise_conv2d":
        rows, groups = rows * groups, 1
    issued = (
        groups * _up(rows, tile.m) * _up(workload.columns, tile.n) * _up(workload.depth, tile.k)
    )
    return _Slots(executed=workload.macs, padding=issued - workload.macs, idle=0)


def _walked(weight: Weight, workload: Workload, tile: Tile) -> _Slots:
    """Return the slots of a kernel that issues stored weights only.

    `tile.m` lanes take one output channel each and start a group of channels together, so each
    waits for the fullest of its group; a lane issues `tile.k` stored weights at a time, for
    `tile.n` output positions.
    """
    stored = weight.format.stored_per_row(weight.packed)
    positions = _up(workload.columns, tile.n)
    steps = -(-stored // tile.k) * tile.k
    lanes = np.zeros(_up(len(steps), tile.m), np.int64)
    lanes[: len(steps)] = steps
    fullest = lanes.reshape(-1, tile.m).max(axis=1)
    executed = int(stored.sum()) * workload.columns
    busy = int(steps.sum()) * positions
    issued = int(fullest.sum()) * tile.m * positions
    return _Slots(
        executed=executed,
        padding=busy - executed,
        idle=issued - busy,
        nonzeros=int(stored.sum()) * (positions // tile.n),
    )


def _traffic(program: Program, step: Step, slots: _Slots) -> Mapping[str, int]:
    """Return bytes moved per memory.

    Where weights and activations live, each byte moves once. In the nearest cache or scratchpad
    (a memory that holds nothing at rest) each operand moves once per tile that uses it; the ones
    between pass every byte on once.
    """
    graph, memories = program.graph, program.profile.hardware.memories
    if step.workload.output_elements == 0:
        return {}
    weight_bytes = sum(
        constant.storage_bytes
        for constant in step.node.op.constants
        if constant is not step.node.op.weight
    )
    weight_bytes += 0 if step.weight is None else step.weight.storage_bytes
    inputs = sum(type_.size_bytes for type_ in graph.input_types(step.node))
    outputs = sum(type_.size_bytes for type_ in graph.output_types(step.node))
    # An unpacked weight is written to RAM and read back from there.
    unpacked = 2 * step.decoded_bytes
    moved = dict.fromkeys(memories, 0)
    for home, size in (("weights", weight_bytes), ("activations", inputs + outputs + unpacked)):
        for level in _path(memories, home):
            moved[level] += size
    caches = [name for name, memory in memories.items() if not memory.holds]
    if caches and slots.executed:
        moved[caches[0]] = _operand_bytes(step, slots) + outputs
    return {name: size for name, size in moved.items() if size}


def _path(memories: Mapping[str, Memory], home: str) -> list[str]:
    """Return the caches and the memory that data kept at `home` passes through."""
    holders = [name for name, memory in memories.items() if home in memory.holds]
    return [name for name, memory in memories.items() if not memory.holds] + holders[:1]


def _operand_bytes(step: Step, slots: _Slots) -> int:
    """Return bytes of operands read by the multipliers.

    One weight serves the n positions of a tile; how many of its m channels one activation serves,
    the format says.
    """
    rule = step.rule
    if rule is None:
        return 0
    bits = 32 if step.types.startswith("f32") else int(step.types.split("x")[0])
    weight_bits = bits if step.weight is None else min(step.weight.bits, 32)
    issued = slots.executed + slots.padding
    format_ = step.weight.format if step.weight is not None and step.is_walked else Dense()
    total_bits = (
        issued // rule.tile.n * weight_bits + format_.activation_reads(issued, rule.tile.m) * bits
    )
    return -(-total_bits // 8)
