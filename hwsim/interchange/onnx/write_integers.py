"""The operators of integers that stand for real ones between encodings, and what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hwsim.interchange.onnx.write_draft import MICROSOFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Encoded: TypeAlias = tuple[str, str, str]
"""Names of codes, their scale and their zero point."""

INTEGER_OPERATORS: Mapping[str, tuple[str, str]] = {
    "Add": ("QLinearAdd", MICROSOFT),
    "AveragePool": ("QLinearAveragePool", MICROSOFT),
    "Concat": ("QLinearConcat", MICROSOFT),
    "Conv": ("QLinearConv", ""),
    "Gemm": ("QGemm", MICROSOFT),
    "GlobalAveragePool": ("QLinearGlobalAveragePool", MICROSOFT),
    "MatMul": ("QLinearMatMul", ""),
    "Mul": ("QLinearMul", MICROSOFT),
    "Sigmoid": ("QLinearSigmoid", MICROSOFT),
    "Softmax": ("QLinearSoftmax", MICROSOFT),
}
"""By the operator between reals: name and domain."""

MOVES = ("Gather", "MaxPool", "ReduceMax", "ReduceMin", "Reshape", "Slice", "Tile", "Transpose")
"""Operators that take codes as they are, where operand and result have one encoding."""


def integer_operands(op: str, given: Sequence[Encoded], made: tuple[str, str]) -> list[str]:
    """Return the operands of the operator of integers that stands for `op`.

    Args:
        op: The operator between reals.
        given: Its operands; the bias of a product comes third, and needs no encoding.
        made: Scale and zero point of the result.
    """
    flat = [name for encoded in given[:2] for name in encoded]
    bias = [encoded[0] for encoded in given[2:]]
    if op == "Conv":
        return [*flat, *made, *bias]
    if op == "Gemm":
        return [*flat, *(bias or [""]), *made]
    if op == "Concat":
        return [*made, *(name for encoded in given for name in encoded)]
    return [*flat, *made]
