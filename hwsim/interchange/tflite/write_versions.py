"""Which version of a TFLite operator first took which types.

A runtime looks a kernel up by operator and version, so the lowest one that fits is written: old
runtimes then still take the file. From TensorFlow, lite/tools/versioning/op_version.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT: Mapping[str, int] = {"int8": 2, "int16": 3}

_VERSIONS: Mapping[str, Mapping[str, int]] = {
    "ABS": {"int8": 2, "uint8": 2, "int16": 3},
    "CEIL": {},
    "CONV_2D": {"int8": 3, "int16": 4},
    "DEPTHWISE_CONV_2D": {"int8": 3, "int16": 5},
    "DENSIFY": {},
    "DEQUANTIZE": {"int8": 2, "int16": 3},
    "DIV": {},
    "ELU": {},
    "EXP": {"int8": 2, "int16": 2},
    "EXPAND_DIMS": {},
    "FLOOR": {},
    "FULLY_CONNECTED": {"int8": 4, "int16": 7},
    "GATHER": {"int8": 2, "int16": 4},
    "GELU": {"int8": 2, "uint8": 2},
    "HARD_SWISH": {},
    "LEAKY_RELU": {"int16": 2},
    "LOG": {},
    "LOG_SOFTMAX": {"int8": 2},
    "MAXIMUM": {"int8": 2, "int16": 4},
    "MINIMUM": {"int8": 2, "int16": 4},
    "MUL": {"int8": 2, "int16": 4},
    "NEG": {},
    "POW": {},
    "PRELU": {},
    "QUANTIZE": {},
    "RELU": {"int8": 2, "uint8": 2, "int16": 3},
    "RELU_0_TO_1": {},
    "RELU_N1_TO_1": {},
    "RESHAPE": {},
    "RESIZE_BILINEAR": {"int8": 2, "int16": 4},
    "RESIZE_NEAREST_NEIGHBOR": {"int8": 2, "int16": 4},
    "ROUND": {},
    "RSQRT": {"int8": 2},
    "SLICE": {"int8": 2, "int16": 4},
    "SPLIT": {"int8": 2, "int16": 4},
    "SPLIT_V": {"int8": 2, "int16": 2},
    "SQRT": {},
    "SQUARE": {},
    "SQUARED_DIFFERENCE": {"int8": 2},
    "SQUEEZE": {},
    "STRIDED_SLICE": {"int8": 2, "int16": 2},
    "SUB": {"int8": 2, "int16": 5},
    "SUM": {"int8": 2},
    "TILE": {"int8": 2},
    "TRANSPOSE": {"int8": 2, "int16": 5},
    "TRANSPOSE_CONV": {"int8": 2, "int16": 3},
}


def version_of(code: str, dtype: str) -> int:
    """Return the lowest version of operator `code` that takes `dtype` as its first operand.

    Attributes may ask for a later one: writers say so where they set them.
    """
    return _VERSIONS.get(code, _DEFAULT).get(dtype, 1)
