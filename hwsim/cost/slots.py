"""Slots: the multiply-accumulates that a kernel issues for one step, and what they are spent on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.accelerators.dense_input import Layer, walk_dense_input

if TYPE_CHECKING:
    from hwsim.accelerators import Accelerator
    from hwsim.arrays import Shape
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
        nonzeros: Stored weights walked.
        transforms: Elements that Winograd's transforms read and write.
        tile: The tile that the kernel chose; None where nothing multiplies.
    """

    executed: int = 0
    padding: int = 0
    idle: int = 0
    nonzeros: int = 0
    transforms: int = 0
    tile: Tile | None = None


def slots_of(step: Step, inputs: tuple[TensorType, ...]) -> Slots:
    """Return the slots of a step; none where nothing multiplies or no kernel takes it."""
    workload, rule = step.workload, step.rule
    if rule is None or not workload.macs:
        return Slots()
    if rule.accelerator is not None and step.weight is not None:
        return _scheduled(step.weight, step, rule.accelerator, inputs[0].shape)
    if step.is_walked and step.weight is not None:
        return _walked(step.weight, workload, rule.tile)
    if rule.winograd:
        return _winograd(workload, rule)
    return _dense(workload, rule)


def _up(extent: int, tile: int) -> int:
    """Round `extent` up to a multiple of `tile`."""
    return -(-extent // tile) * tile


def _dense(workload: Workload, rule: KernelRule) -> Slots:
    """Return the slots of a kernel that multiplies everything, with the tile that issues least."""
    tiles = (rule.tile, *rule.other_tiles)
    return min(
        (_tiled(workload, tile, rule.units) for tile in tiles),
        key=lambda slots: slots.padding + slots.idle,
    )


def _tiled(workload: Workload, tile: Tile, units: int) -> Slots:
    """Return the slots of a kernel that rounds extents up to `tile`, `units` tiles in flight.

    Lanes of a depthwise kernel lie across channels, so its groups count as rows.
    """
    rows, groups = workload.rows, workload.groups
    if workload.kind == "depthwise_conv2d":
        rows, groups = rows * groups, 1
    m, n, k = _up(rows, tile.m), _positions(workload, tile), _depth(workload, tile)
    issued = groups * m * n * k
    tiles = groups * (m // tile.m) * (n // tile.positions)
    idle_tiles = _up(tiles, units) - tiles
    return Slots(
        executed=workload.macs,
        padding=issued - workload.macs,
        idle=idle_tiles * tile.m * tile.positions * k,
        tile=tile,
    )


def _positions(workload: Workload, tile: Tile) -> int:
    """Return the output positions, in whole tiles."""
    if tile.height is None:
        return _up(workload.columns, tile.n)
    width = workload.columns // workload.height
    return _up(workload.height, tile.height) * _up(width, tile.n)


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


def _walked(weight: Weight, workload: Workload, tile: Tile) -> Slots:
    """Return the slots of a kernel that issues stored weights only.

    `tile.m` lanes take one output channel each and start a group of channels together, so each
    waits for the fullest of its group; a lane issues `tile.k` stored weights at a time, for
    `tile.n` output positions.
    """
    stored = weight.format.stored_per_row(weight.packed)
    positions = _positions(workload, tile)
    steps = -(-stored // tile.k) * tile.k
    lanes = np.zeros(_up(len(steps), tile.m), np.int64)
    lanes[: len(steps)] = steps
    fullest = lanes.reshape(-1, tile.m).max(axis=1)
    executed = int(stored.sum()) * workload.columns
    busy = int(steps.sum()) * positions
    issued = int(fullest.sum()) * tile.m * positions
    return Slots(
        executed=executed,
        padding=busy - executed,
        idle=issued - busy,
        nonzeros=int(stored.sum()) * (positions // tile.positions),
        tile=tile,
    )


def _scheduled(weight: Weight, step: Step, accelerator: Accelerator, shape: Shape) -> Slots:
    """Return the slots of an accelerator that walks the stored weights and finds no zero beside.

    Weights stored dense have none either. Convolutions know the height and width of their input
    (the images of a batch lie below each other).
    """
    workload, rule = step.workload, step.rule
    mask = weight.nonzero if step.is_walked else np.ones(weight.matrix.shape, np.bool_)
    walk = walk_dense_input(
        accelerator,
        Layer(
            weights=mask,
            groups=workload.groups,
            channels=workload.channels_in,
            positions=workload.columns,
            image=(shape[0] * shape[1], shape[2]) if len(shape) == 4 else None,
        ),
    )
    return Slots(
        executed=walk.macs_executed,
        padding=walk.filler,
        idle=walk.idle,
        nonzeros=walk.macs_executed,
        tile=None if rule is None else rule.tile,
    )
