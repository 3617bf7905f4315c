"""Groups of weights that go together: examples by hand, and torch as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import prune as torch_prune

from compressors import Prune
from compressors.pruning.criteria import CriterionName
from compressors.pruning.followers import output_layers
from compressors.pruning.groups import block_of, groups_of, structure_of
from compressors.pruning.heads import find_heads
from hwsim.arrays import Array
from hwsim.channels.layers import layers_of
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.formats import Block
from hwsim.graph import Graph
from hwsim.ops import Conv2d, Linear, MatMul, Reshape, Softmax, Transpose
from hwsim.tensor import Weight
from tests.graphs import GRAPHS, GraphBuilder, attention, residual, samples, with_op

MATRIX = np.array(
    [[1, 2, 0.5, 0.5, 9], [2, 1, 0.5, 0.5, 0.1], [3, 3, 4, 0, 1]],
    np.float32,
)


def linear(weight: Array) -> Graph:
    b = GraphBuilder("one", 1, weight.shape[1])
    b.linear("out", b.linear("fc", "x", weight.shape[0]), 2)
    return with_op(b.done("out"), "fc", weight=Weight(codes=weight.astype(np.float32)))


def convolution(seed: int = 0) -> Graph:
    b = GraphBuilder("one", 1, 6, 6, 4, seed=seed)
    return b.done(b.conv("out", b.conv("conv", "x", 6), 2))


def weight_of(graph: Graph) -> Weight:
    """Return the weight of the first layer."""
    return next(iter(layers_of(graph).values())).weight


def zero_rows(weight: Weight) -> Array:
    return np.count_nonzero(weight.nonzero, axis=1) == 0


def test_blocks_by_hand() -> None:
    # Sums of the 2 x 2 blocks, cut at the edges: 6, 2, 9.1 above and 6, 4, 1 below.
    pruned = weight_of(Prune(structure="block2x2", sparsity=0.5).apply(linear(MATRIX)))
    want = [[1, 2, 0, 0, 9], [2, 1, 0, 0, 0.1], [3, 3, 0, 0, 0]]
    np.testing.assert_array_equal(pruned.codes, np.array(want, np.float32))
    assert pruned.format == Block(2, 2)
    assert pruned.format.name == "bsr2x2"


def test_norm_of_a_block_decides() -> None:
    # L1 2.0 against 1.5, L2 1.0 against 1.5.
    codes = np.array([[0.5, 0.5, 0.5, 0.5, 1.5, 0, 0, 0]])
    norms: tuple[CriterionName, ...] = ("l1", "l2")
    l1, l2 = (
        weight_of(Prune(structure="block1x4", sparsity=0.5, criterion=c).apply(linear(codes)))
        for c in norms
    )
    assert np.flatnonzero(l1.codes).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(l2.codes).tolist() == [4]


def test_rows_columns_and_kernels_by_hand() -> None:
    row = weight_of(Prune(structure="row", sparsity=0.34).apply(linear(MATRIX))).codes
    np.testing.assert_array_equal(row, MATRIX * [[1], [0], [1]])
    # Sums of columns: 6, 6, 5, 1, 10.1.
    column = weight_of(Prune(structure="column", sparsity=0.4).apply(linear(MATRIX))).codes
    np.testing.assert_array_equal(column, MATRIX * [1, 1, 0, 0, 1])
    graph = convolution()
    before = weight_of(graph).codes
    kernel = weight_of(Prune(structure="kernel", sparsity=0.5).apply(graph))
    norms = np.abs(before).sum(axis=(1, 2))  # [out, in]
    lowest = np.argsort(norms, axis=None)[:12]
    keep = np.ones(24, bool)
    keep[lowest] = False
    np.testing.assert_array_equal(kernel.codes, before * keep.reshape(6, 1, 1, 4))
    assert kernel.format.name == "bitmask"


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    block=st.tuples(st.integers(1, 4), st.integers(2, 5)),
)
def test_blocks_tile_the_matrix(rows: int, columns: int, block: tuple[int, int]) -> None:
    op = layers_of(linear(np.ones((rows, columns))))["fc"]
    groups = groups_of(op, Block(*block))
    assert groups is not None
    assert groups.of is not None
    assert groups.count == -(-rows // block[0]) * -(-columns // block[1])
    for i in range(rows):
        for j in range(columns):
            same = groups.of == groups.of[i, j]
            tile = np.zeros((rows, columns), bool)
            top, left = i // block[0] * block[0], j // block[1] * block[1]
            tile[top : top + block[0], left : left + block[1]] = True
            np.testing.assert_array_equal(same, tile)


@pytest.mark.oracle
@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize(("structure", "axis"), [("row", 0), ("column", 1)])
def test_structured_masks_are_those_of_torch(
    structure: str, axis: int, norm: CriterionName
) -> None:
    codes = np.random.default_rng(0).standard_normal((12, 10)).astype(np.float32)
    for sparsity in (0.1, 0.45, 0.8):
        module: Any = torch.nn.Linear(10, 12)
        module.weight = torch.nn.Parameter(torch.tensor(codes))
        torch_prune.ln_structured(  # pyright: ignore[reportUnknownMemberType]
            module, "weight", amount=sparsity, n=int(norm[1:]), dim=axis
        )
        step = Prune(structure=structure, sparsity=sparsity, criterion=norm)
        pruned = weight_of(step.apply(linear(codes))).codes
        np.testing.assert_array_equal(pruned, module.weight.detach().numpy())


@pytest.mark.oracle
def test_random_counts_are_those_of_torch() -> None:
    codes = np.random.default_rng(0).standard_normal((7, 9)).astype(np.float32)
    for sparsity in (0.1, 0.5, 0.77):
        module: Any = torch.nn.Linear(9, 7)
        module.weight = torch.nn.Parameter(torch.tensor(codes))
        torch_prune.random_unstructured(  # pyright: ignore[reportUnknownMemberType]
            module, "weight", amount=sparsity
        )
        pruned = weight_of(Prune(sparsity=sparsity, criterion="random").apply(linear(codes))).codes
        assert (pruned == 0).sum() == int((module.weight == 0).sum())


STRUCTURES = ("row", "column", "block3x2", "block16x1", "block1x4")


@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_groups_go_whole_and_exactly_so_many(build: Callable[[], Graph], structure: str) -> None:
    graph = build()
    pruned = layers_of(Prune(structure=structure, sparsity=0.4).apply(graph))
    for name, op in layers_of(graph).items():
        if structure == "row" and name in output_layers(graph):
            assert pruned[name] == op
            continue
        groups = groups_of(op, structure_of(structure))
        assert groups is not None
        kept = groups.totals(pruned[name].weight.nonzero.astype(float))
        sizes = groups.totals(op.weight.nonzero.astype(float))
        assert set(kept / sizes) <= {0.0, 1.0}
        assert (kept == 0).sum() == round(0.4 * groups.count)


@pytest.mark.parametrize("criterion", ["l1", "random", "wanda", "geometric_median"])
def test_groups_that_are_gone_go_first(criterion: str) -> None:
    graph = residual()
    data = Data(x=samples(graph, 4))
    step: dict[str, Any] = {"structure": "row", "criterion": criterion}
    once = Prune(sparsity=0.3, **step, seed=1).apply(graph, data)
    twice = layers_of(Prune(sparsity=0.6, **step, seed=2).apply(once, data))
    for name, op in layers_of(once).items():
        if name != "fc":
            gone = zero_rows(twice[name].weight)
            assert gone[zero_rows(op.weight)].all()
            assert gone.sum() == round(0.6 * len(gone))


def test_chance_does_not_favour_large_groups() -> None:
    # Blocks of 4, 4 and 1 weights: each goes about as often.
    graph = linear(np.ones((1, 9)))
    gone = np.zeros(3, int)
    for seed in range(60):
        step = Prune(structure="block1x4", sparsity=0.34, criterion="random", seed=seed)
        gone += weight_of(step.apply(graph)).codes[0, [0, 4, 8]] == 0
    assert gone.sum() == 60
    assert gone.max() < 35


def test_linear_layers_have_no_kernels() -> None:
    pruned = layers_of(Prune(structure="kernel", sparsity=0.5).apply(residual()))
    assert pruned["fc"].weight.format.name == "dense"
    assert pruned["c1"].weight.format.name == "bitmask"
    with pytest.raises(
        RecipeError, match=r"structure=kernel.* expected a convolution, got stem, q"
    ):
        Prune(structure="kernel", sparsity=0.5).apply(attention())


@pytest.mark.parametrize(
    "name", ["block0x4", "block4", "4x4", "block257x1", "block1x1", "block-1x4"]
)
def test_other_blocks_are_unknown(name: str) -> None:
    assert block_of(name) is None
    with pytest.raises(ValueError, match=r"expected unstructured, row, .* got"):
        Prune(structure=name, sparsity=0.5)


def heads(count: int = 4, width: int = 3) -> Graph:
    """Two attentions of `count` heads, one behind the other."""
    b = GraphBuilder("heads", 1, 5, 6)
    y = b.linear("stem", "x", count * width)
    for i in range(2):
        parts: list[str] = []
        for name in ("q", "k", "v"):
            full = b.linear(f"{name}{i}", y, count * width)
            cut = b.add(f"{name}cut{i}", Reshape(shape=(1, 5, count, width)), full)
            axes = (0, 2, 3, 1) if name == "k" else (0, 2, 1, 3)
            parts.append(b.add(f"{name}turned{i}", Transpose(axes=axes), cut))
        scores = b.add(f"soft{i}", Softmax(), b.add(f"scores{i}", MatMul(), *parts[:2]))
        mixed = b.add(f"mixed{i}", MatMul(), scores, parts[2])
        back = b.add(f"back{i}", Transpose(axes=(0, 2, 1, 3)), mixed)
        flat = b.add(f"flat{i}", Reshape(shape=(1, 5, count * width)), back)
        y = b.linear(f"o{i}", flat, count * width)
    return b.done(b.linear("head", y, 3))


def test_heads_of_least_norm_go() -> None:
    graph = heads()
    for name, head in (("v0", 2), ("o1", 1)):
        # One weight that outdoes all others of a head that stays then.
        op = layers_of(graph)[name]
        assert isinstance(op, Linear)
        codes = op.weight.codes.copy()
        at = (
            (slice(3 * head, 3 * head + 3), 0)
            if name == "v0"
            else (0, slice(3 * head, 3 * head + 3))
        )
        codes[at] = 100.0
        graph = with_op(graph, name, weight=Weight(codes=codes))
    pruned = Prune(structure="head", sparsity=0.75).apply(graph)
    assert [own.count for own in find_heads(pruned)] == [1, 1]
    assert (layers_of(pruned)["v0"].weight.codes[:, 0] == 100).all()
    assert (layers_of(pruned)["o1"].weight.codes[0] == 100).all()


def test_heads_compete_where_the_scope_says_so() -> None:
    graph = heads()
    count = sum(own.count for own in find_heads(graph))
    assert count == 8
    criteria: tuple[CriterionName, ...] = ("l1", "l2", "random", "wanda")
    for criterion in criteria:
        step = Prune(structure="head", sparsity=0.5, scope="global", criterion=criterion)
        pruned = step.apply(graph, Data(x=samples(graph, 3)))
        left = [own.count for own in find_heads(pruned)]
        assert sum(left) == 4
        assert min(left) >= 1
    ratios = Prune(structure="head", ratios="mixed1=0.5").apply(graph)
    assert [own.count for own in find_heads(ratios)] == [4, 2]


def test_rows_that_are_outputs_stay() -> None:
    names = {build.__name__: sorted(output_layers(build())) for build in GRAPHS}
    assert names == {
        "mlp": ["fc2"],
        "residual": ["fc"],
        "separable": ["fc"],
        "grouped": ["fc"],
        "concatenated": ["head"],
        "gated": ["head"],
        "attention": ["head"],
        "decoder": ["fc"],
    }
    with pytest.raises(RecipeError, match="expected layers with others behind them, got fc;"):
        Prune(structure="row", sparsity=0.5, layers="fc").apply(residual())


def test_convolutions_are_pruned_by_row() -> None:
    graph = convolution()
    op = layers_of(graph)["conv"]
    assert isinstance(op, Conv2d)
    scores = np.square(op.weight.codes).sum(axis=(1, 2, 3))
    pruned = weight_of(Prune(structure="row", sparsity=0.5, criterion="l2").apply(graph))
    gone = zero_rows(pruned)
    assert set(np.flatnonzero(gone)) == set(np.argsort(scores)[:3])
