"""What holds of every compressor, on every way in which channels depend on each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compressors import COMPRESSORS, Recipe, parse
from hwsim.data import Data
from hwsim.graph import Graph, validate
from hwsim.reference import trace
from tests.graphs import GRAPHS, run_integers, samples

SPECS = (
    "none",
    "fuse",
    "compact",
    "prune{sparsity=0.9}|compact",
    "prune{sparsity=0.9}|quantize|compact",
    "quantize|prune{structure=2:4}|compact",
    "prune{sparsity=0.5}",
    "prune{sparsity=0.7,scope=global,format=csr}",
    "prune{threshold=0.1}",
    "prune{structure=2:4}",
    "prune{structure=filter,sparsity=0.4}",
    "prune{structure=filter,sparsity=0.4,scope=global,criterion=l2,round_to=2}",
    "prune{structure=block3x2,sparsity=0.5,scope=global,criterion=l2}|quantize",
    "prune{structure=row,sparsity=0.3,criterion=activation_mean}",
    "prune{structure=column,sparsity=0.4,criterion=random,format=csr}",
    "prune{sparsity=0.6,scope=lamp}",
    "prune{structure=2:4,criterion=obs}",
    "prune{structure=filter,sparsity=0.5,criterion=wanda,schedule=cubic,steps=3,epochs=0}",
    "quantize",
    "quantize{weights=4,granularity=tensor,observer=percentile}",
    "quantize{calibration=synthetic,seed=3}",
    "quantize{weights=1,scheme=binary,first_last_bits=8}",
    "quantize{weights=2,activations=4,observer=mse,scheme=ternary}",
    "quantize{weights=4,scheme=apot,observer=entropy}",
    "quantize{weights=4,observer=moving_average,scheme=asymmetric,rounding=stochastic}",
    "quantize{weights=4,scheme=power_of_two,activation_scheme=symmetric,power_of_two_scales=true}",
    "quantize{weights=3,activations=32,clip=mse,rounding=half_up}|quantize",
    "prune{structure=filter,sparsity=0.3}|prune{sparsity=0.6}|quantize",
    "quantize|prune{structure=filter,sparsity=0.5}",
    "quantize|prune{structure=2:4}",
    "prune{sparsity=0.8}|quantize|encode",
    "prune{sparsity=0.8}|encode{linear=relative4_huffman,conv=relative8_huffman}",
    "equalize|gptq{bits=3}|quantize|correct_bias{calibration_samples=2}",
    "adaround{iterations=5,batch_size=32}|quantize",
    "mixed_precision{budget=0.8,bits=2;4;8}",
    "factorize{method=channel_svd,rank=1}",
    "factorize{method=spatial_svd,ratio=0.6}|prune{structure=filter,sparsity=0.3}",
    "factorize{method=tucker2,energy=0.5}|quantize",
    "share{clusters=3,init=optimal,biases=true,format=huffman}",
    "prune{sparsity=0.6}|share{bits=2,init=random,seed=1}|quantize{granularity=tensor}",
)
graphs = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
recipes = pytest.mark.parametrize("spec", SPECS)


def snapshot(graph: Graph) -> tuple[object, ...]:
    """Return everything that a graph says, weights bit by bit."""
    constants = [
        (weight.codes.tobytes(), str(weight.codes.dtype), weight.quant, weight.format)
        for node in graph.nodes
        for weight in node.op.constants
    ]
    settings = graph.to_text(), graph.inputs, graph.outputs, dict(graph.tensors)
    return (*settings, [(n.name, n.inputs, n.outputs) for n in graph.nodes], constants)


def compress(spec: str, graph: Graph) -> Graph:
    return parse(spec).apply(graph, Data(x=samples(graph, 16)))


def test_every_compressor_is_in_some_recipe() -> None:
    tried = {step.name for spec in SPECS for step in parse(spec).steps}
    # Steps that train have tests of their own.
    assert tried >= {c.name for c in COMPRESSORS if c.data_need != "labelled"}


@graphs
@recipes
def test_input_stays_as_it_was(build: Callable[[], Graph], spec: str) -> None:
    graph = build()
    before = snapshot(graph)
    result = compress(spec, graph)
    assert snapshot(graph) == before
    assert result is not graph
    validate(result)


@graphs
@recipes
def test_runs_repeat(build: Callable[[], Graph], spec: str) -> None:
    graph = build()
    assert snapshot(compress(spec, graph)) == snapshot(compress(spec, graph))


@recipes
def test_spec_string_parses_back(spec: str) -> None:
    recipe = parse(spec)
    assert parse(str(recipe)) == recipe
    assert str(parse(str(recipe))) == str(recipe)


@graphs
@recipes
def test_every_weight_lies_in_its_format(build: Callable[[], Graph], spec: str) -> None:
    for node in compress(spec, build()).nodes:
        for weight in node.op.constants:
            unpacked = weight.format.unpack(weight.packed)
            np.testing.assert_array_equal(unpacked, weight.matrix)


@graphs
@pytest.mark.parametrize("spec", [spec for spec in SPECS if "quantize" in spec])
def test_every_integer_op_runs(build: Callable[[], Graph], spec: str) -> None:
    graph = compress(spec, build())
    values = run_integers(graph, samples(graph, 2))
    for name, type_ in graph.tensors.items():
        assert type_.quant is not None
        assert values[name].dtype == type_.quant.dtype


@graphs
def test_fusing_keeps_the_function(build: Callable[[], Graph]) -> None:
    graph = build()
    x = samples(graph, 4)
    before, after = trace(graph, x), trace(compress("fuse", graph), x)
    for name, want in before.items():
        # Folded weights and biases are rounded to float32 (2^-24), over a handful of layers.
        np.testing.assert_allclose(after[name], want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_needs_is_the_strongest_of_the_steps() -> None:
    assert parse("prune{sparsity=0.5}|quantize").needs == "calibration"
    assert parse("quantize{calibration=synthetic}").needs == "none"
    assert isinstance(parse("none"), Recipe)
