"""Which widths of activations ONNX Runtime computes with as integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.ops import MatMul

if TYPE_CHECKING:
    from hwsim.interchange.onnx.write_place import Place

_ACTIVATION_BITS = (8, 16)


def require_width(place: Place) -> None:
    """Refuse what ONNX Runtime computes in reals, in an order that nobody knows."""
    graph = place.draft.graph
    for type_ in (*place.inputs, *graph.output_types(place.node)):
        if type_.quant is not None and type_.quant.bits not in _ACTIVATION_BITS:
            raise place.refusal(
                f"activations have 8 or 16 bits there, this op's {type_.quant.bits}",
                "quantize{activations=8}, or .hwsim holds it",
            )
        is_wide = type_.quant is not None and type_.quant.bits > 8
        if is_wide and (place.node.op.weight is not None or isinstance(place.node.op, MatMul)):
            raise place.refusal(
                f"ONNX Runtime has no integer {place.node.op.kind} of 16-bit activations",
                "quantize{activations=8}, or .tflite and .hwsim hold it",
            )
