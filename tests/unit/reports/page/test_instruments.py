"""The instruments in a browser: knobs do what they say, and figures are those of hwsim."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import compressors
from hwsim.data import Data
from hwsim.evaluation import detailed, estimate
from hwsim.profile import load_profile, value_of
from hwsim.records import Study
from hwsim.sweeps import evaluate_rows, rows_of, targets_of
from reports.page import render
from reports.page.crossings import curves_of
from tests import graphs
from tests.graphs import samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from hwsim.graph import Graph
    from hwsim.records import Result

Opener = Callable[..., "Page"]
MCU, GPU, NPU, ARRAY = "stm32l4r5_tflm", "h200_cuda", "ethos_u55_256_vela", "eie_sim"
CPU = "rpi4_xnnpack"
QUANTIZED = "quantize{weights=8,activations=8}"
SPECS = (
    QUANTIZED,
    *(f"prune{{sparsity={s}}}|{QUANTIZED}|encode{{format=csr}}" for s in (0.5, 0.75, 0.95)),
)
RECIPES = tuple(compressors.parse(spec).name for spec in SPECS)


@cache
def graph_of(recipe: str) -> Graph:
    source = graphs.separable()
    return compressors.parse(recipe).apply(source, Data(x=samples(source, 8)))


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return one page for all that leaves it as it was, or says what it looks at."""
    path = tmp_path_factory.mktemp("instruments") / "page.html"
    path.write_text(render(study()), encoding="utf-8")
    faults: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(30_000)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text))
    opened.goto(path.as_uri())
    opened.wait_for_selector("html[data-ready]")
    yield opened
    opened.close()
    assert faults == []


@cache
def study() -> Study:
    source = graphs.separable()
    data = Data(x=samples(source, 8))
    recipes = [compressors.parse(recipe) for recipe in RECIPES]
    targets = targets_of((MCU, GPU, NPU, ARRAY, CPU))
    rows = [replace(r, finish=detailed) for r in rows_of([source], recipes, targets, None, data)]
    return Study(title="instruments", comparison=evaluate_rows(rows, baseline=RECIPES[0]))


def choose(page: Page, device: str, recipe: str = RECIPES[2]) -> Result:
    results = study().comparison.results
    at = next(i for i, r in enumerate(results) if (r.device, r.recipe) == (device, recipe))
    page.evaluate(f"hwsim.select.set({at})")
    return results[at]


def cells(page: Page, section: str, column: int) -> list[Any]:
    """Return the values that a column of a section's table is sorted by, or its texts."""
    found = page.locator(f"#{section} tbody tr > :nth-child({column + 1})")
    return found.evaluate_all("cells => cells.map((c) => c.dataset.value ?? c.textContent)")


def knob(page: Page, title: str) -> Locator:
    return page.locator("#whatif .knob").filter(has_text=re.compile(f"^{title}"))


def turn(page: Page, title: str, at: float) -> None:
    slider = knob(page, title).locator("input[type=range]")
    slider.evaluate(f"(e) => {{ e.value = {at}; e.dispatchEvent(new Event('input')); }}")


def told(page: Page) -> tuple[float, float]:
    body = page.locator("#whatif .body")
    return tuple(float(body.get_attribute(f"data-{k}") or "nan") for k in ("latency", "energy"))  # pyright: ignore[reportReturnType]


def command(page: Page) -> list[str]:
    return shlex.split((page.locator("#whatif code").text_content() or "").replace("\\\n", ""))


def evaluated(words: list[str]) -> Any:
    """Return what the shown command evaluates."""
    given = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    pairs = [text.partition("=") for text in given]
    laid = {key: value_of(key, value) for key, _, value in pairs}
    recipe = words[words.index("--recipe") + 1]
    return estimate(graph_of(recipe), load_profile(words[words.index("--device") + 1], laid))


