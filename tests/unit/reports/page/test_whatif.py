"""Knobs in a browser: they do what they say, and the shown command says the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import compressors
from hwsim.data import Data
from hwsim.evaluation import detailed, estimate
from hwsim.profile import load_profile, value_of
from hwsim.records import Result, Study
from hwsim.sweeps import evaluate_rows, rows_of, targets_of
from tests import graphs
from tests.graphs import samples
from tests.instruments import ARRAY, CPU, GPU, MCU, NPU, RECIPES, choose, graph_of, only_page, study

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

Opener = Callable[..., "Page"]
SCALED = (
    (MCU, {"scale.clock": 2.0}),
    (MCU, {"hardware.clock_hz": 60e6, "scale.clock": 0.5}),
    (NPU, {"scale.bandwidth": 2.0}),
    (MCU, {"scale.simd": 0.25}),
    (CPU, {"scale.simd": 0.25}),
    (GPU, {"scale.simd": 2.0, "scale.clock": 1.5}),
    (CPU, {"scale.cache": 0.5}),
    (CPU, {"scale.clock": 1.0, "scale.bandwidth": 3.0, "scale.cache": 2.0, "scale.simd": 2.0}),
)


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    yield from only_page(browser, tmp_path_factory.mktemp("whatif") / "page.html", study())


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


@pytest.mark.parametrize(("device", "laid"), SCALED)
def test_the_command_says_the_same_over_a_scaled_device(
    opened: Opener, device: str, laid: dict[str, float]
) -> None:
    page = opened(of(scaled(device, laid)))
    assert told(page)[0] == pytest.approx(evaluated(command(page)).latency_s, rel=1e-9)
    for i in range(page.locator("#whatif .knob").count()):
        slider = page.locator("#whatif .knob").nth(i).locator("input[type=range]")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        expected = evaluated(command(page))
        assert told(page)[0] == pytest.approx(expected.latency_s, rel=1e-9), i
        assert told(page)[1] == pytest.approx(expected.energy_j, rel=1e-9), i
        keys = [word.partition("=")[0] for word in command(page) if "=" in word]
        assert len(keys) == len(set(keys))


def test_no_command_is_shown_where_none_says_the_same(opened: Opener) -> None:
    result = scaled(MCU, {"scale.clock": 2.0})
    assert result.detail is not None
    unknown = replace(result, detail=replace(result.detail, laid=None))
    for odd in (unknown, replace(result, batch=8)):
        page = opened(of(odd))
        assert not page.locator("#whatif code").is_visible()
        assert page.locator("#whatif .unsaid").is_visible()
    facts = page.locator("#whatif .facts").inner_text()
    assert "latency of 8 samples" in facts
    assert "energy of 8 samples" in facts


def scaled(device: str, laid: dict[str, float]) -> Result:
    source = graphs.separable()
    data, recipes = Data(x=samples(source, 8)), [compressors.parse(RECIPES[1])]
    rows = rows_of([source], recipes, targets_of((device,), [laid]), None, data)
    made = evaluate_rows([replace(row, finish=detailed) for row in rows])
    (result,) = made.results
    return result


def of(result: Result) -> Study:
    made = study().comparison
    return Study(title="t", comparison=replace(made, results=(result,), baseline=None))
