"""Signs as codes: what they mean, which ops make them, and how networks of them run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwsim
from hwsim.arrays import FloatArray, IntArray
from hwsim.errors import FormatError, HwsimError, InterchangeError, UnsupportedError
from hwsim.execute import prepare_all
from hwsim.formats import Bitmask, Csr, Dense, Format, Signs
from hwsim.graph import Graph, Node, validate
from hwsim.interchange import load, save
from hwsim.numerics import POLICIES, Numerics, Quant
from hwsim.op import Op, Site
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Constant,
    Conv2d,
    Dequantize,
    Linear,
    MaxPool2d,
    Pad,
    Quantize,
    Reshape,
    Slice,
    Transpose,
)
from hwsim.reference import trace
from hwsim.tensor import TensorType, Weight
from tests.equality import difference

BIPOLAR = Quant(scale=(0.5,), bits=1, is_bipolar=True)
EIGHT = Quant(scale=(0.25,), zero_point=(-7,))
SAME = ((1, 1), (1, 1))
policies = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)


def test_codes_are_signs() -> None:
    assert (BIPOLAR.low, BIPOLAR.high, BIPOLAR.dtype) == (-1, 1, np.dtype(np.int8))
    reals = np.array([-3.0, -1e-30, -0.0, 0.0, 1e-30, 9.0])
    codes = BIPOLAR.encode(reals)
    assert codes.dtype == np.int8
    # The sign of 0 is +1.
    assert codes.tolist() == [-1, -1, 1, 1, 1, 1]
    assert BIPOLAR.decode(codes).tolist() == [-0.5, -0.5, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("wrong", [{"bits": 2}, {"signed": False}, {"zero_point": (1,)}])
def test_other_encodings_are_no_signs(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="bipolar codes are signed, of 1 bit and about 0, got"):
        replace(BIPOLAR, **wrong)


def test_a_tensor_of_signs_takes_a_bit_each() -> None:
    type_ = TensorType(shape=(1, 3, 3, 5), quant=BIPOLAR)
    assert (type_.dtype, type_.size_bytes, str(type_)) == ("bipolar", 6, "bipolar[1, 3, 3, 5]")


@pytest.mark.parametrize("fmt", [Dense(), Csr(), Bitmask()], ids=lambda fmt: fmt.name)
def test_weights_of_one_bit_lie_as_signs_only(fmt: Format) -> None:
    codes = np.array([[1, -1, 1]], np.int8)
    assert Weight(codes=codes, quant=BIPOLAR, format=Signs()).storage_bytes == 1
    with pytest.raises(FormatError, match=rf"{fmt.name}: one bit cannot .* expected format signs"):
        _ = Weight(codes=codes, quant=BIPOLAR, format=fmt).storage_bytes


def site(op: Op, x: Quant | None, y: Quant | None, policy: Numerics, shape: Any = (300,)) -> Site:
    return Site(
        name="net/op",
        inputs=(TensorType(shape=shape, quant=x),),
        outputs=(TensorType(shape=op.infer(shape)[0], quant=y),),
        numerics=policy,
    )


@policies
@pytest.mark.parametrize("x", [EIGHT, replace(EIGHT, signed=False, zero_point=(9,)), BIPOLAR, None])
def test_quantize_takes_signs_of_what_codes_mean(policy: Numerics, x: Quant | None) -> None:
    codes = np.linspace(-2, 2, 301) if x is None else np.arange(x.low, x.high + 1, dtype=x.dtype)
    codes = codes[codes != 0] if x is BIPOLAR else codes
    op = Quantize()
    (got,) = op.prepare(site(op, x, BIPOLAR, policy, codes.shape))(codes[None])
    want = BIPOLAR.encode(codes if x is None else x.decode(codes))
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got[0], want)


@policies
def test_signs_are_read_as_any_codes(policy: Numerics) -> None:
    codes = np.array([[-1, 1, 1]], np.int8)
    (real,) = Dequantize().prepare(site(Dequantize(), BIPOLAR, None, policy, (3,)))(codes)
    assert real.tolist() == [[-0.5, 0.5, 0.5]]
    (eight,) = Quantize().prepare(site(Quantize(), BIPOLAR, EIGHT, policy, (3,)))(codes)
    assert eight.tolist() == [[-9, -5, -5]]


def single(op: Op, x: TensorType, y: Quant | None) -> Graph:
    """Return a graph of one op."""
    made = TensorType(shape=op.infer(x.shape)[0], quant=y)
    node = Node(name="op", op=op, inputs=("x",), outputs=("y",))
    return validate(
        Graph(name="net", inputs=("x",), outputs=("y",), tensors={"x": x, "y": made}, nodes=(node,))
    )


IMAGE = TensorType(shape=(1, 4, 4, 2), quant=BIPOLAR)
EIGHT_BITS = Weight(codes=np.ones((3, 1, 1, 2), np.int8), quant=Quant(scale=(0.1,)))


@pytest.mark.parametrize(
    "op",
    [
        Conv2d(weight=EIGHT_BITS),
        AveragePool2d(kernel=(2, 2), stride=(2, 2)),
        Pad(padding=((0, 0), (1, 1), (1, 1), (0, 0))),
        Linear(weight=Weight(codes=np.ones((3, 2), np.int8), quant=Quant(scale=(0.1,)))),
    ],
    ids=lambda op: op.kind,
)
def test_ops_that_make_other_numbers_are_refused(op: Op) -> None:
    with pytest.raises(UnsupportedError, match=rf"net/op: {op.kind} makes no signs, got output bi"):
        hwsim.prepare(single(op, IMAGE, BIPOLAR))


def test_moves_keep_the_scale_and_clamps_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="reshape moves signs of one scale, got int8 to"):
        hwsim.prepare(single(Reshape(shape=(1, 32)), replace(IMAGE, quant=EIGHT), BIPOLAR))
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2), activation="relu")
    with pytest.raises(UnsupportedError, match="max_pool2d of signs cannot end in relu"):
        hwsim.prepare(single(pool, IMAGE, BIPOLAR))


@pytest.mark.parametrize(
    "op",
    [
        Reshape(shape=(1, 2, 16)),
        Transpose(axes=(0, 3, 1, 2)),
        Slice(start=(0, 1, 0, 0), stop=(1, 4, 4, 2), step=(1, 2, 1, 1)),
        MaxPool2d(kernel=(3, 3), stride=(1, 1), padding=SAME),
    ],
    ids=lambda op: op.kind,
)
def test_moves_of_signs_are_those_of_what_they_mean(op: Op) -> None:
    graph = single(op, IMAGE, BIPOLAR)
    x = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (5, 1, 4, 4, 2))
    want = BIPOLAR.encode(trace(graph, x)["y"])
    got = hwsim.prepare(graph)(x)
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got.reshape(want.shape), want)


def bit(rng: np.random.Generator, *shape: int) -> Weight:
    """Return weights of signs, a scale per filter."""
    scales = tuple(rng.uniform(0.05, 0.2, shape[0]).astype(np.float32).tolist())
    quant = replace(BIPOLAR, scale=scales, zero_point=(0,) * shape[0], axis=0)
    codes = rng.choice(np.array([-1, 1], np.int8), shape)
    return Weight(codes=codes, quant=quant, format=Signs())


def network(seed: int = 0, channels: int = 12) -> Graph:
    """Return int8 -> signs -> padded convolution -> signs, pooled, joined -> linear."""
    rng = np.random.default_rng(seed)
    kernel = bit(rng, channels, 3, 3, channels)
    assert kernel.quant is not None
    # In steps of the scale of signs times that of weights.
    unit = tuple(BIPOLAR.scale[0] * scale for scale in kernel.quant.scale)
    bias = Weight(
        codes=rng.integers(-40, 40, channels).astype(np.int32),
        quant=Quant(scale=unit, zero_point=(0,) * channels, axis=0, bits=32),
    )
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    shapes: dict[str, tuple[tuple[int, ...], Quant | None]] = {
        "x": ((1, 4, 4, channels), EIGHT),
        "s": ((1, 4, 4, channels), BIPOLAR),
        "y": ((1, 4, 4, channels), replace(EIGHT, scale=(0.05,))),
        "t": ((1, 4, 4, channels), BIPOLAR),
        "p": ((1, 2, 2, channels), BIPOLAR),
        "k": ((1, 2, 2, 1), BIPOLAR),
        "j": ((1, 2, 2, channels + 1), BIPOLAR),
        "f": ((1, 4 * (channels + 1)), BIPOLAR),
        "z": ((1, 10), replace(EIGHT, scale=(0.1,))),
    }
    constant = Weight(
        codes=rng.choice(np.array([-1, 1], np.int8), (1, 2, 2, 1)), quant=BIPOLAR, format=Signs()
    )
    ops: tuple[tuple[Op, str, str], ...] = (
        (Quantize(), "x", "s"),
        (Conv2d(weight=kernel, bias=bias, padding=SAME), "s", "y"),
        (Quantize(), "y", "t"),
        (pool, "t", "p"),
        (Constant(value=constant), "", "k"),
        (Concat(axis=-1), "p k", "j"),
        (Reshape(shape=(1, 4 * (channels + 1))), "j", "f"),
        (Linear(weight=bit(rng, 10, 4 * (channels + 1))), "f", "z"),
    )
    nodes = tuple(
        Node(name=f"make_{y}", op=op, inputs=tuple(x.split()), outputs=(y,)) for op, x, y in ops
    )
    tensors = {name: TensorType(shape=shape, quant=q) for name, (shape, q) in shapes.items()}
    return validate(Graph(name="net", inputs=("x",), outputs=("z",), tensors=tensors, nodes=nodes))


def in_bytes(graph: Graph) -> Graph:
    """Return `graph` with weights of signs written as bytes: another kernel, the same numbers."""
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        if isinstance(node.op, (Conv2d, Linear)) and node.op.weight.quant is not None:
            quant = replace(node.op.weight.quant, bits=8, is_bipolar=False)
            weight = replace(node.op.weight, quant=quant, format=Dense())
            ops[node.name] = replace(node.op, weight=weight)
    return graph.with_ops(ops)


def inputs(samples: int, channels: int = 12) -> IntArray:
    rng = np.random.default_rng(1)
    return rng.integers(-128, 128, (samples, 4, 4, channels)).astype(np.int8)


@policies
def test_a_network_of_signs_is_that_of_bytes(policy: Numerics) -> None:
    graph, x = network(), inputs(3)
    got = hwsim.run(graph, x, policy)
    np.testing.assert_array_equal(got, hwsim.run(in_bytes(graph), x, policy))
    assert len(np.unique(got)) > 5


@pytest.mark.slow
@given(seed=st.integers(0, 1 << 32), channels=st.integers(1, 40))
@settings(max_examples=20)
def test_narrow_networks_too(seed: int, channels: int) -> None:
    graph, x = network(seed, channels), inputs(2, channels)
    np.testing.assert_array_equal(hwsim.run(graph, x), hwsim.run(in_bytes(graph), x))


def test_the_reference_takes_the_signs() -> None:
    graph, x = network(), inputs(3)
    seen: dict[str, FloatArray] = {}
    trace(graph, x[:, None], seen.__setitem__)
    assert set(np.unique(seen["s"]).tolist()) == {-0.5, 0.5}
    codes = prepare_all(graph, "tflite-ref", ("s", "y"))(x)
    np.testing.assert_array_equal(codes["s"], np.sign(seen["s"]))
    y = graph.tensors["y"].quant
    assert y is not None
    # A multiplier of 31 bits may bring a sum that lies between two codes to the other one.
    assert np.abs(y.encode(seen["y"]).astype(int) - codes["y"]).max() <= 1


def test_files_keep_signs(tmp_path: Path) -> None:
    graph = network()
    save(graph, tmp_path / "net.hwsim")
    back = load(tmp_path / "net.hwsim")
    assert difference(graph, back) == ""
    weight = back.nodes[1].op.weight
    assert weight is not None
    assert weight.quant is not None
    assert weight.quant.is_bipolar
    x = inputs(4)
    np.testing.assert_array_equal(hwsim.run(back, x), hwsim.run(graph, x))


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_files_that_have_no_signs_are_refused(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match=r"activations have 8 or 16 bits"):
        save(network(), tmp_path / f"net.{suffix}")


@pytest.mark.parametrize("device", ["sparse_pe64_sim", "stm32h7a3_xcubeai"])
def test_devices_without_such_kernels_are_named(device: str) -> None:
    conv = network().nodes[1].op
    with pytest.raises(UnsupportedError, match=r"no 1x1 kernel for conv2d"):
        hwsim.evaluate(single(conv, TensorType(shape=(1, 4, 4, 12), quant=BIPOLAR), EIGHT),
                       hwsim.device(device))  # fmt: skip
    with pytest.raises(UnsupportedError, match=r"no 8x1 kernel for conv2d"):
        hwsim.evaluate(single(conv, TensorType(shape=(1, 4, 4, 12), quant=EIGHT), EIGHT),
                       hwsim.device(device))  # fmt: skip


def ternary(rng: np.random.Generator, fmt: Format, *shape: int) -> Weight:
    """Return weights of -1, 0 and 1 in 2 bits."""
    return Weight(
        codes=rng.integers(-1, 2, shape).astype(np.int8), quant=Quant(scale=(0.1,), bits=2),
        format=fmt,
    )  # fmt: skip


@pytest.mark.parametrize("policy", ["tflite-ref", "xnnpack", "ort"])
@pytest.mark.parametrize("x_bits", [1, 2, 8])
@pytest.mark.parametrize("fmt", [Dense(), Csr(), Bitmask()], ids=lambda fmt: fmt.name)
def test_ternary_weights_multiply_what_they_mean(policy: str, x_bits: int, fmt: Format) -> None:
    rng = np.random.default_rng(x_bits)
    x_quant = BIPOLAR if x_bits == 1 else Quant(scale=(0.5,), zero_point=(1,), bits=x_bits)
    codes = rng.integers(x_quant.low, x_quant.high + 1, (2, 1, 4, 3, 8)).astype(np.int8)
    codes[codes == 0] = 1
    conv = Conv2d(weight=ternary(rng, fmt, 5, 3, 3, 8), padding=SAME)
    graph = single(
        conv, TensorType(shape=(1, 4, 3, 8), quant=x_quant), replace(EIGHT, scale=(2.0,))
    )
    got = hwsim.run(graph, codes, policy)
    real = trace(graph, codes)["y"]
    # Off by half a step and what float32 loses.
    assert np.abs((got + 7.0) * 2.0 - real.reshape(got.shape)).max() <= 1.0 + 1e-3
    byte = replace(conv.weight, quant=Quant(scale=(0.1,)), format=Dense())
    plain = graph.with_ops({"op": replace(conv, weight=byte)})
    np.testing.assert_array_equal(got, hwsim.run(plain, codes, policy))


def test_zeros_of_ternary_weights_are_skipped() -> None:
    rng = np.random.default_rng(0)
    weight = ternary(rng, Csr(), 8, 3, 3, 4)
    stored = weight.format.stored_per_row(weight.packed)
    assert stored.tolist() == np.count_nonzero(weight.matrix, axis=1).tolist()
    assert stored.sum() < 0.8 * weight.codes.size
    # Two bits a value beside its column.
    assert weight.packed.arrays["values"].nbytes == -(-2 * int(stored.sum()) // 8)


def test_adding_signs_makes_codes() -> None:
    y = replace(EIGHT, zero_point=(0,))
    nodes = (Node(name="op", op=Add(), inputs=("x", "x"), outputs=("y",)),)
    x_type = TensorType(shape=(1, 4), quant=BIPOLAR)
    tensors = {"x": x_type, "y": replace(x_type, quant=y)}
    graph = validate(Graph(name="net", inputs=("x",), outputs=("y",), tensors=tensors, nodes=nodes))
    x = np.array([[-1, 1, 1, -1]], np.int8)
    assert hwsim.run(graph, x).reshape(-1).tolist() == [-4, 4, 4, -4]
    with pytest.raises(HwsimError, match="add makes no signs"):
        hwsim.prepare(replace(graph, tensors=tensors | {"y": x_type}))
