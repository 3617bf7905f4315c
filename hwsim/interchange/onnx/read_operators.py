"""Every ONNX operator that is read, by name; those of other domains with their domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange.onnx.read_activations import ACTIVATIONS
from hwsim.interchange.onnx.read_codes import passing_codes
from hwsim.interchange.onnx.read_dynamic import DYNAMIC
from hwsim.interchange.onnx.read_elementwise import ARITHMETIC
from hwsim.interchange.onnx.read_layers import LAYERS
from hwsim.interchange.onnx.read_norms import NORMS
from hwsim.interchange.onnx.read_parts import PARTS
from hwsim.interchange.onnx.read_products import PRODUCTS
from hwsim.interchange.onnx.read_qlinear import QUANTIZED
from hwsim.interchange.onnx.read_recurrent import RECURRENT
from hwsim.interchange.onnx.read_reductions import REDUCTIONS
from hwsim.interchange.onnx.read_resize import RESIZES
from hwsim.interchange.onnx.read_shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange.onnx.read_call import Layer

_READERS: Mapping[str, Layer] = {
    **ACTIVATIONS,
    **ARITHMETIC,
    **LAYERS,
    **NORMS,
    **PARTS,
    **PRODUCTS,
    **QUANTIZED,
    **RECURRENT,
    **REDUCTIONS,
    **RESIZES,
    **SHAPES,
    **DYNAMIC,
}
_MOVING = (*PARTS, *SHAPES, "GlobalMaxPool", "MaxPool", "ReduceMax", "ReduceMin", "Resize")

READERS: Mapping[str, Layer] = {
    **_READERS,
    **{name: passing_codes(_READERS[name]) for name in _MOVING if name not in ("Cast", "Dropout")},
}
"""All of them; Shape and Size, which ask for no values, are read apart."""
