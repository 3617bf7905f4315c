"""Slots: the multiply-accumulates that a kernel issues for one step, and what they are spent on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.cost.patterns import EXACT, mean_of, patches_of
from hwsim.cost.scheduled import EXECUTED, FILLER, GATED, IDLE, scheduled
from hwsim.cost.walked import is_walking
from hwsim.sparsity.schedule import schedule

if TYPE_CHECKING:
    from hwsim.accelerators import Mask
    from hwsim.arrays import Shape
    from hwsim.cost.patterns import Patterns
    from hwsim.op import Workload
    from hwsim.profile import KernelRule, Tile
    from hwsim.program import Step
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Lane slots that a kernel spends, split by what they are spent on.

    Attributes:
        executed: On multiply-accumulates of the layer.
        padding: On extents rounded up to the tile.
        idle: On waiting for the fullest lane, or on units that the last wave leaves without a tile.
        gated: On operands that are zero and lie there all the same.
        nonzeros: Stored weights walked.
        checks: Weights looked at to see whether they are zero.
        transforms: Elements that Winograd's transforms read and write.
        tile: The tile that the kernel chose; None where nothing multiplies.
    """

    executed: int = 0
    padding: int = 0
    idle: int = 0
    gated: int = 0
    nonzeros: int = 0
    checks: int = 0
    transforms: int = 0
    tile: Tile | None = None


def slots_of(
    step: Step,
    inputs: tuple[TensorType, ...],
    mask: Mask | None = None,
    patterns: Patterns = EXACT,
) -> Slots:
    """Return the slots of a step; none where nothing multiplies or no kernel takes it.

    Args:
        step: What runs how.
        inputs: Types of its operands.
        mask: Where its first operand is not zero, [samples, *shape]; None where nobody knows.
        patterns: Where the patterns of zeros come from.
    """
    workload, rule, weight = step.workload, step.rule, step.weight
    if rule is None or not workload.macs:
        return Slots()
    if rule.zeros == "check_activations":
        return _looked_at(step, rule, mask, patterns)
    if weight is None:
        return _unknown(workload, rule)
    if rule.accelerator is not None:
        return _scheduled(step, weight, rule, inputs[0].shape, mask, patterns)
    if is_walking(step):
        slots = _walked(step, weight, rule, patterns)
    elif rule.winograd:
        return _winograd(workload, rule)
    else:
        slots = _dense(workload, rule)
    return _gated(slots, step, weight, mask, patterns) if rule.zeros == "gate" else slots


def tiles_of(workload: Workload, tile: Tile) -> int:
    """Return how many tiles the output positions take."""
    return _positions(workload, tile) // tile.positions


