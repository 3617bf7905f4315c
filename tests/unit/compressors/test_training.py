"""The twin computes what the reference does, and training changes only what it should."""

from collections.abc import Sequence
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest
import torch

from compressors.training import Course, Twin, train
from compressors.training.operators import FORWARD
from hwsim.arrays import Array, Shape
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.formats import NM, Bitmask
from hwsim.graph import Graph, Node, validate
from hwsim.numerics import Quant
from hwsim.op import Op
from hwsim.ops import (
    OPS,
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    Gather,
    LayerNorm,
    LeakyRelu,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Pad,
    PRelu,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)
from hwsim.ops._interpolation import Positions
from hwsim.ops.elementary import FUNCTIONS
from hwsim.reference import trace
from hwsim.tensor import TensorType, Weight

RANDOM = np.random.default_rng(0)

# Float32 against float64: some hundred roundings of 6e-8.
TOLERANCE = 1e-5


def weight(*shape: int, low: float = -1.0) -> Weight:
    return Weight(codes=RANDOM.uniform(low, 1.0, shape).astype(np.float32))


def chain(input_shape: Shape, *ops: Op | tuple[Op, tuple[int, ...]]) -> Graph:
    """Return the graph of `ops`, each fed by the one before, or by the tensors t0, t1, ... given.

    t0 is the input, t1 the result of the first op.
    """
    tensors = {"t0": TensorType(shape=input_shape)}
    nodes: list[Node] = []
    for i, entry in enumerate(ops):
        op, sources = entry if isinstance(entry, tuple) else (entry, (i,))
        inputs = tuple(f"t{source}" for source in sources)
        (shape,) = op.infer(*(tensors[name].shape for name in inputs))
        tensors[f"t{i + 1}"] = TensorType(shape=shape)
        nodes.append(Node(name=f"node.{i}", op=op, inputs=inputs, outputs=(f"t{i + 1}",)))
    return validate(
        Graph(
            name="chain",
            inputs=("t0",),
            outputs=(f"t{len(ops)}",),
            tensors=tensors,
            nodes=tuple(nodes),
        )
    )


def norm(channels: int) -> BatchNorm:
    return BatchNorm(
        gamma=weight(channels),
        beta=weight(channels),
        mean=weight(channels),
        variance=weight(channels, low=0.5),
    )


