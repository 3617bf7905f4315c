"""What is written as .tflite, LiteRT runs with hwsim's own integers, in every tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import compressors
import hwsim
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import InterchangeError
from hwsim.execute import prepare_all
from hwsim.graph import Graph, Node, validate
from hwsim.interchange import save
from hwsim.numerics import Quant, find_policy
from hwsim.ops import Conv2d, Sum
from hwsim.peers.litert import Resolver, litert_tensors
from hwsim.tensor import TensorType, Weight
from tests.cases import CASES, Case
from tests.graphs import GRAPHS, run_integers, samples
from tests.oracle import int16_ops, litert, more_ops, single_ops
from tests.oracle.int16_ops import WideDraw
from tests.oracle.lstm_ops import lstm
from tests.oracle.single_ops import Draw

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SHARED: Final = Path(__file__).parents[3] / "shared"
MODELS: Final = (
    "ad01_fp32",
    "ad01_int8",
    "kws_ref_model",
    "kws_ref_model_float32",
    "pretrainedResnet",
    "pretrainedResnet_quant",
    "vww_96_float",
    "vww_96_int8",
)
RESOLVERS: Final[dict[str, Resolver]] = {"tflite-ref": "BUILTIN_REF", "xnnpack": "AUTO"}
RECIPES: Final = (
    "quantize",
    "quantize{weights=4}",
    "quantize{weights=3,granularity=tensor}",
    "prune{structure=2:4}|quantize",
)
# TFLite has no layer normalisation.
UNWRITTEN_GRAPHS: Final = {"attention"}
# LiteRT leaves layers of 4-bit weights to kernels that round otherwise than XNNPACK's.
UNCLAIMED_RECIPES: Final = {("quantize{weights=4}", "xnnpack")}

# Some encodings and attributes that TFLite has not; each refusal says what it needs.
REFUSED: Final = {
    "average_pool": "pads as SAME or VALID",
    "average_pool_recoded": "one encoding",
    "batch_norm": "no integer form",
    "batch_norm_rows": "no integer form",
    "binary_div": "of integers",
    "binary_pow": "of integers",
    "binary_squared_difference": "of integers",
    "concat_recoded": "different encodings",
    "conv_unsigned": "one scale",
    "elementary_abs": "no integer abs",
    "elementary_ceil": "no integer ceil",
    "elementary_elu": "no integer elu",
    "elementary_exp": "no integer exp",
    "elementary_floor": "no integer floor",
    "elementary_hard_sigmoid": "no integer hard_sigmoid",
    "elementary_log": "no integer log",
    "elementary_logistic": "scale 0.00390625",
    "elementary_neg": "no integer neg",
    "elementary_round": "no integer round",
    "elementary_rsqrt": "no integer rsqrt",
    "elementary_silu": "no integer silu",
    "elementary_sqrt": "no integer sqrt",
    "elementary_square": "no integer square",
    "elementary_tanh": "scale 0.0078125",
    "elementary_16_bits": "scale 3.05176e-05",
    "gather_recoded": "different encodings",
    "layer_norm": "no operator for layer_norm",
    "layer_norm_rows": "no operator for layer_norm",
    "leaky_relu_falling": "one type",
    "lstm": "integer weights",
    "lstm_coupled": "integer weights",
    "log_softmax_other_scale": "scale 0.0625",
    "matmul": "no factor",
    "matmul_turned": "one type",
    "max_pool": "pads as SAME or VALID",
    "max_pool_recoded": "one encoding",
    "maximum_recoded": "different encodings",
    "minimum_recoded": "different encodings",
    "mul_broadcast": "one type",
    "pad_recoded": "different encodings",
    "reduce_max_kept": "different encodings",
    "reduce_min_rows": "different encodings",
    "rms_norm": "no operator for rms_norm",
    "rms_norm_rows": "no operator for rms_norm",
    "reshape_recoded": "different encodings",
    "resize_bilinear_recoded": "one encoding",
    "resize_nearest_recoded": "one encoding",
    "slice_recoded": "different encodings",
    "softmax_other_scale": "scale 0.00390625",
    "softmax_tiny_steps": "more than 2.-26",
    "tile_recoded": "different encodings",
    "transpose_recoded": "different encodings",
}
UNCLAIMED: Final = {
    # LiteRT's reference kernel makes one constant of all signed sums.
    ("sum", "tflite-ref"),
    # See UNCLAIMED_RECIPES.
    ("conv_4_bits", "xnnpack"),
    ("linear_4_bits", "xnnpack"),
}


def written(graph: Graph, folder: Path) -> Path:
    path = folder / "model.tflite"
    save(graph, path)
    return path


def is_after_a_sum(graph: Graph) -> set[str]:
    """Return the tensors that LiteRT's reference kernels get wrong; see `UNCLAIMED`."""
    wrong: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, Sum) or wrong.intersection(node.inputs):
            wrong.update(node.outputs)
    return wrong


