"""Read ops that join, cut, pad or pick; integer codes pass as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._layouts import along, cut, joined
from hwsim.limits import CONSTANT_ELEMENTS, PICKED_POSITIONS
from hwsim.ops import Gather, Pad

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.interchange._builder import Builder, Value
    from hwsim.interchange.onnx.read_call import Call, Known, Layer


def _concat(builder: Builder, call: Call) -> Known:
    operands = [call.operand(i) for i in range(len(call.operands))]
    rank = len(operands[0].shape)
    return joined(builder, call.name, operands, call.axis(call.int_("axis", 1), rank))


def _slice(builder: Builder, call: Call) -> Known:
    x = call.x
    rank = len(x.shape)
    starts, ends = call.setting("starts", 1), call.setting("ends", 2)
    if starts is None or ends is None:
        raise call.error("starts and ends", "none")
    axes = call.axes(call.setting("axes", 3) or range(len(starts)), rank)
    steps = call.setting("steps", 4) or (1,) * len(starts)
    bounds = [slice(None)] * rank
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step < 0:
            positions = range(x.shape[axis])[slice(start, end, step)]
            if not positions:
                raise call.error("at least one position", f"{start}:{end}:{step}")
            x = picked(builder, f"{call.name}.back", x, axis, positions)
        elif step:
            bounds[axis] = slice(start, end, step)
    return cut(builder, call.name, x, bounds)


def _split(builder: Builder, call: Call) -> tuple[Known, ...]:
    x = call.x
    axis = call.axis(call.int_("axis"), len(x.shape))
    extent = x.shape[axis]
    parts = call.setting("split", 1)
    if parts is None:
        # The last part is smaller where they cannot be alike.
        part = -(-extent // max(call.results, 1))
        parts = tuple(min(part, extent - start) for start in range(0, extent, part))
    pieces: list[Known] = []
    start = 0
    for i, part in enumerate(parts):
        bounds = along(len(x.shape), axis, slice(start, start + part))
        name = call.name if i == 0 else f"{call.name}.{i}"
        pieces.append(cut(builder, name, x, bounds))
        start += part
    return tuple(pieces)


def _pad(builder: Builder, call: Call) -> Known:
    x = call.x
    rank = len(x.shape)
    pads = call.setting("pads", 1) or ()
    axes = call.axes(call.setting("axes", 3) or range(rank), rank)
    if len(pads) != 2 * len(axes):
        raise call.error(f"{2 * len(axes)} pads", str(len(pads)))
    pairs = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    x = cut(
        builder,
        f"{call.name}.cut",
        x,
        [_less(pairs.get(axis, (0, 0)), extent) for axis, extent in enumerate(x.shape)],
    )
    pairs = {axis: (max(a, 0), max(b, 0)) for axis, (a, b) in pairs.items() if max(a, b) > 0}
    if not pairs:
        return x
    mode = call.text("mode", "constant")
    return (
        _filled(builder, call, x, pairs)
        if mode == "constant"
        else _mirrored(builder, call, x, pairs, mode)
    )


def _less(pair: tuple[int, int], extent: int) -> slice:
    """Return what negative pads leave."""
    return slice(max(-pair[0], 0), extent + min(pair[1], 0))


def _filled(builder: Builder, call: Call, x: Value, pairs: Mapping[int, tuple[int, int]]) -> Value:
    fill = call.array(2)
    value = call.number("value", 0.0) if fill is None else float(fill.reshape(-1)[0])
    # Codes are padded with a code.
    is_code = fill is not None and fill.dtype.kind in "iu" and x.quant is not None
    zero = x.quant.zero_point[0] if is_code and x.quant is not None else 0
    if value == zero:
        op = Pad(padding=tuple(pairs.get(axis, (0, 0)) for axis in x.order))
        return builder.emit(call.name, op, (x,), x.order, x.quant)
    if x.quant is not None:
        raise call.error("padding with zeros", f"with {value:g}")
    for axis, extents in pairs.items():
        if math.prod(x.shape) // x.shape[axis] * sum(extents) > CONSTANT_ELEMENTS:
            raise call.error(f"at most {CONSTANT_ELEMENTS} elements of padding", str(extents))
        blocks = [
            np.full((*x.shape[:axis], extent, *x.shape[axis + 1 :]), value, np.float32)
            for extent in extents
        ]
        pieces = [piece for piece in (blocks[0], x, blocks[1]) if math.prod(piece.shape)]
        x = joined(builder, call.name, pieces, axis)
    return x


def _mirrored(
    builder: Builder, call: Call, x: Value, pairs: Mapping[int, tuple[int, int]], mode: str
) -> Value:
    if mode not in ("edge", "reflect", "wrap"):
        raise call.error("mode constant, edge, reflect or wrap", mode)
    for axis, pair in pairs.items():
        if x.shape[axis] + sum(pair) > PICKED_POSITIONS:
            raise call.error(f"{mode} padding to at most {PICKED_POSITIONS}", str(list(pair)))
        positions = np.pad(np.arange(x.shape[axis]), pair, mode)
        x = picked(builder, call.name, x, axis, positions.tolist())
    return x


def _gather(builder: Builder, call: Call) -> Known:
    x, indices = call.x, call.needed(1)
    axis = call.axis(call.int_("axis"), len(x.shape))
    extent = x.shape[axis]
    if indices.size > PICKED_POSITIONS:
        raise call.error(f"at most {PICKED_POSITIONS} positions", str(indices.size))
    flat = [int(n) for n in indices.reshape(-1)]
    if not flat or not all(-extent <= n < extent for n in flat):
        raise call.error(f"positions within {extent}", str(flat[:4]))
    chosen = picked(builder, call.name, x, axis, [n % extent for n in flat])
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    return builder.reshape(f"{call.name}.axes", chosen, shape)


def picked(builder: Builder, name: str, x: Value, axis: int, positions: Sequence[int]) -> Value:
    """Return the `positions` of one axis: by a slice where they follow each other."""
    first = positions[0]
    if list(positions) == list(range(first, first + len(positions))):
        return cut(
            builder, name, x, along(len(x.shape), axis, slice(first, first + len(positions)))
        )
    op = Gather(axis=x.order.index(axis), indices=tuple(positions))
    return builder.emit(name, op, (x,), x.order, x.quant)


PARTS: Mapping[str, Layer] = {
    "Concat": _concat,
    "Gather": _gather,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
}
