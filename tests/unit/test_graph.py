"""The rules of a graph, each broken once, and what a graph says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import GraphError
from hwsim.formats import Csr
from hwsim.graph import Graph, Node, topological, validate
from hwsim.numerics import Quant
from hwsim.op import Op
from hwsim.ops import Add, Conv2d, Elementary, Linear
from hwsim.tensor import TensorType, Weight
from tests.cases import float_weight
from tests.graphs import GRAPHS, GraphBuilder, residual

RELU: Op = Elementary(function="relu")


def node(name: str, inputs: str, outputs: str, op: Op = RELU) -> Node:
    return Node(name=name, op=op, inputs=tuple(inputs), outputs=tuple(outputs))


def graph(*nodes: Node, outputs: str = "c", tensors: str = "xabc") -> Graph:
    types = {tensor: TensorType(shape=(1, 4)) for tensor in tensors}
    return Graph(name="toy", inputs=("x",), outputs=tuple(outputs), tensors=types, nodes=nodes)


CHAIN = (node("n1", "x", "a"), node("n2", "a", "b"), node("n3", "b", "c"))


def retyped(tensor: str, *shape: int) -> Graph:
    whole = graph(*CHAIN)
    return replace(whole, tensors={**whole.tensors, tensor: TensorType(shape=shape)})


BROKEN = {
    "two nodes of one name": (
        graph(CHAIN[0], node("n1", "a", "c")),
        "toy: two nodes are named 'n1'; names are unique",
    ),
    "a cycle": (
        graph(node("n1", "b", "a"), node("n2", "a", "b"), CHAIN[2]),
        "toy/n1: reads tensor 'b', which a later node makes (a cycle?)",
    ),
    "a loop of one": (
        graph(node("n1", "c", "c")),
        "toy/n1: reads tensor 'c', which a later node makes (a cycle?)",
    ),
    "out of order": (
        graph(*CHAIN[::-1]),
        "toy/n3: reads tensor 'b', which a later node makes (a cycle?)",
    ),
    "undefined": (
        graph(node("n1", "z", "c")),
        "toy/n1: reads tensor 'z', which nobody makes",
    ),
    "made twice": (
        graph(CHAIN[0], node("n2", "x", "a"), node("n3", "a", "c")),
        "toy/n2: makes tensor 'a', which exists already",
    ),
    "an input made": (
        graph(node("n1", "x", "x")),
        "toy/n1: makes tensor 'x', which exists already",
    ),
    "no type": (graph(*CHAIN, tensors="xac"), "toy/n2: tensor 'b' has no type"),
    "input without type": (graph(*CHAIN, tensors="abc"), "toy: tensor 'x' has no type"),
    "wrong shape": (
        retyped("b", 1, 5),
        "toy/n2: elementary makes [1, 4], but its tensors are [1, 5]",
    ),
    "empty axis": (
        retyped("b", 1, 0),
        "toy/n2: tensor 'b' has shape [1, 0]; extents are >= 1",
    ),
    "output of nobody": (graph(*CHAIN, outputs="d"), "toy: output 'd' is made by no node"),
    "no outputs": (
        graph(*CHAIN, outputs=""),
        "toy: has no outputs; a model makes at least one tensor",
    ),
    "op refuses": (
        graph(CHAIN[0], node("n2", "a", "c", Linear(weight=float_weight(4, 3)))),
        "toy/n2: linear with weight [4, 3] expects [..., 3], got [1, 4]",
    ),
    "too many operands": (
        graph(CHAIN[0], node("n2", "xa", "c")),
        "toy/n2: this elementary does not take [1, 4], [1, 4]",
    ),
    "too few operands": (
        graph(node("n1", "", "c")),
        "toy/n1: this elementary does not take nothing",
    ),
    "sum of one": (graph(node("n1", "x", "c", Add())), "toy/n1: add cannot broadcast [[1, 4]]"),
    "weight of two axes": (
        graph(node("n1", "x", "c", Conv2d(weight=float_weight(4, 4)))),
        "toy/n1: this conv2d does not take [1, 4]",
    ),
    "too many results": (
        graph(node("n1", "x", "ac")),
        "toy/n1: elementary makes [1, 4], but its tensors are [1, 4], [1, 4]",
    ),
}


@pytest.mark.parametrize(("broken", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_graphs_are_refused_in_one_line(broken: Graph, message: str) -> None:
    with pytest.raises(GraphError) as error:
        validate(broken)
    assert str(error.value) == message


@pytest.mark.parametrize("shape", [(1 << 20, 1 << 20), (1,) * 17])
def test_tensors_that_no_array_holds_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(GraphError, match=r"'c' has shape .* expected at most 16 axes"):
        validate(retyped("c", *shape))


def test_whole_graphs_pass_unchanged() -> None:
    assert validate(graph(*CHAIN)).nodes == CHAIN
    for build in GRAPHS:
        built = build()
        assert validate(built) is built


def test_output_may_be_the_input() -> None:
    validate(graph(outputs="x"))


def test_text() -> None:
    b = GraphBuilder("toy", 1, 4, 4, 2)
    b.tensors["x"] = TensorType(shape=(1, 4, 4, 2), quant=Quant(scale=(0.5,)))
    sparse = np.zeros((3, 1, 1, 2), np.int8)
    sparse[:, 0, 0, 0] = 1
    weight = Weight(codes=sparse, quant=Quant(scale=(1.0,)), format=Csr())
    y = b.add("conv", Conv2d(weight=weight, stride=(2, 2), activation="relu"), "x")
    b.add("sum", Add(), y, y)
    b.linear("fc", "sum", 5)
    assert b.done("fc").to_text() == (
        "graph toy(%x: int8[1, 4, 4, 2]) {\n"
        "  %conv: float32[1, 2, 2, 3] = "
        "conv2d{weight=int8[3, 1, 1, 2], csr, 50% zeros, stride=(2, 2), activation=relu}(%x)\n"
        "  %sum: float32[1, 2, 2, 3] = add(%conv, %conv)\n"
        "  %fc: float32[1, 2, 2, 5] = linear{weight=float32[5, 3], bias=float32[5]}(%sum)\n"
        "  return %fc\n"
        "}"
    )


def test_producers_and_consumers() -> None:
    diamond = graph(CHAIN[0], node("n2", "a", "b"), node("n3", "ab", "c", Add()))
    assert {name: made.name for name, made in diamond.producers.items()} == {
        "a": "n1",
        "b": "n2",
        "c": "n3",
    }
    readers = {name: [n.name for n in nodes] for name, nodes in diamond.consumers.items()}
    assert readers == {"x": ["n1"], "a": ["n2", "n3"], "b": ["n3"], "c": []}


def test_a_tensor_read_twice_by_one_node_has_one_reader() -> None:
    square = graph(node("n1", "xx", "c", Add()))
    assert len(square.consumers["x"]) == 1


def test_with_ops_replaces_only_those_named() -> None:
    before = graph(*CHAIN)
    tanh = Elementary(function="tanh")
    after = before.with_ops({"n2": tanh})
    assert [n.op for n in after.nodes] == [RELU, tanh, RELU]
    assert [n.op for n in before.nodes] == [RELU] * 3


def test_storage_is_the_sum_of_all_constants() -> None:
    whole = residual()
    constants = [weight for n in whole.nodes for weight in n.op.constants]
    assert whole.storage_bytes == sum(4 * weight.codes.size for weight in constants) > 0


@given(seed=st.integers(0, 1 << 32), build=st.sampled_from(GRAPHS))
def test_topological_mends_any_order(seed: int, build: Callable[[], Graph]) -> None:
    built = build()
    order: list[int] = np.random.default_rng(seed).permutation(len(built.nodes)).tolist()
    shuffled = [built.nodes[i] for i in order]
    ordered = topological(shuffled, built.inputs, built.name)
    validate(replace(built, nodes=ordered))
    assert {n.name for n in ordered} == {n.name for n in shuffled}


def test_topological_keeps_the_order_of_those_that_are_ready() -> None:
    sources = (node("n2", "x", "b"), node("n1", "x", "a"))
    assert topological((node("n3", "b", "c"), *sources), "x", "toy") == (
        *sources,
        node("n3", "b", "c"),
    )


def test_topological_refuses_a_cycle() -> None:
    with pytest.raises(GraphError) as error:
        topological((CHAIN[0], node("n2", "c", "b"), CHAIN[2]), "x", "toy")
    assert str(error.value) == "toy: a cycle, or a tensor that nobody makes, near n2, n3"
