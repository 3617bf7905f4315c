"""Alternatives: other structures, formats and widths for the same recipe, as spec strings."""

from __future__ import annotations

import numpy as np
import pytest

from compressors import parse
from compressors.alternatives import alternatives, trains, without_training
from hwsim.channels.layers import layers_of
from hwsim.data import Data
from hwsim.errors import FormatError, RecipeError
from hwsim.graph import Graph
from tests.graphs import GraphBuilder, mlp, samples

EVERYTHING = ("dense", "csr", "bitmask", "1:4", "2:4", "4:8", "bsr1x4", "bsr4x4", "bsr16x1")
RECIPES = (
    "none",
    "quantize",
    "prune{sparsity=0.9}",
    "prune{sparsity=0.9,format=csr}|quantize",
    "prune{structure=2:4}|quantize{weights=4}",
    "prune{structure=filter,sparsity=0.5,criterion=geometric_median}|quantize",
    "prune{structure=row,sparsity=0.5}|compact",
    "prune{structure=block4x4,sparsity=0.8,scope=global}|gptq{bits=8}|quantize",
    'prune{ratios="c1=0.5;f*=0.75"}|encode{format=huffman}',
    "prune{sparsity=0.9,criterion=obs}|quantize{weights=2,scheme=ternary}",
    "prune{sparsity=0.9,schedule=cubic,steps=4}|finetune|qat{weights=4}",
    "prune{sparsity=0.8,criterion=movement}|iterative_clip|quantize",
    "prune{structure=head,sparsity=0.5}|distill|adaround",
    "prune{threshold=0.1}",
)


@pytest.mark.parametrize("spec", RECIPES)
def test_every_name_parses_to_its_recipe_and_none_is_the_same(spec: str) -> None:
    recipe = parse(spec)
    found = alternatives(recipe, EVERYTHING, 8)
    assert all(parse(name) == own for name, own in found.items())
    assert recipe not in found.values()
    for own in found.values():
        assert parse(str(without_training(own))) == without_training(own)


def test_structures_and_widths_of_a_pruned_and_quantized_model() -> None:
    found = alternatives(parse("prune{sparsity=0.9,format=csr}|quantize"), EVERYTHING, 8)
    assert list(found) == [
        "prune{structure=2:4}|quantize",
        "prune{structure=1:4}|quantize",
        "prune{structure=block1x4,sparsity=0.9}|quantize",
        "prune{structure=block4x4,sparsity=0.9}|quantize",
        "prune{structure=block16x1,sparsity=0.9}|quantize",
        "prune{structure=filter,sparsity=0.6838,round_to=8}|quantize",
        "prune{sparsity=0.9,format=csr}|quantize{weights=4}",
    ]


def test_only_what_the_device_takes_is_offered() -> None:
    recipe = parse("prune{sparsity=0.9}|encode{format=relative4}")
    assert list(alternatives(recipe, ("dense",), 1)) == ["prune{structure=filter,sparsity=0.6838}"]
    assert next(iter(alternatives(recipe, ("csr",), 1))) == "prune{sparsity=0.9,format=csr}"
    with pytest.raises(FormatError, match="no storage format 'cs'"):
        alternatives(recipe, ("cs",), 1)


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        # A half of 2:4 is a half of the weights; half of the filters is three quarters of the MACs.
        ("prune{structure=2:4}", "prune{sparsity=0.5,format=csr}"),
        ("prune{structure=filter,sparsity=0.5}", "prune{sparsity=0.75,format=csr}"),
        ("prune{structure=filter,sparsity=0.5}", "prune{structure=filter,sparsity=0.5,round_to=8}"),
        ("prune{structure=column,sparsity=0.5}", "prune{sparsity=0.5,format=csr}"),
        ('prune{ratios="c=0.75"}', 'prune{structure=filter,ratios="c=0.5",round_to=8}'),
        ('prune{ratios="c=0.75;d=0.5"}', "prune{structure=2:4,layers=c;d}"),
        (
            "prune{structure=filter,sparsity=0.5,criterion=geometric_median,scope=global}",
            "prune{sparsity=0.75,format=csr}",
        ),
        ("prune{sparsity=0.5,schedule=cubic,steps=4}", "prune{structure=2:4}"),
        ("quantize{weights=2,scheme=ternary}", "quantize{weights=4}"),
        ("gptq|quantize", "gptq{bits=8}|quantize"),
        ("gptq|quantize", "gptq|quantize{weights=4}"),
        ("qat", "qat{weights=4}"),
        ("iterative_clip", "iterative_clip{weights=8}"),
    ],
)
def test_what_is_carried_over(spec: str, want: str) -> None:
    assert parse(want) in alternatives(parse(spec), ("csr", "2:4"), 8).values()


