"""The page in a browser: every control does what it says, and figures are those of the records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from reports.as_json import Json
from reports.units import SECONDS, unit_for
from tests.comparisons import HOSTILE, PRUNED, comparison
from tests.studies import study

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Opener = Callable[..., "Page"]
LAYERS = "#layers-table"


def cells(page: Page, table: str, column: int) -> list[str]:
    """Return the texts of a column's cells, the first line of each."""
    found = page.locator(f"{table} tbody tr > :nth-child({column + 1})").all_inner_texts()
    return [text.split("\n")[0] for text in found]


def titles(page: Page, table: str) -> list[str]:
    return page.locator(f"{table} thead button").all_inner_texts()


def sorted_by(page: Page, table: str, title: str) -> tuple[str | None, Locator]:
    at = titles(page, table).index(title)
    head = page.locator(f"{table} thead th").nth(at)
    head.locator("button").click()
    return head.get_attribute("aria-sort"), head


def pick(page: Page, model: str, recipe: str, label: str) -> dict[str, Any]:
    page.select_option("#pick-model", model)
    page.select_option("#pick-recipe", recipe)
    page.select_option("#pick-label", label)
    return page.evaluate("hwsim.select.result")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_wider_than_the_window(opened: Opener, theme: str, width: int) -> None:
    """And it loads, offline, without a word on the console: the fixture sees to that."""
    page = opened(study(60), theme, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("hwsim.theme()") == theme
    for box in page.locator(".chart:visible").all():
        assert box.locator(".main-svg").count() > 0


def test_the_browser_has_the_figures_of_the_json_report(opened: Opener) -> None:
    results = opened(study()).evaluate("hwsim.data.results")
    for own, told in zip(results, json.loads(Json().render(comparison()))["results"], strict=True):
        for key in ("latency_s", "energy_j", "flash_bytes", "speedup", "recipe", "model", "why"):
            assert own[key] == told[key]


def test_the_theme_can_be_switched(opened: Opener) -> None:
    page = opened(study(60), "light")
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('#costs-bars .xtick text').style.fill"
    marks = "document.querySelector('#pareto-chart .points path').style.stroke"
    before = [page.evaluate(each) for each in (ground, ink, marks)]
    page.click("#theme")
    assert page.inner_text("#theme") == "Light"
    after = [page.evaluate(each) for each in (ground, ink, marks)]
    assert all(a != b for a, b in zip(before, after, strict=True))
    page.click("#theme")
    assert [page.evaluate(each) for each in (ground, ink, marks)] == before


def test_the_theme_follows_the_system(opened: Opener) -> None:
    page = opened(study(), "light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("#theme:text-is('Light')")
    assert page.evaluate("hwsim.theme()") == "dark"


def test_paper_is_white(opened: Opener) -> None:
    page = opened(study(), "dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("hwsim.theme()") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("hwsim.theme()") == "dark"
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()


def test_the_picker_follows_what_was_run(opened: Opener) -> None:
    page = opened(study())
    made = comparison().results
    gpu = "h200_tensorrt [clock_hz=1.98e9]"
    chosen = pick(page, HOSTILE, PRUNED, gpu)
    assert (chosen["model"], chosen["recipe"], chosen["label"]) == (HOSTILE, PRUNED, gpu)
    # That device refuses this recipe: another one is chosen with it.
    page.select_option("#pick-recipe", made[6].recipe)
    chosen = page.evaluate("hwsim.select.result")
    assert chosen["recipe"] == made[6].recipe == page.input_value("#pick-recipe")
    assert chosen["label"] == page.input_value("#pick-label") != gpu
    assert chosen["label"] in page.inner_text("#layers [data-chosen]")


def test_layers_sort_by_every_column(opened: Opener) -> None:
    page = opened(study())
    steps = pick(page, comparison().results[0].model, PRUNED, "stm32l4r5_tflm")["steps"]
    keys: dict[str, Callable[[dict[str, Any]], Any]] = {
        "layer": lambda s: s["name"],
        "#": lambda s: steps.index(s),
        "latency": lambda s: s["latency_s"],
        "share": lambda s: s["latency_s"],
        "latency by term": lambda s: s["latency_s"],
        "runs as": lambda s: s["executed_as"],
        "op": lambda s: s["op"],
        "energy": lambda s: s["energy_j"],
        "MACs": lambda s: s["counts"]["macs"],
        "effective": lambda s: s["counts"]["macs_effective"],
    }
    assert titles(page, LAYERS) == list(keys)
    assert cells(page, LAYERS, 0) == [step["name"] for step in steps]
    for title, key in keys.items():
        first_way = "ascending" if isinstance(key(steps[0]), str) else "descending"
        for way in (first_way, "descending" if first_way == "ascending" else "ascending"):
            said, _ = sorted_by(page, LAYERS, title)
            assert said == way
            wanted = sorted(steps, key=key, reverse=way == "descending")
            assert cells(page, LAYERS, 0) == [step["name"] for step in wanted]
    assert page.locator(f"{LAYERS} th[aria-sort='none']").count() == len(keys) - 1


def test_layers_filter_and_total(opened: Opener) -> None:
    page = opened(study())
    steps = pick(page, comparison().results[0].model, PRUNED, "stm32l4r5_tflm")["steps"]
    unit = unit_for([step["latency_s"] for step in steps], SECONDS)

    def holds(wanted: list[dict[str, Any]], said: str) -> None:
        assert cells(page, LAYERS, 0) == [step["name"] for step in wanted]
        assert page.inner_text("#layers-count") == f"{len(wanted)} of {len(steps)} layers"
        foot = page.locator(f"{LAYERS} tfoot tr > *").all_inner_texts()
        assert foot[0] == said
        assert foot[2] == unit.text(sum(step["latency_s"] for step in wanted))

    holds(steps, "all")
    page.fill("#layers-filter", "POINTWISE")
    holds([s for s in steps if "pointwise" in s["op"]], "3 shown")
    page.select_option("#layers-way", "native")
    holds([], "0 shown")
    page.fill("#layers-filter", "")
    holds([s for s in steps if s["executed_as"] == "native"], "5 shown")
    page.select_option("#layers-way", "")
    page.fill("#layers-filter", "zeros are multiplied")
    holds([s for s in steps if s["reason"]], "5 shown")


def test_bars_are_shares_of_the_longest_layer(opened: Opener) -> None:
    page = opened(study())
    steps = pick(page, comparison().results[0].model, PRUNED, "cortex_a72_xnnpack")["steps"]
    for quantity, total in (("terms", "latency_s"), ("energy_terms", "energy_j")):
        page.select_option("#layers-quantity", quantity)
        most = max(step[total] for step in steps)
        for i, step in enumerate(steps):
            parts = page.locator(f"{LAYERS} tbody tr:nth-child({i + 1}) .termbar i")
            widths = [float(w[:-1]) for w in parts.evaluate_all("p => p.map(e => e.style.width)")]
            values = [value for value in step[quantity].values() if value > 0]
            assert widths == pytest.approx([100 * v / most for v in values], rel=1e-3)
        named = page.locator("#layers-legend li").all_inner_texts()
        used = {name.replace("_", " ") for step in steps for name in step[quantity]}
        assert set(named) == used


def test_the_overview_says_what_the_tables_of_other_reports_say(opened: Opener) -> None:
    page = opened(study())
    text = page.inner_text("#overview")
    for words in (
        "1.49x",
        "1.94x",
        "refused",
        "uncalibrated",
        "NO",
        "dense weights only",
        "8 native",
    ):
        assert words in text
    assert page.locator("#overview .heat").count() == 2


def test_costs_draw_what_is_chosen(opened: Opener) -> None:
    page = opened(study())
    drawn = "(id) => document.getElementById(id).data.map(t => t.x)"
    title = "document.getElementById('costs-bars').layout.xaxis"
    results = [r for r in comparison().results if r.model != HOSTILE]
    recipes = list(dict.fromkeys(r.recipe for r in results))

    def wanted(figure: str, base: float) -> list[list[float]]:
        return [[getattr(r, figure) / base for r in results if r.recipe == q] for q in recipes]

    assert page.evaluate(title)["title"]["text"] == "latency [ms]"
    assert page.evaluate(drawn, "costs-bars") == wanted("latency_s", 1e-3)
    page.select_option("#costs-quantity", "energy")
    assert page.evaluate(title)["title"]["text"] == "energy [µJ]"
    assert page.evaluate(drawn, "costs-bars") == wanted("energy_j", 1e-6)
    page.select_option("#costs-axis", "linear")
    assert page.evaluate(title)["type"] == "linear"
    page.select_option("#costs-model", HOSTILE)
    lengths = page.evaluate(drawn, "costs-ram")
    assert lengths[0][0] == pytest.approx(100 * 889_000 / (640 * 1024))
    assert "<script" not in json.dumps(page.evaluate("document.getElementById('costs-bars').data"))


def test_whiskers_are_the_interval(opened: Opener) -> None:
    page = opened(study())
    trace = page.evaluate("document.getElementById('costs-bars').data[0]")
    estimate = comparison().results[0].estimate
    above, below = trace["error_x"]["array"][0], trace["error_x"]["arrayminus"][0]
    assert trace["x"][0] + above == pytest.approx(1e3 * estimate.latency_high_s, rel=1e-12)
    assert trace["x"][0] - below == pytest.approx(1e3 * estimate.latency_low_s, rel=1e-12)
