"""Models of one op each, beyond those of `single_ops`: resizes, reductions, cuts, ..."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hwsim.arrays import Array
from hwsim.numerics import Quant
from tests.oracle.single_ops import Case, Draw
from tests.oracle.tflite_writer import (
    FUSED,
    PADDING,
    Call,
    Tensor,
    activation,
    constant,
    tflite_bytes,
)

Options = dict[str, "int | float | bool"]


def _one(
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


def _all_codes(quant: Quant) -> Array:
    return np.arange(quant.low, quant.high + 1, dtype=quant.dtype).reshape(1, 256)


def _unary(draw: Draw, code: str, x: Quant, y: Quant, table: str = "", **options: float) -> Case:
    """All 256 codes at once."""
    tensors = [activation("x", (1, 256), x), activation("y", (1, 256), y)]
    return _one(draw, code, tensors, table, {**options}, samples=1, x=_all_codes(x))


def leaky_relu(draw: Draw) -> Case:
    alpha = float(np.float32(draw.rng.choice([0.01, 0.1, 0.25, 0.5, 1.5])))
    x, y = draw.quant(0.05), draw.quant(0.06)
    return _unary(draw, "LEAKY_RELU", x, y, "LeakyReluOptions", Alpha=alpha)


def hard_swish(draw: Draw) -> Case:
    about = float(draw.rng.choice([0.01, 0.03, 0.1]))
    return _unary(draw, "HARD_SWISH", draw.quant(about), draw.quant(about))


def elu(draw: Draw) -> Case:
    return _unary(draw, "ELU", draw.quant(0.05), draw.quant(0.05))


def relu_n1_to_1(draw: Draw) -> Case:
    return _unary(draw, "RELU_N1_TO_1", draw.quant(0.02), draw.quant(0.02))


def relu_0_to_1(draw: Draw) -> Case:
    return _unary(draw, "RELU_0_TO_1", draw.quant(0.02), draw.quant(0.02))


def exp(draw: Draw) -> Case:
    return _unary(draw, "EXP", draw.quant(0.03), draw.quant(0.1), "ExpOptions")


def _pairwise(draw: Draw, code: str, table: str, about: float, *, fused: bool = False) -> Case:
    """All 65,536 pairs of codes, in either order; one encoding unless `about` is positive."""
    a = draw.quant(0.05)
    b, y = (draw.quant(0.08), draw.quant(about)) if about else (a, a)
    codes = np.arange(a.low, a.high + 1, dtype=a.dtype)
    flip = bool(draw.integer(0, 1))
    tensors = [
        activation("x", (1, 256, 1, 1), a),
        constant("b", codes.reshape(1, 1, 256, 1), b),
        activation("y", (1, 256, 256, 1), y),
    ]
    options: Options = (
        {"FusedActivationFunction": FUSED[draw.one_of(list(FUSED)[:4])]} if fused else {}
    )
    operands = ("b", "x") if flip else ("x", "b")
    x = codes.reshape(1, 256, 1, 1)
    return _one(draw, code, tensors, table, options, operands=operands, samples=1, x=x)


def sub(draw: Draw) -> Case:
    return _pairwise(draw, "SUB", "SubOptions", 0.1, fused=True)


def maximum(draw: Draw) -> Case:
    return _pairwise(draw, "MAXIMUM", "MaximumMinimumOptions", 0)


def minimum(draw: Draw) -> Case:
    return _pairwise(draw, "MINIMUM", "MaximumMinimumOptions", 0)


def prelu(draw: Draw) -> Case:
    channels = draw.integer(1, 9)
    shape = (1, 6, 7, channels)
    x, alpha, y = draw.quant(0.05), draw.quant(0.01), draw.quant(0.06)
    tensors = [
        activation("x", shape, x),
        constant("alpha", draw.codes(alpha, 1, 1, channels), alpha),
        activation("y", shape, y),
    ]
    return _one(draw, "PRELU", tensors)


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
    return _one(draw, code, tensors, "ReducerOptions", {"KeepDims": keep})


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
    return _one(draw, "MEAN", tensors, "ReducerOptions", {"KeepDims": True})


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
    return _one(draw, code, tensors, table, options)


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
    return _one(draw, "TRANSPOSE_CONV", tensors, "TransposeConvOptions", options)


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
    return _one(draw, "BATCH_MATMUL", tensors, "BatchMatMulOptions", options)


def batch_matmul_self(draw: Draw) -> Case:
    """Both operands computed: x with itself, turned; and no operand is constant."""
    rows, depth = draw.integer(1, 9), draw.integer(1, 20)
    a, y = draw.quant(0.05), draw.quant(0.05 * 0.05 * 75 * depth**0.5)
    tensors = [activation("x", (1, 2, rows, depth), a), activation("y", (1, 2, rows, rows), y)]
    options: Options = {"AdjX": False, "AdjY": True}
    return _one(
        draw, "BATCH_MATMUL", tensors, "BatchMatMulOptions", options, operands=("x", "x"), samples=9
    )


def log_softmax(draw: Draw, samples: int = 40) -> Case:
    classes = draw.integer(2, 20)
    quant = draw.quant(float(draw.rng.choice([0.003, 0.05, 0.4])))
    high = 255 if draw.is_unsigned else 127
    made = Quant(scale=(16 / 256,), zero_point=(high,), signed=not draw.is_unsigned)
    tensors = [activation("x", (1, classes), quant), activation("y", (1, classes), made)]
    return _one(draw, "LOG_SOFTMAX", tensors, "LogSoftmaxOptions", samples=samples)


def strided_slice(draw: Draw) -> Case:
    """Bounds from the front or the end, axes left open, dropped or added."""
    shape = (1, draw.integer(3, 7), draw.integer(3, 7), draw.integer(2, 5))
    quant = draw.quant(0.05)
    start, stop, step = [0, 1, -2, 0], [1, shape[1], shape[2], shape[3]], [1, 2, 1, 1]
    which = draw.integer(0, 3)
    masks = {"BeginMask": 9, "EndMask": 9, "ShrinkAxisMask": 0}
    made = [1, len(range(1, shape[1], 2)), 2, shape[3]]
    if which == 1:
        masks["ShrinkAxisMask"] = 2
        del made[1]
    elif which == 2:
        stop[1] = -1
        made[1] = len(range(1, shape[1] - 1, 2))
    elif which == 3:
        masks |= {"BeginMask": 0, "EndMask": 2, "EllipsisMask": 4}
        made = [1, len(range(1, shape[1], 2)), shape[2], shape[3]]
    tensors = [
        activation("x", shape, quant),
        *(
            constant(name, np.array(values, np.int32))
            for name, values in (("start", start), ("stop", stop), ("step", step))
        ),
        activation("y", made, quant),
    ]
    return _one(draw, "STRIDED_SLICE", tensors, "StridedSliceOptions", {**masks})


def slice_(draw: Draw) -> Case:
    shape = (1, draw.integer(3, 7), draw.integer(3, 7), draw.integer(2, 5))
    quant = draw.quant(0.05)
    tensors = [
        activation("x", shape, quant),
        constant("start", np.array([0, 1, 2, 0], np.int32)),
        constant("size", np.array([1, 2, -1, shape[3]], np.int32)),
        activation("y", (1, 2, shape[2] - 2, shape[3]), quant),
    ]
    return _one(draw, "SLICE", tensors, "SliceOptions")


def gather(draw: Draw) -> Case:
    shape, axis = (1, draw.integer(3, 7), draw.integer(3, 7), draw.integer(2, 5)), 2
    quant = draw.quant(0.05)
    indices = draw.rng.integers(0, shape[axis], 6).astype(np.int32)
    tensors = [
        activation("x", shape, quant),
        constant("indices", indices),
        activation("y", (*shape[:2], 6, shape[3]), quant),
    ]
    return _one(draw, "GATHER", tensors, "GatherOptions", {"Axis": axis})


def tile(draw: Draw) -> Case:
    shape, quant = (1, draw.integer(2, 5), draw.integer(2, 5)), draw.quant(0.05)
    repeats = [1, draw.integer(1, 3), draw.integer(1, 3)]
    tensors = [
        activation("x", shape, quant),
        constant("repeats", np.array(repeats, np.int32)),
        activation("y", [n * times for n, times in zip(shape, repeats, strict=True)], quant),
    ]
    return _one(draw, "TILE", tensors, "TileOptions")


def depth_to_space(draw: Draw) -> Case:
    block, quant = draw.integer(2, 3), draw.quant(0.05)
    height, width, channels = draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 3)
    tensors = [
        activation("x", (1, height, width, block**2 * channels), quant),
        activation("y", (1, height * block, width * block, channels), quant),
    ]
    return _one(draw, "DEPTH_TO_SPACE", tensors, "DepthToSpaceOptions", {"BlockSize": block})


def space_to_depth(draw: Draw) -> Case:
    block, quant = draw.integer(2, 3), draw.quant(0.05)
    height, width, channels = draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 3)
    tensors = [
        activation("x", (1, height * block, width * block, channels), quant),
        activation("y", (1, height, width, block**2 * channels), quant),
    ]
    return _one(draw, "SPACE_TO_DEPTH", tensors, "SpaceToDepthOptions", {"BlockSize": block})


def _rejoined(draw: Draw, code: str, table: str, options: Options, operands: list[Tensor],
              parts: list[tuple[int, ...]], made: tuple[int, ...], join: str) -> Case:  # fmt: skip
    """Cut x into parts, and join them in the order turned round."""
    quant = operands[0].quant
    names = tuple(f"part{i}" for i in range(len(parts)))
    inputs = tuple(t.name for t in operands)
    calls = [
        Call(
            code=code, inputs=inputs[1:] + inputs[:1] if code == "SPLIT" else inputs,
            outputs=names, table=table, options=options,
        ),
        Call(
            code=join,
            inputs=names[::-1],
            outputs=("y",),
            table="PackOptions" if join == "PACK" else "ConcatenationOptions",
            options={"Axis": 1, "ValuesCount": len(parts)} if join == "PACK" else {"Axis": 1},
        ),
    ]  # fmt: skip
    tensors = [
        *operands,
        *(activation(name, part, quant) for name, part in zip(names, parts, strict=True)),
        activation("y", made, quant),
    ]
    return case_of(draw, tensors, calls, 3, None)


def split(draw: Draw) -> Case:
    count, extent, quant = draw.integer(2, 4), draw.integer(1, 4), draw.quant(0.05)
    shape = (1, count * extent, 3)
    x = activation("x", shape, quant)
    axis = constant("axis", np.array([1], np.int32))
    options: Options = {"NumSplits": count}
    parts = [(1, extent, 3)] * count
    return _rejoined(
        draw, "SPLIT", "SplitOptions", options, [x, axis], parts, shape, "CONCATENATION"
    )


def split_v(draw: Draw) -> Case:
    extents, quant = [draw.integer(1, 4) for _ in range(3)], draw.quant(0.05)
    shape = (1, sum(extents), 3)
    x = activation("x", shape, quant)
    sizes = constant("sizes", np.array(extents, np.int32))
    axis = constant("axis", np.array([-2], np.int32))
    parts = [(1, extent, 3) for extent in extents]
    options: Options = {"NumSplits": 3}
    return _rejoined(
        draw, "SPLIT_V", "SplitVOptions", options, [x, sizes, axis], parts, shape, "CONCATENATION"
    )


def unpack(draw: Draw) -> Case:
    count, quant = draw.integer(2, 4), draw.quant(0.05)
    shape = (1, count, 5)
    options: Options = {"Num": count, "Axis": 1}
    x = activation("x", shape, quant)
    return _rejoined(draw, "UNPACK", "UnpackOptions", options, [x], [(1, 5)] * count, shape, "PACK")


CASES: Final[tuple[Callable[[Draw], Case], ...]] = (
    batch_matmul,
    batch_matmul_self,
    conv_transpose,
    depth_to_space,
    elu,
    exp,
    gather,
    hard_swish,
    leaky_relu,
    log_softmax,
    maximum,
    mean,
    minimum,
    prelu,
    reduce_max,
    reduce_min,
    relu_0_to_1,
    relu_n1_to_1,
    resize_bilinear,
    resize_nearest,
    slice_,
    space_to_depth,
    split,
    split_v,
    strided_slice,
    sub,
    sum_,
    tile,
    unpack,
)