IMAGE = (1, 6, 5, 4)
ONES = ((1, 1), (1, 1))
UNEVEN = ((0, 1), (2, 1))
CASES: dict[str, Graph] = {
    "conv": chain(IMAGE, Conv2d(weight=weight(3, 3, 2, 4), bias=weight(3), stride=(2, 1))),
    "conv_relu6": chain(
        IMAGE, Conv2d(weight=weight(3, 3, 3, 4), padding=UNEVEN, activation="relu6")
    ),
    "grouped_conv": chain(
        IMAGE, Conv2d(weight=weight(6, 3, 3, 2), groups=2, padding=ONES, dilation=(2, 1))
    ),
    "linear": chain((1, 7), Linear(weight=weight(3, 7), bias=weight(3), activation="relu_n1_to_1")),
    "batch_norm": chain(IMAGE, norm(4)),
    "max_pool": chain(IMAGE, MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=UNEVEN)),
    "average_pool": chain(IMAGE, AveragePool2d(kernel=(3, 3), stride=(2, 1), padding=UNEVEN)),
    "average_pool_of_padding": chain(
        IMAGE, AveragePool2d(kernel=(3, 3), stride=(1, 1), padding=ONES, count_padding=True)
    ),
    "add": chain(IMAGE, (Constant(value=weight(4)), ()), (Add(activation="relu"), (0, 1))),
    "constant_for_all": chain((1, 5), (Constant(value=weight(1, 5)), ()), (Concat(axis=1), (0, 1))),
    "mul": chain(IMAGE, (Constant(value=weight(4)), ()), (Mul(), (0, 1))),
    "concat": chain(
        IMAGE, Pad(padding=((0, 0), (0, 0), (0, 0), (1, 2))), (Concat(axis=-1), (0, 1))
    ),
    "attention": chain(
        (1, 2, 5, 4),
        (MatMul(transpose_b=True, scale=0.5), (0, 0)),
        Softmax(beta=2.0),
        (MatMul(), (2, 0)),
    ),
    "layer_norm": chain(IMAGE, LayerNorm(gamma=weight(4), beta=weight(4))),
    "mean": chain(IMAGE, Mean(axes=(1, 3)), Mean(axes=(1,), keep_axes=True)),
    "moved": chain(
        IMAGE,
        Transpose(axes=(0, 3, 1, 2)),
        Slice(start=(0, 1, 0, 0), stop=(1, 4, 6, 5), step=(1, 2, 1, 1)),
        Reshape(shape=(1, 4, 15)),
    ),
    **{
        name: chain(IMAGE, Elementary(function="square"), Elementary(function=name))
        if name in ("log", "rsqrt", "sqrt")
        else chain(IMAGE, Elementary(function=name))
        for name in FUNCTIONS
    },
    "conv_transpose": chain(
        IMAGE,
        Conv2dTranspose(
            weight=weight(3, 2, 3, 4),
            bias=weight(3),
            stride=(2, 1),
            padding=((0, 2), (1, 0)),
            extra=(1, 0),
            activation="relu6",
        ),
    ),
    "grouped_conv_transpose": chain(
        IMAGE, Conv2dTranspose(weight=weight(6, 3, 3, 2), groups=2, stride=(2, 2), dilation=(2, 1))
    ),
    "rms_norm": chain(IMAGE, RmsNorm(gamma=weight(4))),
    "lstm": chain(
        (1, 5, 3),
        Lstm(input_weight=weight(16, 3), recurrent_weight=weight(16, 4), bias=weight(16)),
    ),
    "coupled_lstm": chain(
        (5, 1, 3),
        Lstm(
            input_weight=weight(12, 3),
            recurrent_weight=weight(12, 4),
            bias=weight(12),
            time_major=True,
            cell_clip=0.5,
        ),
    ),
    "leaky_relu": chain(IMAGE, LeakyRelu(alpha=0.2)),
    "quantize": chain(IMAGE, Quantize()),
    "prelu": chain(IMAGE, PRelu(alpha=weight(4))),
    "prelu_of_one_slope": chain(IMAGE, PRelu(alpha=weight(1))),
    "sub": chain(IMAGE, (Constant(value=weight(4)), ()), (Sub(activation="relu"), (1, 0))),
    "extremes": chain(
        IMAGE, (Constant(value=weight(4)), ()), (Maximum(), (0, 1)), (Minimum(), (2, 1))
    ),
    "squared_difference": chain(
        IMAGE, (Constant(value=weight(4)), ()), (Binary(function="squared_difference"), (0, 1))
    ),
    "div": chain(
        IMAGE,
        Elementary(function="exp"),
        (Binary(function="div"), (0, 1)),
        (Binary(function="pow"), (1, 0)),
    ),
    "reductions": chain(
        IMAGE, ReduceMax(axes=(1,)), ReduceMin(axes=(1,), keep_axes=True), Sum(axes=(1, 2))
    ),
    "gather": chain(IMAGE, Gather(axis=2, indices=(3, 0, 3)), Tile(repeats=(1, 2, 1, 2))),
    "log_softmax": chain(IMAGE, LogSoftmax()),
    **{
        f"resize_{positions}": chain(
            IMAGE,
            ResizeBilinear(size=(9, 4), positions=positions),
            ResizeNearest(size=(4, 13), positions=positions),
        )
        for positions in get_args(Positions)
    },
}


@pytest.mark.parametrize("case", CASES)
def test_twin_computes_what_the_reference_does(case: str) -> None:
    graph = CASES[case]
    x = RANDOM.normal(0.0, 2.0, (3, *graph.tensors["t0"].shape))
    (expected,) = trace(graph, x).values()
    with torch.no_grad():
        got = Twin(graph).eval()(torch.tensor(x, dtype=torch.float32)).numpy()
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_every_float_op_has_a_twin() -> None:
    cases = {type(node.op) for graph in CASES.values() for node in graph.nodes}
    assert set(FORWARD) == cases
    assert {op.kind for op in set(OPS) - set(FORWARD)} == {"dequantize"}


@pytest.mark.parametrize("case", CASES)
def test_an_untrained_twin_writes_back_the_same_graph(case: str) -> None:
    graph = CASES[case]
    written = Twin(graph).graph()
    assert written.to_text() == graph.to_text()
    for before, after in zip(graph.nodes, written.nodes, strict=True):
        for left, right in zip(before.op.constants, after.op.constants, strict=True):
            np.testing.assert_array_equal(left.codes, right.codes)


def separable_data(count: int = 96) -> Data:
    """Return images of noise; the class is the channel that is brightest on average."""
    random = np.random.default_rng(1)
    x: Array = random.normal(0.0, 1.0, (count, 6, 5, 3))
    y: Array = np.arange(count) % 3
    x[np.arange(count), :, :, y] += 1.0
    return Data(x=x, y=y)


def classifier(conv: Weight) -> Graph:
    """Return conv, norm, relu, mean, linear, softmax: fresh every time."""
    return chain(
        (1, 6, 5, 3),
        Conv2d(weight=conv, bias=weight(8), padding=ONES),
        norm(8),
        Elementary(function="relu"),
        Mean(axes=(1, 2)),
        Linear(weight=weight(3, 8), bias=weight(3)),
        Softmax(),
    )


def accuracy(graph: Graph, data: Data) -> float:
    (scores,) = trace(graph, data.x).values()
    hits: Array = scores[:, 0].argmax(axis=-1) == data.y
    return float(hits.mean())


