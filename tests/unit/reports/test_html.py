import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from hwsim.records import Comparison
from reports.html import Html
from tests.comparisons import BASELINE, DEVICES, HOSTILE, KWS, comparison, result

LIBRARY = str(get_plotlyjs())


class Tags(HTMLParser):
    """Collects opened and closed tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += attrs


def page(made: Comparison) -> str:
    """Return the page without plotly's five megabytes."""
    text = Html().render(made)
    assert text.count(LIBRARY) == 1
    return text.replace(LIBRARY, "")


@pytest.fixture(scope="module")
def text() -> str:
    return page(comparison())


def figures(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


def test_hostile_names_stay_text(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    # plotly, the figures, and what draws them.
    assert tags.opened.count("script") == 3
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "<b>q4" not in text


def test_plotly_gets_escaped_labels(text: str) -> None:
    # plotly reads a little HTML in texts, so a name must reach it escaped.
    assert "<script" not in json.dumps(figures(text))
    assert "<b>" not in json.dumps(figures(text))


def test_the_page_needs_no_network(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert not [key for key, _ in tags.attributes if key in {"src", "href", "action"}]
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_every_choice_has_its_figure(text: str) -> None:
    drawn = figures(text)
    breakdowns = {f"breakdown-{i}-{q}" for i in range(17) for q in ("latency", "energy")}
    tradeoffs = {f"tradeoff-{i}" for i in range(3)}
    assert set(drawn) == {"latency", "energy", "ram", "flash"} | breakdowns | tradeoffs


def test_a_breakdown_adds_up_to_the_latency(text: str) -> None:
    result = comparison().results[0]
    figure = figures(text)["breakdown-0-latency"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "latency [ms]"
    shown_ms = sum(sum(trace["x"]) for trace in figure["data"])
    # A few dozen sums and one division by 1e-3, each exact to 1e-16.
    assert shown_ms == pytest.approx(1e3 * result.latency_s, rel=1e-12)


def test_whiskers_are_the_interval(text: str) -> None:
    estimate = comparison().results[0].estimate
    trace = figures(text)["latency"]["data"][0]
    above_ms = trace["x"][0] + trace["error_x"]["array"][0]
    below_ms = trace["x"][0] - trace["error_x"]["arrayminus"][0]
    assert above_ms == pytest.approx(1e3 * estimate.latency_high_s, rel=1e-12)
    assert below_ms == pytest.approx(1e3 * estimate.latency_low_s, rel=1e-12)


def test_without_accuracy_there_is_no_tradeoff() -> None:
    made = comparison()
    blind = tuple(replace(result, accuracy=None) for result in made.results)
    text = page(replace(made, results=blind))
    assert "tradeoff-0" not in figures(text)
    assert 'id="tradeoff"' not in text


def test_marks_that_coincide_are_rings_around_each_other() -> None:
    base = result(DEVICES[0], BASELINE, KWS, 1, 0.9)
    results = tuple(replace(base, recipe=f"r{i}") for i in range(3))
    figure = figures(page(Comparison(results=results, baseline="r0", version="0")))["tradeoff-0"]
    marks = [trace["marker"] for trace in figure["data"] if trace["mode"] == "markers"]
    assert [mark["size"] for mark in marks] == [29, 21, 13]
    assert len({mark["symbol"] for mark in marks}) == len(marks)


def test_a_device_states_its_units(text: str) -> None:
    for unit in ("ms", "µs"):
        assert f'<td class="number unit-of-device">[{unit}]</td>' in text


def test_tables_and_sentences(text: str, golden: Any) -> None:
    # The figures are long; other tests look at them.
    golden("comparison.html", re.sub(r'(id="figures">).*?(</script>)', r"\1\2", text, flags=re.S))
