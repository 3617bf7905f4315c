"""The ONNX reader: how layouts, constants and encodings come out, what it refuses, and damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from hwsim.arrays import Array
from hwsim.errors import InterchangeError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.interchange import load
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from tests.unit.interchange.damage import flips, read, truncations

RNG = np.random.default_rng(3)
X = (1, 3, 8, 8)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """Return a node; names are separated by spaces, `-` stands for one that is left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), **attributes)


def model(
    nodes: Sequence[NodeProto],
    constants: dict[str, Array] | None = None,
    *,
    shape: Sequence[int | str] = X,
    opset: int = 17,
    dtype: int = TensorProto.FLOAT,
) -> ModelProto:
    """Return the model of `nodes` from x to y."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def reals(*shape: int) -> Array:
    return (0.3 * RNG.normal(size=shape)).astype(np.float32)


def graph_of(made: ModelProto, folder: Path) -> Graph:
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return load(path)


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph.nodes]


def refusal(made: ModelProto, folder: Path) -> str:
    with pytest.raises(InterchangeError) as caught:
        graph_of(made, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def residual() -> ModelProto:
    """Return an image network with a residual, a pool, and a flatten whose shape is computed."""
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("Relu", "c1", "r1"),
        node("Conv", "r1 w2", "c2", pads=[1, 1, 1, 1], group=4),
        node("Add", "c2 r1", "sum"),
        node("GlobalMaxPool", "sum", "unused"),
        node("MaxPool", "sum", "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", "pool", "shape"),
        node("Gather", "shape zero", "batch"),
        node("Unsqueeze", "batch axis", "batch1"),
        node("Concat", "batch1 open", "wanted", axis=0),
        node("Reshape", "pool wanted", "flat"),
        node("Gemm", "flat w3 b3", "y", transB=1),
    ]
    constants = {
        "w1": reals(4, 3, 3, 3),
        "b1": reals(4),
        "w2": reals(4, 1, 3, 3),
        "w3": reals(5, 64),
        "b3": reals(5),
        "zero": np.array(0),
        "axis": np.array([0]),
        "open": np.array([-1]),
    }
    return model(nodes, constants, shape=("batch", *X[1:]))


def quantized() -> ModelProto:
    """Return a convolution with a clamp, and a linear layer, between codes."""
    nodes = [
        node("QuantizeLinear", "x sx zx", "xq"),
        node("DequantizeLinear", "xq sx zx", "xd"),
        node("DequantizeLinear", "w sw zw", "wd", axis=0),
        node("DequantizeLinear", "b sb zb", "bd", axis=0),
        node("Conv", "xd wd bd", "c"),
        node("Relu", "c", "r"),
        node("QuantizeLinear", "r sc zc", "rq"),
        node("DequantizeLinear", "rq sc zc", "rd"),
        node("Flatten", "rd", "flat"),
        node("QuantizeLinear", "flat sc zc", "fq"),
        node("DequantizeLinear", "fq sc zc", "fd"),
        node("DequantizeLinear", "v sv zv", "vd"),
        node("MatMul", "fd vd", "m"),
        node("QuantizeLinear", "m sy zy", "y"),
    ]
    scales = np.array([0.01, 0.02], np.float32)
    constants = {
        "sx": np.float32(0.05), "zx": np.uint8(128),
        "sc": np.float32(0.04), "zc": np.uint8(0), "sy": np.float32(1.5), "zy": np.uint8(128),
        "w": RNG.integers(-127, 128, (2, 3, 3, 3)).astype(np.int8), "sw": scales,
        "zw": np.zeros(2, np.int8),
        "b": np.array([40, -50], np.int32), "sb": np.float32(0.05) * scales,
        "zb": np.zeros(2, np.int32),
        "v": RNG.integers(-127, 128, (72, 4)).astype(np.int8), "sv": np.float32(0.01),
        "zv": np.int8(0),
    }  # fmt: skip
    return model(nodes, {name: np.asarray(array) for name, array in constants.items()})


def test_images_are_turned_once_and_names_are_kept(tmp_path: Path) -> None:
    graph = graph_of(residual(), tmp_path)
    expected = ["transpose", "conv2d", "elementary", "conv2d", "add", "max_pool2d", "reshape"]
    assert kinds(graph) == [*expected, "linear"]
    assert (graph.name, graph.inputs, graph.outputs) == ("model", ("x",), ("y",))
    assert graph.tensors["x"].shape == X
    assert {"c1", "r1", "sum", "pool", "flat"} <= set(graph.tensors)


def test_constants_beside_the_file(tmp_path: Path) -> None:
    made = residual()
    expected = graph_of(made, tmp_path)
    path = tmp_path / "outside.onnx"
    outside: Any = {"save_as_external_data": True, "location": "outside.bin", "size_threshold": 0}
    onnx.save(made, path, **outside)  # pyright: ignore[reportUnknownMemberType]
    x = reals(2, *X[1:])
    np.testing.assert_array_equal(run(load(path), x), run(expected, x))
    (tmp_path / "outside.bin").unlink()
    with pytest.raises(InterchangeError):
        load(path)


def test_a_function_of_the_model_is_read_as_its_body(tmp_path: Path) -> None:
    made = model([helper.make_node("Twice", ["x"], ["y"], domain="own")])
    made.opset_import.append(helper.make_opsetid("own", 1))
    body = [node("Add", "a a", "b")]
    opset = helper.make_opsetid("", 17)
    made.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], body, [opset]))
    graph = graph_of(made, tmp_path)
    assert kinds(graph) == ["add"]


def test_codes_between_scales_become_integer_ops(tmp_path: Path) -> None:
    graph = graph_of(quantized(), tmp_path)
    assert kinds(graph) == ["quantize", "transpose", "conv2d", "reshape", "linear"]
    conv, linear = (node.op for node in graph.nodes if node.op.kind in ("conv2d", "linear"))
    assert isinstance(conv, Conv2d)
    assert isinstance(linear, Linear)
    assert conv.weight.quant is not None
    assert conv.weight.quant.axis == 0
    np.testing.assert_allclose(conv.weight.quant.scale, [0.01, 0.02])
    assert conv.bias is not None
    assert conv.bias.codes.tolist() == [40, -50]
    assert graph.tensors["y"].dtype == "uint8"
    assert linear.weight.shape == (4, 72)


def test_integers_and_reals_agree_within_a_code(tmp_path: Path) -> None:
    graph = graph_of(quantized(), tmp_path)
    x = reals(8, *X[1:])
    quant = graph.tensors["y"].quant
    assert quant is not None
    codes = run(graph, x).astype(int)
    expected = quant.encode(trace(graph, x)["y"][:, 0]).astype(int)
    # Half a step of 0.04 in 72 operands of up to 1.27 is 0.1 of the result's steps of 1.5.
    assert np.abs(codes - expected).max() <= 1
    assert len(set(codes.reshape(-1).tolist())) > 10


def squared(zero_point: int) -> ModelProto:
    """Return relu(x @ x) between codes, the result's with `zero_point`."""
    nodes = [
        node("QuantizeLinear", "x s", "xq"),
        node("DequantizeLinear", "xq s", "xd"),
        node("MatMul", "xd xd", "m"),
        node("Relu", "m", "r"),
        node("QuantizeLinear", "r s z", "y"),
    ]
    constants = {"s": np.array(0.5, np.float32), "z": np.array(zero_point, np.uint8)}
    return model(nodes, constants, shape=(4, 4))


