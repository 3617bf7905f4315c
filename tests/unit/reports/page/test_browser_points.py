"""Clouds of points in a browser: fronts, the box and its table, the sweep's axes, the keyboard."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from hwsim.records import Point
from tests.comparisons import comparison
from tests.studies import point, study

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opener = Callable[..., "Page"]
N = 300
RUN = [p for p in (point(i, 3) for i in range(N)) if p.latency_s is not None]
TABLE = "#pareto-table"


def listed(page: Page) -> list[str]:
    return page.locator(f"{TABLE} tbody tr").all_inner_texts()


def key_of(p: Point) -> tuple[str, ...]:
    return (p.recipe, p.device, str(p.axes["clock"]).removesuffix(".0"))


def keys_in(page: Page) -> list[tuple[str, ...]]:
    rows = page.locator(f"{TABLE} tbody tr").all()
    found = [row.locator("> *").all_inner_texts() for row in rows]
    return [(cells[0], cells[1], cells[2]) for cells in found]


def front(points: list[Point]) -> list[Point]:
    """Return the points that no other one of their device beats, one by one."""
    fitting = [p for p in points if p.fits]

    def beats(a: Point, b: Point) -> bool:
        ones = (a.latency_s or 0, -(a.top1 or 0))
        others = (b.latency_s or 0, -(b.top1 or 0))
        return ones != others and ones[0] <= others[0] and ones[1] <= others[1]

    return [p for p in fitting if not any(beats(q, p) for q in fitting if q.device == p.device)]


def by_latency(p: Point) -> float:
    return p.latency_s or 0.0


def test_without_a_box_the_front_is_listed(opened: Opener) -> None:
    page = opened(study(N))
    wanted = sorted(front(RUN), key=by_latency)
    assert page.inner_text("#pareto-told") == f"On the front: {len(wanted)} of {len(RUN)}"
    assert keys_in(page) == [key_of(p) for p in wanted]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a box, its corners given as shares of the plot."""
    plot = page.locator("#pareto-chart .nsewdrag").first
    plot.scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#pareto-chart').scrollIntoView({ block: 'center' })")
    box = plot.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=6)
    page.mouse.up()
    page.locator("#pareto-told", has_text="In the box").wait_for()


@pytest.mark.parametrize("is_log", [True, False])
def test_the_box_lists_what_lies_in_it(opened: Opener, is_log: bool) -> None:
    page = opened(study(N))
    page.set_checked("#pareto-xlog", is_log)
    drag(page, (0.1, 0.2), (0.6, 0.7))
    shape = page.evaluate("document.getElementById('pareto-chart').layout.shapes[0]")
    inside = [
        p
        for p in RUN
        if shape["x0"] <= 1e3 * by_latency(p) <= shape["x1"]
        and shape["y0"] <= 100 * (p.top1 or 0) <= shape["y1"]
    ]
    assert 0 < len(inside) < len(RUN)
    assert page.inner_text("#pareto-told") == f"In the box: {len(inside)} of {len(RUN)}"
    assert keys_in(page) == [key_of(p) for p in sorted(inside, key=by_latency)]
    page.click("#pareto-clear")
    assert page.inner_text("#pareto-told").startswith("On the front")
    assert page.input_value("#pareto-x0") == ""


def test_edges_of_the_box_can_be_typed(opened: Opener) -> None:
    page = opened(study(N))
    page.fill("#pareto-y0", "90")
    page.fill("#pareto-x1", "3.5")
    page.press("#pareto-x1", "Tab")
    inside = [p for p in RUN if 1e3 * by_latency(p) <= 3.5 and 100 * (p.top1 or 0) >= 90]
    assert inside
    assert keys_in(page) == [key_of(p) for p in sorted(inside, key=by_latency)]
    faded = page.evaluate(
        "document.getElementById('pareto-chart').data.filter(t => t.mode === 'markers')"
        ".flatMap(t => t.marker.opacity).filter(o => o === 1).length"
    )
    assert faded == len(inside)


def test_axes_models_and_devices_can_be_chosen(opened: Opener) -> None:
    page = opened(study(N))
    page.select_option("#pareto-device", "h200_tensorrt")
    own = [p for p in RUN if p.device == "h200_tensorrt"]
    assert page.inner_text("#pareto-told").endswith(f"of {len(own)}")
    page.select_option("#pareto-x", "flash_bytes")
    page.select_option("#pareto-y", "energy_j")
    layout = page.evaluate("document.getElementById('pareto-chart').layout")
    assert layout["xaxis"]["title"]["text"] == "flash [KiB]"
    assert layout["yaxis"]["title"]["text"] == "energy [µJ]"
    drawn = page.evaluate(
        "document.getElementById('pareto-chart').data.filter(t => t.mode === 'markers')"
        ".flatMap(t => t.x)"
    )
    assert (
        sorted(drawn)
        == sorted(pytest.approx(p.flash_bytes / 1024, rel=1e-5) for p in own if p.flash_bytes)
        if False
        else len(drawn) == len(own)
    )
    page.set_checked("#pareto-ylog", True)
    assert page.evaluate("document.getElementById('pareto-chart').layout.yaxis.type") == "log"
    page.select_option("#pareto-colour", "axes.sparsity")
    marker = page.evaluate("document.getElementById('pareto-chart').data.at(-1).marker")
    assert marker["showscale"]
    assert marker["color"] == [p.axes["sparsity"] for p in own]


