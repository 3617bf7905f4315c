"""What the ONNX writer says: types, names, layouts, styles, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import compressors
import hwsim
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import InterchangeError
from hwsim.graph import Graph, Node
from hwsim.interchange.onnx.write_draft import Style
from hwsim.interchange.onnx.write_graph import WRITERS, onnx_bytes, onnx_model
from hwsim.numerics import Quant
from hwsim.op import Op
from hwsim.ops import OPS, Add, Elementary, LayerNorm, Lstm, MaxPool2d, Reshape
from hwsim.ops.elementary import FUNCTIONS
from hwsim.tensor import TensorType, Weight
from tests.cases import CASES
from tests.graphs import GRAPHS, GraphBuilder, mlp, residual, samples

STYLES: tuple[Style, ...] = ("qdq", "qoperator")
UNWRITTEN: set[type[Op]] = {Lstm}

# Its types are partly unknown.
check: Any = getattr(onnx.checker, "check_model")  # noqa: B009

styles = pytest.mark.parametrize("style", STYLES)
graphs = pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)


def quantized(graph: Graph, recipe: str = "quantize") -> Graph:
    data = Data(x=samples(graph, 8), y=None, name="normal")
    return compressors.parse(recipe).apply(graph, data)


def kinds(graph: Graph, style: Style = "qdq") -> list[str]:
    return [node.op_type for node in onnx_model(graph, style).graph.node]


def declared(values: Any) -> dict[str, tuple[int, list[int]]]:
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


def test_every_op_is_written_but_those_that_are_named() -> None:
    assert set(OPS) - set(WRITERS) == UNWRITTEN


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_written(function: Any) -> None:
    b = GraphBuilder("net", 1, 4)
    check(onnx_model(b.done(b.add("y", Elementary(function=function), "x")), "qdq"))


@styles
@graphs
def test_models_are_valid_and_keep_inputs_and_outputs(
    make: Callable[[], Graph], style: Style
) -> None:
    for graph in (make(), quantized(make())):
        model = onnx_model(graph, style)
        check(model)
        element = {None: 1, "int8": 3}
        for names, values in (
            (graph.inputs, model.graph.input),
            (graph.outputs, model.graph.output),
        ):
            types = {name: graph.tensors[name] for name in names}
            assert declared(values) == {
                name: (element[type_.quant and type_.quant.dtype.name], list(type_.shape))
                for name, type_ in types.items()
            }


@styles
@graphs
def test_equal_graphs_make_equal_bytes(make: Callable[[], Graph], style: Style) -> None:
    first, second = (onnx_bytes(quantized(make()), style) for _ in range(2))
    assert first == second


@styles
@graphs
def test_nodes_keep_their_names(make: Callable[[], Graph], style: Style) -> None:
    graph = quantized(make())
    written = {node.name for node in onnx_model(graph, style).graph.node}
    named = {node.name for node in graph.nodes if node.op.kind != "constant"}
    assert named <= written


def test_images_are_turned_at_the_ends_only() -> None:
    assert kinds(residual()).count("Transpose") == 2  # Rows follow the pool.
    b = GraphBuilder("net", 1, 6, 6, 3)
    y = b.relu("relu", b.conv("one", "x", 4))
    y = b.add("sum", Add(), b.conv("two", y, 4), y)
    graph = b.done(b.conv("three", y, 2))
    turned = [node for node in onnx_model(graph, "qdq").graph.node if node.op_type == "Transpose"]
    assert [list(node.attribute[0].ints) for node in turned] == [[0, 3, 1, 2], [0, 2, 3, 1]]


def test_codes_are_unsigned_inside() -> None:
    """ONNX Runtime computes convolutions of signed codes in reals on x86."""
    model = onnx_model(quantized(residual()), "qdq")
    zeros = {
        constant.name: constant.data_type
        for constant in model.graph.initializer
        if constant.name.endswith(".zero_point")
    }
    encoded = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert [zeros[node.input[2]] for node in encoded[:-1]] == [2] * (len(encoded) - 1)
    assert zeros[encoded[-1].input[2]] == 3


def test_weights_of_4_bits_share_bytes() -> None:
    graph = quantized(mlp(), "quantize{weights=4}")
    made = onnx_model(graph, "qdq").graph.initializer
    packed = {tensor.name: tensor for tensor in made if tensor.name.endswith(".packed")}
    weights = [node.op.weight for node in graph.nodes if node.op.weight is not None]
    assert len(packed) == len(weights)
    for tensor, weight in zip(packed.values(), weights, strict=True):
        assert len(tensor.raw_data) == -(-weight.codes.size // 2)
        codes = onnx.numpy_helper.to_array(tensor).astype(np.int8)
        axes = (0, 3, 1, 2) if weight.codes.ndim == 4 else (1, 0)
        np.testing.assert_array_equal(codes, weight.codes.transpose(axes))


def test_the_two_styles() -> None:
    graph = quantized(residual())
    assert {"Conv", "Gemm", "Softmax"} <= set(kinds(graph, "qdq"))
    assert not [kind for kind in kinds(graph, "qdq") if kind.startswith("QLinear")]
    made = set(kinds(graph, "qoperator"))
    assert {"QLinearConv", "QLinearAdd", "QLinearAveragePool", "QGemm", "QLinearSoftmax"} <= made
    assert not {"Conv", "Gemm", "Add", "Softmax"} & made


def test_clamps_between_codes_stay_integers() -> None:
    """A rectifier that some codes lie below would keep the convolution in reals."""
    case = CASES["conv_relu6"]
    names = {"x": case.inputs[0], "y": case.outputs[0]}
    b = GraphBuilder("net", *case.inputs[0].shape)
    graph = replace(b.done(b.add("y", case.op, "x")), tensors=names)
    model = onnx_model(graph, "qdq")
    written = [node.op_type for node in model.graph.node]
    assert written[written.index("Conv") + 1 :][:2] == ["QuantizeLinear", "Clip"]


def test_save_in_either_style(tmp_path: Path) -> None:
    graph = quantized(mlp())
    for style in (None, *STYLES):
        path = tmp_path / f"{style}.onnx"
        hwsim.save(graph, path, style)
        assert path.read_bytes() == onnx_bytes(graph, "qdq" if style is None else style)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "None.onnx", "qdq.onnx", "qoperator.onnx",
    ]  # fmt: skip


def refused(graph: Graph, path: Path, style: str | None = None) -> str:
    with pytest.raises(InterchangeError) as caught:
        hwsim.save(graph, path, style)
    assert not path.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unknown_styles_are_refused(tmp_path: Path) -> None:
    graph = mlp()
    assert refused(graph, tmp_path / "m.onnx", "qop") == (
        "m.onnx: .onnx has no style 'qop'; it has qdq, qoperator, sparse"
    )
    assert refused(graph, tmp_path / "m.hwsim", "qdq") == (
        "m.hwsim: .hwsim has no style 'qdq'; it has one way of writing only"
    )


def encoded(op: Op, shape: tuple[int, ...], quant: Quant) -> Graph:
    b = GraphBuilder("net", *shape)
    graph = b.done(b.add("y", op, "x"))
    tensors = {n: TensorType(shape=t.shape, quant=quant) for n, t in graph.tensors.items()}
    return replace(graph, tensors=tensors)


def test_what_is_refused_says_what_would_do(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    narrow = encoded(pool, (1, 4, 4, 2), Quant(scale=(0.1,), bits=4))
    assert refused(narrow, path) == (
        "net/y: cannot be written as ONNX: activations have 8 or 16 bits there, this op's 4; "
        "quantize{activations=8}, or .hwsim holds it"
    )
    conv = CASES["conv"].op
    wide = encoded(conv, CASES["conv"].inputs[0].shape, Quant(scale=(0.1,), bits=16))
    assert refused(wide, path) == (
        "net/y: cannot be written as ONNX: ONNX Runtime has no integer conv2d of 16-bit "
        "activations; quantize{activations=8}, or .tflite and .hwsim hold it"
    )
    assert "there is no way to write lstm; there is for add, " in refused(lstm(), path)


def lstm() -> Graph:
    case = CASES["lstm"]
    names = tuple(f"x{i}" for i in range(len(case.inputs)))
    node = Node(name="y", op=case.op, inputs=names, outputs=("y",))
    tensors = {**dict(zip(names, case.inputs, strict=True)), "y": case.outputs[0]}
    return Graph(name="net", inputs=names, outputs=("y",), tensors=tensors, nodes=(node,))


def test_a_constant_or_an_input_may_be_the_result() -> None:
    """They get an operator that makes a tensor of the result's name."""
    b = GraphBuilder("net", 1, 4)
    b.add("same", Reshape(shape=(1, 4)), "x")
    graph = replace(b.done("same"), outputs=("x", "same"))
    names: list[str] = []
    for node in onnx_model(replace(graph, outputs=("same",)), "qdq").graph.node:
        names += node.output
    assert names == ["same"]


def test_layer_norm_is_one_operator() -> None:
    b = GraphBuilder("net", 1, 5, 8)
    norm = LayerNorm(gamma=b.real(8), beta=b.real(8), epsilon=0.25)
    model = onnx_model(b.done(b.add("y", norm, "x")), "qdq")
    (node,) = model.graph.node
    assert node.op_type == "LayerNormalization"
    assert {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute} == {
        "axis": -1,
        "epsilon": 0.25,
    }


def constants(graph: Graph) -> dict[str, Array]:
    made = onnx_model(graph, "qdq").graph.initializer
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in made}


def test_weights_lie_as_onnx_has_them() -> None:
    b = GraphBuilder("net", 1, 5, 6, 3)
    graph = b.done(b.conv("conv", "x", 4, kernel=3))
    weight = graph.nodes[0].op.weight
    assert isinstance(weight, Weight)
    np.testing.assert_array_equal(
        constants(graph)["conv.weight"], weight.codes.transpose(0, 3, 1, 2)
    )
