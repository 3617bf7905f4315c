"""Widths other than 8 bits, and scales per group: encodings, bytes and results by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import compressors
from compressors.quantization.encodings import symmetric
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import FormatError, InterchangeError, RecipeError, UnsupportedError
from hwsim.execute import run
from hwsim.formats import Csr, Dense
from hwsim.graph import Graph
from hwsim.interchange import load, save
from hwsim.lower import lower
from hwsim.numerics import Quant
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.devices import unit_device
from tests.equality import difference
from tests.graphs import GraphBuilder, attention, mlp, residual, samples, weight_of, with_op

ROWS = [[7.0, -1.0, 0.0, 3.5], [0.0, 0.0, 0.7, -0.1]]


def compressed(graph: Graph, spec: str) -> Graph:
    return compressors.parse(spec).apply(graph, Data(x=samples(graph, 32)))


def weights(graph: Graph) -> list[Weight]:
    return [
        node.op.weight for node in graph.nodes if isinstance(node.op, Conv2d | Linear)
    ]  # fmt: skip


def one_layer(rows: list[list[float]]) -> Graph:
    b = GraphBuilder("one", 1, len(rows[0]))
    graph = b.done(b.linear("fc", "x", len(rows)))
    return with_op(graph, "fc", weight=weight_of(rows))


def error(graph: Graph, spec: str, policy: str = "tflite-ref") -> float:
    """Return the largest error of the first output, over its largest value."""
    x, integers = samples(graph, 32), compressed(graph, spec)
    want = trace(graph, x)[graph.outputs[0]].reshape(len(x), -1)
    made = run(integers, x, policy).reshape(want.shape)
    quant = integers.tensors[integers.outputs[0]].quant
    real = made if quant is None else quant.decode(made)
    return float(np.abs(real - want).max() / np.abs(want).max())


@pytest.mark.parametrize("policy", ["tflite-ref", "tflm", "xnnpack"])
@pytest.mark.parametrize("make", [mlp, residual, attention], ids=lambda make: make.__name__)
def test_more_bits_come_nearer(make: type, policy: str) -> None:
    graph: Graph = make()
    errors = [error(graph, f"quantize{{activations={bits}}}", policy) for bits in (2, 4, 6, 8, 16)]
    # Weights of 8 bits are what is left at 16.
    assert errors[0] > errors[1] > errors[3] > errors[4]
    assert errors[4] < 0.02


def test_sixteen_bits_are_symmetric_with_wide_biases() -> None:
    assert symmetric(-1.0, 3.0, 16) == Quant(scale=(float(np.float32(3.0 / 32767)),), bits=16)
    graph = compressed(attention(), "quantize{activations=16}")
    quants = [type_.quant for type_ in graph.tensors.values()]
    assert {(q.bits, q.zero_point) for q in quants if q is not None} == {(16, (0,))}
    assert Quant(scale=(2.0**-15,), bits=16) in quants  # The softmax's.
    biases = [n.op.bias for n in graph.nodes if isinstance(n.op, Linear) and n.op.bias is not None]
    assert biases
    assert {bias.bits for bias in biases} == {64}
    assert {bias.storage_bytes / bias.codes.size for bias in biases} == {8.0}


def test_groups_by_hand() -> None:
    (weight,) = weights(compressed(one_layer(ROWS), "quantize{weights=4,group=2,activations=32}"))
    assert weight.quant is not None
    # max |w| / 7 of each pair; a pair of zeros has scale 1.
    np.testing.assert_allclose(weight.quant.scale, [1.0, 0.5, 1.0, 0.1], rtol=1e-6)
    assert weight.codes.tolist() == [[7, -1, 0, 7], [0, 0, 7, -1]]
    np.testing.assert_allclose(weight.real(), ROWS, atol=1e-6)
    assert weight.quant.group == 2
    assert weight.is_decoded


@pytest.mark.parametrize(
    ("columns", "group", "scale_bits", "expected"),
    [
        (10, 4, 16, 10 + 6 * 2),  # 20 nibbles; three groups a row, the last one short
        (10, 4, 32, 10 + 6 * 4),
        (10, 5, 16, 10 + 4 * 2),
        (10, 10, 16, 10),  # One group a row: a scale per channel, as ever kept with the layer.
    ],
)
def test_bytes_of_groups_by_hand(columns: int, group: int, scale_bits: int, expected: int) -> None:
    rows = np.random.default_rng(0).standard_normal((2, columns)).tolist()
    spec = f"quantize{{weights=4,activations=32,group={group},scale_bits={scale_bits}}}"
    (weight,) = weights(compressed(one_layer(rows), spec))
    assert weight.storage_bytes == expected


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
def test_smaller_groups_err_less(bits: int) -> None:
    graph = mlp()
    errors: list[float] = []
    for group in (0, 16, 4, 2):
        spec = f"quantize{{weights={bits},group={group},activations=32}}"
        pairs = zip(weights(compressed(graph, spec)), weights(graph), strict=True)
        errors.append(sum(float(((a.real() - b.real()) ** 2).sum()) for a, b in pairs))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > errors[-1]


def test_half_scales_are_what_is_stored() -> None:
    spec = "quantize{weights=4,group=4,activations=32,scale_bits=16}"
    for weight in weights(compressed(residual(), spec)):
        assert weight.quant is not None
        if weight.quant.group is not None:
            stored = np.asarray(weight.quant.scale, np.float16).astype(np.float64)
            np.testing.assert_array_equal(stored, weight.quant.scale)
            assert int(np.abs(weight.codes).max()) <= 7


@pytest.mark.parametrize("spec", ["weights=4", "weights=3,group=4", "weights=8,granularity=tensor"])
@pytest.mark.parametrize("policy", ["tflite-ref", "xnnpack", "ort"])
def test_weights_alone_are_multiplied_as_the_reals_they_mean(spec: str, policy: str) -> None:
    graph = residual()
    codes = compressed(graph, f"quantize{{{spec},activations=32}}")
    assert not codes.tensors["x"].quant
    decoded = {
        node.name: replace(node.op, weight=Weight(codes=node.op.weight.real().astype(np.float32)))
        for node in codes.nodes
        if isinstance(node.op, Conv2d | Linear)
    }
    x = samples(graph, 8)
    # Scales and codes multiply to more digits than float32 keeps.
    np.testing.assert_allclose(run(codes, x, policy), run(codes.with_ops(decoded), x), rtol=1e-5)


def test_integer_groups_need_a_policy_that_has_them() -> None:
    graph = mlp()
    integers = compressed(graph, "quantize{weights=4,group=4}")
    assert error(graph, "quantize{weights=4,group=4}", "xnnpack") < 0.3
    with pytest.raises(UnsupportedError, match=r"^mlp/fc1: policy 'tflm' has no linear of weights"):
        run(integers, samples(graph, 2), "tflm")


def test_a_files_weights_in_groups_come_back(tmp_path: Path) -> None:
    for spec in ("activations=32", "activations=8"):
        graph = compressed(mlp(), f"quantize{{weights=4,group=4,scale_bits=16,{spec}}}")
        save(graph, tmp_path / "graph.hwsim")
        assert difference(load(tmp_path / "graph.hwsim"), graph) == ""


def _types(graph: Graph) -> set[str]:
    return {
        step.types for step in lower(graph, unit_device()).steps if step.node.op.kind == "linear"
    }


def test_devices_see_which_arithmetic_a_layer_needs() -> None:
    graph = mlp()
    assert _types(compressed(graph, "quantize{weights=4,group=4}")) == {"8x4g"}
    assert _types(compressed(graph, "quantize{weights=4,group=4,activations=32}")) == {"f32w4"}
    assert _types(compressed(graph, "quantize{activations=16}")) == {"16x8"}
    layer = lower(compressed(graph, "quantize{weights=4,group=4}"), unit_device()).steps[-1]
    assert "has no 8x4g (8-bit activations, 4-bit weights in groups) kernel" in layer.reason


def test_scales_beyond_16_bits_are_refused() -> None:
    rows: Array = np.full((2, 8), 1e6)
    graph = one_layer(rows.tolist())
    with pytest.raises(RecipeError, match=r"^one/fc: .* scale_bits=32 holds them"):
        compressed(graph, "quantize{weights=4,group=4,scale_bits=16,activations=32}")
    assert compressed(graph, "quantize{weights=4,group=4,activations=32}")


def test_groups_follow_their_rows_and_keep_their_columns() -> None:
    (weight,) = weights(compressed(one_layer(ROWS), "quantize{weights=4,group=2,activations=32}"))
    kept = weight.take(np.array([1]), axis=0)
    np.testing.assert_allclose(kept.real(), ROWS[1:], atol=1e-6)
    assert kept.storage_bytes == 2 + 2 * 4
    with pytest.raises(FormatError, match=r"per group of 2 cannot lose columns"):
        weight.take(np.array([0, 1]), axis=1)


def test_zeros_stay_zero_in_any_format() -> None:
    (weight,) = weights(compressed(one_layer(ROWS), "quantize{weights=4,group=2,activations=32}"))
    masked = weight.masked(np.abs(weight.real()) > 0.5)
    assert masked.nonzero.tolist() == [[True, True, False, True], [False, False, True, False]]
    for format_ in (Dense(), Csr()):
        stored = replace(masked, format=format_)
        np.testing.assert_array_equal(format_.unpack(stored.packed), masked.codes)


def test_decoded_weights_are_written_to_onnx_and_refused_by_tflite(tmp_path: Path) -> None:
    graph = compressed(mlp(), "quantize{weights=8,activations=32}")
    save(graph, tmp_path / "graph.onnx")
    back, x = load(tmp_path / "graph.onnx"), samples(graph, 8)
    assert {weight.is_decoded for weight in weights(back)} == {True}
    np.testing.assert_allclose(run(back, x), run(graph, x), rtol=1e-5, atol=1e-6)
    with pytest.raises(InterchangeError, match=r"quantizes its inputs too"):
        save(graph, tmp_path / "graph.tflite")
