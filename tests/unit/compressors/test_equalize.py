"""Cross-layer equalization: the same function, of equal ranges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compressors import parse
from compressors.equalize import Equalize
from compressors.prune import Prune
from compressors.quantization.scalable import find_scalable
from compressors.quantize import Quantize
from hwsim.arrays import Array, FloatArray
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Add, Conv2d, Elementary, LayerNorm, LeakyRelu, Linear, MatMul, PRelu
from hwsim.reference import trace
from tests.graphs import GRAPHS, GraphBuilder, mlp, residual, samples, separable, weight_of, with_op


def reals(graph: Graph) -> dict[str, FloatArray]:
    return {n.name: n.op.weight.real() for n in graph.nodes if isinstance(n.op, (Conv2d, Linear))}


def chain(*middle: Elementary | LeakyRelu | PRelu) -> Graph:
    """Two linear layers with something in between."""
    b = GraphBuilder("chain", 1, 3)
    y = b.linear("first", "x", 2)
    for i, op in enumerate(middle):
        y = b.add(f"middle{i}", op, y)
    graph = b.done(b.linear("last", y, 2))
    first = weight_of([[8, 0, -4], [1, -1, 0.5]])
    graph = with_op(graph, "first", weight=first, bias=weight_of([1.0, 2.0]))
    return with_op(graph, "last", weight=weight_of([[2, 4], [-1, 16]]))


def test_two_layers_by_hand() -> None:
    graph = Equalize().apply(chain(Elementary(function="relu")))
    made = reals(graph)
    # Channel 0: r1 = 8, r2 = 2, s = sqrt(16) / 2 = 2. Channel 1: 1 and 16, s = 4 / 16.
    np.testing.assert_allclose(made["first"], [[4, 0, -2], [4, -4, 2]])
    np.testing.assert_allclose(made["last"], [[4, 1], [-2, 4]])
    first = graph.nodes[0].op
    assert isinstance(first, Linear)
    assert first.bias is not None
    np.testing.assert_allclose(first.bias.codes, [0.5, 8.0])


@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_the_function_stays(build: Callable[[], Graph]) -> None:
    graph = build()
    x = samples(graph, 4)
    made = Equalize().apply(graph)
    before, after = trace(graph, x), trace(made, x)
    for name, want in before.items():
        # Scaled weights are rounded to float32 (2^-24), over a handful of layers.
        np.testing.assert_allclose(after[name], want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_a_channel_has_one_range_on_both_sides(build: Callable[[], Graph]) -> None:
    made = Equalize().apply(build())
    scalable = find_scalable(made)
    assert scalable.is_free.any()
    sides = np.zeros((2, len(scalable.is_free)))
    for node in made.nodes:
        if node.name not in scalable.makes or node.op.weight is None:
            continue
        magnitudes = np.abs(node.op.weight.real())
        groups = getattr(node.op, "groups", 1)
        makes, reads = scalable.makes[node.name], scalable.reads[node.name]
        np.maximum.at(sides[0], makes, magnitudes.reshape(len(makes), -1).max(axis=1))
        columns = magnitudes.reshape(groups, -1, magnitudes.shape[-1]).max(axis=1)
        np.maximum.at(sides[1], reads, columns.ravel())
    made_of, read_by = sides[:, scalable.is_free]
    np.testing.assert_allclose(made_of, read_by, rtol=1e-3)


def scaled_up(graph: Graph, names: tuple[str, str], factors: Array) -> Graph:
    """Return the same function with the channels between two linear layers scaled apart."""
    first, last = (next(n.op for n in graph.nodes if n.name == name) for name in names)
    assert isinstance(first, Linear)
    assert isinstance(last, Linear)
    assert first.bias is not None
    weight = first.weight.with_real(first.weight.real() * factors[:, None])
    bias = first.bias.with_real(first.bias.real() * factors)
    graph = with_op(graph, names[0], weight=weight, bias=bias)
    return with_op(graph, names[1], weight=last.weight.with_real(last.weight.real() / factors))


def test_it_undoes_channels_scaled_apart_so_that_one_scale_fits_a_tensor() -> None:
    graph = mlp()
    factors = np.logspace(-2, 2, 10)
    apart = scaled_up(graph, ("fc1", "fc2"), factors)
    x = samples(graph, 64)

    def error(of: Graph) -> float:
        made = Quantize(granularity="tensor", activations=32).apply(of)
        (want,), (got,) = trace(graph, x).values(), trace(made, x).values()
        return float(((want - got) ** 2).mean())

    assert error(Equalize().apply(apart)) < 0.01 * error(apart)
    # Wherever the channels start, they end at the same place.
    for name, weight in reals(Equalize().apply(apart)).items():
        np.testing.assert_allclose(weight, reals(Equalize().apply(graph))[name], rtol=1e-3)


def test_both_sides_of_a_depthwise_convolution_scale_apart() -> None:
    graph = separable()
    scalable = find_scalable(Equalize().apply(graph))
    # Six channels come in, six go out, and none of them is another.
    reads, makes = scalable.reads["dw1"], scalable.makes["dw1"]
    assert scalable.is_free[reads].all()
    assert scalable.is_free[makes].all()
    assert not set(reads.tolist()) & set(makes.tolist())


def test_shortcuts_scale_together() -> None:
    scalable = find_scalable(Equalize().apply(residual()))
    np.testing.assert_array_equal(scalable.makes["stem"], scalable.makes["a2"])
    np.testing.assert_array_equal(scalable.makes["stem"], scalable.reads["proj"])


@pytest.mark.parametrize(
    "middle",
    [LeakyRelu(alpha=0.1), PRelu(alpha=weight_of([0.3, -2.0])), Elementary(function="abs")],
    ids=lambda op: type(op).__name__,
)
def test_whatever_is_homogeneous_lets_scales_through(middle: LeakyRelu | PRelu) -> None:
    made = reals(Equalize().apply(chain(middle)))
    np.testing.assert_allclose(np.abs(made["first"]).max(axis=1), [4, 4])


@pytest.mark.parametrize("function", ["relu6", "logistic", "hard_swish", "gelu"])
def test_whatever_is_not_is_refused(function: str) -> None:
    graph = chain(Elementary(function=function))  # pyright: ignore[reportArgumentType]
    with pytest.raises(RecipeError, match="equalize expected channels that layers make and read"):
        Equalize().apply(graph)


def test_a_relu6_that_no_layer_takes_in_is_refused_too() -> None:
    with pytest.raises(RecipeError, match="relu6=relu frees those behind a relu6"):
        Equalize().apply(chain(LeakyRelu(alpha=0.1), Elementary(function="relu6")))


def test_relu6_can_be_written_as_relu() -> None:
    graph = chain(Elementary(function="relu6"))
    made = Equalize(relu6="relu").apply(graph)
    assert isinstance(made.nodes[0].op, Linear)
    assert made.nodes[0].op.activation == "relu"
    np.testing.assert_allclose(np.abs(reals(made)["first"]).max(axis=1), [4, 4])


def test_values_of_attention_scale_but_scores_do_not() -> None:
    b = GraphBuilder("heads", 1, 4, 6)
    y = b.add("norm", LayerNorm(gamma=b.real(6), beta=b.real(6)), "x")
    q, k, v = (b.linear(name, y, 6) for name in ("q", "k", "v"))
    scores = b.add("scores", MatMul(transpose_b=True), q, k)
    graph = b.done(b.linear("o", b.add("mixed", MatMul(), scores, v), 6))
    scalable = find_scalable(graph)
    assert scalable.is_free[scalable.makes["v"]].all()
    assert not scalable.is_free[scalable.makes["q"]].any()
    assert not scalable.is_free[scalable.makes["k"]].any()


def test_the_left_factor_of_a_product_is_left_alone() -> None:
    b = GraphBuilder("product", 1, 4, 6)
    left, right = b.linear("left", "x", 4), b.linear("right", "x", 5)
    product = b.add("product", MatMul(), left, right)
    graph = b.done(b.linear("last", product, 3), b.linear("aside", left, 3))
    scalable = find_scalable(graph)
    assert scalable.is_free[scalable.makes["right"]].all()
    assert not scalable.is_free[scalable.makes["left"]].any()


def test_an_operand_of_one_channel_beside_many_is_left_alone() -> None:
    b = GraphBuilder("wide", 1, 4)
    many, one = b.linear("many", "x", 5), b.linear("one", "x", 1)
    graph = b.done(b.linear("last", b.add("sum", Add(), many, one), 3))
    assert not find_scalable(graph).is_free.any()


def test_pruned_weights_stay_zero_and_dead_channels_stay() -> None:
    graph = Prune(sparsity=0.7).apply(mlp())
    dead = reals(graph)["fc1"]
    dead[3] = 0.0
    graph = with_op(graph, "fc1", weight=weight_of(dead.tolist()))
    made = Equalize().apply(graph)
    for name, weight in reals(made).items():
        np.testing.assert_array_equal(weight == 0, reals(graph)[name] == 0)
        assert np.isfinite(weight).all()


def test_integers_are_refused() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    for step in (Quantize(), Quantize(activations=32)):
        with pytest.raises(RecipeError, match="equalize expected a graph of floats, got int8"):
            Equalize().apply(step.apply(graph, data))


def test_shared_values_are_refused() -> None:
    graph = parse("share{clusters=3}").apply(mlp())
    with pytest.raises(RecipeError, match=r"format codebook: 3 values would become .* shared"):
        Equalize().apply(graph)
