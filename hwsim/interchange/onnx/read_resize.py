"""Read what makes images larger or smaller."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import NHWC
from hwsim.interchange.onnx.read_windows import image
from hwsim.limits import PICKED_POSITIONS
from hwsim.ops import Gather, ResizeBilinear, ResizeNearest
from hwsim.ops._interpolation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.arrays import IntArray
    from hwsim.interchange._builder import Builder, Value
    from hwsim.interchange.onnx.read_call import Call, Layer
    from hwsim.ops._interpolation import Positions

_POSITIONS: Mapping[str, Positions] = {
    "align_corners": "align_corners",
    "asymmetric": "asymmetric",
    "half_pixel": "half_pixel",
    "pytorch_half_pixel": "half_pixel",
}


def _resize(builder: Builder, call: Call) -> Value:
    rank = len(call.x.shape)
    call.refuse_unless("antialias", 0)
    call.refuse_unless("exclude_outside", 0)
    axes = call.axes(call.ints("axes", range(rank)), rank)
    # Before operator set 11 there were scales only.
    places = (2, 3) if call.version >= 11 else (1, None)
    scales = _scales(call, places, axes)
    default = "half_pixel" if call.version >= 11 else "asymmetric"
    where = call.text("coordinate_transformation_mode", default)
    return _resized(builder, call, scales, where)


def _upsample(builder: Builder, call: Call) -> Value:
    given = call.attributes.get("scales")
    scales = call.needed(1) if given is None else np.asarray(given)
    pairs = [(s, math.floor(n * s)) for s, n in zip(scales.tolist(), call.x.shape, strict=True)]
    return _resized(builder, call, pairs, "asymmetric")


def _scales(
    call: Call, places: tuple[int, int | None], axes: Sequence[int]
) -> list[tuple[float, int]]:
    """Return the scale and the new extent of every axis."""
    shape = call.x.shape
    scales = call.array(places[0])
    result = [(1.0, extent) for extent in shape]
    if scales is not None and scales.size:
        if scales.size != len(axes):
            raise call.error(f"{len(axes)} scales", str(scales.size))
        for axis, scale in zip(axes, scales.reshape(-1).tolist(), strict=True):
            result[axis] = (scale, math.floor(shape[axis] * scale))
        return result
    sizes = None if places[1] is None else call.array(places[1])
    if sizes is None or sizes.size != len(axes):
        raise call.error(f"{len(axes)} scales or sizes", "neither")
    wanted = [int(n) for n in sizes.reshape(-1)]
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    ratios = [n / shape[axis] for axis, n in zip(axes, wanted, strict=True)]
    if policy != "stretch":
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        ratios = [ratio] * len(axes)
        wanted = [math.floor(shape[axis] * ratio + 0.5) for axis in axes]
    for axis, ratio, extent in zip(axes, ratios, wanted, strict=True):
        result[axis] = (ratio, extent)
    return result


def _resized(
    builder: Builder, call: Call, scales: Sequence[tuple[float, int]], where: str
) -> Value:
    """Return the first operand in new extents, each with the scale that its positions follow."""
    extents = [extent for _, extent in scales]
    if not 1 <= min(extents) <= max(extents) <= PICKED_POSITIONS:
        raise call.error(f"extents 1..{PICKED_POSITIONS}", str(extents))
    if where not in _POSITIONS:
        raise call.error(f"positions {', '.join(_POSITIONS)}", where)
    match call.text("mode", "nearest"):
        case "nearest":
            return _nearest(builder, call, scales, where)
        case "linear" | "bilinear":
            return _linear(builder, call, scales, where)
        case mode:
            raise call.error("mode nearest or linear", mode)


def _nearest(
    builder: Builder, call: Call, scales: Sequence[tuple[float, int]], where: str
) -> Value:
    x = call.x
    chosen = [
        _chosen(call, old, scale, new, where)
        for old, (scale, new) in zip(x.shape, scales, strict=True)
    ]
    size = tuple(new for _, new in scales)
    if len(size) == 4 and size[:2] == x.shape[:2]:
        for positions in dict.fromkeys(_POSITIONS.values()):
            same = (nearest(x.shape[i], size[i], positions) == chosen[i] for i in (2, 3))
            if all(bool(np.all(equal)) for equal in same):
                op = ResizeNearest(size=(size[2], size[3]), positions=positions)
                return builder.emit(call.name, op, (builder.laid(x, NHWC),), NHWC, x.quant)
    for axis, indices in enumerate(chosen):
        if indices.tolist() != list(range(x.shape[axis])):
            op = Gather(axis=x.order.index(axis), indices=tuple(indices.tolist()))
            x = builder.emit(call.name, op, (x,), x.order, x.quant)
    return x


def _chosen(call: Call, old: int, scale: float, new: int, where: str) -> IntArray:
    """Return which of `old` positions each of `new` copies."""
    steps = np.arange(new)
    if where == "align_corners":
        places = steps * ((old - 1) / (old * scale - 1)) if new > 1 else steps * 0.0
    elif where == "asymmetric" or (where == "pytorch_half_pixel" and new == 1):
        places = steps / scale
    else:
        places = (steps + 0.5) / scale - 0.5
    mode = "round_prefer_floor" if call.version >= 11 else "floor"
    match call.text("nearest_mode", mode):
        case "round_prefer_floor":
            rounded = np.ceil(places - 0.5)
        case "round_prefer_ceil":
            rounded = np.floor(places + 0.5)
        case "floor":
            rounded = np.floor(places)
        case "ceil":
            rounded = np.ceil(places)
        case mode:
            raise call.error("a nearest_mode", mode)
    return np.clip(rounded, 0, old - 1).astype(np.int64)


def _linear(builder: Builder, call: Call, scales: Sequence[tuple[float, int]], where: str) -> Value:
    x = call.x
    size = tuple(new for _, new in scales)
    exact = all(
        old == new or math.isclose(scale, new / old, rel_tol=1e-6)
        for old, (scale, new) in zip(x.shape, scales, strict=True)
    )
    if len(size) != 4 or size[:2] != x.shape[:2] or not exact:
        raise call.error(
            "an image whose extents are whole multiples of the scales",
            f"{list(x.shape)} to {list(size)} by {[scale for scale, _ in scales]}",
        )
    if where == "pytorch_half_pixel" and 1 in size[2:] and size[2:] != x.shape[2:]:
        raise call.error("more than one pixel of pytorch_half_pixel", f"{list(size)}")
    op = ResizeBilinear(size=(size[2], size[3]), positions=_POSITIONS[where])
    return builder.emit(call.name, op, (image(builder, call, x),), NHWC)


RESIZES: Mapping[str, Layer] = {"Resize": _resize, "Upsample": _upsample}