@pytest.mark.parametrize("device", [MCU, GPU, NPU, ARRAY, CPU])
def test_knobs_price_what_the_shown_command_evaluates(page: Page, device: str) -> None:
    result = choose(page, device)
    assert told(page)[0] == pytest.approx(result.latency_s, rel=1e-9)
    assert "--set" not in command(page)
    knobs = page.locator("#whatif .knob")
    for i in range(knobs.count()):
        slider = knobs.nth(i).locator("input[type=range]")
        slider.focus()
        page.keyboard.press("ArrowRight")
        if "cores" not in knobs.nth(i).inner_text():
            page.keyboard.press("PageUp")
        expected = evaluated(command(page))
        assert told(page)[0] == pytest.approx(expected.latency_s, rel=1e-9), i
        assert told(page)[1] == pytest.approx(expected.energy_j, rel=1e-9), i
    assert "--set" in command(page)
    page.click("#whatif .reset")
    assert told(page)[0] == pytest.approx(result.latency_s, rel=1e-9)
    assert "--set" not in command(page)
    assert page.locator("#whatif .reset").is_disabled()


def test_a_field_takes_any_number(page: Page) -> None:
    result = choose(page, MCU)
    field = knob(page, "clock").locator("input[type=number]")
    field.fill("30")
    field.press("Enter")
    assert "hardware.clock_hz=30000000" in command(page)
    assert told(page)[0] == pytest.approx(4 * result.latency_s, rel=1e-9)
    fact = page.locator('#whatif [data-fact="speed-up"] b')
    assert fact.inner_text() == "0.25x"
    field.fill("-1")
    field.press("Enter")
    assert told(page)[0] == pytest.approx(result.latency_s, rel=1e-9)


def test_the_interval_is_void_where_no_evidence_speaks(page: Page) -> None:
    result = choose(page, CPU)
    assert result.is_calibrated
    trust = page.locator("#whatif .trust")
    turn(page, "clock", 1)
    assert "holds nine of ten" in trust.inner_text()
    turn(page, "dram", -1)
    assert "void" in trust.inner_text()
    choose(page, ARRAY)
    assert "ncalibrated" in trust.inner_text()
    assert not knob(page, "SIMD").count()


def test_one_bandwidth_moves_all(page: Page) -> None:
    choose(page, NPU)
    turn(page, "all bandwidths", -3)
    sets = [word for word in command(page) if "bytes_per_cycle" in word]
    assert len(sets) == 2
    assert told(page)[0] == pytest.approx(evaluated(command(page)).latency_s, rel=1e-9)


def test_the_waterfall_adds_up(page: Page) -> None:
    for device in (MCU, ARRAY, CPU):
        result = choose(page, device)
        baseline = study().comparison.baseline_of(result)
        assert baseline is not None
        for view in ("cause", "term", "layer"):
            page.check(f"#waterfall input[value={view}]")
            labels, seconds = (
                cells(page, "waterfall", 0),
                [*map(float, cells(page, "waterfall", 1))],
            )
            assert seconds[0] == pytest.approx(baseline.latency_s, rel=1e-12)
            assert seconds[-1] == pytest.approx(result.latency_s, rel=1e-12)
            changes = [
                s for label, s in zip(labels[1:-1], seconds[1:-1], strict=True)
                if label != "as promised"
            ]  # fmt: skip
            assert seconds[0] + sum(changes) == pytest.approx(seconds[-1], rel=1e-9)
            assert len(page.evaluate("document.querySelector('#waterfall .chart').data[0].x")) == (
                len(labels)
            )
    choose(page, MCU, RECIPES[0])
    assert "baseline" in page.locator("#waterfall .none").inner_text()
    assert not page.locator("#waterfall .chart").is_visible()


def test_the_tornado_has_every_spread(page: Page) -> None:
    result = choose(page, GPU)
    assert result.detail is not None
    spreads = result.detail.spreads
    assert cells(page, "tornado", 0) == [spread.key for spread in spreads]
    low = page.evaluate("document.querySelector('#tornado .chart').data[0].x")
    known = [100 * (spread.low_s / result.latency_s - 1) for spread in spreads[:15]]
    assert low[:15] == pytest.approx(known, abs=1e-6)
    hover = page.evaluate("document.querySelector('#tornado .chart').data[0].customdata[0]")
    assert spreads[0].key in hover
    assert spreads[0].source[:40] in hover