def tensors(graph: Graph, x: Array, policy: str) -> dict[str, Array]:
    """Return every tensor of an integer graph, op by op: what plans are compiled to equal."""
    values = run_integers(graph, x.reshape(-1, *graph.tensors[graph.inputs[0]].shape), policy)
    return {
        name: np.broadcast_to(value, (len(x), *value.shape[1:])) for name, value in values.items()
    }


def compared(graph: Graph, path: Path, x: Array, policy: str) -> tuple[int, dict[str, int]]:
    """Return how many values LiteRT gave of tensors of `graph`, and how many differ in each."""
    ours = tensors(graph, x, policy)
    theirs = litert_tensors(RESOLVERS[policy], path, ours[graph.inputs[0]])
    known = [name for name in ours if name in theirs and name not in graph.inputs]
    assert len(known) == len(ours) - len(graph.inputs)
    off = {
        name: int((ours[name].reshape(theirs[name].shape) != theirs[name]).sum()) for name in known
    }
    return sum(theirs[name].size for name in known), {name: n for name, n in off.items() if n}


@pytest.fixture(params=GRAPHS, ids=lambda make: make.__name__)
def model(request: pytest.FixtureRequest) -> Graph:
    make: Callable[[], Graph] = request.param
    return make()


@pytest.mark.parametrize("recipe", RECIPES)
def test_integer_graphs(model: Graph, recipe: str, tmp_path: Path) -> None:
    x = samples(model, 8)[:, 0].astype(np.float32)
    graph = compressors.parse(recipe).apply(model, Data(x=x))
    if graph.name in UNWRITTEN_GRAPHS:
        with pytest.raises(InterchangeError, match="cannot be written as TFLite"):
            written(graph, tmp_path)
        assert list(tmp_path.iterdir()) == []
        return
    path = written(graph, tmp_path)
    for policy in RESOLVERS:
        values, off = compared(graph, path, x, policy)
        assert values > 500
        if policy == "tflite-ref":
            off = {name: n for name, n in off.items() if name not in is_after_a_sum(graph)}
        assert off == {} or (recipe, policy) in UNCLAIMED_RECIPES
    check_read_again(graph, path, x)


def check_read_again(graph: Graph, path: Path, x: Array) -> None:
    again = hwsim.load(path)
    assert {node.name for node in graph.nodes} <= {node.name for node in again.nodes}
    assert {name: again.tensors.get(name) for name in graph.tensors} == dict(graph.tensors)
    if graph.tensors[graph.inputs[0]].quant is not None:
        ours, theirs = (tensors(g, x, "tflite-ref") for g in (graph, again))
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name], err_msg=name)
    else:
        wanted = tuple(graph.tensors)
        ours, theirs = (prepare_all(g, "tflite-ref", wanted)(x) for g in (graph, again))
        for name, values in ours.items():
            # Batch norms are a product and a sum there: float32 constants, another order.
            np.testing.assert_allclose(values, theirs[name], rtol=0, atol=1e-5, err_msg=name)


def test_float_graphs(model: Graph, tmp_path: Path) -> None:
    if model.name in UNWRITTEN_GRAPHS:
        pytest.skip("TFLite has no layer normalisation")
    x = samples(model, 4)[:, 0].astype(np.float32)
    path = written(model, tmp_path)
    check_read_again(model, path, x)
    ours = prepare_all(model, "tflite-ref", tuple(model.tensors))(x)
    for resolver in RESOLVERS.values():
        theirs = litert_tensors(resolver, path, ours["x"])
        for name, values in ours.items():
            scale = np.abs(values).max()
            # float32 sums in another order, through up to 24 layers.
            np.testing.assert_allclose(
                theirs[name].reshape(values.shape), values, rtol=0, atol=1e-5 * scale
            )


