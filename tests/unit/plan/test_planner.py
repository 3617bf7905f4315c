"""Plans of whole graphs: the integers of the nodes, one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compressors import parse
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.execute import prepare, prepare_all
from hwsim.graph import Graph, Node
from hwsim.jit import IS_COMPILED
from hwsim.numerics import POLICIES, Quant, find_policy
from hwsim.ops import (
    Add,
    AveragePool2d,
    Concat,
    Constant,
    Elementary,
    Gather,
    LayerNorm,
    MaxPool2d,
    Mul,
    Pad,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)
from hwsim.plan.planner import plan_graph
from hwsim.tensor import TensorType, Weight
from tests.graphs import GRAPHS, GraphBuilder, mlp, residual, run_integers, samples

policies = pytest.mark.parametrize("policy", [policy.name for policy in POLICIES])
compiled = pytest.mark.skipif(not IS_COMPILED, reason="without compiled kernels nothing is planned")


def quantized(graph: Graph) -> Graph:
    return parse("quantize").apply(graph, Data(x=samples(graph, 16)))


def assert_as_nodes(graph: Graph, policy: str, count: int = 3) -> None:
    """Compare every tensor with what the ops make of it by themselves."""
    x = samples(graph, count)
    everything = prepare_all(graph, policy, tuple(graph.tensors))(x)
    last = prepare_all(graph, policy, graph.outputs)(x)
    for tensor, expected in run_integers(graph, x, policy).items():
        got = everything[tensor]
        np.testing.assert_array_equal(got, np.broadcast_to(expected, got.shape), tensor)
        if tensor in graph.outputs:
            np.testing.assert_array_equal(last[tensor], got, tensor)


def _layer(b: GraphBuilder, name: str, x: str, kind: int) -> str:
    """Add a convolution or an elementwise op to image `x`."""
    height, width, channels = b.tensors[x].shape[1:]
    norm = LayerNorm(gamma=b.real(channels), beta=b.real(channels))
    layers: list[Callable[[], str]] = [
        lambda: b.conv(name, x, 5, kernel=1, activation="relu"),
        lambda: b.conv(name, x, channels, groups=channels),
        lambda: b.conv(name, x, 7, activation="relu6"),
        lambda: b.add(name, Elementary(function="hard_swish"), x),
        lambda: b.add(name, norm, x),
        lambda: b.add(name, Add(), b.add(f"{name}_c", Constant(value=b.real(channels))), x),
        lambda: b.add(
            name,
            Reshape(shape=(1, width, height, channels)),
            b.add(f"{name}_v", Reshape(shape=(1, height * width * channels)), x),
        ),
    ]
    return layers[kind % len(layers)]()


def _movement(b: GraphBuilder, name: str, x: str, y: str, kind: int) -> str:
    """Add an op that joins images `x` and `y` of one shape, or cuts, pads, turns or pools `x`."""
    _, height, width, channels = b.tensors[x].shape
    if min(height, width) < 3:
        kind %= 4
    every_other = Slice(start=(0, 0, 0, 0), stop=(1, height, width, channels), step=(1, 1, 1, 2))
    ops: list[tuple[Any, tuple[str, ...]]] = [
        (Add(), (x, y)),
        (Mul(), (x, y)),
        (Transpose(axes=(0, 2, 1, 3)), (x,)),
        (Pad(padding=((0, 0), (1, 0), (0, 1), (0, 0))), (x,)),
        (Concat(axis=3), (x, y)),
        (every_other, (x,)),
        (MaxPool2d(kernel=(2, 1), stride=(1, 1)), (x,)),
        (AveragePool2d(kernel=(1, 2), stride=(1, 1)), (x,)),
    ]
    op, inputs = ops[kind % len(ops)]
    return b.add(name, op, *inputs)


def grown(seed: int) -> Graph:
    """Return a random graph: images that branch, meet, are cut, turned, pooled and scaled."""
    rng = np.random.default_rng(seed)
    b = GraphBuilder(f"grown{seed}", 1, 8, 6, 4, seed=seed)
    images = ["x"]
    for i in range(12):
        x = str(rng.choice(images[-3:]))
        alike = [name for name in images if b.tensors[name].shape == b.tensors[x].shape]
        y, kind, name = str(rng.choice(alike)), int(rng.integers(56)), f"t{i}"
        is_layer = bool(rng.integers(2))
        images.append(_layer(b, name, x, kind) if is_layer else _movement(b, name, x, y, kind))
    flat = b.flat("flat", images[-1])
    return b.done(b.add("y", Softmax(), b.linear("fc", flat, 5)), images[-2])


@pytest.mark.slow
@policies
@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_run_as_their_nodes(seed: int, policy: str) -> None:
    assert_as_nodes(quantized(grown(seed)), policy)


def test_small_graphs_run_as_their_nodes() -> None:
    for seed in range(2):
        assert_as_nodes(quantized(grown(seed)), "tflite-ref", count=1)


@compiled
def test_whole_networks_are_one_segment() -> None:
    for build in (mlp, residual):
        graph = quantized(build())
        (step,) = plan_graph(graph, find_policy("tflite-ref"), graph.outputs)
        assert step.segment is not None
        assert step.inputs == graph.inputs
        assert step.outputs == graph.outputs


@compiled
def test_what_has_no_instructions_stands_between_segments() -> None:
    b = GraphBuilder("split", 1, 4, 4, 3)
    y = b.add("norm", LayerNorm(gamma=b.real(6), beta=b.real(6)), b.conv("first", "x", 6))
    graph = quantized(b.done(b.relu("relu", b.conv("second", y, 6))))
    steps = plan_graph(graph, find_policy("tflite-ref"), graph.outputs)
    assert [step.segment is None for step in steps] == [False, True, False]
    assert_as_nodes(graph, "tflite-ref")


def test_constants_that_are_wanted_come_for_every_sample() -> None:
    b = GraphBuilder("toy", 1, 2, 3)
    shift = b.add("shift", Constant(value=b.real(3)))
    graph = quantized(b.done(b.add("y", Add(), "x", shift), shift))
    results = prepare_all(graph, "tflite-ref", graph.outputs)(samples(graph, 5))
    assert results["shift"].shape == (5, 3)
    assert_as_nodes(graph, "tflite-ref")


def test_views_and_inputs_may_be_wanted() -> None:
    b = GraphBuilder("toy", 1, 2, 3)
    view = b.flat("view", "x")
    graph = quantized(b.done(b.relu("y", b.flat("again", view)), view))
    assert_as_nodes(graph, "tflite-ref")


def test_a_graph_of_views_alone() -> None:
    b = GraphBuilder("toy", 1, 2, 3)
    graph = quantized(b.done(b.flat("view", "x")))
    assert_as_nodes(graph, "tflite-ref")


@pytest.mark.slow
@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_one_sample_is_a_batch_of_one(build: Callable[[], Graph]) -> None:
    graph = quantized(build())
    quant = graph.tensors[graph.inputs[0]].quant
    assert quant is not None
    codes = quant.encode(samples(graph, 9))
    run = prepare(graph)
    together = run(codes)
    results = [run(codes[i : i + 1]) for i in range(9)]
    np.testing.assert_array_equal(np.concatenate(results).reshape(together.shape), together)
    # A result is the caller's: the next call leaves it alone. So is the order of the bytes.
    single = codes[:1].copy()
    single.flags.writeable = False
    scattered = np.repeat(codes[:1], 2, axis=-1)[..., ::2]
    for other in (single, scattered, codes[:1, 0]):
        np.testing.assert_array_equal(run(other), results[0])


@pytest.mark.slow
def test_threads_do_not_share_arenas() -> None:
    graph = quantized(residual())
    x = samples(graph, 64)
    run = prepare(graph)
    quant: Any = graph.tensors["x"].quant
    codes = quant.encode(x)
    expected = run(codes)
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(300):
            at = (start + i) % 64
            if i % 2:
                got: Array = run(codes[at : at + 1])
                same = np.array_equal(got, expected[at : at + 1])
            else:
                same = np.array_equal(run(codes[at:]), expected[at:])
            if not same:
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(16 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_reads_constants_alone_runs_by_itself() -> None:
    """No sample enters such ops; their result joins what does."""
    quant = Quant(scale=(0.5,), zero_point=(3,))
    codes = np.arange(6, dtype=np.int8).reshape(2, 3)
    type_, turned = TensorType(shape=(3, 2), quant=quant), TensorType(shape=(2, 3), quant=quant)
    graph = Graph(
        name="net",
        inputs=("x",),
        outputs=("y",),
        tensors={"x": type_, "c": turned, "t": type_, "g": type_, "y": type_},
        nodes=(
            Node(
                name="c",
                op=Constant(value=Weight(codes=codes, quant=quant)),
                inputs=(),
                outputs=("c",),
            ),
            Node(name="t", op=Transpose(axes=(1, 0)), inputs=("c",), outputs=("t",)),
            # It has no instruction, and so parts the others.
            Node(name="g", op=Gather(indices=(2, 0, 1), axis=0), inputs=("x",), outputs=("g",)),
            Node(name="y", op=Add(), inputs=("t", "g"), outputs=("y",)),
        ),
    )
    x = samples(graph, 4)
    wanted = ("t", "y")
    got = prepare_all(graph, "tflite-ref", wanted)(x)
    np.testing.assert_array_equal(got["t"], np.broadcast_to(codes.T, x.shape))
    np.testing.assert_array_equal(got["y"], run_integers(graph, x, "tflite-ref")["y"])
