"""The instruments in a browser: figures are those of hwsim."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from reports.page.crossings import curves_of
from tests.instruments import ARRAY, CPU, GPU, MCU, NPU, RECIPES, cells, choose, only_page, study

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Opener = Callable[..., "Page"]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    yield from only_page(browser, tmp_path_factory.mktemp("instruments") / "page.html", study())


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
