"""Ops of two operands and changes of encoding, as TFLite operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange.tflite.write_moves import recoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange.tflite.write_place import Place
    from hwsim.ops import (
        Add,
        BatchNorm,
        Binary,
        Dequantize,
        Maximum,
        Minimum,
        Mul,
        Quantize,
        Sub,
    )

_BINARY: Mapping[str, tuple[str, str]] = {
    "div": ("DIV", "DivOptions"),
    "pow": ("POW", "PowOptions"),
    "squared_difference": ("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"),
}


def write_add(place: Place, op: Add) -> None:
    """Write ADD."""
    # By default 16-bit sums would shift by powers of two.
    place.call(
        "ADD", *place.node.inputs, table="AddOptions", activation=op.activation, PotScaleInt16=False
    )


def write_sub(place: Place, op: Sub) -> None:
    """Write SUB."""
    place.call(
        "SUB", *place.node.inputs, table="SubOptions", activation=op.activation, PotScaleInt16=False
    )


def write_mul(place: Place, op: Mul) -> None:
    """Write MUL."""
    place.call("MUL", *place.node.inputs, table="MulOptions", activation=op.activation)


def write_maximum(place: Place, op: Maximum) -> None:
    """Write MAXIMUM."""
    del op
    place.call("MAXIMUM", recoded(place, 0), recoded(place, 1), table="MaximumMinimumOptions")


def write_minimum(place: Place, op: Minimum) -> None:
    """Write MINIMUM."""
    del op
    place.call("MINIMUM", recoded(place, 0), recoded(place, 1), table="MaximumMinimumOptions")


def write_binary(place: Place, op: Binary) -> None:
    """Write the operator of that function, which is one of reals here."""
    code, table = _BINARY[op.function]
    if not place.is_real:
        raise place.refusal(
            f"{code} of integers computes otherwise than hwsim, which computes it in reals"
        )
    place.call(code, *place.node.inputs, table=table)


def write_batch_norm(place: Place, op: BatchNorm) -> None:
    """Write a MUL and an ADD of constants; integers have none left."""
    if not place.is_real:
        raise place.refusal("batch_norm has no integer form; the step fuse folds it")
    scale, shift = op.affine()
    made = place.temporary("scaled", place.output)
    factor = place.constant("scale", scale.astype(np.float32))
    place.call("MUL", place.node.inputs[0], factor, table="MulOptions", outputs=(made,))
    place.call("ADD", made, place.constant("shift", shift.astype(np.float32)), table="AddOptions")


def write_quantize(place: Place, op: Quantize) -> None:
    """Write QUANTIZE."""
    del op
    place.call("QUANTIZE", place.node.inputs[0], table="QuantizeOptions")


def write_dequantize(place: Place, op: Dequantize) -> None:
    """Write DEQUANTIZE."""
    del op
    place.call("DEQUANTIZE", place.node.inputs[0], table="DequantizeOptions")
