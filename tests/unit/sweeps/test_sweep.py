"""Grids: what is refused, what is shared, what a frame says."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import compressors
from hwsim.data import Data
from hwsim.errors import ProfileError, RecipeError
from hwsim.graph import Graph
from hwsim.profile import device
from hwsim.row import Price
from hwsim.store import Store
from hwsim.sweeps import evaluate_rows, rows_of, sweep, targets_of
from hwsim.sweeps.axes import Listed, listed
from hwsim.sweeps.plan import plan
from hwsim.sweeps.run import run
from hwsim.sweeps.spec import SweepSpec
from hwsim.sweeps.templates import Template
from tests.graphs import mlp, residual, samples

QUANTIZE = compressors.parse("quantize")
DEVICES = ("stm32l4r5_tflm", "sparse_pe64_sim")


def labelled(count: int = 40) -> Data:
    x = samples(residual(), count)
    return Data(x=x, y=np.arange(count) % 4)


def test_every_combination_is_a_row() -> None:
    clocks = [{"hardware.clock_hz": 40e6}, {"hardware.clock_hz": 80e6}]
    table = sweep([residual()], [QUANTIZE], DEVICES, overrides=clocks, data=labelled())
    assert len(table) == 4
    assert list(table["overrides"].unique()) == [
        "hardware.clock_hz=40000000.0",
        "hardware.clock_hz=80000000.0",
    ]
    slow, fast = (table[table["device"] == DEVICES[0]]["latency_s"]).tolist()
    assert slow == pytest.approx(2 * fast)


def test_an_executor_changes_nothing() -> None:
    recipes = [QUANTIZE, compressors.parse("prune{sparsity=0.9}|quantize")]
    alone = sweep([residual()], recipes, DEVICES, data=labelled())
    with ThreadPoolExecutor(2) as pool:
        together = sweep([residual()], recipes, DEVICES, data=labelled(), executor=pool)
    pd.testing.assert_frame_equal(alone, together)


def test_what_a_device_cannot_run_is_a_row_with_the_reason() -> None:
    table = sweep([residual()], [compressors.parse("none"), QUANTIZE], ["sparse_pe64_sim"],
                  data=labelled())  # fmt: skip
    refused = table[table["recipe"] == "none"].iloc[0]
    assert "has no f32 kernel" in refused["refused"]
    assert np.isnan(refused["latency_s"])
    assert table[table["recipe"] == "quantize"].iloc[0]["latency_s"] > 0


def test_a_recipe_that_does_not_fit_leaves_the_others_their_figures() -> None:
    recipes = [QUANTIZE, compressors.parse("finetune|quantize")]
    table = sweep([residual()], recipes, DEVICES[:1], data=labelled())
    assert table["refused"].notna().tolist() == [False, True]
    assert "finetune expected inputs with labels" in table["refused"].iloc[1]


@dataclass(frozen=True)
class PriceKeeper:
    """A recipe that quantizes, and notes what the model costs where it is asked to."""

    prices: list[float] = field(default_factory=list[float])
    name: str = "asks for prices"
    is_priced: bool = True

    def apply(self, graph: Graph, data: Data | None = None, *, price: Price | None = None) -> Graph:
        made = QUANTIZE.apply(graph, data)
        assert price is not None
        self.prices.append(price(made))
        return made


def test_a_recipe_that_asks_for_prices_is_applied_on_every_device() -> None:
    recipe = PriceKeeper()
    table = sweep([residual()], [recipe], DEVICES, data=labelled())
    assert table["latency_s"].tolist() == pytest.approx(recipe.prices)
    assert len(set(recipe.prices)) == len(DEVICES)


def test_integers_for_a_float_model_stay_reals_after_it_is_quantized() -> None:
    counts = np.random.default_rng(0).integers(0, 17, (40, *residual().tensors["x"].shape[1:]))
    y = np.arange(40) % 4
    as_integers, as_reals = (
        evaluate_rows(
            rows_of([residual()], [QUANTIZE], targets_of(DEVICES[:1]), Data(x=x, y=y), None)
        ).results[0]
        for x in (counts.astype(np.uint8), counts.astype(np.float32))
    )
    assert as_integers.accuracy == as_reals.accuracy


def test_two_of_one_name_are_refused() -> None:
    for models, recipes, devices, what in (
        ([mlp(), replace(mlp())], [QUANTIZE], DEVICES, "model 'mlp'"),
        ([mlp()], [QUANTIZE, QUANTIZE], DEVICES, "recipe 'quantize'"),
        ([mlp()], [QUANTIZE], (DEVICES[0], DEVICES[0]), f"device '{DEVICES[0]}'"),
    ):
        with pytest.raises(RecipeError, match=f"{what} is given twice"):
            sweep(models, recipes, devices)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    devices, recipes = list[str](), list[str]()
    for folder, clock in (("a", "1.0e+6"), ("b", "2.0e+6")):
        (tmp_path / folder).mkdir()
        devices.append(str(tmp_path / folder / "mine.yaml"))
        Path(devices[-1]).write_text(CHILD.format(clock=clock), encoding="utf-8")
        recipes.append(str(tmp_path / folder / "lean.yaml"))
        text = f"version: 1\nname: lean\nsteps:\n- prune: {{sparsity: {float(clock) / 4e6}}}\n"
        Path(recipes[-1]).write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match="device 'mine' is given twice"):
        sweep([mlp()], ["none"], devices, parse=compressors.parse)
    with pytest.raises(RecipeError, match="recipe 'lean' is given twice"):
        sweep([mlp()], recipes, devices[:1], parse=compressors.parse)


CHILD = """\
name: mine
description: a copy with a clock of its own
inherits: stm32l4r5_tflm
hardware:
  clock_hz: {clock}
