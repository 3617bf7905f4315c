"""Bars add up, whatever is compared: drawn estimates, and real graphs on real devices."""

from __future__ import annotations

import ast
import math
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hwsim.explain
from hwsim.cost.terms import TERMS
from hwsim.errors import UnsupportedError
from hwsim.explain import attribute
from hwsim.explain.terms import CAUSES_OF_TERMS, COUNTED, SLOTS, cause_of
from hwsim.records import (
    CAUSES,
    Attribution,
    Counts,
    Estimate,
    Footprint,
    Result,
    StepEstimate,
)
from tests.unit.explain.pairs import DEVICES, RECIPES, result_on

EXACT = 1e-9
FOOTPRINT = Footprint(
    peak_ram_bytes=1, flash_bytes=1, ram_capacity_bytes=1, flash_capacity_bytes=1, is_shared=False
)


def require_sums(found: Attribution) -> None:
    """Fail unless layers and totals add up to their change of latency."""
    before, after = found.baseline.latency_s, found.result.latency_s
    scale = max(before, after)
    assert math.fsum([before, *found.bars_s.values()]) == pytest.approx(after, abs=EXACT * scale)
    for layer in found.layers:
        own = math.fsum([layer.before_s, *layer.bars_s.values()])
        assert own == pytest.approx(layer.after_s, abs=EXACT * max(layer.before_s, layer.after_s))
        assert "placement" not in layer.bars_s
    for cause in set(CAUSES) - {"fewer_macs", "placement"}:
        of_layers = math.fsum(layer.bars_s.get(cause, 0.0) for layer in found.layers)
        assert found.bars_s.get(cause, 0.0) == pytest.approx(of_layers, abs=EXACT * scale)
    own = math.fsum(layer.bars_s.get("fewer_macs", 0.0) for layer in found.layers)
    whole = found.bars_s.get("fewer_macs", 0.0) + found.bars_s.get("placement", 0.0)
    assert whole == pytest.approx(own, abs=EXACT * scale)
    assert list(found.bars_s) == [cause for cause in CAUSES if cause in found.bars_s]
    steps = {step.name for one in (found.baseline, found.result) for step in one.estimate.steps}
    assert {layer.name for layer in found.layers} <= steps
    assert math.fsum(layer.before_s for layer in found.layers) == pytest.approx(before)
    assert math.fsum(layer.after_s for layer in found.layers) == pytest.approx(after)


def result_of(steps: tuple[StepEstimate, ...], recipe: str) -> Result:
    """Return a result of these steps, on no device in particular."""
    seconds = sum(step.latency_s for step in steps)
    return Result(
        model="drawn",
        recipe=recipe,
        device="device",
        device_class="mcu",
        runtime="runtime",
        profile_sha256="",
        is_calibrated=False,
        numerics="tflite-ref",
        estimate=Estimate(
            steps=steps, footprint=FOOTPRINT, latency_low_s=seconds, latency_high_s=seconds
        ),
    )


UNITS = st.one_of(st.just(0), st.integers(1, 1000))
TERM_NAMES = [*CAUSES_OF_TERMS, "traffic:sram", "gather:cache"]


@st.composite
def steps(draw: st.DrawFn, name: str) -> StepEstimate:
    """Draw a step; neither its counts nor its seconds need make sense."""
    whole = [field.name for field in fields(Counts) if field.type == "int"]
    counts: Any = {field: draw(UNITS) for field in whole}
    names = draw(st.lists(st.sampled_from(TERM_NAMES), unique=True))
    seconds = st.floats(1e-6, 1e-3)
    return StepEstimate(
        name=name,
        op=draw(st.sampled_from(["conv2d", "relu", "transpose", "quantize"])),
        kernel=draw(st.sampled_from(["one", "two"])),
        types=draw(st.sampled_from(["8x8", "f32"])),
        executed_as=draw(st.sampled_from(["native", "decoded", "dense_fallback"])),
        reason="runtime has no kernel for csr weights (it takes: dense); zeros are multiplied",
        format=draw(st.sampled_from(["dense", "csr"])),
        layout=draw(st.sampled_from([None, "nhwc"])),
        channels=draw(st.sampled_from([(0, 0), (3, 51)])),
        channel_tile=draw(st.sampled_from([(1, 1), (1, 4)])),
        counts=Counts(**counts),
        terms_s={term: draw(seconds) for term in names},
        energy_terms_j={},
    )


@st.composite
def models(draw: st.DrawFn) -> tuple[StepEstimate, ...]:
    """Draw a model of some of a few layers, some of them in parts."""
    known = ["a", "b", "b/first", "b/last", "c", "d/first", "e"]
    names = draw(st.lists(st.sampled_from(known), unique=True, max_size=5))
    return tuple(draw(steps(name)) for name in names)


@settings(deadline=None, max_examples=150)
@given(models(), models())
def test_bars_of_drawn_models_add_up(
    before: tuple[StepEstimate, ...], after: tuple[StepEstimate, ...]
) -> None:
    require_sums(attribute(result_of(before, "none"), result_of(after, "drawn")))


@settings(deadline=None, max_examples=50)
@given(models())
def test_a_model_beside_itself_has_no_bars(model: tuple[StepEstimate, ...]) -> None:
    found = attribute(result_of(model, "none"), result_of(model, "none"))
    assert found.bars_s == {}
    assert all(not layer.bars_s and not layer.words for layer in found.layers)


@pytest.mark.parametrize("recipe", RECIPES)
def test_bars_of_real_models_add_up(recipe: str) -> None:
    judged: set[str] = set()
    for name, graph in product(DEVICES, ("residual", "separable", "attention")):
        result = result_on(graph, recipe, name)
        for against in ("none", "quantize{weights=8}"):
            baseline = result_on(graph, against, name)
            # The device, or the technique, may take no such model.
            if baseline is not None and result is not None:
                require_sums(attribute(baseline, result))
                judged.add(name)
    assert len(judged) >= 10


def test_every_term_of_a_price_has_a_cause() -> None:
    # Of kernels by the table; calls, launches and transfers are priced apart.
    apart = {"call", "fork", "launch", "inference", "layout", "traffic:ram", "gather:cache"}
    terms = {term.name for term in TERMS} | apart
    assert {cause_of(term) for term in terms} <= set(CAUSES)
    assert set(CAUSES_OF_TERMS) >= {term.partition(":")[0] for term in terms}
    counted = {term.name: term.counted for term in TERMS}
    assert all(counted[term] == field for term, field in SLOTS.items())
    assert all(counted[term] == field for term, field in COUNTED.items() if term != "call")


def test_a_term_without_a_cause_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="got 'tunnel:x'; give it one"):
        cause_of("tunnel:x")


def test_results_of_two_devices_are_refused() -> None:
    made = result_on("mlp", "quantize{weights=8}", "stm32l4r5_tflm")
    other = result_on("mlp", "quantize{weights=8}", "rp2040_tflm")
    assert made is not None
    assert other is not None
    with pytest.raises(UnsupportedError, match="expected two results of one device"):
        attribute(made, other)


def test_the_room_reads_records_only() -> None:
    folder = Path(hwsim.explain.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                home = ".".join(node.module.split(".")[:2])
                assert home in {"hwsim.explain", "hwsim.records", "hwsim.errors"} or (
                    not node.module.startswith("hwsim")
                ), f"{path.name} imports {node.module}"
