"""Whole ONNX models: reals as in ONNX Runtime, integers bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization import QuantFormat, QuantType
from torch import nn

from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.interchange import load
from hwsim.reference import trace
from tests.oracle import onnx_models as models
from tests.oracle.onnx_models import FLOAT, Integers, exported, inputs, outputs

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# ONNX Runtime adds in float32: some 1e-7 of the largest value in networks of this depth.
TOLERANCE = 1e-5


def graph_of(content: bytes, folder: Path) -> Graph:
    path = folder / "read.onnx"
    path.write_bytes(content)
    return load(path)


@pytest.mark.parametrize("folding", [True, False], ids=["folded", "shapes computed"])
@pytest.mark.parametrize("opset", [14, 17, 20])
@pytest.mark.parametrize("kind", FLOAT, ids=lambda kind: kind.__name__)
def test_reals_agree(kind: type[nn.Module], opset: int, folding: bool, tmp_path: Path) -> None:
    content = exported(kind, opset, folding=folding)
    x = inputs(kind, 2)
    expected = outputs(content, x)
    graph = graph_of(content, tmp_path)
    got = trace(graph, x)[graph.outputs[0]]
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator], ids=lambda f: f.name)
@pytest.mark.parametrize(
    ("activations", "weights", "per_channel"),
    [
        (QuantType.QUInt8, QuantType.QInt8, True),
        (QuantType.QUInt8, QuantType.QUInt8, False),
        (QuantType.QInt8, QuantType.QInt8, True),
        (QuantType.QInt8, QuantType.QInt8, False),
    ],
)
def test_integers_are_the_same(
    form: QuantFormat, activations: QuantType, weights: QuantType, per_channel: bool, tmp_path: Path
) -> None:
    content = models.quantized(
        exported(Integers, 17),
        inputs(Integers, 16, seed=1),
        tmp_path,
        quant_format=form,
        activation_type=activations,
        weight_type=weights,
        per_channel=per_channel,
    )
    graph = graph_of(content, tmp_path)
    floating = {"quantize", "dequantize"}
    kinds = [node.op.kind for node in graph.nodes]
    # Reals come in and go out; nothing between is real.
    assert [kind for kind in kinds if kind in floating] == ["quantize", "dequantize"]
    x = inputs(Integers, 64)
    expected = outputs(content, x)
    np.testing.assert_array_equal(run(graph, x, "ort").reshape(expected.shape), expected)


@pytest.mark.parametrize(
    "kind", [Integers, models.Attention, models.Signals], ids=lambda k: k.__name__
)
def test_inputs_quantized_as_they_arrive(kind: type[nn.Module], tmp_path: Path) -> None:
    content = models.with_integer_weights(
        exported(kind, 17), tmp_path, weight_type=QuantType.QUInt8
    )
    graph = graph_of(content, tmp_path)
    layers = [n.op.weight for n in graph.nodes if n.op.weight is not None]
    assert any(weight.quant is not None for weight in layers)
    x = inputs(kind, 8)
    expected = outputs(content, x)
    got = run(graph, x, "ort").reshape(expected.shape)
    error = np.abs(got - expected) / np.abs(expected).max()
    # A difference of 1e-7 can turn a code over, and with it a 255th of an input.
    assert np.median(error) <= TOLERANCE
    assert error.max() <= 0.01
