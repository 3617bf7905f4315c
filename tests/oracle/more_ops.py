"""Models of one op each, beyond those of `single_ops`: products, reductions, resizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import (
    PADDING,
    Call,
    Tensor,
    activation,
    constant,
    tflite_bytes,
)

Options = dict[str, "int | float | bool"]


def one_op(
    draw: Draw, code: str, tensors: Sequence[Tensor], table: str = "",
    options: Options | None = None, *, operands: tuple[str, ...] | None = None, samples: int = 3,
    x: Array | None = None,
) -> Case:  # fmt: skip
    """Return a model of one operator between x, constants, and y, which comes last."""
    names = tuple(tensor.name for tensor in tensors[:-1])
    call = Call(
        code=code, inputs=operands or names, outputs=("y",), table=table, options=options or {}
    )
    return case_of(draw, tensors, [call], samples, x)


def case_of(
    draw: Draw, tensors: Sequence[Tensor], calls: Sequence[Call], samples: int, x: Array | None
) -> Case:
    """Return a model from tensor x to tensor y; random codes or reals where `x` is None."""
    source = next(tensor for tensor in tensors if tensor.name == "x")
    if x is None and source.quant is None:
        x = draw.rng.standard_normal((samples, *source.shape[1:])).astype(np.float32)
    elif x is None:
        assert source.quant is not None
        x = draw.codes(source.quant, samples, *source.shape[1:])
    return Case(content=tflite_bytes(tensors, calls, ["x"], ["y"]), x=x)


def _reduction(draw: Draw, code: str, about: float) -> Case:
    """Over height and width, as most are, or over some axes; all steps of batch 1 stay."""
    shape = (1, draw.integer(1, 9), draw.integer(1, 9), draw.integer(1, 12))
    choices = ([1, 2], [1, 2], [3], [2], [1, 3], [-1, 1, 2])
    axes = choices[draw.integer(0, len(choices) - 1)]
    keep = bool(draw.integer(0, 1))
    gone = {axis % 4 for axis in axes}
    made = [1 if i in gone else n for i, n in enumerate(shape) if keep or i not in gone]
    x = draw.quant(0.05)
    count = float(np.prod([shape[axis] for axis in gone]))
    y = x if about == 0 else draw.quant(about * count**0.5 if code == "SUM" else about / count**0.5)
    tensors = [
        activation("x", shape, x),
        constant("axes", np.array(axes, np.int32)),
        activation("y", made, y),
    ]
    return one_op(draw, code, tensors, "ReducerOptions", {"KeepDims": keep}, samples=9)


def mean(draw: Draw) -> Case:
    return _reduction(draw, "MEAN", 0.05)


def reduced_images(draw: Draw) -> Case:
    """Means over height and width that keep both axes, as most networks have them."""
    shape = (1, draw.integer(1, 9), draw.integer(1, 9), draw.integer(1, 24))
    tensors = [
        activation("x", shape, draw.quant(0.05)),
        constant("axes", np.array([1, 2], np.int32)),
        activation("y", (1, 1, 1, shape[3]), draw.quant(0.01)),
    ]
    return one_op(draw, "MEAN", tensors, "ReducerOptions", {"KeepDims": True})


def sum_(draw: Draw) -> Case:
    return _reduction(draw, "SUM", 0.05)


def reduce_max(draw: Draw) -> Case:
    return _reduction(draw, "REDUCE_MAX", 0)


def reduce_min(draw: Draw) -> Case:
    return _reduction(draw, "REDUCE_MIN", 0)


def _resize(draw: Draw, code: str, table: str) -> Case:
    height, width, channels = draw.integer(2, 8), draw.integer(2, 8), draw.integer(1, 5)
    if draw.integer(0, 1):
        size = (2 * height, 2 * width)
    else:
        size = (draw.integer(1, 17), draw.integer(1, 17))
    quant = draw.quant(0.05)
    which = draw.integer(0, 2)
    tensors = [
        activation("x", (1, height, width, channels), quant),
        constant("size", np.array(size, np.int32)),
        activation("y", (1, *size, channels), quant),
    ]
    options: Options = {"AlignCorners": which == 1, "HalfPixelCenters": which == 2}
    return one_op(draw, code, tensors, table, options)


def resize_bilinear(draw: Draw) -> Case:
    return _resize(draw, "RESIZE_BILINEAR", "ResizeBilinearOptions")


def resize_nearest(draw: Draw) -> Case:
    return _resize(draw, "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")


def conv_transpose(draw: Draw) -> Case:
    height, width, stride = draw.integer(1, 6), draw.integer(1, 6), draw.integer(1, 3)
    channels, out, kernel = draw.integer(1, 9), draw.integer(1, 9), draw.integer(stride, 4)
    padding = draw.one_of(list(PADDING))
    # SAME leaves open which of `stride` extents it is.
    cut = draw.integer(0, stride - 1) if padding == "same" else 0
    made = [
        n * stride - cut if padding == "same" else (n - 1) * stride + kernel
        for n in (height, width)
    ]
    x = draw.quant(0.03)
    codes, w = draw.weights(out, 0, out, kernel, kernel, channels)
    depth = max(1, kernel * kernel * channels // stride**2)
    tensors = [
        constant("shape", np.array([1, *made, out], np.int32)),
        constant("w", codes, w),
        activation("x", (1, height, width, channels), x),
        constant("b", *draw.bias(x, w, out)),
        activation("y", (1, *made, out), draw.quant(0.03 * 0.01 * draw.spread * depth**0.5)),
    ]
    options: Options = {"Padding": PADDING[padding], "StrideW": stride, "StrideH": stride}
    return one_op(draw, "TRANSPOSE_CONV", tensors, "TransposeConvOptions", options)


def batch_matmul(draw: Draw) -> Case:
    """x with a constant, in either order, each as it is or turned."""
    rows, depth, columns = draw.integer(1, 9), draw.integer(1, 20), draw.integer(1, 9)
    turned = bool(draw.integer(0, 1)), bool(draw.integer(0, 1))
    left = (1, 2, depth, rows) if turned[0] else (1, 2, rows, depth)
    right = (1, 2, columns, depth) if turned[1] else (1, 2, depth, columns)
    a, b, y = draw.quant(0.05), draw.quant(0.08), draw.quant(0.05 * 0.08 * 75 * depth**0.5)
    tensors = [
        activation("x", left, a),
        constant("b", draw.codes(b, *right), b),
        activation("y", (1, 2, rows, columns), y),
    ]
    options: Options = {"AdjX": turned[0], "AdjY": turned[1]}
    return one_op(draw, "BATCH_MATMUL", tensors, "BatchMatMulOptions", options)


def batch_matmul_self(draw: Draw) -> Case:
    """Both operands computed: x with itself, turned; and no operand is constant."""
    rows, depth = draw.integer(1, 9), draw.integer(1, 20)
    a, y = draw.quant(0.05), draw.quant(0.05 * 0.05 * 75 * depth**0.5)
    tensors = [activation("x", (1, 2, rows, depth), a), activation("y", (1, 2, rows, rows), y)]
    options: Options = {"AdjX": False, "AdjY": True}
    return one_op(
        draw, "BATCH_MATMUL", tensors, "BatchMatMulOptions", options, operands=("x", "x"), samples=9
    )


def log_softmax(draw: Draw, samples: int = 40) -> Case:
    classes = draw.integer(2, 20)
    quant = draw.quant(float(draw.rng.choice([0.003, 0.05, 0.4])))
    high = 255 if draw.is_unsigned else 127
    made = Quant(scale=(16 / 256,), zero_point=(high,), signed=not draw.is_unsigned)
    tensors = [activation("x", (1, classes), quant), activation("y", (1, classes), made)]
    return one_op(draw, "LOG_SOFTMAX", tensors, "LogSoftmaxOptions", samples=samples)


CASES: Final[tuple[Callable[[Draw], Case], ...]] = (
    batch_matmul,
    batch_matmul_self,
    conv_transpose,
    log_softmax,
    mean,
    reduce_max,
    reduce_min,
    resize_bilinear,
    resize_nearest,
    sum_,
)
