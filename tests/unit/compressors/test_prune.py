"""Pruning of single weights: examples by hand, and torch as the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import prune as torch_prune

from compressors import Prune, parse
from compressors.pruning.masks import keep_largest, keep_n_of_m
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Linear
from hwsim.tensor import Weight
from tests.graphs import GraphBuilder, mlp, residual, samples, separable, with_op

NINE = np.array([[0.2, -0.5, 0.1], [0.9, -0.05, 0.3], [-0.7, 0.4, -0.6]], np.float32)


def one_layer(weight: Array) -> Graph:
    b = GraphBuilder("one", 1, weight.shape[1])
    b.linear("fc", "x", weight.shape[0])
    return with_op(b.done("fc"), "fc", weight=Weight(codes=weight.astype(np.float32)))


def weights(graph: Graph) -> dict[str, Weight]:
    return {n.name: n.op.weight for n in graph.nodes if isinstance(n.op, (Conv2d, Linear))}


def test_three_by_three_at_a_threshold() -> None:
    pruned = weights(Prune(threshold=0.3).apply(one_layer(NINE)))["fc"]
    want = [[0.0, -0.5, 0.0], [0.9, 0.0, 0.3], [-0.7, 0.4, -0.6]]
    np.testing.assert_array_equal(pruned.codes, np.array(want, np.float32))


def test_three_by_three_at_a_sparsity() -> None:
    pruned = weights(Prune(sparsity=0.6).apply(one_layer(NINE)))["fc"]
    # round(0.6 x 9) = 5 go: 0.05, 0.1, 0.2, 0.3, 0.4.
    want = [[0.0, -0.5, 0.0], [0.9, 0.0, 0.0], [-0.7, 0.0, -0.6]]
    np.testing.assert_array_equal(pruned.codes, np.array(want, np.float32))
    assert pruned.format.name == "bitmask"


def test_two_of_four_by_hand() -> None:
    row = np.array([[1, -3, 2, 2, 0, 5, 0.5, -4, 7, 6]])
    # Of the equal 2s the later stays too: 1 goes first, then the first 2. The tail of 2 stays.
    want = [[0, -3, 0, 2, 0, 5, 0, -4, 7, 6]]
    pruned = weights(Prune(structure="2:4").apply(one_layer(row)))["fc"]
    np.testing.assert_array_equal(pruned.codes, want)
    assert pruned.format.name == "2:4"


@given(
    values=st.lists(st.integers(0, 6), min_size=1, max_size=30),
    sparsity=st.floats(0, 1, exclude_max=True),
)
def test_count_is_exact_even_with_ties(values: list[int], sparsity: float) -> None:
    magnitudes = np.array(values, float)
    keep = keep_largest(magnitudes, sparsity)
    assert (~keep).sum() == round(sparsity * len(values))
    assert magnitudes[keep].min(initial=9) >= magnitudes[~keep].max(initial=-1)


def test_of_equal_magnitudes_the_first_go_first() -> None:
    keep = keep_largest(np.array([2.0, 1, 1, 0, 1, 2]), 0.5)
    assert keep.tolist() == [True, False, False, False, True, True]


@given(
    values=st.lists(st.integers(0, 6), min_size=1, max_size=30),
    m=st.integers(2, 9),
    data=st.data(),
)
def test_n_of_m_keeps_the_largest(values: list[int], m: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, m))
    row = np.array([values], float)
    keep = keep_n_of_m(row, n, m)
    for first in range(0, len(values), m):
        group, kept = row[0, first : first + m], keep[0, first : first + m]
        assert kept.sum() == min(n, len(group))
        assert group[kept].min(initial=9) >= group[~kept].max(initial=-1)


@pytest.mark.oracle
@pytest.mark.parametrize("sparsity", [0.1, 0.55, 0.9])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_masks_are_those_of_torch(scope: str, sparsity: float) -> None:
    graph = residual()
    modules: dict[str, Any] = {}
    for name, weight in weights(graph).items():
        modules[name] = torch.nn.Module()
        modules[name].weight = torch.nn.Parameter(torch.tensor(weight.codes.tolist()))
    if scope == "global":
        pairs = [(module, "weight") for module in modules.values()]
        torch_prune.global_unstructured(  # pyright: ignore[reportUnknownMemberType]
            pairs, torch_prune.L1Unstructured, amount=sparsity
        )
    else:
        for module in modules.values():
            torch_prune.l1_unstructured(  # pyright: ignore[reportUnknownMemberType]
                module, "weight", amount=sparsity
            )
    pruned = parse(f"prune{{sparsity={sparsity},scope={scope}}}").apply(graph)
    for name, weight in weights(pruned).items():
        np.testing.assert_array_equal(weight.codes, modules[name].weight.detach().numpy())


def test_integer_weights_go_to_their_zero_point() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    pruned = weights(parse("quantize|prune{sparsity=0.8}").apply(graph, data))
    for weight in pruned.values():
        assert weight.quant is not None
        count = round(0.8 * weight.codes.size)
        assert (weight.real() == 0).sum() >= count
        assert weight.bits == 8


def test_pruned_weights_stay_zero_when_quantized() -> None:
    graph = residual()
    pruned = parse("prune{sparsity=0.8}").apply(graph)
    both = parse("quantize").apply(pruned, Data(x=samples(graph, 8)))
    for name, weight in weights(both).items():
        before = weights(pruned)[name]
        assert not weight.nonzero[~before.nonzero].any()
        assert weight.format == before.format


def test_n_of_m_leaves_depthwise_dense() -> None:
    pruned = weights(Prune(structure="1:4").apply(separable()))
    assert pruned["dw1"].format.name == pruned["dw2"].format.name == "dense"
    assert pruned["pw1"].format.name == "1:4"


def test_layers_and_exclude_choose() -> None:
    graph = residual()
    pruned = weights(Prune(sparsity=0.5, layers="a*;c*", exclude="c2").apply(graph))
    touched = {name for name, weight in pruned.items() if weight.format.name == "bitmask"}
    assert touched == {"a1", "a2", "c1"}


def test_layers_that_match_nothing_are_a_mistake() -> None:
    with pytest.raises(RecipeError, match=r"mlp: prune.layers: expected some of conv, fc1, fc2"):
        Prune(sparsity=0.5, layers="convolution").apply(mlp())


def test_signs_cannot_be_zero() -> None:
    graph = mlp()
    data = Data(x=samples(graph, 8))
    made = parse("quantize{weights=1,scheme=binary}").apply(graph, data)
    for step in (Prune(sparsity=0.5), Prune(structure="2:4"), Prune(threshold=9.0)):
        with pytest.raises(RecipeError, match=r"mlp/conv: prune expected weights that can be zero"):
            step.apply(made, data)


def test_a_format_of_few_values_is_refused_at_once() -> None:
    with pytest.raises(RecipeError, match=r"mlp/conv: prune cannot store it: format trits"):
        Prune(sparsity=0.5, format="trits").apply(mlp())


def test_a_pattern_that_no_layer_can_follow_is_refused() -> None:
    b = GraphBuilder("narrow", 1, 2)
    graph = b.done(b.linear("fc", "x", 3))
    with pytest.raises(RecipeError, match=r"expected a layer, not depthwise, of rows longer than"):
        Prune(structure="2:4").apply(graph)


@pytest.mark.parametrize("setting", ["exclude", "layers"])
def test_a_pattern_that_fits_nothing_is_a_slip(setting: str) -> None:
    graph = mlp()
    names = "*;fc9" if setting == "layers" else "fc9"
    with pytest.raises(RecipeError, match=rf"prune.{setting}: .* got 'fc9', which fits none"):
        parse(f"prune{{sparsity=0.5,{setting}={names}}}").apply(graph)
