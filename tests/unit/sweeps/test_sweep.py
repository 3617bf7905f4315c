"""Grids: what is refused, what is shared, what a frame says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest

import compressors
from hwsim.data import Data
from hwsim.errors import ProfileError, RecipeError
from hwsim.graph import Graph
from hwsim.profile import device
from hwsim.row import Price
from hwsim.sweeps import evaluate_rows, rows_of, sweep, targets_of
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


def test_overrides_of_a_profile_that_is_loaded_already_are_refused() -> None:
    with pytest.raises(ProfileError, match="this one is loaded already"):
        targets_of([device(DEVICES[0])], [{"hardware.clock_hz": 1e6}])