def test_layers_lie_below_the_roofs(page: Page) -> None:
    for device in (MCU, NPU, ARRAY):
        result = choose(page, device)
        marks = page.evaluate(
            "document.querySelector('#roofline .chart').data.filter((t) => t.mode === 'markers')"
            ".flatMap((t) => t.x.map((x, i) => [x, t.y[i]]))"
        )
        rates = sorted(
            s.counts.macs_executed / s.latency_s for s in result.estimate.steps if s.counts.macs
        )
        assert sorted(y for _, y in marks) == pytest.approx(rates, rel=1e-6)
        assert result.detail is not None
        assert max(rates) <= result.detail.macs_roofs[0].per_s * (1 + 1e-9)
    memory = page.locator("#roofline select")
    other = memory.locator("option").nth(1).get_attribute("value")
    memory.select_option(other)
    title = page.evaluate("document.querySelector('#roofline .chart').layout.xaxis.title.text")
    assert other is not None
    assert other in title


def test_the_timeline_has_every_buffer(page: Page) -> None:
    result = choose(page, MCU)
    assert result.detail is not None
    sizes = sorted((b.size_bytes for b in result.detail.buffers), reverse=True)
    assert [*map(int, cells(page, "memory", 1))] == sizes
    boxes = page.evaluate(
        "document.querySelector('#memory .chart').data.filter((t) => t.type === 'bar')"
        ".reduce((n, t) => n + t.x.length, 0)"
    )
    assert boxes == len(sizes) + (result.detail.own_ram_bytes > 0)
    peak = page.locator('#memory [data-fact="peak RAM"] b').inner_text()
    assert peak == page.evaluate(f"hwsim.withUnit({result.peak_ram_bytes}, hwsim.BYTES)")


def test_provenance_names_every_number(page: Page) -> None:
    result = choose(page, CPU)
    assert result.detail is not None
    prices = result.detail.bill.prices
    assert cells(page, "provenance", 0) == sorted(prices)
    assert [*map(float, cells(page, "provenance", 1))] == [prices[k] for k in sorted(prices)]
    page.fill("#provenance input", "clock_hz")
    assert cells(page, "provenance", 0) == ["hardware.clock_hz"]
    page.fill("#provenance input", "")
    page.click("#provenance button.kind.assumed")
    assert "assumed" not in {text.strip() for text in cells(page, "provenance", 2)}
    page.click("#provenance button.kind.assumed")
    page.click("#provenance thead button >> nth=1")
    values = [*map(float, cells(page, "provenance", 1))]
    assert values == sorted(values, reverse=True)
    assert result.profile_sha256[:12] in page.locator("#provenance .facts").inner_text()


def test_curves_and_crossings_are_those_of_the_records(page: Page) -> None:
    curves = [curve for curve in curves_of(study()) if curve.axis == "sparsity"]
    assert {curve.device for curve in curves} == {MCU, GPU, NPU, ARRAY, CPU}
    traces = page.evaluate(
        "document.querySelector('#crossover .chart').data.map((t) => [t.name, t.y])"
    )
    for curve, (name, speedups) in zip(curves, traces, strict=False):
        assert name == curve.device
        assert speedups == pytest.approx([curve.reference_s / s for s in curve.latency_s])
    told_at = dict(zip(cells(page, "crossover", 0), cells(page, "crossover", 1), strict=True))
    for curve in curves:
        is_number = bool(re.match(r"^[\d.]", told_at[curve.device]))
        assert is_number == bool(curve.crossings)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_instruments_fit_the_window(opened: Opener, theme: str, width: int) -> None:
    page = opened(study(), theme, width)
    for device in (MCU, GPU):
        choose(page, device)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for section in ("whatif", "tornado", "waterfall", "roofline", "memory", "crossover"):
        assert page.locator(f"#{section} .chart .main-svg").count() > 0
