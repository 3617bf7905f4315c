"""The step `factorize`: what it leaves, what it refuses, what may follow it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compressors import Factorize, parse
from compressors.factorization.ranks import Method
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.ops import Conv2d
from hwsim.reference import trace
from tests.graphs import attention, decoder, grouped, mlp, residual, run_integers
from tests.graphs import samples as samples_of

METHODS: tuple[Method, ...] = ("svd", "channel_svd", "spatial_svd", "tucker2")


def test_factors_stand_where_the_layer_stood() -> None:
    graph = residual()
    result = Factorize(method="spatial_svd", rank=2, layers="c1").apply(graph)
    names = [node.name for node in result.nodes]
    at = names.index("c1")
    assert names[at - 1 : at + 2] == ["c1/vertical", "c1", "c1_bn"]
    before = {node.name: node for node in graph.nodes}
    for node in result.nodes:
        if node.name not in ("c1", "c1/vertical"):
            assert node is before[node.name]
    first, last = (result.nodes[i].op for i in (at - 1, at))
    assert isinstance(first, Conv2d)
    assert isinstance(last, Conv2d)
    assert (first.stride, last.stride) == ((2, 1), (1, 2))
    assert (first.bias, first.activation) == (None, "none")
    assert last.bias is not None


def test_factors_of_factors_have_names_of_their_own() -> None:
    graph = attention()
    twice = parse("factorize{rank=3,layers=up}|factorize{rank=1,layers=up}").apply(graph)
    names = [node.name for node in twice.nodes]
    assert names[names.index("up") - 2 : names.index("up") + 1] == ["up/reduce", "up/reduce2", "up"]


def test_layers_that_would_grow_stay() -> None:
    graph = residual()
    result = Factorize(method="channel_svd", rank=5).apply(graph)
    split = {node.name for node in result.nodes} - {node.name for node in graph.nodes}
    # [8, 27] breaks even above 6, [8, 72] at 7, [12, 72] and [12, 108] at 10; [12, 8] at 4.
    assert split == {f"{name}/reduce" for name in ("stem", "a1", "a2", "c1", "c2")}


@pytest.mark.parametrize(
    ("settings", "build", "message"),
    [
        ("rank=10", mlp, r"mlp: factorize: expected a layer that becomes smaller.*: fc1 9, fc2 2"),
        ("energy=1.0,layers=fc2", mlp, r"expected a layer that becomes smaller.*: fc2 2"),
        ("rank=1,layers=c2", grouped, r"grouped/c2: factorize: expected a convolution of all"),
        ("rank=1,layers=c1", grouped, r"factorize: method=svd takes no conv2d of 3 x 3"),
        ("rank=1,layers=r1", grouped, r"factorize: expected a convolution or a linear"),
        ("rank=1,layers=z*", grouped, r"factorize.layers: expected some of c3, fc, got layers='z"),
        ("method=spatial_svd,rank=1,layers=up", decoder, r"takes no conv2d_transpose of 3 x 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(settings: str, build: Callable[[], Graph], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse(f"factorize{{{settings}}}").apply(build())


@pytest.mark.parametrize("given", ["", "rank=1,energy=0.5", "ratio=0.5,evbmf=true"])
def test_one_choice_of_rank(given: str) -> None:
    with pytest.raises(RecipeError, match="expected one of rank, energy, ratio and evbmf"):
        parse(f"factorize{{{given}}}")


@pytest.mark.parametrize("step", ["prune{sparsity=0.5}", "quantize{activations=32}"])
def test_what_other_steps_made_is_not_lost(step: str) -> None:
    with pytest.raises(RecipeError, match=r"factorize: expected dense float weights, got"):
        parse(f"{step}|factorize{{rank=1}}").apply(mlp())


@pytest.mark.parametrize("method", METHODS)
def test_factors_compose_with_what_follows(method: Method) -> None:
    graph = residual()
    data = Data(x=samples_of(graph, 16))
    spec = f"factorize{{method={method},ratio=0.7}}|prune{{structure=filter,sparsity=0.3}}|quantize"
    result = parse(spec).apply(graph, data)
    run_integers(result, data.x[:2])
    assert result.storage_bytes < graph.storage_bytes / 4


def test_finetune_trains_every_factor() -> None:
    graph = mlp()
    data = Data(x=samples_of(graph, 32), y=np.arange(32) % 4)
    factors = Factorize(method="tucker2", ratio=1.0).apply(graph)
    trained = parse("finetune{epochs=1,learning_rate=0.1}").apply(factors, data)
    for before, after in zip(factors.nodes, trained.nodes, strict=True):
        if before.op.weight is not None and after.op.weight is not None:
            assert (before.op.weight.codes != after.op.weight.codes).any()


def test_batch_norms_stay_behind_the_last_factor() -> None:
    graph = residual()
    result = Factorize(method="channel_svd", ratio=1.0).apply(graph)
    folded = parse("fuse").apply(result)
    x = samples_of(graph, 3)
    (want,), (got,) = trace(result, x).values(), trace(folded, x).values()
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert len(folded.nodes) < len(result.nodes)


def test_a_depthwise_layer_stays_among_others() -> None:
    graph = grouped()
    result = Factorize(method="channel_svd", rank=1).apply(graph)
    c2 = next(node for node in result.nodes if node.name == "c2")
    assert c2 is next(node for node in graph.nodes if node.name == "c2")