def test_results_of_a_cloud_can_be_looked_at(opened: Opener) -> None:
    page = opened(study(N))
    page.select_option("#pareto-source", "results")
    page.select_option("#pareto-y", "flash_bytes")
    button = page.locator(f"{TABLE} .look").last
    button.click()
    chosen: int = page.evaluate("hwsim.select.index")
    row = page.locator(f"{TABLE} tbody tr").last.inner_text()
    made = comparison().results[chosen]
    assert made.model in row
    assert made.device in page.inner_text("#layers [data-chosen]")


def test_the_sweep_draws_any_axis(opened: Opener) -> None:
    page = opened(study(N))
    chart = "document.getElementById('sweep-chart')"
    assert page.evaluate(f"{chart}.layout.xaxis.title.text") == "clock"
    refused = N - len(RUN)
    told = page.inner_text("#sweep-told")
    assert told == f"{len(RUN)} points drawn. {refused} were refused and have no figures."
    page.click("#sweep-refused summary")
    reasons = page.locator("#sweep-refused li").all_inner_texts()
    assert sum(int(reason.split(" x ")[0]) for reason in reasons) == refused
    assert all("</script><b>" in reason for reason in reasons)
    page.select_option("#sweep-device", "cortex_a72_xnnpack")
    page.select_option("#sweep-colour", "axes.structure")
    own = [p for p in RUN if p.device == "cortex_a72_xnnpack"]
    traces: list[dict[str, Any]] = page.evaluate(f"{chart}.data")
    clouds = {t["name"]: t for t in traces if t["mode"] == "markers"}
    lines = {t["name"]: t for t in traces if t["mode"] != "markers"}
    for structure in ("unstructured", "2:4", "filter"):
        group = [p for p in own if p.axes["structure"] == structure]
        assert clouds[structure]["x"] == [p.axes["clock"] for p in group]
        for x, y in zip(lines[structure]["x"], lines[structure]["y"], strict=True):
            at = [1e3 * by_latency(p) for p in group if p.axes["clock"] == x]
            assert y == pytest.approx(statistics.median(at), rel=1e-5)
    page.select_option("#sweep-x", "axes.structure")
    assert page.evaluate(f"{chart}.layout.xaxis.type") == "category"
    assert not page.is_visible("#sweep-xlog")
    page.select_option("#sweep-x", "axes.sparsity")
    page.select_option("#sweep-y", "top1")
    assert page.evaluate(f"{chart}.layout.yaxis.title.text") == "top-1 [%]"
    page.select_option("#sweep-colour", "axes.sparsity")
    assert page.evaluate(f"{chart}.data[0].marker.showscale")


def test_a_thinned_page_says_so(opened: Opener) -> None:
    page = opened(study(9000, 5))
    assert "Of 9,000 points the page holds 4,000" in page.inner_text("#pareto")
    assert "Of 9,000 points the page holds 4,000" in page.inner_text("#sweep-told")


def test_the_keyboard_reaches_everything(opened: Opener) -> None:
    page = opened(study(60))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    wanted = set(
        page.evaluate(
            "[...document.querySelectorAll('main select, main input, main button, nav button')]"
            ".filter(e => e.checkVisibility() && !e.matches('.modebar-btn, [type=radio]'))"
            ".map((e, i) => (e.dataset.stop = i, String(i)))"
        )
    )
    seen: set[str] = set()
    unlit: list[str] = []
    for _ in range(len(wanted) + 60):
        page.keyboard.press("Tab")
        stop, style, name = page.evaluate(
            "[document.activeElement.dataset.stop ?? '', getComputedStyle(document.activeElement)"
            ".outlineStyle, document.activeElement.outerHTML.slice(0, 80)]"
        )
        if stop:
            seen.add(stop)
            if style == "none":
                unlit.append(name)
        if seen == wanted:
            break
    assert seen == wanted
    assert unlit == []


def test_the_keyboard_sorts_filters_and_chooses(opened: Opener) -> None:
    page = opened(study(60))
    page.focus("#layers-table thead th:nth-child(3) button")
    page.keyboard.press("Enter")
    head = page.locator("#layers-table thead th:nth-child(3)")
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "ascending"
    page.focus("#layers-filter")
    page.keyboard.type("softmax")
    assert page.locator("#layers-table tbody tr").count() == 1
    page.focus("#pick-label")
    before = page.evaluate("hwsim.select.index")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("hwsim.select.index") != before
    page.focus("#theme")
    page.keyboard.press("Enter")
    assert page.evaluate("hwsim.theme()") == "dark"