@pytest.mark.parametrize("spec", ["prune{threshold=0.1}", "prune{structure=layer,sparsity=0.5}"])
def test_what_says_no_share_has_no_other_structure(spec: str) -> None:
    assert alternatives(parse(spec), EVERYTHING, 8) == {}


def _effective(graph: Graph) -> int:
    return sum(
        node.op.weight.nonzeros * graph.workload(node).columns
        for node in graph.nodes
        if node.op.weight is not None
    )


def test_filters_leave_about_as_many_effective_macs() -> None:
    b = GraphBuilder("deep", 1, 8, 8, 16)
    y = "x"
    for i in range(8):
        y = b.conv(f"c{i}", y, 64)
    graph = b.done(b.conv("head", y, 8, kernel=1))
    recipe = parse("prune{sparsity=0.8}")
    found = alternatives(recipe, ("bitmask", "bsr4x4"), 1)
    want = _effective(recipe.apply(graph))
    for own in found.values():
        # The first layer keeps its inputs, and the last its outputs.
        assert _effective(own.apply(graph)) == pytest.approx(want, rel=0.1)


@pytest.mark.slow
def test_training_is_left_out_and_the_shapes_are_the_same() -> None:
    graph = mlp()
    rng = np.random.default_rng(0)
    data = Data(x=samples(graph, 16).astype(np.float32), y=rng.integers(0, 4, 16))
    recipe = parse(
        "prune{structure=filter,sparsity=0.5,schedule=iterative,steps=2,criterion=movement}"
        "|finetune{epochs=1}|qat{weights=4,epochs=1}"
    )
    assert trains(recipe)
    bare = without_training(recipe)
    assert str(bare) == "prune{structure=filter,sparsity=0.5}|quantize{weights=4,clip=mse}"
    assert not trains(bare)
    trained, untrained = recipe.apply(graph, data), bare.apply(graph, data)
    for name, op in layers_of(trained).items():
        other = layers_of(untrained)[name].weight
        assert (op.weight.shape, op.weight.bits) == (other.shape, other.bits)
        assert op.weight.storage_bytes == other.storage_bytes


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ("finetune", "none"),
        ("distill|finetune", "none"),
        ("prune{sparsity=0.5}", "prune{sparsity=0.5}"),
        ("prune{sparsity=0.5,schedule=cubic,steps=4,epochs=0}", None),
        ("iterative_clip{weights=3}|quantize", "quantize{weights=3,activations=32}|quantize"),
        ("adaround|quantize", "adaround|quantize"),
    ],
)
def test_without_training(spec: str, want: str | None) -> None:
    recipe = parse(spec)
    assert str(without_training(recipe)) == (want or spec)
    assert trains(recipe) == (want not in (None, spec))


def test_an_alternative_that_does_not_fit_says_so_when_it_is_applied() -> None:
    found = alternatives(parse('prune{ratios="nobody=0.5"}'), ("csr",), 8)
    assert found
    with pytest.raises(RecipeError):
        next(iter(found.values())).apply(mlp())