def test_a_clamp_goes_where_no_code_means_what_it_cuts_off(tmp_path: Path) -> None:
    assert kinds(graph_of(squared(0), tmp_path)) == ["quantize", "matmul"]
    between = ["quantize", "dequantize", "matmul", "elementary", "quantize"]
    assert kinds(graph_of(squared(1), tmp_path)) == between


def test_a_clamp_is_fused_into_a_layer(tmp_path: Path) -> None:
    graph = graph_of(quantized(), tmp_path)
    (conv,) = [node.op for node in graph.nodes if isinstance(node.op, Conv2d)]
    assert conv.activation == "relu"


@pytest.mark.parametrize("left_out", ["QuantizeLinear at the end", "encoded bias"])
def test_what_is_not_encoded_all_round_stays_real(left_out: str, tmp_path: Path) -> None:
    made = quantized()
    if left_out == "encoded bias":
        made.graph.node[4].input[2] = "real_bias"
        made.graph.initializer.append(numpy_helper.from_array(reals(2), "real_bias"))
    else:
        made.graph.node.pop()
        made.graph.node[-1].output[0] = "y"
    graph = graph_of(made, tmp_path)
    real = "conv2d" if left_out == "encoded bias" else "linear"
    (island,) = [n for n in graph.nodes if n.op.kind == real]
    assert island.op.weight is not None
    assert island.op.weight.quant is None
    assert [n.op.kind for n in graph.nodes if n.outputs == island.inputs] == ["dequantize"]


