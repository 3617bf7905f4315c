"""Post-training quantization: encodings by hand, and integers against the float reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressors import Quantize, parse
from compressors.quantization.encodings import asymmetric
from compressors.quantization.integer_ops import LayerEncoding, as_integers
from compressors.quantization.observers import Observation, Percentile
from compressors.quantization.ranges import observe
from compressors.quantization.schemes import Uniform
from hwsim.arrays import FloatArray
from hwsim.data import Data
from hwsim.errors import DataError, RecipeError
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.ops import Concat, Conv2d, Elementary, Linear, MaxPool2d, Softmax
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.graphs import (
    GRAPHS,
    GraphBuilder,
    concatenated,
    mlp,
    residual,
    run_integers,
    samples,
    weight_of,
    with_op,
)

OUTPUT = Quant(scale=(0.1,), zero_point=(0,))


def quantized(graph: Graph, count: int = 64, **settings: object) -> Graph:
    quantize = Quantize.model_validate(settings)
    return quantize.apply(graph, Data(x=samples(graph, count)))


def quant(graph: Graph, tensor: str) -> Quant:
    found = graph.tensors[tensor].quant
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point"),
    [
        (-1.0, 1.55, 0.01, -28),  # -128 + 1 / 0.01
        (0.0, 2.55, 0.01, -128),
        (-2.55, 0.0, 0.01, 127),
        (0.0, 0.0, 1.0, -128),
    ],
)
def test_asymmetric_by_hand(low: float, high: float, scale: float, zero_point: int) -> None:
    made = asymmetric(low, high)
    assert made.scale == (float(np.float32(scale)),)
    assert made.zero_point == (zero_point,)


@given(low=st.floats(-1e30, 0), high=st.floats(0, 1e30))
def test_asymmetric_holds_zero_and_the_range(low: float, high: float) -> None:
    made = asymmetric(low, high)
    assert -128 <= made.zero_point[0] <= 127
    assert np.float32(made.scale[0]) == made.scale[0] > 0
    ends = made.decode(made.encode(np.array([low, 0.0, high])))
    assert ends[1] == 0.0
    # Rounding the zero point may cost half a step, and the code another half.
    np.testing.assert_allclose(ends, [low, 0.0, high], rtol=0, atol=1.0001 * made.scale[0])


def test_weights_by_hand() -> None:
    layer = Linear(
        weight=weight_of([[1.27, -0.635], [0, 0], [0.254, 0.002]]),
        bias=weight_of([0.5, 0.25, 0.0]),
    )
    made = as_integers(layer, 0.5, OUTPUT, LayerEncoding(where="", scheme=Uniform()))
    assert isinstance(made, Linear)
    assert made.bias is not None
    np.testing.assert_array_equal(made.weight.codes, [[127, -64], [0, 0], [127, 1]])
    assert made.weight.codes.dtype == np.int8
    assert made.bias.codes[0] == 100  # 0.5 / (0.5 x 0.01)
    np.testing.assert_allclose(made.bias.real(), [0.5, 0.25, 0.0], atol=1e-6)
    assert made.weight.quant is not None
    assert made.weight.quant.axis == 0


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_weights_stay_in_their_symmetric_range(bits: int, granularity: str) -> None:
    graph = quantized(residual(), 4, weights=bits, granularity=granularity)
    for node in graph.nodes:
        weight = node.op.weight
        if weight is not None:
            assert weight.bits == bits
            assert np.abs(weight.codes).max() == (1 << (bits - 1)) - 1
            assert weight.quant is not None
            assert len(weight.quant.scale) == (len(weight.codes) if granularity == "channel" else 1)


def test_a_large_bias_widens_the_weight_scale() -> None:
    layer = Linear(weight=weight_of([[1e-20]]), bias=weight_of([3.0]))
    made = as_integers(layer, 0.5, OUTPUT, LayerEncoding(where="", scheme=Uniform()))
    assert isinstance(made, Linear)
    assert made.bias is not None
    np.testing.assert_allclose(made.bias.real(), [3.0], rtol=1e-6)


@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_integers_stay_near_the_reals(build: Callable[[], Graph]) -> None:
    graph = build()
    integers = quantized(graph)
    x = samples(graph, 64)
    values, reals = run_integers(integers, x), trace(graph, x)
    for name in graph.outputs:
        encoding = quant(integers, name)
        steps = (encoding.decode(values[name]) - reals[name]) / encoding.scale[0]
        # No bound follows from theory; a wrong scale or fold costs tens of steps.
        assert np.abs(steps).mean() < 2
        assert np.abs(steps).max() < 12


def test_a_trained_classifier_keeps_its_answers() -> None:
    b = GraphBuilder("centres", 1, 6, 6, 1)
    image = b.relu("relu", b.norm("bn", b.conv("conv", "x", 8)))
    graph = b.done(b.linear("fc", b.flat("flat", image), 4))
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((4, 1, 6, 6, 1))
    labels = rng.integers(0, 4, 400)
    x = centres[labels] + 0.5 * rng.standard_normal((400, 1, 6, 6, 1))
    features: dict[str, FloatArray] = {}
    trace(graph, x, lambda name, value: features.update({name: value}))
    flat = features["flat"].reshape(400, -1)
    # Ridge regression: the least squares of fewer samples than features would amplify any noise.
    gram = flat[:200].T @ flat[:200] + 100 * np.eye(flat.shape[1])
    weight = np.linalg.solve(gram, flat[:200].T @ np.eye(4)[labels[:200]]).T
    graph = with_op(graph, "fc", weight=Weight(codes=weight.astype(np.float32)), bias=None)
    integers = Quantize().apply(graph, Data(x=x[:128]))
    codes = run_integers(integers, x)["fc"].reshape(400, 4)
    reals = trace(graph, x)["fc"].reshape(400, 4)
    float_top1 = (reals.argmax(1) == labels)[200:].mean()
    assert float_top1 > 0.8
    assert (codes.argmax(1) == labels)[200:].mean() >= float_top1 - 0.01


def test_fixed_and_shared_encodings() -> None:
    b = GraphBuilder("fixed", 1, 4, 4, 3)
    gate = b.add("gate", Elementary(function="logistic"), b.conv("a", "x", 4))
    pooled = b.add("pooled", MaxPool2d(kernel=(2, 2), stride=(2, 2)), gate)
    wave = b.add("wave", Elementary(function="tanh"), b.conv("c", "x", 4))
    other = b.conv("other", "x", 4)
    both = b.add("both", Concat(axis=3), wave, other)
    graph = b.done(b.add("probability", Softmax(), b.flat("flat", both)), pooled)
    integers = quantized(graph)
    unit = Quant(scale=(1 / 256,), zero_point=(-128,))
    assert quant(integers, "gate") == quant(integers, "pooled") == unit
    assert quant(integers, "probability") == unit
    assert quant(integers, "wave") == Quant(scale=(1 / 128,))
    assert quant(integers, "both") == quant(integers, "other") == quant(integers, "flat")
    assert quant(integers, "both") != quant(integers, "wave")
    run_integers(integers, samples(graph, 2))


def test_pools_and_concatenations_share() -> None:
    integers = quantized(concatenated())
    # `left` and `right` are fused with their activations; the pool reads the input.
    assert quant(integers, "x") == quant(integers, "pool")
    names = ("left_relu", "left2_relu", "right_relu", "both", "pad")
    assert len({quant(integers, name) for name in names}) == 1
    assert {type(node.op) for node in integers.nodes if node.name == "both_bn"} == {Conv2d}


@given(
    parts=st.lists(st.lists(st.integers(-50, 50), min_size=1, max_size=20), min_size=1, max_size=4),
    percent=st.floats(50, 100, exclude_min=True),
)
def test_percentile_is_that_of_numpy(parts: list[list[int]], percent: float) -> None:
    everything = np.concatenate([np.array(part, float) for part in parts])
    observer = Percentile(percent, everything.size)
    for part in parts:
        observer.see(np.array(part, float))
    want = np.percentile(everything, [100 - percent, percent])
    np.testing.assert_allclose(observer.range(), want, rtol=1e-9, atol=1e-9)


def test_percentile_clips_outliers() -> None:
    graph = mlp()
    x = samples(graph, 64)
    x[0, 0, 0, 0, 0] = 1000.0
    clipped = Quantize(observer="percentile", percentile=99.9).apply(graph, Data(x=x))
    assert quant(clipped, "x").scale[0] < 0.1 < quant(quantized(graph), "x").scale[0] * 10
    assert quant(Quantize().apply(graph, Data(x=x)), "x").scale[0] > 3


def test_ranges_are_those_of_all_parts() -> None:
    graph = residual()
    x = samples(graph, 5)
    whole = Quantize().apply(graph, Data(x=x))
    reals: dict[str, FloatArray] = {}
    trace(graph, x, lambda name, value: reals.update({name: value}))
    want = asymmetric(float(reals["stem_relu"].min()), float(reals["stem_relu"].max()))
    got = quant(whole, "stem_relu")
    np.testing.assert_allclose(got.scale, want.scale, rtol=1e-5)


def test_only_the_first_samples_calibrate() -> None:
    graph = mlp()
    x = samples(graph, 10)
    x[5:] *= 100
    few = Quantize(calibration_samples=5).apply(graph, Data(x=x))
    assert few.to_text() == Quantize().apply(graph, Data(x=x[:5])).to_text()


def test_missing_data_says_what_would_do() -> None:
    with pytest.raises(RecipeError, match=r"mlp: quantize: .*give data, or .*synthetic"):
        parse("quantize").apply(mlp())


def test_integer_graphs_are_refused() -> None:
    graph = quantized(mlp())
    with pytest.raises(RecipeError, match="expected a graph of floats, got int8"):
        quantized(graph)


def test_infinite_activations_are_refused() -> None:
    b = GraphBuilder("huge", 1, 2)
    y = b.linear("b", b.linear("a", "x", 2), 2)
    graph = b.done(y)
    big = Weight(codes=np.full((2, 2), 3e38, np.float32))
    graph = with_op(with_op(graph, "a", weight=big), "b", weight=replace(big))
    x = np.full((1, 1, 2), 1e300)
    with np.errstate(over="ignore"), pytest.raises(DataError, match=r"huge: tensor .* infinite"):
        observe(graph, x, Observation(), dict.fromkeys(graph.tensors, 8))