sources:
  hardware.clock_hz: "assumed: for a test"
"""


def test_a_profile_that_changes_between_two_sweeps_changes_their_figures(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"

    def latency_s(clock: str, axes: Mapping[str, object]) -> list[float]:
        file.write_text(CHILD.format(clock=clock), encoding="utf-8")
        return sweep([mlp()], [compressors.parse("none")], [str(file)], axes=axes)[
            "latency_s"
        ].tolist()

    for axes in ({"scale.clock": [1.0, 2.0]}, {"hardware.cycle_pj": [1.0, 2.0]}):
        slow, fast = latency_s("1.0e+6", axes), latency_s("10.0e+6", axes)
        assert slow == pytest.approx([10 * own for own in fast])


def test_a_profile_is_read_once_for_all_workers(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(CHILD.format(clock="1.0e+6"), encoding="utf-8")
    asked = plan(
        SweepSpec(
            graphs=(mlp(),),
            templates=(Template.of("none", compressors.parse),),
            devices=(str(file),),
            axes={"scale.clock": listed([1.0, 2.0])},
        )
    )
    before = run(asked).points
    file.unlink()
    assert run(asked).points == before


def test_a_first_point_that_is_refused_leaves_the_result_to_the_next() -> None:
    axes = {"hardware.cores": [0, 2, 4]}
    outcome = run(
        plan(
            SweepSpec(
                graphs=(mlp(),),
                templates=(Template.of("none", compressors.parse),),
                devices=("rpi4_xnnpack",),
                axes={name: listed(values) for name, values in axes.items()},
            )
        ),
        are_told=True,
    )
    assert [point.refused is None for point in outcome.points.points] == [False, True, True]
    assert [result.overrides for result in outcome.results] == [("hardware.cores=2",)]
    assert outcome.results[0].latency_s == pytest.approx(outcome.points.points[1].latency_s)


def test_values_that_make_no_profile_end_no_sweep_whose_other_points_are_fine() -> None:
    none = compressors.parse("none")
    table = sweep([mlp()], [none], ["rpi4_xnnpack"], axes={"hardware.cores": [2, 0, 2.5]})
    assert table["refused"].notna().tolist() == [False, True, True]
    with pytest.raises(ProfileError, match="cores"):
        sweep([mlp()], [none], ["rpi4_xnnpack"], axes={"hardware.cores": [0, -1]})
    with pytest.raises(ProfileError, match="no key"):
        sweep([mlp()], [none], ["rpi4_xnnpack"], axes={"hardware.core.count": [1, 2]})


def asked_of(axes: dict[str, Listed]) -> SweepSpec:
    return SweepSpec(
        graphs=(residual(),),
        templates=(Template.of("none", compressors.parse),),
        devices=("rpi4_xnnpack",),
        axes=axes,
    )


def test_results_and_points_say_their_batch() -> None:
    outcome = run(plan(asked_of({"batch": listed([8, 4])})), are_told=True)
    assert [point.batch for point in outcome.points.points] == [8, 4]
    assert [result.batch for result in outcome.results] == [8]


def test_the_point_most_like_the_device_is_told_in_full() -> None:
    axes = {
        "batch": listed([8, 1]),
        "hardware.static_w": listed([1.0, 2.0]),
        "scale.clock": listed([0.5, 1.0, 2.0]),
    }
    outcome = run(plan(asked_of(axes)), are_told=True)
    assert len(outcome.points.points) == 12
    (result,) = outcome.results
    assert result.batch == 1
    assert result.overrides == ("hardware.static_w=1.0", "scale.clock=1.0")
    at = next(
        point
        for point in outcome.points.points
        if (point.batch, point.overrides) == (1, result.overrides)
    )
    assert at.latency_s == pytest.approx(result.latency_s, rel=1e-12)


def test_a_sweep_from_python_keeps_results_in_full(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        for clocks in ([1e6], [2e6, 1e6]):
            axes = {"hardware.clock_hz": clocks}
            sweep([mlp()], [compressors.parse("none")], DEVICES[:1], axes=axes, store=store)
            results = store.study().comparison.results
            assert [r.overrides for r in results] == [("hardware.clock_hz=1000000.0",)]
            assert results[0].detail is not None


def test_a_result_that_the_store_lacks_is_told_of_points_it_has(tmp_path: Path) -> None:
    axes = {"hardware.clock_hz": [1e6, 2e6]}
    with Store.open(tmp_path / "runs.db") as store:
        sweep([mlp()], [compressors.parse("none")], DEVICES[:1], axes=axes, store=store)
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute("DELETE FROM hwsim_results")
        sweep([mlp()], [compressors.parse("none")], DEVICES[:1], axes=axes, store=store)
        assert len(store.study().comparison.results) == 1


def test_overrides_of_a_profile_that_is_loaded_already_are_refused() -> None:
    with pytest.raises(ProfileError, match="this one is loaded already"):
        targets_of([device(DEVICES[0])], [{"hardware.clock_hz": 1e6}])