def test_integer_inputs_mean_what_the_first_reader_says(tmp_path: Path) -> None:
    constants = {"s": np.array(0.5, np.float32), "z": np.array(3, np.int8)}
    nodes = [node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("DequantizeLinear", "t s z", "y")]
    graph = graph_of(model(nodes, constants, dtype=TensorProto.INT8), tmp_path)
    quant = graph.tensors["x"].quant
    assert quant is not None
    assert (quant.scale, quant.zero_point, quant.signed) == ((0.5,), (3,), True)
    assert kinds(graph) == ["transpose", "dequantize"]


def test_several_inputs_by_name(tmp_path: Path) -> None:
    made = model([node("Sub", "x z", "y")], shape=(1, 4))
    made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, (1, 4)))
    graph = graph_of(made, tmp_path)
    x, z = reals(2, 4), reals(2, 4)
    np.testing.assert_allclose(trace(graph, {"x": x, "z": z})["y"][:, 0], x - z, atol=1e-7)


REFUSED: dict[str, tuple[ModelProto, str]] = {
    "operator": (model([node("Det", "x", "y")]), "operator Det is not supported"),
    "attribute": (
        model([node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2])]),
        "model/y: MaxPool: expected dilations 1, got (2, 2)",
    ),
    "old set": (model([node("Relu", "x", "y")], opset=6), "expected operator set 7.."),
    "open extent": (
        model([node("Relu", "x", "y")], shape=(1, 3, "height", 8)),
        "expected fixed extents after the batch, got [1, 3, height, 8]",
    ),
    "weight that flows": (model([node("Conv", "x x", "y")]), "expected constant operand 1"),
    "integers": (
        model([node("Add", "x x", "y")], dtype=TensorProto.INT64),
        "expected reals or codes of at most 16 bits, got int64",
    ),
    "codes without a scale": (
        model([node("Add", "x x", "y")], dtype=TensorProto.INT8),
        "put a DequantizeLinear before it",
    ),
    "another scale": (
        model(
            [node("QuantizeLinear", "x s", "q"), node("DequantizeLinear", "q t", "y")],
            {"s": np.array(0.5, np.float32), "t": np.array(0.25, np.float32)},
        ),
        "expected scale 0.5 and zero point 0, as the integers were made, got scale 0.25",
    ),
    "scale of zero": (
        model([node("QuantizeLinear", "x s", "y")], {"s": np.array(0, np.float32)}),
        "expected positive scales",
    ),
    "unknown tensor": (model([node("Relu", "nowhere", "y")]), "reads tensor 'nowhere'"),
    "made twice": (
        model([node("Relu", "x", "y"), node("Tanh", "x", "y")]),
        "makes tensor 'y', which exists already",
    ),
    "huge constant": (
        model(
            [node("ConstantOfShape", "n", "c"), node("Add", "x c", "y")],
            {"n": np.array([1 << 20, 1 << 20])},
        ),
        "would make a constant of",
    ),
    "random": (
        model([node("RandomNormal", "", "r", shape=[1]), node("Add", "x r", "y")]),
        "operator RandomNormal is not supported",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(case: str, tmp_path: Path) -> None:
    made, message = REFUSED[case]
    assert message in refusal(made, tmp_path)


@pytest.mark.parametrize("make", [residual, quantized], ids=lambda make: make.__name__)
def test_a_damaged_file_gives_a_graph_or_a_line(
    make: Callable[[], ModelProto], tmp_path: Path
) -> None:
    made = make()
    graph_of(made, tmp_path)  # Imports what reading needs, which takes longer than reading.
    content = made.SerializeToString()
    path = tmp_path / "damaged.onnx"
    results = [read(path, damaged) for damaged in truncations(content, 60)]
    results += [read(path, damaged) for damaged in flips(content, 250, seed=1)]
    refused = sum(isinstance(result, str) for result in results)
    assert refused > 100
    assert refused < len(results)
