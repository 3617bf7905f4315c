"""What holds of every op kind."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from hwsim.arrays import Shape
from hwsim.errors import GraphError, UnsupportedError
from hwsim.graph import Graph, Node, validate
from hwsim.numerics import POLICIES, Numerics, Quant
from hwsim.op import Op, Workload
from hwsim.ops import (
    OPS,
    Add,
    AveragePool2d,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    Gather,
    LayerNorm,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    MaxPool2d,
    Mean,
    Mul,
    Pad,
    PRelu,
    ReduceMax,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)
from hwsim.ops.elementary import work_kind
from hwsim.tensor import TensorType
from tests.cases import CASES, DYNAMIC, Case, conv, float_weight, linear

EVERY = CASES | DYNAMIC
cases = pytest.mark.parametrize("case", EVERY.values(), ids=EVERY.keys())
integers = pytest.mark.parametrize(
    "case",
    [case for case in EVERY.values() if case.is_integer],
    ids=[name for name, case in EVERY.items() if case.is_integer],
)
policies = pytest.mark.parametrize("numerics", POLICIES, ids=lambda numerics: numerics.name)


def test_every_kind_has_two_cases() -> None:
    for kind in OPS:
        assert sum(isinstance(case.op, kind) for case in CASES.values()) >= 2, kind.kind


def test_kinds_are_unique_and_named_like_their_class() -> None:
    kinds = [op.kind for op in OPS]
    assert len(set(kinds)) == len(kinds)
    assert [kind.replace("_", "") for kind in kinds] == [op.__name__.lower() for op in OPS]


@cases
def test_reference_makes_the_shapes_that_infer_says(case: Case) -> None:
    shapes = case.op.infer(*case.shapes)
    for count in (1, 3):
        results = case.op.reference(*case.reals(case.samples(count)))
        stacked = 1 if isinstance(case.op, Constant) else count
        assert [result.shape for result in results] == [(stacked, *shape) for shape in shapes]
        assert all(result.dtype == np.float64 for result in results)


@integers
@policies
def test_kernel_makes_codes_of_the_output_type(case: Case, numerics: Numerics) -> None:
    results = case.op.prepare(case.site(numerics))(*case.samples(3))
    for result, type_ in zip(results, case.outputs, strict=True):
        assert result.shape[1:] == type_.shape
        if type_.quant is None:
            assert result.dtype.kind == "f"
        else:
            assert result.dtype == type_.quant.dtype
            assert type_.quant.low <= result.min() <= result.max() <= type_.quant.high


@integers
@policies
def test_samples_do_not_see_each_other(case: Case, numerics: Numerics) -> None:
    kernel, operands = case.op.prepare(case.site(numerics)), case.samples(3)
    together = kernel(*operands)
    for i in range(3 if operands else 1):
        alone = kernel(*(operand[i : i + 1] for operand in operands))
        for all_results, result in zip(together, alone, strict=True):
            np.testing.assert_array_equal(all_results[i : i + 1], result)


@cases
def test_reference_samples_do_not_see_each_other(case: Case) -> None:
    reals = case.reals(case.samples(3))
    together = case.op.reference(*reals)
    for i in range(3 if reals else 1):
        alone = case.op.reference(*(real[i : i + 1] for real in reals))
        for all_results, result in zip(together, alone, strict=True):
            # float64 sums in another order: 10^3 terms, 10^-16 each.
            np.testing.assert_allclose(all_results[i : i + 1], result, rtol=1e-12, atol=1e-12)


@integers
@policies
def test_integers_stay_near_the_quantized_reference(case: Case, numerics: Numerics) -> None:
    operands = case.samples(3)
    (codes,) = case.op.prepare(case.site(numerics))(*operands)
    (exact,) = case.op.reference(*case.reals(operands))
    if case.quant is None:
        # The tolerance of reals is in reals; dequantized codes are exact.
        assert np.abs(codes - exact).max() <= case.steps
        return
    # A clamp never makes two numbers differ more than they did.
    lowest, highest = case.quant.decode(np.array([case.quant.low, case.quant.high]))
    error = np.abs(case.quant.decode(codes) - np.clip(exact, lowest, highest))
    # What is cut is off by a step, where what is rounded is off by three quarters.
    cut = 0.25 if numerics.conv.name == "float32_trunc" else 0.0
    assert (error / case.quant.scale[0]).max() <= case.steps + cut + 1e-6


@integers
@policies
def test_kernels_leave_their_operands_as_they_were(case: Case, numerics: Numerics) -> None:
    operands = case.samples(2)
    before = [operand.tobytes() for operand in operands]
    case.op.prepare(case.site(numerics))(*operands)
    assert [operand.tobytes() for operand in operands] == before


@cases
@policies
def test_reals_and_integers_do_not_mix(case: Case, numerics: Numerics) -> None:
    """Quantize and dequantize convert; everything else refuses, in one line."""
    site = case.site(numerics)
    other = None if case.quant is not None else Quant(scale=(0.1,))
    mixed = replace(site, outputs=tuple(replace(type_, quant=other) for type_ in site.outputs))
    with pytest.raises(UnsupportedError, match=r"^net/op: .*[^\n]$"):
        case.op.prepare(mixed)


def macs_by_hand(op: Op, shapes: tuple[Shape, ...], made: Shape) -> int:
    if isinstance(op, Conv2d):
        _, height, width, depth = op.weight.shape
        return math.prod(made) * height * width * depth
    if isinstance(op, Conv2dTranspose):
        _, height, width, depth = op.weight.shape
        return math.prod(shapes[0][1:3]) * op.weight.shape[0] * height * width * depth
    if isinstance(op, Linear):
        return math.prod(made) * op.weight.shape[1]
    if isinstance(op, MatMul):
        return math.prod(made) * shapes[0][-1]
    if isinstance(op, Lstm):
        # Every step multiplies both matrices.
        return math.prod(made[:2]) * (op.input_weight.codes.size + op.recurrent_weight.codes.size)
    return 0


@cases
def test_workload_counts(case: Case) -> None:
    work = case.op.workload(case.inputs, case.outputs)
    values = [getattr(work, field.name) for field in fields(Workload) if field.name != "kind"]
    # Windows, strides and dilations are pairs.
    numbers = np.concatenate([np.atleast_1d(value) for value in values])
    assert numbers.dtype.kind == "i"
    assert numbers.min() >= 0
    assert work.macs == macs_by_hand(case.op, case.shapes, case.outputs[0].shape)
    is_free = isinstance(case.op, Constant | Reshape)
    assert work.output_elements == (0 if is_free else case.outputs[0].elements)
    # Runtimes have some functions and lack others: each is a kind of its own.
    kind = case.op.kind
    if isinstance(case.op, Elementary):
        kind = work_kind(case.op.function)
    elif isinstance(case.op, Binary):
        kind = case.op.function
    assert work.kind.removeprefix("pointwise_").removeprefix("depthwise_") == kind


def graph_of(op: Op, shapes: tuple[Shape, ...], made: Shape) -> Graph:
    names = tuple(f"x{i}" for i in range(len(shapes)))
    types = {name: TensorType(shape=shape) for name, shape in zip(names, shapes, strict=True)}
    return Graph(
        name="net",
        inputs=names,
        outputs=("y",),
        tensors=types | {"y": TensorType(shape=made)},
        nodes=(Node(name="op", op=op, inputs=names, outputs=("y",)),),
    )


@cases
def test_another_number_of_operands_is_refused(case: Case) -> None:
    made = case.outputs[0].shape
    validate(graph_of(case.op, case.shapes, made))
    wrong: list[tuple[Shape, ...]] = [(*case.shapes, (1, 4))]
    if case.shapes and not isinstance(case.op, Concat):
        wrong.append(case.shapes[1:])
    for shapes in wrong:
        with pytest.raises(GraphError, match=r"^net/op: [^\n]*$"):
            validate(graph_of(case.op, shapes, made))


LSTM = Lstm(
    input_weight=float_weight(20, 3),
    recurrent_weight=float_weight(20, 5),
    bias=float_weight(20),
)
POOLING = {"kernel": (3, 3), "stride": (1, 1)}
NORM = LayerNorm(gamma=float_weight(4), beta=float_weight(4))
UNFIT: tuple[tuple[Op, tuple[Shape, ...]], ...] = (
    (Add(), ((1, 2), (1, 3))),
    (Mul(), ((2, 2), (3, 1, 3))),
    (AveragePool2d(kernel=(3, 3), stride=(1, 1)), ((1, 2, 5, 1),)),
    (AveragePool2d(kernel=(3, 3), stride=(1, 1)), ((5, 5, 1),)),
    (AveragePool2d(kernel=(2, 2), stride=(1, 1), padding=((2, 0), (0, 0))), ((1, 5, 5, 1),)),
    (MaxPool2d(kernel=(1, 2), stride=(1, 1), padding=((0, 1), (0, 0))), ((1, 5, 5, 1),)),
    (MaxPool2d(kernel=(6, 1), stride=(1, 1)), ((1, 5, 5, 1),)),
    (CASES["batch_norm"].op, ((1, 5, 5, 3),)),
    (CASES["batch_norm"].op, ((),)),
    (replace(NORM, beta=float_weight(3)), ((1, 4),)),
    (NORM, ((1, 3),)),
    (NORM, ((),)),
    (Concat(axis=1), ((1, 2), (2, 2))),
    (Concat(axis=1), ((1, 2), (1, 2, 3))),
    (Concat(axis=2), ((1, 2), (1, 2))),
    (Concat(axis=-3), ((1, 2), (1, 2))),
    (Concat(axis=0), ((), ())),
    (Concat(axis=0), ()),
    (Constant(value=float_weight(2)), ((2,),)),
    (conv(3, 3, 3, 4), ((1, 5, 5, 3),)),
    (conv(3, 3, 3, 4), ((1, 2, 5, 4),)),
    (conv(3, 3, 3, 4), ((5, 5, 4),)),
    (conv(3, 3, 3, 4, dilation=(1, 3)), ((1, 6, 6, 4),)),
    (conv(3, 3, 3, 4, groups=2), ((1, 5, 5, 8),)),
    (replace(conv(3, 3, 3, 4), bias=float_weight(4)), ((1, 5, 5, 4),)),
    (linear(3, 4), ((1, 3),)),
    (linear(3, 4), ((),)),
    (replace(linear(3, 4), bias=float_weight(4)), ((1, 4),)),
    (Binary(function="div"), ((1, 2), (1, 3))),
    (Conv2dTranspose(weight=float_weight(3, 2, 2, 4)), ((1, 5, 5, 3),)),
    (Conv2dTranspose(weight=float_weight(3, 2, 2, 4)), ((5, 5, 4),)),
    (Conv2dTranspose(weight=float_weight(3, 2, 2, 4), groups=2), ((1, 5, 5, 8),)),
    (Conv2dTranspose(weight=float_weight(3, 2, 2, 4), extra=(-1, 0)), ((1, 5, 5, 4),)),
    (
        Conv2dTranspose(weight=float_weight(3, 2, 2, 4), padding=((1, 1), (0, 0))),
        ((1, 1, 5, 4),),
    ),
    (
        Conv2dTranspose(weight=float_weight(3, 2, 2, 4), bias=float_weight(4)),
        ((1, 5, 5, 4),),
    ),
    (Gather(axis=2, indices=(0,)), ((1, 4),)),
    (Gather(axis=1, indices=(4,)), ((1, 4),)),
    (Gather(axis=1, indices=()), ((1, 4),)),
    (LogSoftmax(), ((),)),
    (CASES["lstm"].op, ((4, 3),)),
    (CASES["lstm"].op, ((1, 4, 2),)),
    (replace(LSTM, bias=float_weight(16)), ((1, 4, 3),)),
    (replace(LSTM, input_weight=float_weight(16, 3)), ((1, 4, 3),)),
    (replace(LSTM, recurrent_weight=float_weight(20, 4)), ((1, 4, 3),)),
    (PRelu(alpha=float_weight(3)), ((1, 4),)),
    (PRelu(alpha=float_weight(3)), ((),)),
    (ReduceMax(axes=(2,)), ((1, 4),)),
    (ResizeBilinear(size=(2, 2)), ((5, 5, 1),)),
    (ResizeNearest(size=(0, 2)), ((1, 5, 5, 1),)),
    (RmsNorm(gamma=float_weight(3)), ((1, 4),)),
    (RmsNorm(gamma=float_weight(3)), ((),)),
    (Sub(), ((1, 2), (1, 3))),
    (Sum(axes=(1, 1)), ((1, 4),)),
    (Tile(repeats=(1,)), ((1, 4),)),
    (Tile(repeats=(1, 0)), ((1, 4),)),
    (MatMul(), ((2, 3), (2, 3))),
    (MatMul(transpose_b=True), ((2, 3), (3, 2))),
    (MatMul(), ((1, 2, 3), (3, 2))),
    (MatMul(), ((2, 2, 3), (1, 3, 2))),
    (MatMul(), ((3,), (3,))),
    (Mean(axes=(2,)), ((1, 4),)),
    (Mean(axes=(-1,)), ((1, 4),)),
    (Mean(axes=(1, 1)), ((1, 4),)),
    (Pad(padding=((0, 0),)), ((1, 4),)),
    (Pad(padding=((0, 0), (0, -1))), ((1, 4),)),
    (Reshape(shape=(3, 2)), ((1, 5),)),
    (Slice(start=(0, 0), stop=(1, 5), step=(1, 1)), ((1, 4),)),
    (Slice(start=(0, 2), stop=(1, 2), step=(1, 1)), ((1, 4),)),
    (Slice(start=(0, -2), stop=(1, 2), step=(1, 1)), ((1, 4),)),
    (Slice(start=(0, 0), stop=(1, 4), step=(1, 0)), ((1, 4),)),
    (Slice(start=(0,), stop=(1,), step=(1,)), ((1, 4),)),
    (Softmax(), ((),)),
    (Transpose(axes=(0, 0)), ((1, 4),)),
    (Transpose(axes=(1, 0)), ((1, 4, 2),)),
)


@pytest.mark.parametrize(
    ("op", "shapes"), UNFIT, ids=[f"{op.kind}-{shapes}" for op, shapes in UNFIT]
)
def test_shapes_that_do_not_fit_are_refused(op: Op, shapes: tuple[Shape, ...]) -> None:
    with pytest.raises(GraphError, match=r"^[^\n]+$"):
        op.infer(*shapes)