def float32_scales(case: Case) -> Case:
    """Return `case` with scales that a file can hold."""

    def rounded(quant: Quant | None) -> Quant | None:
        if quant is None:
            return None
        return replace(quant, scale=tuple(float(np.float32(scale)) for scale in quant.scale))

    op: Any = case.op
    weights = {
        field.name: replace(value, quant=rounded(value.quant))
        for field in fields(op)
        if isinstance(value := getattr(op, field.name), Weight)
    }
    inputs = tuple(replace(type_, quant=rounded(type_.quant)) for type_ in case.inputs)
    return replace(case, op=replace(op, **weights), inputs=inputs, quant=rounded(case.quant))


def graph_of(name: str, case: Case) -> Graph:
    """Return a graph of one node."""
    inputs = tuple(f"x{i}" for i in range(len(case.inputs)))
    types = {**dict(zip(inputs, case.inputs, strict=True)), "y": case.outputs[0]}
    node = Node(name="op", op=case.op, inputs=inputs, outputs=("y",))
    return validate(Graph(name=name, inputs=inputs, outputs=("y",), tensors=types, nodes=(node,)))


def outputs(path: Path, operands: tuple[Array, ...], count: int, policy: str) -> Array:
    """Return the first output of a model of any number of inputs."""
    runner = litert.interpreter(path.read_bytes(), policy)
    results: list[Array] = []
    for sample in range(count):
        for source, values in zip(runner.get_input_details(), operands, strict=True):
            runner.set_tensor(source["index"], values[sample].astype(source["dtype"]))
        runner.invoke()
        results.append(runner.get_tensor(runner.get_output_details()[0]["index"]).copy())
    return np.stack(results)


@pytest.mark.parametrize("name", CASES)
def test_one_op_alone(name: str, tmp_path: Path) -> None:
    count = 16
    case = float32_scales(CASES[name])
    operands = case.samples(count)
    try:
        path = written(graph_of(name, case), tmp_path)
    except InterchangeError as error:
        message = str(error)
        assert message.startswith(f"{name}/op: cannot be written as TFLite: ")
        assert "\n" not in message
        assert list(tmp_path.iterdir()) == []
        return
    assert name not in REFUSED
    for policy in RESOLVERS:
        (ours,) = case.op.prepare(case.site(find_policy(policy)))(*operands)
        theirs = outputs(path, operands, count, policy)
        ours = np.broadcast_to(ours, (count, *ours.shape[1:])).reshape(theirs.shape)
        if case.quant is None:
            # One float32 product.
            np.testing.assert_allclose(theirs, ours, rtol=3e-7)
        elif (name, policy) not in UNCLAIMED:
            assert int((ours != theirs).sum()) == 0, policy


@pytest.mark.parametrize("name", REFUSED)
def test_what_tflite_has_not_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(InterchangeError, match=REFUSED[name]):
        written(graph_of(name, float32_scales(CASES[name])), tmp_path)


def test_most_ops_are_written(tmp_path: Path) -> None:
    refused = 0
    for name, case in CASES.items():
        try:
            written(graph_of(name, float32_scales(case)), tmp_path)
        except InterchangeError:
            refused += 1
    assert refused < 0.5 * len(CASES)


WIDTHS: Final[dict[str, Callable[[int], Draw]]] = {
    "int8": Draw,
    "uint8": lambda seed: Draw(seed, is_unsigned=True),
    "int16": WideDraw,
}
FILES: Final = [
    *(
        (make, width)
        for make in (*single_ops.CASES, *more_ops.CASES)
        for width in ("int8", "uint8")
    ),
    *((make, "int16") for make in int16_ops.CASES),
    *((partial(lstm, is_integer=is_integer), "int8") for is_integer in (False, True)),
]
# Kernels that LiteRT has not, though files can be drawn.
NO_UNSIGNED: Final = {"batch_matmul", "batch_matmul_self"}


