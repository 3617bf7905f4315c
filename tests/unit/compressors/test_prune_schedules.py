"""Scopes, ratios and schedules of pruning, and settings that do not go together."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from compressors import Prune, parse
from compressors.pruning.criteria import CriterionName
from compressors.pruning.heads import find_heads
from compressors.pruning.quota import Scope, read_ratios
from compressors.pruning.schedule import cubic, stages
from compressors.pruning.scopes import Contest, lamp_scores, survivors
from hwsim.arrays import Array
from hwsim.channels.find import find_channels
from hwsim.channels.layers import layers_of, makes_channels
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.graph import Graph
from hwsim.tensor import Weight
from tests.graphs import attention, concatenated, gated, mlp, residual, samples, separable, with_op
from tests.unit.compressors.test_prune_structures import heads


def widths(graph: Graph) -> dict[str, int]:
    return {name: op.weight.shape[0] for name, op in layers_of(graph).items()}


def zeros(graph: Graph) -> dict[str, int]:
    return {name: int((~op.weight.nonzero).sum()) for name, op in layers_of(graph).items()}


def made_channels(graph: Graph) -> int:
    """Return how many channels the layers make; those that several share count once."""
    channels = find_channels(graph)
    made = [channels.of[n.outputs[0]].tolist() for n in graph.nodes if makes_channels(n)]
    return len({channel for own in made for channel in own})


def labelled(graph: Graph) -> Data:
    x = samples(graph, 24)
    return Data(x=x, y=np.arange(24) % 3)


def test_lamp_by_hand() -> None:
    # Squares 9, 1, 4: 9/9, 1/(1 + 4 + 9), 4/(4 + 9).
    np.testing.assert_allclose(lamp_scores(np.array([3.0, 1.0, 2.0])), [1.0, 1 / 14, 4 / 13])
    # Of equals the later counts as larger; what is gone stays last.
    np.testing.assert_allclose(lamp_scores(np.array([2.0, 2.0])), [0.5, 1.0])
    assert lamp_scores(np.array([-np.inf, 3.0])).tolist() == [-np.inf, 1.0]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_lamp_is_its_definition(magnitudes: list[float]) -> None:
    w = np.array(magnitudes)
    order = np.argsort(w, kind="stable")
    for rank, u in enumerate(order):
        rest = sum(w[v] ** 2 for v in order[rank:])
        want = w[u] ** 2 / rest if rest else 0.0
        np.testing.assert_allclose(lamp_scores(w)[u], want)


def test_lamp_keeps_a_layer_of_small_weights() -> None:
    graph = mlp()
    op = layers_of(graph)["fc2"]
    graph = with_op(graph, "fc2", weight=Weight(codes=op.weight.codes * np.float32(1e-3)))
    size = op.weight.codes.size
    lost = {
        scope: zeros(Prune(sparsity=0.5, scope=scope).apply(graph))["fc2"]
        for scope in ("local", "global", "lamp")
    }
    assert lost["local"] == size // 2
    assert lost["global"] == size
    assert lost["lamp"] < size
    # Magnitudes of a layer have no unit: LAMP does not see the factor.
    assert zeros(Prune(sparsity=0.5, scope="lamp").apply(mlp()))["fc2"] == lost["lamp"]


def test_scopes_by_hand() -> None:
    scores = {"a": np.array([1.0, 2, 3, 4]), "b": np.array([10.0, 20, 30, 40])}

    def kept(**settings: Any) -> dict[str, list[bool]]:
        contest = Contest(sparsity=0.5, **settings)
        return {name: keep.tolist() for name, keep in survivors(scores, contest).items()}

    half, none, all_ = [False, False, True, True], [False] * 4, [True] * 4
    assert kept() == {"a": half, "b": half}
    assert kept(scope="global") == {"a": none, "b": all_}
    assert kept(scope="global", is_relative=True) == {"a": half, "b": half}
    assert kept(scope="global", fractions={"b": 0.25}) == {"a": half, "b": [False, *[True] * 3]}


@pytest.mark.parametrize(
    ("structure", "criterion"), [("row", "l1"), ("block2x2", "l2"), ("unstructured", "wanda")]
)
def test_scores_are_compared_as_multiples_of_their_mean(
    structure: str, criterion: CriterionName
) -> None:
    graph = mlp()
    data = Data(x=samples(graph, 4))
    step = Prune(structure=structure, sparsity=0.5, scope="global", criterion=criterion)
    codes = layers_of(graph)["fc1"].weight.codes
    small = with_op(graph, "fc1", weight=Weight(codes=codes * np.float32(2**-10)))
    lost, want = (zeros(step.apply(g, data))["fc1"] for g in (small, graph))
    # Biases behind the layer keep their size: what later layers see is a little different.
    assert abs(lost - want) < 10 < want < 950


def test_ratios_go_before_sparsity() -> None:
    graph = residual()
    spec = 'prune{sparsity=0.5,ratios="a1=0.25;c*=0.75;*=0.0"}'
    assert str(parse(spec)) == spec
    pruned = parse(spec).apply(graph)
    for name, op in layers_of(graph).items():
        want = {"a1": 0.25, "c1": 0.75, "c2": 0.75}.get(name, 0.0)
        assert zeros(pruned)[name] == round(want * op.weight.codes.size)
    few = Prune(ratios="a1=0.25").apply(graph)
    assert [n for n, op in layers_of(few).items() if op.weight.format.name != "dense"] == ["a1"]
    both = Prune(ratios="a1=0.0", sparsity=0.5, scope="global").apply(graph)
    assert zeros(both)["a1"] == 0
    rest = sum(op.weight.codes.size for n, op in layers_of(graph).items() if n != "a1")
    assert sum(zeros(both).values()) == round(0.5 * rest)


def test_ratios_of_filters() -> None:
    pruned = Prune(structure="filter", ratios="a1=0.5;c1=0.25").apply(residual())
    assert widths(pruned) == {**widths(residual()), "a1": 4, "c1": 9}


def test_cubic_is_agp() -> None:
    # Zhu and Gupta with s_i = 0: 0.8 (1 - (1 - k/4)^3).
    want = [0.8 * (1 - 27 / 64), 0.8 * (1 - 8 / 64), 0.8 * (1 - 1 / 64), 0.8]
    np.testing.assert_allclose([s.sparsity(0.8) for s in stages("cubic", 4)], want)
    assert cubic(0, 5, 0.2, 0.9) == pytest.approx(0.2)
    assert cubic(5, 5, 0.2, 0.9) == 0.9


def test_iterative_removes_the_same_share_of_what_is_left() -> None:
    left = [1 - s.sparsity(0.875) for s in stages("iterative", 3)]
    np.testing.assert_allclose(left, [0.5, 0.25, 0.125])
    assert stages("iterative", 3)[-1].sparsity(0.9) == 0.9


@pytest.mark.parametrize("schedule", ["iterative", "cubic"])
@pytest.mark.parametrize("scope", ["local", "global"])
def test_steps_without_training_end_like_one_shot(schedule: str, scope: Scope) -> None:
    graph = residual()
    step = Prune(sparsity=0.8, scope=scope)
    gradual = step.model_copy(update={"schedule": schedule, "steps": 4, "epochs": 0})
    once, many = layers_of(step.apply(graph)), layers_of(gradual.apply(graph))
    for name, op in once.items():
        np.testing.assert_array_equal(many[name].weight.codes, op.weight.codes)


@pytest.mark.parametrize("build", [mlp, residual, separable, concatenated, gated])
@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize("criterion", ["l1", "random"])
def test_filters_go_as_many_as_at_once(
    build: Callable[[], Graph], scope: Scope, criterion: CriterionName
) -> None:
    step = Prune(structure="filter", sparsity=0.55, scope=scope, criterion=criterion)
    gradual = step.model_copy(update={"schedule": "cubic", "steps": 3, "epochs": 0})
    once, many = (made_channels(s.apply(build())) for s in (step, gradual))
    # Where every tensor must keep a channel, how many come back depends on the way.
    assert abs(once - many) <= (1 if scope == "global" else 0)


def assert_trained(before: Graph, after: Graph, layer: str) -> None:
    left = layers_of(after)[layer].weight.codes
    assert not np.isin(left[left != 0], layers_of(before)[layer].weight.codes).all()


@pytest.mark.parametrize("criterion", ["l1", "movement", "taylor"])
def test_filters_go_between_trainings(criterion: CriterionName) -> None:
    graph = mlp()
    step = Prune(
        structure="filter", sparsity=0.5, criterion=criterion, schedule="iterative", steps=3
    )
    assert step.needs == "labelled"
    pruned = step.apply(graph, labelled(graph))
    assert widths(pruned) == {"conv": 3, "fc1": 5, "fc2": 4}
    assert_trained(graph, pruned, "fc2")


@pytest.mark.parametrize("structure", ["unstructured", "block2x2", "row"])
def test_weights_go_between_trainings(structure: str) -> None:
    graph = mlp()
    step = Prune(structure=structure, sparsity=0.7, schedule="cubic", steps=3, exclude="fc2")
    pruned = step.apply(graph, labelled(graph))
    # 960 weights of fc1: 672 of them alone, in 240 whole blocks and in 10 rows.
    assert zeros(pruned)["fc1"] == 672
    assert_trained(graph, pruned, "fc1")


def test_heads_and_blocks_go_step_by_step() -> None:
    few = Prune(structure="head", sparsity=0.5, schedule="iterative", steps=2, epochs=0)
    assert [own.count for own in find_heads(few.apply(heads()))] == [2, 2]
    graph = attention()
    blocks = Prune(structure="layer", sparsity=0.5, schedule="cubic", steps=3, epochs=0)
    once = blocks.model_copy(update={"schedule": "one_shot", "steps": 1})
    assert blocks.apply(graph).to_text() == once.apply(graph).to_text()


def test_runs_with_training_repeat() -> None:
    graph = mlp()
    step = Prune(sparsity=0.5, criterion="movement", schedule="cubic", steps=2)
    first, again = (layers_of(step.apply(graph, labelled(graph))) for _ in range(2))
    for name, op in first.items():
        np.testing.assert_array_equal(op.weight.codes, again[name].weight.codes)


@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    sparsity=st.floats(0, 1, exclude_max=True),
)
def test_layers_together_lose_the_exact_count(values: list[int], sparsity: float) -> None:
    parts: dict[str, Array] = {"a": np.array(values, float), "b": np.array(values[::-1], float)}
    keeps = survivors(parts, Contest(sparsity=sparsity, scope="global"))
    lost = sum(int((~keep).sum()) for keep in keeps.values())
    assert lost == round(sparsity * 2 * len(values))


@pytest.mark.parametrize("text", ["a", "a=", "=0.5", "a=1", "a=-0.1", "a=x", "a=0.5;b"])
def test_ratios_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected LAYER=FRACTION;\.\.\."):
        read_ratios(text)


def test_ratios_of_no_layer_are_a_mistake() -> None:
    with pytest.raises(RecipeError, match=r"prune.ratios: expected names of conv, .* got 'cnov'"):
        Prune(ratios="cnov=0.5").apply(mlp())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "structure=unstructured got no sparsity; such as sparsity=0.5"),
        ({"structure": "filter"}, "structure=filter got no sparsity"),
        ({"sparsity": 0.5, "threshold": 0.1}, "got sparsity and threshold; one of them"),
        ({"threshold": 0.1, "ratios": "a=0.5"}, "got ratios and threshold; one of them"),
        ({"structure": "2:4", "sparsity": 0.5}, "got sparsity; the pattern says it"),
        ({"structure": "2:4", "ratios": "a=0.5"}, "got ratios; the pattern says it"),
        ({"structure": "row", "threshold": 0.1}, "got threshold; a threshold is of magnitudes"),
        ({"threshold": 0.1, "criterion": "wanda"}, "got criterion=wanda; a threshold is of"),
        ({"structure": "layer", "ratios": "a=0.5"}, "got ratios; a block stays or goes"),
        ({"structure": "2:4", "scope": "global"}, "got scope=global; N:M holds in each group"),
        ({"structure": "layer", "sparsity": 0.5, "scope": "global"}, "got scope=global; blocks"),
        ({"sparsity": 0.5, "criterion": "obs", "scope": "global"}, "scope=global with criterion="),
        ({"structure": "filter", "sparsity": 0.5, "scope": "lamp"}, "scope=lamp; LAMP scores"),
        ({"sparsity": 0.5, "scope": "lamp", "criterion": "wanda"}, "LAMP is of magnitudes"),
        (
            {"structure": "filter", "sparsity": 0.5, "scope": "global", "criterion": "movement"},
            "scores of both signs have no scale",
        ),
        ({"structure": "block2x2", "sparsity": 0.5, "format": "csr"}, "got format=csr; it has its"),
        ({"sparsity": 0.5, "round_to": 2}, "got round_to; structure=filter does"),
        ({"structure": "row", "sparsity": 0.5, "criterion": "obs"}, "it takes single weights"),
        ({"sparsity": 0.5, "criterion": "apoz"}, "it scores filters: structure=filter or row does"),
        ({"sparsity": 0.5, "criterion": "cosine"}, "it scores residual blocks: structure=layer"),
        ({"sparsity": 0.5, "steps": 3}, "got steps=3; schedule=iterative or cubic does"),
        ({"sparsity": 0.5, "schedule": "cubic"}, "got schedule=cubic with steps=1"),
        ({"threshold": 0.5, "schedule": "cubic", "steps": 2}, "only a sparsity can grow"),
        ({"structure": "2:4", "schedule": "cubic", "steps": 2}, "only a sparsity can grow"),
        ({"sparsity": 0.5, "criterion": "hessian"}, "Input should be 'l1', 'l2'"),
        ({"sparsity": 0.5, "format": "2:4"}, "expected an unstructured format, got 2:4"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Prune(**settings)
    found = error.value.errors()[0]["msg"]
    assert re.search(message, found), found
    assert "\n" not in found