def _unknown(workload: Workload, rule: KernelRule) -> Slots:
    """Return the slots of a product of two activations, which count as non-zero."""
    slots = _winograd(workload, rule) if rule.winograd else _dense(workload, rule)
    if rule.zeros != "check":
        return slots
    elements = workload.groups * workload.rows * workload.depth
    looks = -(-elements // (rule.skips_vectors or 1))
    return replace(slots, checks=looks * tiles_of(workload, rule.tile))


def _up(extent: int, tile: int) -> int:
    """Round `extent` up to a multiple of `tile`."""
    return -(-extent // tile) * tile


def _dense(workload: Workload, rule: KernelRule) -> Slots:
    """Return the slots of a kernel that multiplies everything, with the tile that issues least."""
    tiles = (rule.tile, *rule.other_tiles)
    return min(
        (_tiled(workload, tile, rule) for tile in tiles),
        key=lambda slots: slots.padding + slots.idle,
    )


def _tiled(workload: Workload, tile: Tile, rule: KernelRule) -> Slots:
    """Return the slots of a kernel that rounds extents up to `tile`, some tiles in flight.

    Lanes of a depthwise kernel lie across channels, so its groups count as rows. Workers take all
    positions of `tile.m` channels.
    """
    rows, groups = workload.rows, workload.groups
    if workload.kind == "depthwise_conv2d":
        rows, groups = rows * groups, 1
    m, n, k = _up(rows, tile.m), _positions(workload, tile), _depth(workload, tile)
    issued = groups * m * n * k
    channels, positions = groups * (m // tile.m), n // tile.positions
    if rule.workers > 1:
        work = schedule(np.ones(channels, np.int64), rule.workers, rule.scheduling, rule.chunk)
        idle_tiles = work.idle * positions
    else:
        tiles = channels * positions
        idle_tiles = _up(tiles, rule.units) - tiles
    return Slots(
        executed=workload.macs,
        padding=issued - workload.macs,
        idle=idle_tiles * tile.m * tile.positions * k,
        tile=tile,
    )


def _positions(workload: Workload, tile: Tile) -> int:
    """Return the output positions, in whole tiles."""
    if tile.height is None:
        return _up(workload.columns + _between_rows(workload, tile), tile.n)
    width = workload.columns // workload.height
    return _up(workload.height, tile.height) * _up(width, tile.n)


def _between_rows(workload: Workload, tile: Tile) -> int:
    """Return the positions between the rows of a map that its windows overhang."""
    if not tile.overhang or not workload.columns:
        return 0
    beyond = (workload.window[1] - 1) * workload.dilation[1] // workload.stride[1]
    return (workload.height - 1) * beyond


def _depth(workload: Workload, tile: Tile) -> int:
    """Return the weights of one output, in whole tiles."""
    if tile.taps is None:
        return _up(workload.depth, tile.k)
    elements = workload.window[0] * workload.window[1]
    return _up(elements, tile.taps) * _up(workload.channels_in, tile.k)


def _winograd(workload: Workload, rule: KernelRule) -> Slots:
    """Return the slots of F(m x m, 3 x 3) for the m that multiplies and transforms least.

    Each tile of m x m outputs takes (m + 2)^2 products per pair of channels, and its transforms
    touch (m + 2)^2 elements per input and output channel (Lavin and Gray, CVPR 2016, section 4);
    a transformed element is weighed as four products in the choice.
    """
    channels, best = workload.channels_in + workload.rows, None
    width = max(1, workload.columns // workload.height)
    for outputs in rule.winograd:
        tiles = -(-workload.height // outputs) * -(-width // outputs)
        points = (outputs + 2) ** 2 * tiles
        products = points * workload.channels_in * workload.rows * workload.groups
        transforms = points * channels * workload.groups
        if best is None or products + 4 * transforms < best[0] + 4 * best[1]:
            best = products, transforms
    assert best is not None
    return Slots(executed=best[0], transforms=best[1], tile=rule.tile)


def _walked(step: Step, weight: Weight, rule: KernelRule, patterns: Patterns) -> Slots:
    """Return the slots of a kernel that issues only the weights that it finds."""
    workload, tile = step.workload, rule.tile
    lanes = patterns.lanes(weight, step, rule)
    positions = _positions(workload, tile)
    # A multiplier that gates sees the zeros of a vector that is not skipped.
    is_seen = rule.zeros == "gate" and rule.skips_vectors is not None
    executed = (lanes.busy if is_seen else lanes.walked) * workload.columns
    tiles = positions // tile.positions
    return Slots(
        executed=executed,
        padding=lanes.busy * positions - executed,
        idle=(lanes.issued - lanes.busy) * positions,
        nonzeros=lanes.walked * tiles,
        checks=lanes.checks * tiles,
        tile=tile,
    )


def _looked_at(step: Step, rule: KernelRule, mask: Mask | None, patterns: Patterns) -> Slots:
    """Return the slots of a kernel that multiplies activations that are not zero with all weights.

    Each is looked at once per `tile.m` output channels.
    """
    workload, patches = step.workload, None if mask is None else patches_of(step, mask, patterns)
    seen = workload.groups * workload.columns * workload.depth
    found = seen if patches is None else mean_of(p.scaled(int(p.uses.sum())) for p in patches)
    channels = _up(workload.rows, rule.tile.m)
    return Slots(
        executed=found * workload.rows,
        padding=found * (channels - workload.rows),
        checks=seen * (channels // rule.tile.m),
        tile=rule.tile,
    )


def _gated(
    slots: Slots, step: Step, weight: Weight, mask: Mask | None, patterns: Patterns
) -> Slots:
    """Return `slots` with those of zero operands apart: they are issued, and do nothing."""
    busy, patches = None, None if mask is None else patches_of(step, mask, patterns)
    if patches is not None:
        groups = step.workload.groups
        stored = patterns.weights(weight).reshape(groups, -1, step.workload.depth)
        columns = stored.sum(axis=1, dtype=np.int64)
        busy = mean_of(one.scaled(int((columns * one.uses).sum())) for one in patches)
    if busy is None:
        busy = weight.nonzeros * step.workload.columns
    return replace(slots, executed=busy, gated=slots.executed - busy)


def _scheduled(
    step: Step, weight: Weight, rule: KernelRule, shape: Shape, mask: Mask | None,
    patterns: Patterns,
) -> Slots:  # fmt: skip
    """Return the slots of an accelerator that walks both patterns."""
    accelerator = rule.accelerator
    assert accelerator is not None  # Only what is scheduled comes here.
    spent: list[int] = scheduled(accelerator, weight, step, shape, mask, patterns).tolist()
    return Slots(
        executed=spent[EXECUTED],
        padding=spent[FILLER],
        gated=spent[GATED],
        idle=spent[IDLE],
        nonzeros=spent[EXECUTED],
        tile=rule.tile,
    )
