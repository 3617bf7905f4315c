"""Ops that move elements and change none, as TFLite operators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwsim.numerics import POLICIES
from hwsim.op import Site
from hwsim.ops import Quantize
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from hwsim.interchange.tflite.write_place import Place
    from hwsim.numerics import Quant
    from hwsim.ops import Concat, Gather, Pad, Reshape, Slice, Tile, Transpose

_WIDEST_TABLE_BITS = 8


def write_concat(place: Place, op: Concat) -> None:
    """Write CONCATENATION."""
    operands = [recoded(place, i) for i in range(len(place.inputs))]
    place.call("CONCATENATION", *operands, table="ConcatenationOptions", Axis=op.axis)


def write_pad(place: Place, op: Pad) -> None:
    """Write PAD."""
    pairs = place.integers("padding", np.array(op.padding))
    place.call("PAD", recoded(place), pairs, table="PadOptions")


def write_reshape(place: Place, op: Reshape) -> None:
    """Write RESHAPE."""
    shape = place.integers("shape", op.shape)
    place.call("RESHAPE", recoded(place), shape, table="ReshapeOptions", NewShape=op.shape)


def write_slice(place: Place, op: Slice) -> None:
    """Write STRIDED_SLICE."""
    bounds = [
        place.integers(name, values)
        for name, values in (("start", op.start), ("stop", op.stop), ("step", op.step))
    ]
    place.call("STRIDED_SLICE", recoded(place), *bounds, table="StridedSliceOptions")


def write_transpose(place: Place, op: Transpose) -> None:
    """Write TRANSPOSE."""
    axes = place.integers("axes", op.axes)
    place.call("TRANSPOSE", recoded(place), axes, table="TransposeOptions")


def write_gather(place: Place, op: Gather) -> None:
    """Write GATHER."""
    indices = place.integers("indices", op.indices)
    place.call("GATHER", recoded(place), indices, table="GatherOptions", Axis=op.axis)


def write_tile(place: Place, op: Tile) -> None:
    """Write TILE."""
    repeats = place.integers("repeats", op.repeats)
    place.call("TILE", recoded(place), repeats, table="TileOptions")


def recoded(place: Place, index: int = 0) -> str:
    """Return the operand in the encoding of the result, a QUANTIZE before where it has another.

    Raises:
        InterchangeError: QUANTIZE would give other codes than this op does.
    """
    name, x, y = place.node.inputs[index], place.inputs[index], place.output
    if x.quant == y.quant:
        return name
    if x.quant is None or y.quant is None or not _is_exact(x.quant, y.quant):
        raise place.refusal(
            f"operand {name!r} ({x}) and result ({y}) have different encodings, and QUANTIZE "
            "between them would round otherwise; quantize the float model again"
        )
    made = place.temporary("recoded", replace(x, quant=y.quant))
    place.call("QUANTIZE", name, table="QuantizeOptions", outputs=(made,))
    return made


def _is_exact(x: Quant, y: Quant) -> bool:
    """Whether every policy's QUANTIZE gives what decoding and encoding gives, for all codes."""
    if x.bits > _WIDEST_TABLE_BITS:
        return False
    codes = np.arange(x.low, x.high + 1, dtype=x.dtype)[None]
    shape = (1, codes.size)
    want = y.encode(x.decode(codes))
    for policy in POLICIES:
        types = TensorType(shape=shape, quant=x), TensorType(shape=shape, quant=y)
        site = Site(name="recode", inputs=types[:1], outputs=types[1:], numerics=policy)
        (got,) = Quantize().prepare(site)(codes)
        if not np.array_equal(got, want):
            return False
    return True
