"""Layers that read signs: where they stand, what the signs stand for, and that training works."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hwsim
from compressors import Quantize, parse
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.execute import accuracy
from hwsim.formats import Signs
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Linear, MaxPool2d
from hwsim.reference import trace
from tests.graphs import GraphBuilder, residual

XNOR = Quantize(weights=1, scheme="binary", activations=1, first_last_bits=8)


def network() -> Graph:
    """Return convolutions with ReLUs, of which a pool stands behind one, and a linear layer."""
    b = GraphBuilder("net", 1, 6, 6, 2, seed=5)
    first = b.relu("relu1", b.conv("conv1", "x", 12))
    second = b.relu("relu2", b.conv("conv2", first, 16))
    pool = b.add("pool", MaxPool2d(kernel=(2, 2), stride=(2, 2)), second)
    third = b.relu("relu3", b.conv("conv3", pool, 16))
    return b.done(b.linear("fc", b.flat("flat", third), 4))


def data(graph: Graph, samples: int = 24) -> Data:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((samples, *graph.tensors["x"].shape[1:])).astype(np.float32)
    return Data(x=x, y=rng.integers(0, 4, samples))


def readers(graph: Graph) -> dict[str, str]:
    """Return the type of what each layer reads, and of its weights, by name."""
    return {
        node.name: f"{graph.tensors[node.inputs[0]].dtype} x {node.op.weight.quant.name}"
        for node in graph.nodes
        if isinstance(node.op, (Conv2d, Linear)) and node.op.weight.quant is not None
    }


def test_all_but_the_ends_read_signs_in_place_of_relus() -> None:
    graph = network()
    made = XNOR.apply(graph, data(graph))
    assert readers(made) == {
        "conv1": "int8 x int8",
        "conv2": "bipolar x bipolar",
        "conv3": "bipolar x bipolar",
        "fc": "int8 x int8",
    }
    ops = {node.name: node.op for node in made.nodes}
    activations = {n: op.activation for n, op in ops.items() if isinstance(op, (Conv2d, Linear))}
    # What the last layer reads is no sign, and stays clamped.
    assert activations == {"conv1": "none", "conv2": "none", "conv3": "relu", "fc": "none"}
    assert isinstance(made.producers["pool/signs"].op, type(made.producers["relu1/signs"].op))
    weight = ops["conv2"].weight
    assert weight is not None
    assert isinstance(weight.format, Signs)
    assert weight.packed.storage_bytes == 16 * -(-9 * 12 // 8)


def test_signs_stand_for_the_mean_magnitude_of_what_signs_before_them_make() -> None:
    graph, given = network(), data(network())
    made = XNOR.apply(graph, given)
    # Weights are reals here, as when ranges are observed: signs alone change what is seen.
    quants = {name: type_.quant for name, type_ in made.tensors.items()}
    reals = Quantize(activations=1, first_last_bits=8).apply(graph, given)
    seen: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}
    trace(reals, given.x[:, None], seen.__setitem__)
    for source in ("relu1", "pool"):
        quant = quants[f"{source}/signs"]
        assert quant is not None
        # Eight-bit weights are close to the reals.
        assert quant.scale[0] == pytest.approx(np.abs(seen[source]).mean(), rel=0.02)
    # The range of a tensor behind signs is what signs make of it.
    behind = quants["relu2"]
    assert behind is not None
    width = behind.scale[0] * 255
    assert width == pytest.approx(np.ptp(seen["relu2"]), rel=0.05)


def test_they_run_as_bytes_would() -> None:
    graph, given = network(), data(network())
    made = XNOR.apply(graph, given)
    plain = {
        node.name: replace(node.op, weight=byte)
        for node in made.nodes
        if isinstance(node.op, (Conv2d, Linear))
        and (quant := node.op.weight.quant) is not None
        and (byte := type(node.op.weight)(
            codes=node.op.weight.codes, quant=replace(quant, bits=8, is_bipolar=False)))
    }  # fmt: skip
    got = hwsim.run(made, given.x)
    np.testing.assert_array_equal(got, hwsim.run(made.with_ops(plain), given.x))
    assert len(np.unique(got)) > 10


def test_tensors_that_are_never_negative_have_no_signs() -> None:
    # Both the next layer and the sum behind it read what a block's ReLU makes.
    graph = residual()
    with pytest.raises(RecipeError, match=r"need tensors of both signs, got '\w+', which is never"):
        XNOR.apply(graph, data(graph))


@pytest.mark.slow
def test_training_finds_weights_for_signs() -> None:
    b = GraphBuilder("net", 1, 8, seed=3)
    hidden = b.linear("fc2", b.linear("fc1", "x", 32, activation="relu"), 32, activation="relu")
    graph = b.done(b.linear("fc3", hidden, 4))
    x = np.random.default_rng(0).normal(size=(192, 8))
    y = 2 * (x[:, 0] + x[:, 1] > 0) + (x[:, 2] - x[:, 3] > 0)
    given = Data(x=x, y=y.astype(np.int64))
    floats = parse("finetune{epochs=15,learning_rate=0.1}").apply(graph, given)
    settings = "scheme=binary,weights=1,activations=1,first_last_bits=8"
    rounded = parse(f"quantize{{{settings}}}").apply(floats, given)
    course = "epochs=15,learning_rate=0.01,optimizer=adam"
    trained = parse(f"qat{{{settings},{course}}}").apply(floats, given)
    assert readers(trained) == readers(rounded)
    assert readers(trained)["fc2"] == "bipolar x bipolar"
    before, after = (accuracy(g, given, "tflite-ref").top1 for g in (rounded, trained))
    # Seen: 0.73 and 0.96.
    assert after >= before + 0.05
    assert after > 0.9
