"""What is written as .onnx, ONNX Runtime runs with the integers of the policy `ort`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import compressors
import hwsim
import hwsim.execute
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.execute import prepare_all
from hwsim.graph import Graph
from hwsim.interchange.onnx.write_draft import Style
from hwsim.interchange.onnx.write_graph import onnx_bytes
from hwsim.numerics import find_policy
from tests.cases import CASES, DYNAMIC, Case
from tests.graphs import GRAPHS, samples
from tests.oracle import ort
from tests.oracle.ort_ops import OPS, Draw, add

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SHARED: Final = Path(__file__).parents[3] / "shared"
INTEGER_MODELS: Final = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")
SEEDS: Final = 8
STYLES: Final[tuple[Style, ...]] = ("qdq", "qoperator")
RECIPES: Final = ("quantize", "prune{sparsity=0.5}|quantize", "quantize{weights=4}")
# What ONNX Runtime computes in reals, and adds up in an order of its own: ties may go otherwise.
IN_REALS: Final = {"conv_transpose": 2, "elementary_16_bits": 12, "sum_kept": 250}
# Float32 sums in another order than float64 ones: 2^-24 times a few roots of their length.
REALS: Final = 1e-6

styles = pytest.mark.parametrize("style", STYLES)


def differing(case: Case, style: Style, count: int = 1) -> tuple[int, int]:
    """Return how many codes differ, and of how many."""
    operands = case.samples(count, seed=1)
    (got,) = case.op.prepare(case.site(find_policy("ort")))(*operands)
    feeds = {f"x{i}": x for i, x in enumerate(operands)}
    (want,) = ort.outputs(onnx_bytes(ort.graph_of(case), style), feeds, ["y"])
    assert want.dtype == got.dtype
    assert want.shape == got.shape
    return int((got != want).sum()), want.size


@styles
@pytest.mark.parametrize("signed", [False, True], ids=["uint8", "int8"])
@pytest.mark.parametrize("make", OPS, ids=lambda make: make.__name__)
def test_one_op_alone(make: Callable[[Draw], Case], signed: bool, style: Style) -> None:
    off = {seed: differing(make(Draw(seed, signed=signed)), style) for seed in range(SEEDS)}
    assert {seed: bad for seed, (bad, _) in off.items() if bad} == {}
    assert sum(values for _, values in off.values()) > 200


@pytest.mark.parametrize("signed", [False, True], ids=["uint8", "int8"])
def test_sums_whose_order_shows(signed: bool) -> None:
    """A few in a million sums tell which of its two operands float32 adds first, and how."""
    off = {seed: differing(add(Draw(2 * seed, signed=signed)), "qdq") for seed in range(60)}
    assert {seed: bad for seed, (bad, _) in off.items() if bad} == {}


@styles
@pytest.mark.parametrize(
    "name",
    [
        name
        for name, case in CASES.items()
        if case.is_integer and all(t.quant is not None for t in (*case.inputs, *case.outputs))
    ],
)
def test_every_op_that_is_written(name: str, style: Style) -> None:
    case = CASES[name]
    bad, _ = differing(case, style, 40)
    assert bad <= IN_REALS.get(name, 0)


@pytest.mark.parametrize("name", [*DYNAMIC, "batch_norm", "batch_norm_rows"])
def test_reals_are_near(name: str) -> None:
    case = (CASES | DYNAMIC)[name]
    operands = [x.astype(np.float32) for x in case.samples(10)]
    if name in DYNAMIC:
        (got,) = case.op.prepare(case.site(find_policy("ort")))(*operands)
    else:
        (got,) = case.op.reference(*(x.astype(np.float64) for x in operands))
    graph = ort.graph_of(case if name in DYNAMIC else real(case))
    (want,) = ort.outputs(onnx_bytes(graph, "qdq"), {"x0": operands[0]}, ["y"])
    assert np.abs(got - want).max() <= REALS * np.abs(want).max()


def real(case: Case) -> Case:
    """Return the case between float32 tensors."""
    inputs = tuple(type(t)(shape=t.shape) for t in case.inputs)
    return Case(op=case.op, inputs=inputs, quant=None, steps=0.0)


def compressed(graph: Graph, recipe: str) -> Graph:
    data = Data(x=samples(graph, 64), y=None, name="normal")
    return compressors.parse(recipe).apply(graph, data)


@styles
@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_networks(make: Callable[[], Graph], style: Style) -> None:
    graph = make()
    x = samples(graph, 4).astype(np.float32)
    (want,) = ort.outputs(onnx_bytes(graph, style), {"x": x}, graph.outputs)
    got = prepare_all(graph, "ort", graph.outputs)(x)[graph.outputs[0]]
    assert np.abs(got.reshape(want.shape) - want).max() <= REALS * np.abs(want).max()
    for recipe in RECIPES:
        made = compressed(graph, recipe)
        quant = made.tensors["x"].quant
        assert quant is not None
        shape = (20, *made.tensors["x"].shape)
        codes = np.random.default_rng(2).integers(quant.low, quant.high + 1, shape, quant.dtype)
        (want,) = ort.outputs(onnx_bytes(made, style), {"x": codes}, made.outputs)
        got = prepare_all(made, "ort", made.outputs)(codes)[made.outputs[0]]
        assert int((got.reshape(want.shape) != want).sum()) == 0


@styles
@pytest.mark.parametrize("make", GRAPHS, ids=lambda make: make.__name__)
def test_what_is_read_back_computes_the_same(
    make: Callable[[], Graph], style: Style, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    made = compressed(make(), "quantize")
    hwsim.save(made, path, style)
    x = samples(made, 10)
    got, want = (hwsim.run(graph, x, "ort") for graph in (hwsim.load(path), made))
    share = float((got.reshape(want.shape) != want).mean())
    assert share == 0


@styles
@pytest.mark.parametrize("name", INTEGER_MODELS)
def test_models_of_mlperf_tiny(name: str, style: Style) -> None:
    path = SHARED / "models" / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    graph = hwsim.load(path)
    (source,) = graph.inputs
    quant = graph.tensors[source].quant
    assert quant is not None
    shape = (8, *graph.tensors[source].shape)
    x = np.random.default_rng(3).integers(quant.low, quant.high + 1, shape, quant.dtype)
    (want,) = ort.outputs(onnx_bytes(graph, style), {source: x}, graph.outputs)
    got = prepare_all(graph, "ort", graph.outputs)(x)[graph.outputs[0]]
    np.testing.assert_array_equal(got.reshape(want.shape), want)


def test_the_example_network_is_as_often_right() -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    digits = import_module("examples.digits")
    (x, _), (x_test, y_test) = digits.digits()
    graph = hwsim.load((digits.train(epochs=2), digits.example_inputs()))
    made = compressors.parse("quantize").apply(graph, Data(x=x, y=None, name="digits"))
    (source,) = made.inputs
    quant = made.tensors[source].quant
    assert quant is not None
    codes = quant.encode(x_test).reshape(-1, *made.tensors[source].shape)
    got = hwsim.run(made, codes, "ort")
    accuracy = hwsim.execute.accuracy(made, Data(x=x_test, y=y_test, name="digits"), "ort")
    for style in STYLES:
        (want,) = ort.outputs(onnx_bytes(made, style), {source: codes}, made.outputs)
        np.testing.assert_array_equal(got.reshape(want.shape), want)
        right = want.reshape(len(y_test), -1).argmax(axis=1) == y_test
        # By chance it would be 0.1.
        assert accuracy.top1 == right.mean() > 0.3


def qlinear_model(kind: str, x: Array, w: Array, rng: np.random.Generator) -> bytes:
    """Return a model of one operator of integers of the types of `x` and `w`, as others write."""
    out: int = w.shape[0 if kind == "QLinearConv" else 1]
    low, bias = int(np.iinfo(x.dtype).min), rng.integers(-500, 500, out)
    constants: dict[str, Array] = {
        "xs": np.asarray(rng.uniform(0.01, 0.05), np.float32),
        "xz": np.asarray(low + int(rng.integers(0, 256)), x.dtype),
        "w": w,
        "ws": np.asarray(rng.uniform(0.005, 0.02, out), np.float32),
        "wz": np.zeros(out, w.dtype),
        "ys": np.asarray(0.4, np.float32),
        "yz": np.asarray(low + int(rng.integers(0, 256)), x.dtype),
        "b": np.asarray(bias, np.int32),
    }
    operands = {
        "QLinearConv": ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"],
        "QLinearMatMul": ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"],
        "QGemm": ["x", "xs", "xz", "w", "ws", "wz", "b", "ys", "yz"],
    }[kind]
    domain = "com.microsoft" if kind == "QGemm" else ""
    element: Any = TensorProto.INT8 if x.dtype == np.int8 else TensorProto.UINT8
    graph = helper.make_graph(
        [helper.make_node(kind, operands, ["y"], domain=domain)],
        "net",
        [helper.make_tensor_value_info("x", element, x.shape)],
        [helper.make_tensor_value_info("y", element, None)],
        [numpy_helper.from_array(constants[name], name) for name in operands if name in constants],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


@pytest.mark.parametrize("kind", ["QLinearConv", "QLinearMatMul", "QGemm"])
@pytest.mark.parametrize("types", [("int8", "int8"), ("uint8", "int8"), ("uint8", "uint8")])
def test_operators_of_integers_that_others_wrote(
    kind: str, types: tuple[str, str], tmp_path: Path
) -> None:
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        rows, depth, out = (int(n) for n in rng.integers(1, 60, 3))
        shapes = {"QLinearConv": ((1, depth, 6, 5), (out, depth, 2, 2))}
        x_shape, w_shape = shapes.get(kind, ((rows, depth), (depth, out)))
        info = np.iinfo(types[0])
        x = rng.integers(info.min, info.max + 1, x_shape).astype(types[0])
        low, high = (-127, 128) if types[1] == "int8" else (0, 256)
        w = rng.integers(low, high, w_shape).astype(types[1])
        content = qlinear_model(kind, x, w, rng)
        path = tmp_path / f"{seed}.onnx"
        path.write_bytes(content)
        (want,) = ort.outputs(content, {"x": x[None]}, ["y"])
        graph = hwsim.load(path)
        got = prepare_all(graph, "ort", graph.outputs)(x[None])[graph.outputs[0]]
        np.testing.assert_array_equal(got, want)
