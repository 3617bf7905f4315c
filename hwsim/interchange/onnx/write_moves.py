"""Ops that move, cut or join tensors, as ONNX operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.interchange.onnx.write_place import Place
    from hwsim.ops import Concat, Pad, Reshape, Slice, Tile, Transpose


def write_concat(place: Place, op: Concat) -> None:
    """Write Concat along the axis, wherever it lies."""
    order = place.liked_order()
    operands = [place.operand(i, order) for i in range(len(place.inputs))]
    axis = order.index(op.axis % len(order))
    shape = tuple(place.output.shape[i] for i in order)
    place.done(place.apply("Concat", operands, shape, order=order, axis=axis))


def write_pad(place: Place, op: Pad) -> None:
    """Write Pad with zeros."""
    order = place.liked_order()
    x = place.operand(0, order)
    ends = [[op.padding[axis][side] for axis in order] for side in (0, 1)]
    pads = place.integers("pads", [*ends[0], *ends[1]])
    shape = tuple(place.output.shape[axis] for axis in order)
    place.done(place.apply("Pad", [x], shape, extra=[pads], order=order))


def write_reshape(place: Place, op: Reshape) -> None:
    """Write Reshape."""
    x = place.operand(0)
    sizes = place.integers("shape", op.shape)
    place.done(place.apply("Reshape", [x], op.shape, extra=[sizes]))


def write_slice(place: Place, op: Slice) -> None:
    """Write Slice over all axes."""
    order = place.liked_order()
    x = place.operand(0, order)
    bounds = [
        place.integers(what, [values[axis] for axis in order])
        for what, values in (("start", op.start), ("stop", op.stop))
    ]
    axes = place.integers("axes", range(len(order)))
    steps = place.integers("step", [op.step[axis] for axis in order])
    shape = tuple(place.output.shape[axis] for axis in order)
    place.done(place.apply("Slice", [x], shape, extra=[*bounds, axes, steps], order=order))


def write_tile(place: Place, op: Tile) -> None:
    """Write Tile."""
    x = place.operand(0)
    repeats = place.integers("repeats", np.asarray(op.repeats).tolist())
    place.done(place.apply("Tile", [x], place.output.shape, extra=[repeats]))


def write_transpose(place: Place, op: Transpose) -> None:
    """Write Transpose."""
    x = place.operand(0)
    place.done(place.apply("Transpose", [x], place.output.shape, perm=list(op.axes)))