def _named(make: Any) -> str:
    """Return what a maker is called; one with settings is named by them too."""
    if isinstance(make, partial):
        return f"{make.func.__name__}{make.keywords}"
    return make.__name__


@pytest.mark.parametrize(
    ("make", "width"), FILES, ids=[f"{_named(make)}-{width}" for make, width in FILES]
)
def test_a_file_of_one_op_is_written_with_the_same_results(
    make: Callable[[Draw], single_ops.Case], width: str, tmp_path: Path
) -> None:
    if width == "uint8" and make.__name__ in NO_UNSIGNED:
        pytest.skip("LiteRT has no such kernel of uint8")
    source = tmp_path / "source.tflite"
    for seed in range(3):
        case = make(WIDTHS[width](seed))
        source.write_bytes(case.content)
        path = written(hwsim.load(source), tmp_path)
        for policy in RESOLVERS:
            before = litert.outputs(case.content, case.x, policy)
            after = litert.outputs(path.read_bytes(), case.x, policy)
            np.testing.assert_array_equal(before.reshape(after.shape), after)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_was_read_is_written_with_the_same_results(name: str, tmp_path: Path) -> None:
    source = SHARED / "models" / f"{name}.tflite"
    if not source.is_file():
        pytest.skip(f"{source} is not there")
    path = written(hwsim.load(source), tmp_path)
    (detail,) = litert.interpreter(source.read_bytes(), "tflite-ref").get_input_details()
    rng, shape = np.random.default_rng(5), (10, *detail["shape"][1:])
    x = rng.standard_normal(shape).astype(np.float32)
    if detail["dtype"] != np.float32:
        info = np.iinfo(detail["dtype"])
        x = rng.integers(info.min, info.max + 1, shape, detail["dtype"])
    for policy in RESOLVERS:
        before = litert.outputs(source.read_bytes(), x, policy)
        after = litert.outputs(path.read_bytes(), x, policy)
        np.testing.assert_array_equal(before.reshape(after.shape), after)


def test_the_demo_network_classifies_as_in_litert(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    from examples.digits import digits, example_inputs, train

    (x_train, y_train), (x, y) = digits()
    model = hwsim.load((train(), example_inputs()))
    data = Data(x=x_train, y=y_train)
    graph = compressors.parse("quantize").apply(model, data)
    path = written(graph, tmp_path)
    for policy in RESOLVERS:
        values, off = compared(graph, path, x, policy)
        assert (values > 1_000_000, off) == (True, {})
    ours = hwsim.run(graph, x).reshape(len(x), -1)
    quant = graph.tensors[graph.inputs[0]].quant
    assert quant is not None
    theirs = litert.outputs(path.read_bytes(), quant.encode(x), "tflite-ref").reshape(len(x), -1)
    np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
    assert (ours.argmax(axis=1) == y).mean() > 0.95


@pytest.mark.parametrize("groups", [1, 4], ids=["conv", "depthwise"])
@pytest.mark.parametrize("recipe", ["none", "quantize"])
def test_convolutions_without_a_bias(groups: int, recipe: str, tmp_path: Path) -> None:
    """LiteRT's kernels want one: the depthwise ones would read where nothing is."""
    rng = np.random.default_rng(3)
    codes = rng.normal(size=(4, 3, 3, 4 // groups)).astype(np.float32)
    layer = Conv2d(weight=Weight(codes=codes), groups=groups)
    x_type, y_type = TensorType(shape=(1, 6, 6, 4)), TensorType(shape=(1, 4, 4, 4))
    graph = Graph(
        name="net",
        inputs=("x",),
        outputs=("y",),
        tensors={"x": x_type, "y": y_type},
        nodes=(Node(name="conv", op=layer, inputs=("x",), outputs=("y",)),),
    )
    x = rng.normal(size=(5, *x_type.shape)).astype(np.float32)
    made = compressors.parse(recipe).apply(graph, Data(x=x)) if recipe != "none" else graph
    path = written(made, tmp_path)
    for policy, resolver in RESOLVERS.items():
        ours = prepare_all(made, policy, ("x", "y"))(x)
        theirs = litert_tensors(resolver, path, ours["x"])["y"].reshape(ours["y"].shape)
        np.testing.assert_allclose(theirs, ours["y"], rtol=1e-5, atol=1e-5)
