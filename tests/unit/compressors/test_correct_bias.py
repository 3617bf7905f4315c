"""Bias correction: means come back, by integers and by reals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compressors import CorrectBias, Gptq, Quantize, Recipe, Workbench, parse
from compressors.quantization.means import channel_means, with_bias_shift
from hwsim.arrays import Array, FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.fusion import fused
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from hwsim.tensor import TensorType, Weight
from tests.graphs import GraphBuilder, concatenated, mlp, residual, run_integers, samples, weight_of


def one_linear() -> Graph:
    b = GraphBuilder("one", 1, 3)
    weight = weight_of([[1.0, 0.4, -0.4], [0.3, 1.0, 0.3]])
    return b.done(b.add("fc", Linear(weight=weight), "x"))


def decoded_means(graph: Graph, x: Array) -> FloatArray:
    """Return the means of the first output of an integer graph."""
    name = graph.outputs[0]
    quant = graph.tensors[name].quant
    assert quant is not None
    values = quant.decode(run_integers(graph, x)[name])
    return values.reshape(-1, values.shape[-1]).mean(axis=0)


def real_means(graph: Graph, x: Array) -> FloatArray:
    values = trace(graph, x)[graph.outputs[0]]
    return values.reshape(-1, values.shape[-1]).mean(axis=0)


def test_one_layer_by_hand() -> None:
    graph = one_linear()
    # Weights of 2 bits: 0.4 / 1 becomes 0, so do both 0.3 / 1. Inputs have means 1, 2, 3.
    x = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
    recipe = parse("quantize{weights=2,activations=32}|correct_bias")
    op = recipe.apply(graph, Data(x=x)).nodes[0].op
    assert isinstance(op, Linear)
    assert op.bias is not None
    np.testing.assert_array_equal(op.weight.codes, [[1, 0, 0], [0, 1, 0]])
    # 0.4 * 2 - 0.4 * 3 and 0.3 * 1 + 0.3 * 3; layers without a bias get one.
    np.testing.assert_allclose(op.bias.codes, [-0.4, 1.2], rtol=1e-6)
    assert op.bias.quant is None


@pytest.mark.parametrize(
    ("build", "last"), [(mlp, "fc1"), (mlp, "fc2"), (residual, "fc"), (concatenated, "head")]
)
def test_weight_only_sums_have_the_means_of_floats(build: Callable[[], Graph], last: str) -> None:
    graph = build()
    x = samples(graph, 32)
    plain = parse("quantize{weights=3,activations=32}").apply(graph, Data(x=x))
    made = parse("quantize{weights=3,activations=32}|correct_bias").apply(graph, Data(x=x))
    wanted, before, after = (channel_means(g, x)[last] for g in (fused(graph), plain, made))
    # Biases are rounded to float32.
    np.testing.assert_allclose(after, wanted, rtol=1e-5, atol=1e-5)
    assert np.abs(before - wanted).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("build", [mlp, concatenated])
def test_integers_have_the_means_of_floats_to_within_their_steps(
    build: Callable[[], Graph],
) -> None:
    graph = build()
    x = samples(graph, 64)
    plain = parse("quantize{weights=3}").apply(graph, Data(x=x))
    made = parse("quantize{weights=3}|correct_bias").apply(graph, Data(x=x))
    wanted = real_means(graph, x)
    before, after = (np.abs(decoded_means(g, x) - wanted).max() for g in (plain, made))
    quant = made.tensors[made.outputs[0]].quant
    assert quant is not None
    # Rounding outputs shifts means by less than half a step, clipping them by what is cut.
    assert after < max(quant.scale[0], 0.1 * before)
    assert after < 0.5 * before


@pytest.mark.slow
def test_only_biases_change() -> None:
    graph = residual()
    data = Data(x=samples(graph, 16))
    plain = Quantize(weights=4).apply(graph, data)
    made = parse("quantize{weights=4}|correct_bias").apply(graph, data)
    assert made.tensors == plain.tensors
    moved = 0
    for before, after in zip(plain.nodes, made.nodes, strict=True):
        if not isinstance(before.op, (Conv2d, Linear)):
            assert after.op is before.op or not after.op.constants
            continue
        assert isinstance(after.op, (Conv2d, Linear))
        np.testing.assert_array_equal(after.op.weight.codes, before.op.weight.codes)
        assert after.op.bias is not None
        assert before.op.bias is not None
        assert after.op.bias.quant == before.op.bias.quant
        moved += int((after.op.bias.codes != before.op.bias.codes).sum())
    assert moved > 0


def test_it_makes_up_for_weights_pruned_after_quantizing() -> None:
    graph = mlp()
    x = samples(graph, 64)
    recipe = "quantize{activations=32}|prune{sparsity=0.5}"
    pruned = parse(recipe).apply(graph, Data(x=x))
    made = parse(f"{recipe}|correct_bias").apply(graph, Data(x=x))
    wanted = real_means(graph, x)
    np.testing.assert_allclose(real_means(made, x), wanted, atol=1e-5)
    assert np.abs(real_means(pruned, x) - wanted).max() > 1e-2


@pytest.mark.slow
def test_it_fits_between_codes_chosen_and_integers() -> None:
    graph = mlp()
    x = samples(graph, 64)
    steps = (Gptq(bits=2), CorrectBias(), Quantize())
    made = Recipe(steps=steps).apply(graph, Data(x=x))
    plain = Recipe(steps=(steps[0], steps[2])).apply(graph, Data(x=x))
    wanted = real_means(graph, x)
    after, before = (np.abs(decoded_means(g, x) - wanted).max() for g in (made, plain))
    assert after < 0.5 * before


@pytest.mark.slow
def test_the_bench_knows_the_graph_before_integers() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 16))
    whole = Quantize(weights=4).apply(graph, data)
    by_hand = CorrectBias().compress(whole, Workbench(data=data, real=graph))
    in_recipe = parse("quantize{weights=4}|correct_bias").apply(graph, data)
    for a, b in zip(by_hand.nodes, in_recipe.nodes, strict=True):
        for left, right in zip(a.op.constants, b.op.constants, strict=True):
            np.testing.assert_array_equal(left.codes, right.codes)


def test_a_bias_beyond_its_integers_is_refused() -> None:
    quant = Quant(scale=(0.1,))
    op = Linear(weight=Weight(codes=np.ones((1, 1), np.int8), quant=quant))
    operand = TensorType(shape=(1, 1), quant=quant)
    with pytest.raises(RecipeError, match=r"would shift a bias to 1e\+10 steps"):
        with_bias_shift(op, np.array([1e8]), operand, "net/fc: correct_bias")


def test_it_needs_integers_and_what_they_were() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    with pytest.raises(RecipeError, match="got no integers yet; such as"):
        CorrectBias().apply(graph, data)
    with pytest.raises(RecipeError, match="got nothing before the integers"):
        CorrectBias().apply(Quantize().apply(graph, data), data)
    with pytest.raises(RecipeError, match="right behind the step that makes"):
        parse("quantize|prune{structure=filter,sparsity=0.5}|correct_bias").apply(graph, data)
