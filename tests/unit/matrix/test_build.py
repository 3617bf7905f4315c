"""A device with prices of one, on which every crossover can be said beforehand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from compressors import Recipe, parse
from hwsim.data import Data
from hwsim.errors import RecipeError, UnsupportedError
from hwsim.evaluation import estimate
from hwsim.execute import run
from hwsim.formats import NM, Bitmask, Dense
from hwsim.graph import Graph
from hwsim.matrix import Matter, build, prunings, rising, spelled
from hwsim.matrix.job import Cell, Priced
from hwsim.matrix.ladder import Cells, matrix_of
from hwsim.matrix.storage import sparse_formats, stored_as
from hwsim.profile import Cycles, DeviceProfile, Tile, load_profile
from hwsim.records import Accuracy
from hwsim.records.matrix import LEAST_GAIN
from hwsim.row import Target
from tests.devices import unit_device
from tests.graphs import GraphBuilder, mlp, samples

WALKING = Cycles(per_mac=1.0, per_nonzero=3.0)
"""A weight that is walked costs four cycles, one that is not a single cycle."""


def one_layer() -> Graph:
    """Return 20 x 20 weights: each rung is a whole number of them, and of 4 x 4 blocks of some."""
    b = GraphBuilder("one", 1, 20)
    return b.done(b.linear("fc", "x", 20))


def matter(
    graph: Graph,
    *devices: DeviceProfile,
    structures: tuple[str, ...] = ("unstructured",),
    sparsities: tuple[float, ...] = (0.2, 0.5, 0.7, 0.8, 0.9),
    then: str = "none",
    **settings: Any,
) -> Matter:
    base = parse(then)
    return Matter(
        graph=graph,
        base=base,
        pruned=lambda spec: Recipe(steps=(*parse(spec).steps, *base.steps)),
        targets=tuple(Target(profile=device) for device in devices),
        structures=structures,
        sparsities=sparsities,
        **settings,
    )


def test_the_crossover_of_a_kernel_that_takes_four_cycles_for_one() -> None:
    made = build(matter(one_layer(), unit_device(cycles=WALKING)))
    (ladder,) = made.ladders
    # 4 (1 - s) cycles for each weight that there was: a straight line, so nothing is lost.
    assert [rung.speedup for rung in ladder.rungs] == pytest.approx(
        [1 / (4 * (1 - s)) for s in (0.2, 0.5, 0.7, 0.8, 0.9)]
    )
    # As fast at 3/4; faster by a twentieth a little later.
    assert ladder.crossover == pytest.approx(1 - 1 / (4 * (1 + LEAST_GAIN)), abs=1e-12)
    assert (ladder.format, ladder.executed_as) == ("bitmask", "native")
    assert [rung.macs_left for rung in ladder.rungs] == pytest.approx([0.8, 0.5, 0.3, 0.2, 0.1])
    assert made.dense_latency_s == {"unit_device": 400.0}


@pytest.mark.parametrize(
    ("structure", "speedup", "format_"),
    [
        ("2:4", 0.5, "2:4"),
        # The format holds two of four, whose zeros are walked too; a mask has none.
        ("1:4", 1.0, "bitmask"),
    ],
)
def test_a_pattern_has_the_one_rung_that_it_says(
    structure: str, speedup: float, format_: str
) -> None:
    made = build(matter(one_layer(), unit_device(cycles=WALKING), structures=(structure,)))
    (ladder,) = made.ladders
    (rung,) = ladder.rungs
    assert rung.speedup == pytest.approx(speedup)
    assert rung.format == format_
    assert ladder.crossover is None


def test_no_kernel_for_zeros_is_said_and_never_pays() -> None:
    rp2040 = load_profile("rp2040_tflm")
    made = build(matter(mlp(), rp2040, structures=("unstructured", "block1x4"), then=INT8))
    for ladder in made.ladders:
        assert [rung.speedup for rung in ladder.rungs] == pytest.approx([1.0] * 5)
        assert (ladder.executed_as, ladder.format) == ("dense_fallback", "dense")
        assert ladder.crossover is None
        assert ladder.refusal == ""


def test_a_format_that_holds_some_rungs_only_counts_where_it_is_fastest() -> None:
    asked = matter(one_layer(), unit_device(), sparsities=(0.5, 0.9))

    def cell(**latencies: float) -> Cell:
        figures: dict[str, Any] = {"macs_effective": 1, "flash_bytes": 1, "executed_as": "native"}
        figures |= {"is_backed": False, "channel_tile": 1}
        made = (Priced(format=f, latency_s=s, **figures) for f, s in latencies.items())
        return Cell(priced=tuple(made))

    dense = cell(dense=100.0)
    low, high = asked.rungs("unstructured", dense)
    cells: Cells = {
        (low, "unit_device"): cell(csr=120.0, bitmask=110.0),
        (high, "unit_device"): cell(csr=130.0, relative4=50.0),
    }
    (ladder,) = matrix_of(asked, {"unit_device": dense}, cells).ladders
    assert [rung.format for rung in ladder.rungs] == ["bitmask", "relative4"]
    # From 1.1 of the dense model's time to 0.5 of it.
    assert ladder.crossover == pytest.approx(0.5 + 0.4 * (1.1 - 1 / (1 + LEAST_GAIN)) / 0.6)


def test_a_kernel_that_finds_zeros_where_they_lie_needs_no_format() -> None:
    rule = {"zeros": "check", "formats": {"dense": "native"}}
    device = unit_device(rule=rule, cycles=Cycles(per_mac=4.0, per_check=1.0))
    (ladder,) = build(matter(one_layer(), device)).ladders
    assert (ladder.executed_as, ladder.format) == ("native", "dense")
    assert [rung.speedup for rung in ladder.rungs] == pytest.approx(
        [5 / (1 + 4 * (1 - s)) for s in (0.2, 0.5, 0.7, 0.8, 0.9)]
    )
    # One that takes masks, too, walks them: nothing is looked at but what is stored.
    both = unit_device(rule={"zeros": "check"}, cycles=Cycles(per_mac=4.0, per_check=1.0))
    (ladder,) = build(matter(one_layer(), both)).ladders
    assert (ladder.executed_as, ladder.format) == ("native", "bitmask")


INT8 = "quantize{calibration=synthetic,calibration_samples=1}"


def test_filters_go_and_pay_at_once() -> None:
    device = unit_device(cycles=Cycles(per_mac=1.0))
    made = build(matter(mlp(), device, structures=("filter", "filter, rounded")))
    plain, rounded = made.ladders
    assert plain.crossover == 0.0
    assert plain.executed_as == "native"
    # A tile of one channel rounds nothing: both are the same rungs.
    assert plain.rungs == rounded.rungs


def test_rounded_filters_are_multiples_of_the_tile() -> None:
    device = unit_device(tile=Tile(m=4), cycles=Cycles(per_mac=1.0))
    made = build(matter(mlp(), device, structures=("filter, rounded",)))
    (ladder,) = made.ladders
    assert ladder.round_to == 4
    recipe = parse("prune{structure=filter,sparsity=0.5,round_to=4}")
    left = estimate(recipe.apply(mlp()), device).latency_s
    assert ladder.rungs[1].speedup == pytest.approx(made.dense_latency_s["unit_device"] / left)


def test_a_device_that_refuses_the_model_is_listed_with_its_reason() -> None:
    made = build(matter(one_layer(), unit_device(), load_profile("systolic64_sim")))
    refused = made.ladder("systolic64_sim", "unstructured")
    assert "quantize the model" in refused.refusal
    assert refused.rungs == ()
    assert refused.crossover is None
    assert list(made.dense_latency_s) == ["unit_device"]
    with pytest.raises(KeyError):
        made.ladder("unit_device", "filter")


def test_where_no_device_runs_it_there_is_no_matrix() -> None:
    with pytest.raises(UnsupportedError, match="quantize the model"):
        build(matter(one_layer(), load_profile("systolic64_sim")))


def test_where_no_structure_fits_there_is_no_matrix() -> None:
    with pytest.raises(UnsupportedError, match="heads"):
        build(matter(one_layer(), unit_device(), structures=("head",)))


def test_a_recipe_that_asks_for_prices_is_refused() -> None:
    with pytest.raises(RecipeError, match="the same for every device"):
        build(matter(one_layer(), unit_device(), then="mixed_precision{budget_cost=0.5}"))


def test_each_pruning_is_compressed_once_for_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[str] = []
    apply = Recipe.apply

    def counted(self: Recipe, *arguments: Any, **settings: Any) -> Graph:
        applied.append(str(self))
        return apply(self, *arguments, **settings)

    monkeypatch.setattr(Recipe, "apply", counted)
    devices = [replaced(unit_device(), f"d{i}") for i in range(3)]
    structures = ("unstructured", "2:4", "filter", "filter, rounded")
    build(matter(mlp(), *devices, structures=structures, sparsities=(0.5, 0.75)))
    # The dense model, two rungs of zeros, a pattern, two of filters that need no rounding.
    assert len(applied) == len(set(applied)) == 1 + 2 + 1 + 2


def replaced(profile: DeviceProfile, name: str) -> DeviceProfile:
    return profile.model_copy(update={"name": name})


def judged() -> Data:
    """Return labels that the dense model gets right."""
    x = samples(mlp(), 60).astype(np.float32)[:, 0]
    return Data(x=x, y=run(mlp(), x).reshape(60, -1).argmax(axis=1), name="judge")


@pytest.mark.parametrize("tolerance", [1.0, 0.1, 0.0])
def test_the_fastest_rung_that_is_as_right(tolerance: float) -> None:
    asked = matter(mlp(), unit_device(), data=judged(), tolerance=tolerance, sparsities=(0.1, 0.9))
    made = build(asked)
    (ladder,) = made.ladders
    assert made.dense_accuracy == made.dense_accuracy_on["unit_device"] == Accuracy(top1=1.0, n=60)
    kept = [r for r in ladder.rungs if r.accuracy and r.accuracy.top1 >= 1.0 - tolerance]
    assert len(kept) == {1.0: 2, 0.1: 1, 0.0: 0}[tolerance]
    assert ladder.at_equal_accuracy == (kept[-1] if kept else None)


def test_a_dead_network_counts_for_nothing() -> None:
    device = unit_device(cycles=Cycles(per_mac=1.0, per_call=9.0))
    asked = matter(one_layer(), device, structures=("block20x20", "unstructured"))
    blocks, single = build(asked).ladders
    # There is one block: it stays while less than all of it is to go, or is gone.
    gone = [rung.is_dead for rung in blocks.rungs]
    assert gone == [rung.macs_left == 0.0 for rung in blocks.rungs]
    assert any(gone)
    assert blocks.crossover is None
    assert not any(rung.is_dead for rung in single.rungs)
    assert single.crossover == 0.0


def test_what_takes_no_time_is_refused() -> None:
    asked = matter(one_layer(), unit_device(), structures=("block20x20", "unstructured"))
    blocks, _ = build(asked).ladders
    assert "takes no time on unit_device" in blocks.refusal
    assert all(rung.macs_left == 1.0 for rung in blocks.rungs)


def test_devices_are_ordered_by_class_then_by_name() -> None:
    names = ("sparse_pe64_sim", "stm32l4r5_tflm", "rpi4_xnnpack", "rp2040_tflm")
    asked = matter(mlp(), *map(load_profile, names), sparsities=(0.5,), then=INT8)
    made = build(asked)
    assert made.devices == ("rp2040_tflm", "stm32l4r5_tflm", "rpi4_xnnpack", "sparse_pe64_sim")
    assert list(made.dense_latency_s) == list(made.device_classes) == list(made.devices)
    assert [ladder.device for ladder in made.ladders] == list(made.devices)


def test_what_compilers_do_with_zeros_is_said() -> None:
    names = ("ethos_u55_128_vela", "stm32l4r5_xcubeai", "rp2040_tflm")
    asked = matter(mlp(), *map(load_profile, names), sparsities=(0.5,), then=INT8)
    said = {ladder.device: ladder.compiler for ladder in build(asked).ladders}
    assert "codes weights" in said["ethos_u55_128_vela"]
    assert "removes channels" in said["stm32l4r5_xcubeai"]
    assert said["rp2040_tflm"] == ""


def test_workers_find_the_same() -> None:
    asked = matter(mlp(), unit_device(), structures=("unstructured", "filter"), data=judged())
    done: list[str] = []
    counts: list[int] = []
    with ThreadPoolExecutor(2) as executor:
        made = build(asked, executor=executor, on_start=counts.append, on_done=done.append)
    assert made == build(asked)
    assert counts == [len(done)] == [10]
    assert done[0] == "unstructured 20%"


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.5, 2.0, float("nan")])
def test_what_is_no_sparsity_is_refused(bad: float) -> None:
    with pytest.raises(RecipeError, match="more than 0 and less than 1"):
        rising([0.5, bad])


def test_names_are_spelled_one_way() -> None:
    assert spelled(["filter,rounded", " 2:4"]) == ("filter, rounded", "2:4")
    with pytest.raises(RecipeError, match="twice"):
        spelled(["filter , rounded", "filter,rounded"])
    assert rising([0.9, 0.5, 0.9]) == (0.5, 0.9)
    assert [p.sparsity for p in prunings("1:4", (0.5, 0.9), 8)] == [0.75]
    assert {p.round_to for p in prunings("filter", (0.5,), 8)} == {1}
    assert {p.round_to for p in prunings("filter, rounded", (0.5,), 8)} == {8}


def test_formats_of_a_pattern() -> None:
    unit, walker = unit_device(), load_profile("sparse_pe64_sim")
    assert sparse_formats(unit, None) == (Bitmask(),)
    assert sparse_formats(unit, NM(2, 4)) == (Bitmask(), NM(2, 4))
    assert sparse_formats(unit, NM(3, 4)) == (Bitmask(),)
    # What keeps two of each four keeps four of each eight; the other way round it need not.
    names = {each.name for each in sparse_formats(walker, NM(2, 4))}
    assert {"2:4", "4:8"} <= names
    assert not {"1:4", "codebook", "dense", "huffman"} & names
    assert "2:4" not in {each.name for each in sparse_formats(walker, NM(4, 8))}


def test_another_format_keeps_the_codes() -> None:
    graph = parse("prune{sparsity=0.5}").apply(one_layer())
    dense = stored_as(graph, ("fc",), Dense())
    assert dense is not None
    before, after = graph.nodes[0].op.weight, dense.nodes[0].op.weight
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before.codes, after.codes)
    assert stored_as(graph, ("fc",), NM(1, 4)) is None
