"""Compute what depends on constants alone, such as the shapes that exporters assemble."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from hwsim.errors import InterchangeError
from hwsim.limits import CONSTANT_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import NodeProto

    from hwsim.arrays import Array

_NAMES = """
    Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant ConstantOfShape Cos CumSum Div Equal
    Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm Greater GreaterOrEqual Identity
    IsInf IsNaN Less LessOrEqual Log MatMul Max Mean Min Mod Mul Neg NonZero Not Or Pad Pow Range
    Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Round
    ScatterElements ScatterND Sigmoid Sign Sin Size Slice Softmax Split Sqrt Squeeze Sub Sum Tanh
    Tile Transpose Trilu Unsqueeze Where Xor
"""
FOLDED: frozenset[str] = frozenset(_NAMES.split())
"""Operators that are computed when all their operands are constant."""

# A constant that a few bytes of file blow up beyond this is no constant of a model.
MOST_ELEMENTS = CONSTANT_ELEMENTS


class Left:
    """How many bytes constants that are computed may still take."""

    def __init__(self, size_bytes: int) -> None:
        """Begin with so many."""
        self._bytes = size_bytes

    def take(self, size_bytes: int) -> None:
        """Take so many of them.

        Raises:
            InterchangeError: There are not so many left.
        """
        self._bytes -= size_bytes
        if self._bytes < 0:
            raise InterchangeError("constants that are computed take too many bytes in all")


def folded(node: NodeProto, version: int, operands: Sequence[Array | None]) -> list[Array]:
    """Return the results of `node` by ONNX's reference implementation.

    Raises:
        InterchangeError: The node cannot be computed, or makes something huge.
    """
    if node.op_type not in FOLDED or node.domain not in ("", "ai.onnx"):
        raise InterchangeError(f"{node.op_type} of constants alone is not computed")
    elements = _elements(node, [np.asarray(o) for o in operands if o is not None])
    if elements > MOST_ELEMENTS:
        raise InterchangeError(f"{node.op_type} would make a constant of {elements:.3g} elements")
    feeds = {n: a for n, a in zip(node.input, operands, strict=True) if a is not None}
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_empty_tensor_value_info(name) for name in feeds],
        [helper.make_empty_tensor_value_info(name) for name in node.output if name],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])
    try:
        with warnings.catch_warnings():
            # Division by zero and the like: what it gives is the constant's value.
            warnings.simplefilter("ignore")
            evaluator: Any = ReferenceEvaluator(model)
            made: Sequence[Array] = evaluator.run(None, feeds)
    except Exception as error:
        # The reference checks little; a node that makes no sense fails anywhere.
        problem = " ".join(str(error).split())
        raise InterchangeError(
            f"{node.op_type} of constants cannot be computed ({type(error).__name__}: {problem})"
        ) from error
    return [np.asarray(array) for array in made]


def _elements(node: NodeProto, given: Sequence[Array]) -> float:
    """Return about how many elements the result of `node` has; never less than it has."""
    sizes = [float(array.size) for array in given]
    match node.op_type, given:
        case ("ConstantOfShape", [shape]):
            return _product(shape)
        case ("Expand" | "Tile", [x, times]):
            return x.size * _product(np.maximum(times, 1))
        case ("Pad", _):
            attributes = [a for a in node.attribute if a.name == "pads"]
            pads = np.asarray(attributes[0].ints if attributes else given[1], np.float64)
            ends = np.abs(pads[: pads.size // 2]) + np.abs(pads[pads.size // 2 :])
            # Each axis that is padded grows by so much of its extent at most.
            return max(given[0].size, 1) * _product(1 + ends)
        case ("Range", [start, stop, step]) if float(step.reshape(-1)[0]):
            first, end, by = (float(array.reshape(-1)[0]) for array in (start, stop, step))
            return abs(end - first) / abs(by) + 1
        case ("Concat", _):
            return sum(sizes)
        case ("Clip" | "Gemm" | "Max" | "Mean" | "Min" | "Sum" | "Where", _):
            # Shapes that broadcast, as many as there are.
            return math.prod(max(size, 1.0) for size in sizes) if _differ(given) else max(sizes)
        case _:
            # The elements of a product or of indices, and of shapes that broadcast.
            return math.prod(sizes[:2]) if len(sizes) > 1 else sum(sizes)


def _differ(given: Sequence[Array]) -> bool:
    """Return whether some operands that are no single numbers have different shapes."""
    return len({array.shape for array in given if array.size > 1}) > 1


def _product(extents: Array) -> float:
    return float(np.prod(np.abs(np.asarray(extents, np.float64))))
