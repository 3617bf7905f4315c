"""Activations and weights of 9 to 16 bits: exact sums, rounded as 16x8 layers are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compressors import parse
from hwsim.arrays import FloatArray
from hwsim.data import Data
from hwsim.errors import InterchangeError, UnsupportedError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.interchange import load, save
from hwsim.numerics import Quant
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from hwsim.tensor import Weight
from tests.equality import difference
from tests.graphs import (
    GraphBuilder,
    grouped,
    mlp,
    residual,
    run_integers,
    samples,
    separable,
    with_op,
)

MAKES = pytest.mark.parametrize(
    "make", [mlp, residual, separable, grouped], ids=lambda make: make.__name__
)


def compressed(graph: Graph, spec: str) -> Graph:
    return parse(spec).apply(graph, Data(x=samples(graph, 32)))


def quant_of(graph: Graph, tensor: str) -> Quant:
    quant = graph.tensors[tensor].quant
    assert quant is not None
    return quant


def exact(layer: Conv2d | Linear, x: Quant, y: Quant, codes: FloatArray) -> FloatArray:
    """Return the codes, before they are rounded, that reals of the same integers give."""
    w = layer.weight.quant
    assert w is not None
    assert layer.bias is not None
    patches = layer.patches(codes.astype(np.int64), x.zero_point[0]) - x.zero_point[0]
    groups, depth = patches.shape[-2:]
    weights = layer.weight.codes.astype(np.int64).reshape(groups, -1, depth)
    sums = np.einsum("...gk,gok->...go", patches, weights)
    sums = sums.reshape(*sums.shape[:-2], -1) + layer.bias.codes
    steps = sums * (x.scale[0] * np.asarray(w.scale) / y.scale[0])
    if layer.activation != "none":
        steps = np.maximum(steps, 0)
    if layer.activation == "relu6":
        steps = np.minimum(steps, 6 / y.scale[0])
    return np.clip(steps + y.zero_point[0], y.low, y.high)


@MAKES
@pytest.mark.parametrize("policy", ["tflite-ref", "tflm", "xnnpack"])
@pytest.mark.parametrize("spec", ["weights=9", "weights=16", "activations=12,weights=12"])
def test_codes_are_those_of_exact_sums(make: type, spec: str, policy: str) -> None:
    graph = compressed(make(), f"quantize{{{spec}}}")
    values = run_integers(graph, samples(graph, 8), policy)
    checked = 0
    for node in graph.nodes:
        if isinstance(node.op, Conv2d | Linear):
            x, y = quant_of(graph, node.inputs[0]), quant_of(graph, node.outputs[0])
            want = exact(node.op, x, y, values[node.inputs[0]])
            got = values[node.outputs[0]].reshape(want.shape)
            # Half a step, and what a multiplier of 15 bits errs by: 2^-15 of the largest code.
            assert np.abs(got - want).max() <= 0.5 + 2.0**-15 * (y.high - y.low)
            assert got.min() >= y.low
            assert got.max() <= y.high
            checked += 1
    assert checked > 1


@MAKES
def test_wide_codes_come_near_the_reals(make: type) -> None:
    graph: Graph = make()
    x = samples(graph, 32)
    want = trace(graph, x)[graph.outputs[0]]
    errors: list[float] = []
    for bits in (8, 10, 12, 14, 16):
        made = compressed(graph, f"quantize{{weights={bits},activations={bits}}}")
        real = quant_of(made, made.outputs[0]).decode(run(made, x))
        errors.append(float(np.abs(real.reshape(want.shape) - want).max()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 4e-4 * np.abs(want).max()


@pytest.mark.parametrize("bits", range(9, 17))
def test_every_width_is_stored_and_run(bits: int) -> None:
    graph = compressed(mlp(), f"quantize{{weights={bits},activations={bits}}}")
    for node in graph.nodes:
        weight = node.op.weight
        if weight is not None:
            assert weight.bits == bits
            assert np.abs(weight.codes).max() == (1 << (bits - 1)) - 1
            assert weight.storage_bytes == -(-weight.codes.size * bits // 8)
            assert node.op.constants[1].bits == 64
    assert {quant_of(graph, name).bits for name in graph.tensors} == {bits}
    assert {quant_of(graph, name).zero_point for name in graph.tensors} == {(0,)}
    assert graph.tensors["x"].size_bytes == -(-graph.tensors["x"].elements * bits // 8)
    values = run_integers(graph, samples(graph, 4))
    for name, codes in values.items():
        quant = quant_of(graph, name)
        assert quant.low <= codes.min() <= codes.max() <= quant.high


def test_runtimes_without_wide_layers_refuse() -> None:
    graph = compressed(mlp(), "quantize{weights=12}")
    with pytest.raises(UnsupportedError, match=r"^mlp/conv: policy 'ort' has no conv2d of weigh"):
        run(graph, samples(graph, 1), "ort")


def test_sums_that_could_overflow_are_refused() -> None:
    b = GraphBuilder("long", 1, 1 << 18)
    graph = b.done(b.linear("fc", "x", 1))
    ones = Weight(codes=np.ones((1, 1 << 18), np.float32))
    graph = with_op(graph, "fc", weight=ones)
    x = np.ones((1, 1, 1 << 18))
    made = parse("quantize{weights=16,activations=16}").apply(graph, Data(x=x))
    with pytest.raises(UnsupportedError, match=r"^long/fc: linear of 16-bit weights could sum"):
        run(made, x)
    assert run(parse("quantize{weights=12,activations=16}").apply(graph, Data(x=x)), x).size == 1


@pytest.mark.parametrize("name", ["graph.tflite", "graph.onnx"])
def test_files_without_wide_weights_refuse(name: str, tmp_path: Path) -> None:
    graph = compressed(mlp(), "quantize{weights=12}")
    with pytest.raises(InterchangeError, match=r"^mlp/conv: cannot be written as .* 12"):
        save(graph, tmp_path / name)


@pytest.mark.parametrize(
    "spec",
    [
        "weights=12,activations=12",
        "weights=1,scheme=binary",
        "weights=1,scheme=binary,activations=1,first_last_bits=8",
        "weights=2,scheme=ternary",
        "weights=4,scheme=apot",
        "exclude=fc1",
    ],
)
def test_own_files_hold_everything(spec: str, tmp_path: Path) -> None:
    graph = compressed(mlp(), f"quantize{{{spec}}}")
    save(graph, tmp_path / "graph.hwsim")
    assert difference(load(tmp_path / "graph.hwsim"), graph) == ""


@pytest.mark.parametrize("name", ["graph.tflite", "graph.onnx"])
@pytest.mark.parametrize("scheme", ["weights=1,scheme=binary", "weights=2,scheme=ternary"])
def test_signs_and_trits_are_written_as_bytes(name: str, scheme: str, tmp_path: Path) -> None:
    graph = compressed(mlp(), f"quantize{{{scheme}}}")
    save(graph, tmp_path / name)
    x, policy = samples(graph, 16), "ort" if "onnx" in name else "tflite-ref"
    back = run(load(tmp_path / name), x, policy)
    np.testing.assert_array_equal(back.reshape(16, -1), run(graph, x, policy).reshape(16, -1))
