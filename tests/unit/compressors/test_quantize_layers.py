"""Layers of their own: weights that are integers already, widths, islands, signs, modes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compressors import parse
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.execute import run
from hwsim.formats import Csr
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.op import Op
from hwsim.ops import Conv2d, Dequantize, Linear, Quantize
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.graphs import (
    GraphBuilder,
    attention,
    mlp,
    residual,
    run_integers,
    samples,
    separable,
    weight_of,
    with_op,
)


def compressed(graph: Graph, spec: str, count: int = 32) -> Graph:
    return parse(spec).apply(graph, Data(x=samples(graph, count)))


def op_of(graph: Graph, name: str) -> Op:
    return next(node.op for node in graph.nodes if node.name == name)


def layers(graph: Graph) -> dict[str, Weight]:
    found = {node.name: node.op.weight for node in graph.nodes}
    return {name: weight for name, weight in found.items() if weight is not None}


def quant_of(graph: Graph, tensor: str) -> Quant:
    quant = graph.tensors[tensor].quant
    assert quant is not None
    return quant


@pytest.mark.parametrize("make", [mlp, separable], ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    "first",
    ["weights=4", "weights=2,scheme=ternary", "weights=4,scheme=apot", "weights=1,scheme=binary"],
)
@pytest.mark.parametrize("then", ["quantize", "quantize{mode=dynamic}", "quantize{activations=16}"])
def test_integer_weights_keep_their_codes(make: type, first: str, then: str) -> None:
    graph: Graph = make()
    x = samples(graph, 4)
    before = compressed(graph, f"quantize{{{first},activations=32}}")
    after = compressed(graph, f"quantize{{{first},activations=32}}|{then}")
    for name, weight in layers(before).items():
        kept = layers(after)[name]
        assert weight.is_decoded
        assert not kept.is_decoded
        np.testing.assert_array_equal(kept.codes, weight.codes)
        assert kept.quant == weight.quant
        assert kept.format == weight.format
    run(after, x)


def test_a_step_may_choose_codes_that_no_rounding_gives() -> None:
    graph = compressed(mlp(), "quantize{weights=4,activations=32}")
    fc1 = op_of(graph, "fc1")
    assert isinstance(fc1, Linear)
    codes = np.random.default_rng(0).integers(-7, 8, fc1.weight.shape).astype(np.int8)
    chosen = replace(fc1.weight, codes=codes, format=Csr())
    graph = with_op(graph, "fc1", weight=chosen)
    made = compressed(graph, "quantize")
    weight = layers(made)["fc1"]
    assert (weight.codes is codes, weight.quant, weight.format) == (True, chosen.quant, Csr())
    x = samples(graph, 16)
    quant = quant_of(made, made.outputs[0])
    want = trace(graph, x)[graph.outputs[0]].reshape(16, -1)
    assert np.abs(quant.decode(run(made, x)) - want).max() < 12 * quant.scale[0]


def decoded_layer(weight: list[list[float]], bias: list[float], codes: list[list[int]]) -> Graph:
    b = GraphBuilder("one", 1, len(weight[0]))
    graph = b.done(b.linear("fc", "x", len(weight)))
    made = compressed(
        with_op(graph, "fc", weight=weight_of(weight), bias=weight_of(bias)),
        "quantize{weights=4,activations=32}",
    )
    kept = replace(layers(made)["fc"], codes=np.array(codes, np.int8))
    return with_op(made, "fc", weight=kept)


def test_filters_of_zeros_leave_room_for_their_bias() -> None:
    graph = decoded_layer([[7.0, 3.0], [7e3, 7e3]], [0.5, 3.0], [[7, 3], [0, 0]])
    made = compressed(graph, "quantize")
    np.testing.assert_allclose(op_of(made, "fc").constants[1].real(), [0.5, 3.0], atol=0.02)
    assert layers(made)["fc"].codes.tolist() == [[7, 3], [0, 0]]


def test_a_bias_that_does_not_fit_is_refused() -> None:
    graph = decoded_layer([[1e-12, 0.0]], [3.0], [[7, 0]])
    with pytest.raises(RecipeError, match=r"^one/fc: quantize: a bias beside .* integers already"):
        compressed(graph, "quantize")


def test_groups_of_convolutions_cannot_be_kept() -> None:
    spec = "quantize{weights=4,group=4,activations=32}"
    made = compressed(mlp(), f"{spec}|quantize{{mode=dynamic}}")
    assert layers(made)["fc1"].quant == layers(compressed(mlp(), spec))["fc1"].quant
    with pytest.raises(RecipeError, match=r"^mlp/conv: quantize: conv2d of integer activations ta"):
        compressed(mlp(), f"{spec}|quantize")


def test_weights_of_dynamic_layers_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"^mlp/conv: quantize: expected float weights, or"):
        compressed(mlp(), "quantize{mode=dynamic}|quantize")


def test_dynamic_layers_encode_what_arrives() -> None:
    graph = mlp()
    made = compressed(graph, "quantize{mode=dynamic}")
    assert parse("quantize{mode=dynamic}").needs == "none"
    assert {type_.quant for type_ in made.tensors.values()} == {None}
    x = samples(graph, 8)
    want = trace(graph, x)[graph.outputs[0]].reshape(8, -1)
    # Whatever the magnitude: nothing was calibrated.
    for factor in (1e-3, 1.0, 1e3):
        got = run(made, factor * x)
        off = np.abs(got - trace(graph, factor * x)[graph.outputs[0]].reshape(8, -1))
        assert off.max() < 0.05 * factor * np.abs(want).max() + 0.05
    weights = layers(compressed(graph, "quantize"))
    for name, weight in layers(made).items():
        np.testing.assert_array_equal(weight.codes, weights[name].codes)


def test_layers_have_the_widths_that_they_are_given() -> None:
    made = compressed(residual(), 'quantize{layer_weights="a?=3;c*=5;fc=16;a1=7"}')
    bits = {name: weight.bits for name, weight in layers(made).items()}
    assert bits == {"stem": 8, "a1": 3, "a2": 3, "c1": 5, "c2": 5, "proj": 8, "fc": 16}
    made = compressed(residual(), 'quantize{layer_activations="a1=4;stem=2"}')
    widths = {name: quant_of(made, name).bits for name in made.tensors}
    assert widths["a1_relu"] == 4
    assert widths["stem_relu"] == 2
    assert {widths[name] for name in widths if name not in ("a1_relu", "stem_relu")} == {8}
    run_integers(made, samples(made, 2))


def test_first_and_last_stay_wider() -> None:
    spec = "quantize{weights=2,scheme=ternary,activations=4,first_last_bits=8}"
    made = compressed(residual(), spec)
    assert {name: weight.bits for name, weight in layers(made).items()} == {
        "stem": 8, "a1": 2, "a2": 2, "c1": 2, "c2": 2, "proj": 2, "fc": 8,
    }  # fmt: skip
    assert layers(made)["a1"].format.name == "trits"
    assert layers(made)["stem"].format.name == "dense"
    wide = {name for name in made.tensors if quant_of(made, name).bits == 8}
    # What the last layer reads shares its encoding with the pool and what that reads.
    assert wide == {"x", "softmax", "flat", "pool", "c_relu"}
    narrower = compressed(residual(), "quantize{weights=8,first_last_bits=4}")
    assert {weight.bits for weight in layers(narrower).values()} == {8}
    wide = compressed(mlp(), "quantize{activations=16,first_last_bits=8}")
    assert {quant_of(wide, name).bits for name in wide.tensors} == {16}


@pytest.mark.parametrize("scheme", ["weights=4,scheme=asymmetric", "weights=4,scheme=apot"])
def test_widths_of_their_own_are_of_equal_steps(scheme: str) -> None:
    made = compressed(mlp(), f"quantize{{{scheme},first_last_bits=8}}")
    first = layers(made)["conv"].quant
    assert first is not None
    assert first.bits == 8
    assert first.is_symmetric == ("apot" in scheme)
    assert layers(made)["conv"].format.name == "dense"


@pytest.mark.parametrize(
    ("exclude", "is_real", "conversions"),
    [
        # The first layer keeps the graph's input real, the last its output.
        ("conv", {"x"}, ["quantize"]),
        ("fc2", {"fc2"}, ["dequantize"]),
        ("fc1", set[str](), ["dequantize", "quantize"]),
        ("fc1;fc2", {"relu1", "fc2"}, ["dequantize"]),
    ],
)
def test_islands_stay_float(exclude: str, is_real: set[str], conversions: list[str]) -> None:
    graph = mlp()
    x = samples(graph, 32)
    made = compressed(graph, f"quantize{{exclude={exclude}}}")
    found = {name for name in graph.tensors if name in made.tensors}
    assert {name for name in found if made.tensors[name].quant is None} == is_real
    kinds = [node.op.kind for node in made.nodes if isinstance(node.op, Dequantize | Quantize)]
    assert kinds == conversions
    for name in exclude.split(";"):
        weight = layers(made)[name]
        assert weight.quant is None
        np.testing.assert_array_equal(weight.codes, layers(graph)[name].codes)
    got = run(made, x)
    real = got if "fc2" in is_real else quant_of(made, "fc2").decode(got)
    want = trace(graph, x)["fc2"].reshape(real.shape)
    assert np.abs(real - want).max() < 0.05 * np.abs(want).max()


def test_islands_of_a_branching_graph_come_near() -> None:
    graph = attention()
    x = samples(graph, 32)
    want = trace(graph, x)[graph.outputs[0]]

    def off(spec: str) -> float:
        made = compressed(graph, spec)
        quant, got = made.tensors[made.outputs[0]].quant, run(made, x)
        real = got if quant is None else quant.decode(got)
        return float(np.abs(real.reshape(want.shape) - want).max())

    heavy = 'weights=2,exclude="stem;?;up;down;head"'
    assert off(f"quantize{{{heavy}}}") < 0.2 * off("quantize{weights=2}")
    assert off("quantize{exclude=*}") < 1e-5


def test_islands_read_each_others_reals() -> None:
    # What `stem` makes goes as reals to `a1`, and as codes to the sum.
    made = compressed(residual(), 'quantize{exclude="stem;a1"}')
    kinds = [node.op.kind for node in made.nodes if isinstance(node.op, Dequantize | Quantize)]
    assert kinds == ["quantize", "quantize"]
    run(made, samples(made, 2))


def test_biases_have_no_zero_point() -> None:
    made = compressed(mlp(), "quantize{scheme=asymmetric}")
    for name, weight in layers(made).items():
        bias = op_of(made, name).constants[1].quant
        assert weight.quant is not None
        assert bias is not None
        assert not weight.quant.is_symmetric
        assert bias.is_symmetric


def test_names_of_nobody_are_refused() -> None:
    for spec in ("exclude=nose", 'layer_weights="nose=4"', 'layer_activations="nose=4"'):
        with pytest.raises(RecipeError, match=r"^mlp: quantize: .* got 'nose'; known: conv") as e:
            compressed(mlp(), f"quantize{{{spec}}}")
        assert "\n" not in str(e.value)


def test_wide_beside_narrow_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"^mlp: quantize: .* got 8 in 'x' and 12 in 'relu1'"):
        compressed(mlp(), 'quantize{layer_activations="fc1=12"}')


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("activations=17", "expected 1..16 or 32"),
        ("mode=dynamic,activations=4", "mode=dynamic takes activations=8, got 4"),
        ("observer=entropy,activations=9", "observer=entropy takes activations of up to 8 bits"),
        ('layer_activations="a=4",activations=32', "needs integer activations, got reals"),
        ('layer_weights="a=1"', "of 2..16 bits, such as conv1=4"),
        ('layer_weights="a"', "expected NODE=BITS;NODE=BITS"),
        ('layer_activations="=4"', "expected NODE=BITS;NODE=BITS"),
        ("first_last_bits=1", "expected 0 or 2..16, got 1"),
    ],
)
def test_settings_are_checked(spec: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        parse(f"quantize{{{spec}}}")
    assert "\n" not in str(caught.value)


def test_layers_of_signs_multiply_signs() -> None:
    graph = mlp()
    x = samples(graph, 16)
    spec = "quantize{weights=1,scheme=binary,activations=1,first_last_bits=8}"
    made = compressed(graph, spec, 16)
    # fc1 alone is neither first nor last; the ReLU before it has made way for signs.
    conv, fc1 = op_of(made, "conv"), op_of(made, "fc1")
    assert isinstance(conv, Conv2d)
    assert isinstance(fc1, Linear)
    assert conv.activation == "none"
    (node,) = (node for node in made.nodes if node.op is fc1)
    signs = quant_of(made, node.inputs[0])
    assert (signs.bits, signs.is_bipolar) == (1, True)
    assert fc1.weight.quant is not None
    values = run_integers(made, x)
    codes = values[node.inputs[0]].reshape(16, -1)
    assert set(np.unique(codes)) == {-1, 1}
    source = values[made.producers[node.inputs[0]].inputs[0]].reshape(16, -1)
    zero = quant_of(made, made.producers[node.inputs[0]].inputs[0]).zero_point[0]
    np.testing.assert_array_equal(codes, np.where(source >= zero, 1, -1))
    # alpha beta (2 popcount(xnor) - K), and the bias (arXiv 1603.05279, section 3.2).
    agreed = (codes[:, None] == fc1.weight.codes[None]).sum(axis=2)
    alphas = np.array(fc1.weight.quant.scale)
    assert fc1.bias is not None
    real = (2 * agreed - codes.shape[1]) * alphas * signs.scale[0] + fc1.bias.real()
    out = quant_of(made, node.outputs[0])
    want = np.clip(np.rint(np.maximum(real, 0) / out.scale[0]) + out.zero_point[0], -128, 127)
    got = values[node.outputs[0]].reshape(16, -1)
    assert np.abs(got - want).max() <= 1


def test_signs_scale_is_the_mean_magnitude() -> None:
    b = GraphBuilder("one", 1, 6)
    graph = b.done(b.linear("fc", "x", 3))
    x = samples(graph, 32)
    made = parse("quantize{activations=1}").apply(graph, Data(x=x))
    beta = quant_of(made, "x/signs").scale[0]
    assert beta == float(np.float32(np.abs(x).mean()))


def test_signs_of_what_is_never_negative_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"^residual: quantize: .* 'stem_relu', which is never"):
        compressed(residual(), "quantize{activations=1,first_last_bits=8}")
    spec = 'activations=1,first_last_bits=8,layer_activations="stem=8;a_sum=8;a1=8;c1=8"'
    made = compressed(residual(), f"quantize{{{spec}}}")
    run_integers(made, samples(made, 2))