def test_training_learns() -> None:
    data, graph = separable_data(), classifier(weight(8, 3, 3, 3))
    trained = train(graph, data, Course(epochs=30, learning_rate=0.02, batch_size=16))
    assert accuracy(graph, data) < 0.8
    assert accuracy(trained, data) >= 0.95


def arrays(graph: Graph) -> list[Array]:
    return [
        getattr(node.op, field.name).codes
        for node in graph.nodes
        for field in fields(node.op)  # pyright: ignore[reportArgumentType]
        if isinstance(getattr(node.op, field.name), Weight)
    ]


def same(left: Sequence[Array], right: Sequence[Array]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_equal_seeds_give_equal_graphs_and_leave_everything_else_alone() -> None:
    graph, data = classifier(weight(8, 3, 3, 3)), separable_data()
    before = [array.copy() for array in arrays(graph)]
    state = torch.random.get_rng_state()

    def run(seed: int) -> list[Array]:
        return arrays(
            train(graph, data, Course(epochs=2, learning_rate=0.05, batch_size=16, seed=seed))
        )

    first = run(3)
    assert same(first, run(3))
    assert not same(first, run(4))
    assert same(before, arrays(graph))
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("format_", [Bitmask(), NM(n=2, m=4)], ids=lambda f: f.name)
def test_pruned_weights_stay_zero_in_their_format(format_: Bitmask | NM) -> None:
    pruned = weight(8, 3, 3, 3).masked(np.arange(8 * 27).reshape(8, 3, 3, 3) % 4 >= 2)
    pruned = Weight(codes=pruned.codes, format=format_)
    trained = train(classifier(pruned), separable_data(), Course(epochs=3, learning_rate=0.05))
    after = trained.nodes[0].op.weight
    assert after is not None
    assert after.format == format_
    np.testing.assert_array_equal(after.codes != 0, pruned.codes != 0)
    assert not np.array_equal(after.codes, pruned.codes)
    assert after.packed.storage_bytes > 0


def test_batch_norm_follows_the_data() -> None:
    graph = chain((1, 3), norm(3), Linear(weight=weight(2, 3)))
    x = np.random.default_rng(2).normal([4.0, 5.0, 6.0], [1.0, 2.0, 3.0], (512, 3))
    data = Data(x=x, y=(x[:, 0] > 4).astype(np.int64))
    trained = train(graph, data, Course(epochs=10, learning_rate=0.01))
    op = trained.nodes[0].op
    assert isinstance(op, BatchNorm)
    # 80 steps forget all but 0.9^80 of the start; batches of 64 scatter by sigma / 8.
    np.testing.assert_allclose(op.mean.real(), [4.0, 5.0, 6.0], atol=0.4)
    np.testing.assert_allclose(np.sqrt(op.variance.real()), [1.0, 2.0, 3.0], rtol=0.2)


def test_constants_are_not_trained() -> None:
    graph = chain(
        (1, 3), (Constant(value=weight(3)), ()), (Mul(), (0, 1)), Linear(weight=weight(2, 3))
    )
    data = Data(x=RANDOM.normal(size=(32, 3)), y=np.arange(32) % 2)
    before, after = (
        graph.nodes[0].op,
        train(graph, data, Course(epochs=1, learning_rate=0.1)).nodes[0].op,
    )
    np.testing.assert_array_equal(before.constants[0].codes, after.constants[0].codes)


def integer_graph() -> Graph:
    quant = Quant(scale=(0.1,), zero_point=(0,), bits=8, signed=True)
    type_ = TensorType(shape=(1, 3), quant=quant)
    node = Node(name="relu", op=Elementary(function="relu"), inputs=("x",), outputs=("y",))
    return Graph(
        name="int", inputs=("x",), outputs=("y",), tensors={"x": type_, "y": type_}, nodes=(node,)
    )


LINEAR = chain((1, 3), Linear(weight=weight(2, 3)))
X = np.zeros((4, 3))
REFUSED: dict[str, tuple[Graph, Data, float, str]] = {
    "integer": (integer_graph(), Data(x=X, y=np.zeros(4, int)), 0.1, "before quantize"),
    "no_labels": (LINEAR, Data(x=X), 0.1, "got none; add y to data"),
    "foreign_labels": (LINEAR, Data(x=X, y=np.arange(4)), 0.1, r"labels 0\.\.1, got 0\.\.3"),
    "diverged": (LINEAR, Data(x=X + 1e30, y=np.arange(4) % 2), 1e30, "lower learning_rate"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_would_do(case: str) -> None:
    graph, data, learning_rate, message = REFUSED[case]
    with pytest.raises(RecipeError, match=message) as caught:
        train(graph, data, Course(epochs=3, learning_rate=learning_rate))
    assert "\n" not in str(caught.value)
