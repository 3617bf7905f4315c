"""Models of one op each that moves codes: slices, splits, stacks, blocks of pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from tests.oracle.more_ops import Options, case_of, one_op
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import Call, Tensor, activation, constant


def strided_slice(draw: Draw) -> Case:
    """Bounds from the front or the end, axes left open, dropped or added."""
    shape = (1, draw.integer(3, 7), draw.integer(3, 7), draw.integer(2, 5))
    quant = draw.quant(0.05)
    start, stop, step = [0, 1, -2, 0], [1, shape[1], shape[2], shape[3]], [1, 2, 1, 1]
    which = draw.integer(0, 3)
    masks = {"BeginMask": 9, "EndMask": 9, "ShrinkAxisMask": 0}
    made = [1, len(range(1, shape[1], 2)), 2, shape[3]]
    if which == 1:
        masks["ShrinkAxisMask"] = 2
        del made[1]
    elif which == 2:
        stop[1] = -1
        made[1] = len(range(1, shape[1] - 1, 2))
    elif which == 3:
        masks |= {"BeginMask": 0, "EndMask": 2, "EllipsisMask": 4}
        made = [1, len(range(1, shape[1], 2)), shape[2], shape[3]]
    tensors = [
        activation("x", shape, quant),
        *(
            constant(name, np.array(values, np.int32))
            for name, values in (("start", start), ("stop", stop), ("step", step))
        ),
        activation("y", made, quant),
    ]
    return one_op(draw, "STRIDED_SLICE", tensors, "StridedSliceOptions", {**masks})


def slice_(draw: Draw) -> Case:
    shape = (1, draw.integer(3, 7), draw.integer(3, 7), draw.integer(2, 5))
    quant = draw.quant(0.05)
    tensors = [
        activation("x", shape, quant),
        constant("start", np.array([0, 1, 2, 0], np.int32)),
        constant("size", np.array([1, 2, -1, shape[3]], np.int32)),
        activation("y", (1, 2, shape[2] - 2, shape[3]), quant),
    ]
    return one_op(draw, "SLICE", tensors, "SliceOptions")


def gather(draw: Draw) -> Case:
    shape, axis = (1, draw.integer(3, 7), draw.integer(3, 7), draw.integer(2, 5)), 2
    quant = draw.quant(0.05)
    indices = draw.rng.integers(0, shape[axis], 6).astype(np.int32)
    tensors = [
        activation("x", shape, quant),
        constant("indices", indices),
        activation("y", (*shape[:2], 6, shape[3]), quant),
    ]
    return one_op(draw, "GATHER", tensors, "GatherOptions", {"Axis": axis})


def tile(draw: Draw) -> Case:
    shape, quant = (1, draw.integer(2, 5), draw.integer(2, 5)), draw.quant(0.05)
    repeats = [1, draw.integer(1, 3), draw.integer(1, 3)]
    tensors = [
        activation("x", shape, quant),
        constant("repeats", np.array(repeats, np.int32)),
        activation("y", [n * times for n, times in zip(shape, repeats, strict=True)], quant),
    ]
    return one_op(draw, "TILE", tensors, "TileOptions")


def depth_to_space(draw: Draw) -> Case:
    block, quant = draw.integer(2, 3), draw.quant(0.05)
    height, width, channels = draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 3)
    tensors = [
        activation("x", (1, height, width, block**2 * channels), quant),
        activation("y", (1, height * block, width * block, channels), quant),
    ]
    return one_op(draw, "DEPTH_TO_SPACE", tensors, "DepthToSpaceOptions", {"BlockSize": block})


def space_to_depth(draw: Draw) -> Case:
    block, quant = draw.integer(2, 3), draw.quant(0.05)
    height, width, channels = draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 3)
    tensors = [
        activation("x", (1, height * block, width * block, channels), quant),
        activation("y", (1, height, width, block**2 * channels), quant),
    ]
    return one_op(draw, "SPACE_TO_DEPTH", tensors, "SpaceToDepthOptions", {"BlockSize": block})


def _rejoined(draw: Draw, code: str, table: str, options: Options, operands: list[Tensor],
              parts: list[tuple[int, ...]], made: tuple[int, ...], join: str) -> Case:  # fmt: skip
    """Cut x into parts, and join them in the order turned round."""
    quant = operands[0].quant
    names = tuple(f"part{i}" for i in range(len(parts)))
    inputs = tuple(t.name for t in operands)
    calls = [
        Call(
            code=code, inputs=inputs[1:] + inputs[:1] if code == "SPLIT" else inputs,
            outputs=names, table=table, options=options,
        ),
        Call(
            code=join,
            inputs=names[::-1],
            outputs=("y",),
            table="PackOptions" if join == "PACK" else "ConcatenationOptions",
            options={"Axis": 1, "ValuesCount": len(parts)} if join == "PACK" else {"Axis": 1},
        ),
    ]  # fmt: skip
    tensors = [
        *operands,
        *(activation(name, part, quant) for name, part in zip(names, parts, strict=True)),
        activation("y", made, quant),
    ]
    return case_of(draw, tensors, calls, 3, None)


def split(draw: Draw) -> Case:
    count, extent, quant = draw.integer(2, 4), draw.integer(1, 4), draw.quant(0.05)
    shape = (1, count * extent, 3)
    x = activation("x", shape, quant)
    axis = constant("axis", np.array([1], np.int32))
    options: Options = {"NumSplits": count}
    parts = [(1, extent, 3)] * count
    return _rejoined(
        draw, "SPLIT", "SplitOptions", options, [x, axis], parts, shape, "CONCATENATION"
    )


def split_v(draw: Draw) -> Case:
    extents, quant = [draw.integer(1, 4) for _ in range(3)], draw.quant(0.05)
    shape = (1, sum(extents), 3)
    x = activation("x", shape, quant)
    sizes = constant("sizes", np.array(extents, np.int32))
    axis = constant("axis", np.array([-2], np.int32))
    parts = [(1, extent, 3) for extent in extents]
    options: Options = {"NumSplits": 3}
    return _rejoined(
        draw, "SPLIT_V", "SplitVOptions", options, [x, sizes, axis], parts, shape, "CONCATENATION"
    )


def unpack(draw: Draw) -> Case:
    count, quant = draw.integer(2, 4), draw.quant(0.05)
    shape = (1, count, 5)
    options: Options = {"Num": count, "Axis": 1}
    x = activation("x", shape, quant)
    return _rejoined(draw, "UNPACK", "UnpackOptions", options, [x], [(1, 5)] * count, shape, "PACK")


CASES: Final[tuple[Callable[[Draw], Case], ...]] = (
    depth_to_space,
    gather,
    slice_,
    space_to_depth,
    split,
    split_v,
    strided_slice,
    tile,
    unpack,
)
