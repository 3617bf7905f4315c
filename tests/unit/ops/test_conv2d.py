"""Integer convolutions and linear layers beside loops in Python integers."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from hwsim.arrays import IntArray
from hwsim.formats import FORMATS, NM, Format
from hwsim.numerics import POLICIES, Numerics, Quant, find_policy
from hwsim.ops import Conv2d, Linear
from hwsim.ops._activation import clamped_target
from hwsim.tensor import Weight
from tests.cases import IMAGE, SMALL, UNSIGNED, A, B, C, Case, bias_of, case, conv, linear

policies = pytest.mark.parametrize("numerics", POLICIES, ids=lambda numerics: numerics.name)
UNEVEN = ((2, 0), (1, 3))
# Unsigned weights around a zero point, as old TFLite files have them.
WEIGHTS_UINT8 = Quant(scale=(0.02,), zero_point=(131,), signed=False)
WEIGHTS_CHANNELS = Quant(scale=(0.02, 0.03, 0.01), zero_point=(5, -7, 0), axis=0)


def asymmetric(quant: Quant, *shape: int) -> Weight:
    rng = np.random.default_rng(3)
    codes = rng.integers(quant.low, quant.high + 1, shape).astype(quant.dtype)
    return Weight(codes=codes, quant=quant)


def conv_of(weight: Weight) -> Conv2d:
    return Conv2d(weight=weight, bias=bias_of(weight, A), padding=UNEVEN, stride=(1, 2))


CONVOLUTIONS: dict[str, Case] = {
    "plain": case(conv(3, 3, 3, 4), IMAGE),
    "one_pixel": case(conv(3, 1, 1, 4, x=B), IMAGE, x=B),
    "strided_pixel": case(conv(3, 1, 1, 4, stride=(2, 3)), IMAGE),
    "uneven_padding": case(conv(3, 3, 2, 4, padding=UNEVEN, stride=(2, 1)), IMAGE),
    "dilated": case(conv(3, 2, 3, 4, padding=UNEVEN, dilation=(3, 2), stride=(1, 2)), IMAGE),
    "two_images": case(conv(3, 2, 2, 4), (2, 5, 6, 4)),
    "padding_wider_than_kernel": case(conv(2, 1, 1, 4, padding=UNEVEN, x=B), IMAGE, x=B),
    "grouped": case(conv(6, 3, 2, 2, groups=3, padding=UNEVEN, dilation=(1, 2)), SMALL),
    "depthwise": case(conv(6, 3, 3, 1, groups=6, padding=UNEVEN, dilation=(2, 1)), SMALL),
    "multiplier_of_2": case(conv(12, 2, 2, 1, groups=6, stride=(2, 1), x=B), SMALL, x=B),
    "relu": case(conv(3, 2, 2, 4, activation="relu"), IMAGE),
    "relu6": case(conv(3, 2, 2, 4, activation="relu6"), IMAGE),
    "relu_n1_to_1": case(conv(3, 2, 2, 4, activation="relu_n1_to_1"), IMAGE),
    "no_bias": case(replace(conv(3, 2, 2, 4), bias=None), IMAGE),
    "one_scale": case(conv(3, 2, 2, 4, axis=None), IMAGE),
    "4_bits": case(conv(3, 2, 2, 4, bits=4), IMAGE),
    "uint8": case(conv(3, 2, 2, 4, x=UNSIGNED), IMAGE, x=UNSIGNED, y=UNSIGNED),
    "asymmetric_weight": case(conv_of(asymmetric(WEIGHTS_UINT8, 3, 2, 3, 4)), IMAGE),
    "asymmetric_channels": case(conv_of(asymmetric(WEIGHTS_CHANNELS, 3, 2, 3, 4)), IMAGE),
    "asymmetric_depthwise": case(
        replace(conv_of(asymmetric(WEIGHTS_UINT8, 6, 2, 3, 1)), groups=6), SMALL
    ),
    "asymmetric_groups": case(
        replace(conv_of(asymmetric(WEIGHTS_UINT8, 6, 2, 3, 2)), groups=3), SMALL
    ),
}


def centred_lists(weight: Weight) -> IntArray:
    """Return weight codes less their zero points, in int64."""
    assert weight.quant is not None
    zeros = np.array(weight.quant.zero_point).reshape(-1, *(1,) * (weight.codes.ndim - 1))
    return weight.codes.astype(np.int64) - zeros


def conv_twin(op: Conv2d, images: IntArray, x: Quant) -> IntArray:
    """Return int64 accumulators [n, i, j, out], one product after the other."""
    n, height, width, _ = images.shape
    _, out_height, out_width, channels = op.infer((1, *images.shape[1:]))[0]
    weights = centred_lists(op.weight)
    _, kernel_height, kernel_width, depth = weights.shape
    per_group = channels // op.groups
    out = np.zeros((n, out_height, out_width, channels), np.int64)
    for b, i, j, o in np.ndindex(*out.shape):
        total = 0 if op.bias is None else int(op.bias.codes[o])
        for a, c in itertools.product(range(kernel_height), range(kernel_width)):
            row = i * op.stride[0] + a * op.dilation[0] - op.padding[0][0]
            column = j * op.stride[1] + c * op.dilation[1] - op.padding[1][0]
            if 0 <= row < height and 0 <= column < width:
                for d in range(depth):
                    pixel = int(images[b, row, column, o // per_group * depth + d])
                    total += (pixel - x.zero_point[0]) * int(weights[o, a, c, d])
        out[b, i, j, o] = total
    return out


def codes_of(op: Conv2d | Linear, place: Case, accumulators: IntArray, n: Numerics) -> IntArray:
    """Return the requantized accumulators; roundings have tests of their own."""
    (x,), y, w = (place.inputs[0].quant,), place.quant, op.weight.quant
    assert x is not None
    assert y is not None
    assert w is not None
    target = clamped_target(op.activation, y, n.quantize)
    scales = np.asarray(w.scale)
    bound = op.rounding(n).bind(x.scale[0], scales, y.scale[0], target)
    return bound(accumulators.astype(np.int32))


@policies
@pytest.mark.parametrize("place", CONVOLUTIONS.values(), ids=CONVOLUTIONS.keys())
def test_convolution_equals_its_loops(place: Case, numerics: Numerics) -> None:
    op, x = place.op, place.inputs[0].quant
    assert isinstance(op, Conv2d)
    assert x is not None
    (images,) = place.samples(2)
    (codes,) = op.prepare(place.site(numerics))(images)
    accumulators = conv_twin(op, images.reshape(-1, *images.shape[2:]), x)
    expected = codes_of(op, place, accumulators, numerics)
    np.testing.assert_array_equal(codes.reshape(expected.shape), expected)


LINEARS: dict[str, Case] = {
    "plain": case(linear(5, 7), (1, 7)),
    "rows": case(linear(5, 7, x=B, activation="relu"), (1, 3, 7), x=B),
    "4_bits": case(linear(5, 7, bits=4, axis=None), (1, 7)),
    "no_bias": case(replace(linear(5, 7, x=UNSIGNED), bias=None), (2, 7), x=UNSIGNED, y=UNSIGNED),
    "asymmetric": case(Linear(weight=asymmetric(WEIGHTS_UINT8, 5, 7)), (1, 7)),
    "asymmetric_channels": case(Linear(weight=asymmetric(WEIGHTS_CHANNELS, 3, 7)), (1, 7)),
}


@policies
@pytest.mark.parametrize("place", LINEARS.values(), ids=LINEARS.keys())
def test_linear_equals_its_loops(place: Case, numerics: Numerics) -> None:
    op, x = place.op, place.inputs[0].quant
    assert isinstance(op, Linear)
    assert x is not None
    (rows,) = place.samples(3)
    weights = centred_lists(op.weight).tolist()
    biases = [0] * len(weights) if op.bias is None else op.bias.codes.tolist()
    accumulators = [
        [
            bias + sum((code - x.zero_point[0]) * w for code, w in zip(row, line, strict=True))
            for line, bias in zip(weights, biases, strict=True)
        ]
        for row in rows.reshape(-1, rows.shape[-1]).tolist()
    ]
    (codes,) = op.prepare(place.site(numerics))(rows)
    expected = codes_of(op, place, np.array(accumulators), numerics)
    np.testing.assert_array_equal(codes.reshape(expected.shape), expected)


def pruned(weight: Weight, fmt: Format) -> Weight:
    """Return the weight in `fmt`, with as many zeros as it needs, and a few more."""
    rng = np.random.default_rng(5)
    keep = rng.random(weight.shape) < 0.5
    if isinstance(fmt, NM):
        matrix = keep.reshape(keep.shape[0], -1)
        for row in matrix:
            for start in range(0, len(row), fmt.m):
                kept = np.flatnonzero(row[start : start + fmt.m])
                row[start + kept[fmt.n :]] = False
    return replace(weight.masked(keep), format=fmt)


SPARSE: dict[str, Case] = {
    "conv": case(conv(6, 3, 3, 4, padding=UNEVEN), IMAGE),
    "grouped": case(conv(6, 2, 3, 2, groups=3), SMALL),
    "depthwise": case(conv(6, 3, 3, 1, groups=6, padding=UNEVEN), SMALL),
    "linear": case(linear(6, 21), (1, 21)),
    "4_bits": case(linear(6, 21, bits=4), (1, 21)),
    "asymmetric": case(Linear(weight=asymmetric(WEIGHTS_UINT8, 5, 21)), (1, 21)),
    "dynamic": case(linear(6, 21, x=None), (1, 21), x=None, y=None),
    "dynamic_conv": case(conv(6, 3, 3, 4, x=None), IMAGE, x=None, y=None),
}


# The others hold weights of two or three values only: layers of those have tests of their own.
OF_ANY_VALUES = [fmt for fmt in FORMATS if fmt.name not in ("signs", "trits")]


@policies
@pytest.mark.parametrize("fmt", OF_ANY_VALUES, ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("place", SPARSE.values(), ids=SPARSE.keys())
def test_every_format_gives_the_dense_codes(place: Case, fmt: Format, numerics: Numerics) -> None:
    op = place.op
    assert isinstance(op, Conv2d | Linear)
    sparse = replace(op, weight=pruned(op.weight, fmt))
    dense = replace(op, weight=replace(sparse.weight, format=FORMATS[0]))
    (x,) = place.samples(2)
    (expected,) = dense.prepare(place.site(numerics))(x)
    (got,) = sparse.prepare(place.site(numerics))(x)
    np.testing.assert_array_equal(got, expected)


def test_accumulators_wrap_at_32_bits() -> None:
    """A bias near the end of int32 wraps round, as it does on every device."""
    weight = Weight(codes=np.array([[127]], np.int8), quant=Quant(scale=(1.0,)))
    bias = Weight(codes=np.array([2**31 - 100], np.int32), quant=Quant(scale=(1.0,), bits=32))
    one, op = Quant(scale=(1.0,)), Linear(weight=weight, bias=bias)
    site = case(op, (1, 1), x=one, y=Quant(scale=(2.0**24,))).site(find_policy("tflm"))
    assert op.prepare(site)(np.array([[[0]], [[127]]], np.int8))[0].ravel().tolist() == [127, -128]


def test_padding_of_an_image_means_zero() -> None:
    """One bright pixel, a kernel of ones: padded positions add nothing, whatever the zero point."""
    weight = Weight(codes=np.ones((1, 3, 3, 1), np.int8), quant=Quant(scale=(1.0,)))
    op = Conv2d(weight=weight, padding=((1, 1), (1, 1)))
    zero_point_5 = Quant(scale=(1.0,), zero_point=(5,))
    place = case(op, (1, 2, 2, 1), x=zero_point_5, y=Quant(scale=(1.0,)))
    image = np.array([[6, 5], [5, 5]], np.int8).reshape(1, 1, 2, 2, 1)
    (codes,) = op.prepare(place.site(find_policy("tflite-ref")))(image)
    assert codes.reshape(2, 2).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("op", "kind", "taps"),
    [
        (conv(3, 3, 3, 4), "conv2d", 3 * 4 * 9),
        (conv(3, 1, 1, 4), "pointwise_conv2d", 0),
        (conv(3, 1, 1, 4, stride=(2, 2)), "pointwise_conv2d", 3 * 3),
        (conv(4, 1, 1, 2, groups=2), "conv2d", 0),
        (conv(4, 3, 3, 1, groups=4), "depthwise_conv2d", 3 * 4 * 9),
    ],
    ids=str,
)
def test_kind_of_work_and_gathered_taps(op: Conv2d, kind: str, taps: int) -> None:
    place = case(op, IMAGE, x=C)
    work = op.workload(place.inputs, place.outputs)
    assert (work.kind, work.taps) == (kind, taps)
