"""Windows, reductions and sizes of images, as TFLite operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange.tflite.write_moves import recoded
from hwsim.interchange.tflite.write_products import SCHEMES, padded, scheme_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.interchange.tflite.write_place import Place
    from hwsim.ops import (
        AveragePool2d,
        MaxPool2d,
        Mean,
        ReduceMax,
        ReduceMin,
        ResizeBilinear,
        ResizeNearest,
        Sum,
    )

    Reduction = Mean | ReduceMax | ReduceMin | Sum


def write_average_pool(place: Place, op: AveragePool2d) -> None:
    """Write AVERAGE_POOL_2D; where padding counts, a PAD before it."""
    _require_one_encoding(place)
    scheme = scheme_of(place.inputs[0], op.kernel, op.stride, (1, 1), op.padding)
    source = place.node.inputs[0]
    if scheme != "valid" and op.count_padding:
        scheme, source = "valid", padded(place, op.padding)
    if scheme is None:
        raise place.refusal(
            f"AVERAGE_POOL_2D pads as SAME or VALID does, not by {op.padding}; pad in an op of "
            "its own and count the padding"
        )
    _write_pool(place, "AVERAGE_POOL_2D", op, source, scheme)


def write_max_pool(place: Place, op: MaxPool2d) -> None:
    """Write MAX_POOL_2D; other padding than SAME only where zero is the lowest code."""
    _require_one_encoding(place)
    (x,) = place.inputs
    scheme = scheme_of(x, op.kernel, op.stride, (1, 1), op.padding)
    source = place.node.inputs[0]
    if scheme is None:
        if x.quant is None or x.quant.zero_point[0] != x.quant.low:
            raise place.refusal(
                f"MAX_POOL_2D pads as SAME or VALID does, not by {op.padding}; a PAD before it "
                "would let its zeros win over negative values, so put a relu before the pool"
            )
        scheme, source = "valid", padded(place, op.padding)
    _write_pool(place, "MAX_POOL_2D", op, source, scheme)


def _write_pool(
    place: Place, code: str, op: AveragePool2d | MaxPool2d, source: str, scheme: str
) -> None:
    place.call(
        code,
        source,
        table="Pool2DOptions",
        activation=op.activation,
        Padding=SCHEMES[scheme],
        StrideH=op.stride[0],
        StrideW=op.stride[1],
        FilterHeight=op.kernel[0],
        FilterWidth=op.kernel[1],
    )


def _require_one_encoding(place: Place) -> None:
    if place.inputs[0].quant != place.output.quant:
        raise place.refusal(
            f"{place.node.op.kind} needs one encoding for operand and result; quantize the float "
            "model again, which gives them one"
        )


def write_reduction(code: str) -> Callable[[Place, Reduction], None]:
    """Return the writer of a reduction over axes, of operator `code`."""

    def write(place: Place, op: Reduction) -> None:
        # Only sums and means compute between encodings; the others hand codes on.
        source = recoded(place) if op.shares_encoding else place.node.inputs[0]
        axes = place.integers("axes", op.axes)
        place.call(code, source, axes, table="ReducerOptions", KeepDims=op.keep_axes)

    return write


def write_resize(code: str, table: str) -> Callable[[Place, ResizeBilinear | ResizeNearest], None]:
    """Return the writer of a resize, of operator `code`."""

    def write(place: Place, op: ResizeBilinear | ResizeNearest) -> None:
        _require_one_encoding(place)
        # Positions came with version 3.
        place.call(
            code,
            place.node.inputs[0],
            place.integers("size", op.size),
            table=table,
            version=1 if op.positions == "asymmetric" else 3,
            AlignCorners=op.positions == "align_corners",
            HalfPixelCenters=op.positions == "half_pixel",
        )

    return write
