"""Plans: which points there are, what they share, what is not computed again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressors
from hwsim.data import Data
from hwsim.errors import ProfileError, RecipeError
from hwsim.graph import Graph
from hwsim.ops import Conv2d
from hwsim.row import Price
from hwsim.store import Store
from hwsim.sweeps import sweep
from hwsim.sweeps.axes import listed
from hwsim.sweeps.plan import plan
from hwsim.sweeps.spec import SweepSpec
from hwsim.sweeps.templates import Template
from tests.graphs import mlp, residual, samples

DEVICE = "rpi4_xnnpack"
PRUNE = "prune{sparsity={s}}"


def table(recipes: list[Any] | None = None, **settings: Any) -> Any:
    given = recipes or [compressors.parse("none")]
    return sweep([residual()], given, [DEVICE], parse=compressors.parse, **settings)


def test_parameters_are_filled_in_where_they_stand() -> None:
    found = table([PRUNE, "none"], axes={"s": [0.25, 0.5], "scale.clock": [1, 2]})
    # `none` names no parameter: its points are asked for once.
    assert found["recipe"].tolist() == [
        *["prune{sparsity=0.25}"] * 2, *["prune{sparsity=0.5}"] * 2, "none", "none",
    ]  # fmt: skip
    assert found["s"].tolist()[:4] == [0.25, 0.25, 0.5, 0.5]
    assert found["s"].isna().tolist()[4:] == [True, True]
    assert found["overrides"].tolist()[:2] == ["scale.clock=1", "scale.clock=2"]
    effective = found["macs_effective"].tolist()
    assert effective[0] == effective[1] > effective[2] == effective[3]
    assert list(found.columns)[:7] == [
        "model", "recipe", "device", "s", "scale.clock", "seed", "overrides",
    ]  # fmt: skip


def test_conditions_leave_points_out() -> None:
    axes = {"s": [0.25, 0.5], "scale.clock": [1, 2]}
    found = table(
        [PRUNE], axes=axes, where=["s > 0.3 or scale.clock == 2", f"device == '{DEVICE}'"]
    )
    pairs = list(zip(found["s"], found["scale.clock"], strict=True))
    assert pairs == [(0.25, 2), (0.5, 1), (0.5, 2)]
    with pytest.raises(RecipeError, match="none of 4 points meets s > 1"):
        table([PRUNE], axes=axes, where="s > 1")


def test_repeats_draw_by_other_seeds_and_what_draws_nothing_is_done_once() -> None:
    random = compressors.parse("prune{criterion=random,sparsity=0.5}")
    found = table([random, compressors.parse("none")], repeats=3)
    assert found["recipe"].tolist() == [random.name] * 3 + ["none"]
    assert found["seed"].tolist() == [0, 1, 2, 0]
    spec = SweepSpec(
        graphs=(residual(),), templates=(Template.of(random, None),), devices=(DEVICE,), repeats=2
    )
    made = [place.made.recipe.apply(residual()) for place in plan(spec).places]
    first, second = (g.nodes[0].op.weight for g in made)
    assert first is not None
    assert second is not None
    assert not np.array_equal(first.codes, second.codes)
    assert not plan(spec).is_steady
    steady = replace(spec, templates=(Template.of(compressors.parse("none"), None),))
    assert plan(steady).is_steady


def test_a_batch_costs_more_and_a_sample_of_it_less() -> None:
    found = table(axes={"batch": [1, 4]})
    one, four = found["latency_s"]
    assert one < four < 4 * one
    assert found["macs"].tolist()[1] == 4 * found["macs"].tolist()[0]
    with pytest.raises(RecipeError, match="axis batch: expected whole numbers"):
        table(axes={"batch": [0]})


def test_accuracy_does_not_hang_on_the_batch() -> None:
    x = samples(residual(), 40)
    data = Data(x=x, y=np.arange(40) % 4)
    found = table([compressors.parse("quantize")], axes={"batch": [1, 3]}, data=data)
    assert found["top1"].nunique() == 1


@dataclass(frozen=True)
class Counting:
    """Leaves the model as it is, and counts how often."""

    calls: list[str] = field(default_factory=list[str], compare=False, repr=False)
    name: str = "counting"
    is_priced: bool = False

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        del data, price
        self.calls.append(graph.name)
        return graph


def test_a_graph_is_compressed_once_whatever_the_axes(tmp_path: Path) -> None:
    recipe = Counting()
    axes = {"hardware.clock_hz": [1e9, 2e9], "scale.simd": [1, 2], "batch": [1, 2]}
    with Store.open(tmp_path / "runs.db") as store:
        first = table([recipe], axes=axes, store=store)
        assert recipe.calls == ["residual"]
        again = table([recipe], axes=axes, store=store)
        assert recipe.calls == ["residual"]
        assert first.equals(again)
        more = table([recipe], axes=axes | {"batch": [1, 2, 3]}, store=store)
    assert recipe.calls == ["residual"] * 2
    assert len(more) == 12
    assert len(first) == 8


def _with_another_weight() -> Graph:
    graph = mlp()
    node = graph.nodes[0]
    assert isinstance(node.op, Conv2d)
    codes = node.op.weight.codes.copy()
    codes.flat[0] += 1
    op = replace(node.op, weight=replace(node.op.weight, codes=codes))
    return graph.with_ops({node.name: op})


def test_a_key_hangs_on_everything_that_figures_hang_on() -> None:
    base = SweepSpec(graphs=(mlp(),), templates=(Template.of("none", compressors.parse),),
                devices=(DEVICE,))  # fmt: skip
    x = samples(mlp(), 8)
    others = [
        base,
        replace(base, graphs=(replace(mlp(), name="other"),)),
        replace(base, graphs=(_with_another_weight(),)),
        replace(base, templates=(Template.of("fuse", compressors.parse),)),
        replace(base, devices=("rpi3_xnnpack",)),
        replace(base, overrides=({"hardware.clock_hz": 1e9},)),
        replace(base, overrides=({"hardware.clock_hz": 2e9},)),
        replace(base, axes={"batch": listed([2])}),
        replace(base, data=Data(x=x)),
        replace(base, data=Data(x=x, y=np.arange(8) % 2)),
        replace(base, data=Data(x=x + 1)),
        replace(base, training_data=Data(x=x)),
    ]
    keys = [place.key for spec in others for place in plan(spec).places]
    assert len(set(keys)) == len(others)
    assert [place.key for place in plan(base).places] == keys[:1]


def test_names_without_counterpart_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"recipe: \{s\} names no axis; known: none"):
        table([PRUNE])
    with pytest.raises(RecipeError, match=r"axis 'width': no recipe has \{width\}"):
        table(axes={"width": [1]})
    with pytest.raises(RecipeError, match=r"expected parse=compressors\.parse"):
        sweep([residual()], [PRUNE], [DEVICE], axes={"s": [0.5]})
    with pytest.raises(RecipeError, match="among the overrides too"):
        table(axes={"hardware.clock_hz": [1e6]}, overrides=[{"hardware.clock_hz": 2e6}])


def test_what_one_device_lacks_is_refused_there_and_what_all_lack_at_once() -> None:
    axes = {"scale.bandwidth": [0.5, 2.0], "hardware.clock_hz": [1e8, 2e8]}
    found = sweep([residual()], [compressors.parse("none")], [DEVICE, "stm32l4r5_tflm"], axes=axes)
    refused = found["refused"].notna().tolist()
    assert refused == [False] * 4 + [True] * 4
    assert "no memory of stm32l4r5_tflm has a bandwidth" in found["refused"].iloc[4]
    with pytest.raises(ProfileError, match="has a bandwidth"):
        sweep([residual()], [compressors.parse("none")], ["stm32l4r5_tflm"], axes=axes)
    with pytest.raises(ProfileError, match="clock_hz"):
        table(axes={"hardware.clock_hz": [-2.0, -1.0]})
    with pytest.raises(ProfileError, match="klock"):
        table(axes={"hardware.klock": [1]})


def test_more_than_a_million_points_are_refused_before_anything_is_made() -> None:
    axes = {"hardware.clock_hz": {"from": 1e6, "to": 1e9, "steps": 1000}, "scale.simd": [1, 2]}
    with pytest.raises(RecipeError, match="at most 1000000 points, got 2000000"):
        table(axes=axes, repeats=1000)
