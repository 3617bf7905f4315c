"""Read ops that give tensors another shape or repeat them; integer codes pass as they are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import identity, reshaped_order
from hwsim.interchange._builder import Value
from hwsim.interchange._layouts import permuted
from hwsim.interchange.onnx.read_call import turned
from hwsim.ops import Tile
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.arrays import Shape
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Known, Layer


def _keep(builder: Builder, call: Call) -> Known:
    """Drop an op that changes nothing."""
    del builder
    return call.operand(0)


def _dropout(builder: Builder, call: Call) -> Known:
    training = call.array(2)
    if training is not None and bool(training.reshape(-1)[0]):
        raise call.error("evaluation mode", "training_mode=True")
    return _keep(builder, call)


def _cast(builder: Builder, call: Call) -> Known:
    del builder
    # 1, 10, 11 and 16 are the floating-point types of TensorProto; all are read as float32.
    if call.int_("to") not in (1, 10, 11, 16):
        raise call.error("a cast between reals", f"to={call.int_('to')}")
    return call.operand(0)


def as_shape(builder: Builder, call: Call, shape: Shape) -> Known:
    """Return the first operand as `shape`; an image that only linear layers read stays put."""
    x = call.operand(0)
    if math.prod(shape) != math.prod(x.shape):
        raise call.error(f"{math.prod(x.shape)} elements", f"shape {list(shape)}")
    if isinstance(x, Weight):
        if len(x.quant.scale if x.quant else ()) > 1:
            return x.real().reshape(shape)
        return replace(x, codes=x.codes.reshape(shape))
    if not isinstance(x, Value):
        return x.reshape(shape)
    must_move = reshaped_order(x.shape, x.order, shape) is None
    if must_move and call.feeds_linear() and sum(extent > 1 for extent in shape) == 1:
        return builder.flatten_as_stored(call.name, x, shape)
    return builder.reshape(call.name, x, shape)


def _reshape(builder: Builder, call: Call) -> Known:
    x = call.operand(0)
    wanted = [int(n) for n in call.needed(1).reshape(-1)]
    if not call.int_("allowzero"):
        if any(n == 0 and i >= len(x.shape) for i, n in enumerate(wanted)):
            raise call.error("an axis to copy", f"shape {wanted} of {list(x.shape)}")
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    if wanted.count(-1) > 1 or min(wanted, default=0) < -1:
        raise call.error("at most one open extent", str(wanted))
    rest = math.prod(n for n in wanted if n != -1)
    if -1 in wanted and rest:
        wanted[wanted.index(-1)] = math.prod(x.shape) // rest
    return as_shape(builder, call, tuple(wanted))


def _flatten(builder: Builder, call: Call) -> Known:
    shape = call.operand(0).shape
    axis = call.int_("axis", 1)
    axis = axis if axis == len(shape) else call.axis(axis, len(shape))
    return as_shape(builder, call, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def _squeeze(builder: Builder, call: Call) -> Known:
    shape = call.operand(0).shape
    given = call.setting("axes", 1)
    gone = [i for i, n in enumerate(shape) if n == 1]
    if given is not None:
        gone = list(call.axes(given, len(shape)))
    return as_shape(builder, call, tuple(n for i, n in enumerate(shape) if i not in gone))


def _unsqueeze(builder: Builder, call: Call) -> Known:
    shape = list(call.operand(0).shape)
    given = call.setting("axes", 1) or ()
    rank = len(shape) + len(given)
    for axis in sorted(call.axes(given, rank)):
        shape.insert(axis, 1)
    return as_shape(builder, call, tuple(shape))


def _transpose(builder: Builder, call: Call) -> Known:
    del builder
    x = call.operand(0)
    rank = len(x.shape)
    dims = call.ints("perm", range(rank)[::-1])
    if sorted(dims) != list(range(rank)):
        raise call.error(f"a permutation of {rank} axes", str(list(dims)))
    return permuted(x, dims) if isinstance(x, Value) else turned(x, dims)


def _expand(builder: Builder, call: Call) -> Known:
    x = call.x
    wanted = tuple(int(n) for n in call.needed(1).reshape(-1))
    try:
        shape = np.broadcast_shapes(x.shape, wanted)
    except ValueError:
        raise call.error("a shape to broadcast to", f"{list(wanted)} of {list(x.shape)}") from None
    level = builder.reshape(f"{call.name}.axes", x, (1,) * (len(shape) - len(x.shape)) + x.shape)
    times = tuple(new // old for new, old in zip(shape, level.shape, strict=True))
    return _repeated(builder, call, level, times)


def _tile(builder: Builder, call: Call) -> Known:
    return _repeated(builder, call, call.x, tuple(int(n) for n in call.needed(1).reshape(-1)))


def _repeated(builder: Builder, call: Call, x: Value, times: Sequence[int]) -> Value:
    if len(times) != len(x.shape):
        raise call.error(f"{len(x.shape)} repeats", str(list(times)))
    if all(n == 1 for n in times):
        return x
    op = Tile(repeats=tuple(times[axis] for axis in x.order))
    return builder.emit(call.name, op, (x,), x.order, x.quant)


def _depth_to_space(builder: Builder, call: Call) -> Known:
    """Move blocks of channels into height and width."""
    x, block = call.x, call.int_("blocksize")
    if len(x.shape) != 4 or block < 1 or x.shape[1] % block**2:
        raise call.error("channels that blocksize^2 divides", f"{list(x.shape)}, {block}")
    batch, channels, height, width = x.shape
    depth = channels // block**2
    if call.text("mode", "DCR") == "DCR":
        parts, dims = (batch, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    else:
        parts, dims = (batch, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    pieces = permuted(builder.reshape(f"{call.name}.blocks", x, parts), dims)
    return _moved(builder, call, pieces, (batch, depth, height * block, width * block))


def _space_to_depth(builder: Builder, call: Call) -> Known:
    """Move blocks of height and width into channels."""
    x, block = call.x, call.int_("blocksize")
    if len(x.shape) != 4 or block < 1 or x.shape[2] % block or x.shape[3] % block:
        raise call.error("extents that blocksize divides", f"{list(x.shape)}, {block}")
    batch, channels, height, width = x.shape
    rows, columns = height // block, width // block
    parts = (batch, channels, rows, block, columns, block)
    dims = (0, 3, 5, 1, 2, 4) if call.text("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    pieces = permuted(builder.reshape(f"{call.name}.blocks", x, parts), dims)
    return _moved(builder, call, pieces, (batch, channels * block**2, rows, columns))


def _moved(builder: Builder, call: Call, pieces: Value, shape: Shape) -> Value:
    if reshaped_order(pieces.shape, pieces.order, shape) is None:
        pieces = builder.laid(pieces, identity(len(pieces.shape)))
    return builder.reshape(call.name, pieces, shape)


VIEWS: frozenset[str] = frozenset(
    ("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
)
"""Operators that leave a constant's codes as they are."""

SHAPES: Mapping[str, Layer] = {
    "Cast": _cast,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _flatten,
    "Identity": _keep,
    "Reshape": _reshape,
    "SpaceToDepth": _space_to_depth,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
