"""All renderings say the same figures, and none obeys a name."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from hwsim.records import CAUSES, Explanation
from reports.explanation import Csv, Html, Json, Markdown, Terminal
from reports.explanation.charts import colour_of
from tests.comparisons import HOSTILE
from tests.explanations import explanation, hostile

LIBRARY = str(get_plotlyjs())
PAGES = (Csv(), Html(), Json(), Markdown(), Terminal())
every = pytest.mark.parametrize("report", PAGES, ids=lambda page: page.name)


class Tags(HTMLParser):
    """Collects tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += attrs


def html(made: Explanation) -> str:
    """Return the page without plotly's five megabytes."""
    text = Html().render(made)
    assert len(text.encode()) < 6_000_000
    return text.replace(LIBRARY, "")


def document(made: Explanation) -> Any:
    return json.loads(Json().render(made))


def figures(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


@every
def test_renders_the_same_bytes_again_and_leaves_the_records_alone(report: Any) -> None:
    made = explanation()
    text = report.render(made)
    assert text == report.render(explanation())
    assert made == explanation()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@every
def test_renders_odd_explanations(report: Any) -> None:
    made = explanation()
    bare = replace(made.attributions[0], advice=(), by_density_s=None, layers=())
    for odd in (
        replace(made, attributions=()),
        replace(made, attributions=made.attributions[:1], refusals=()),
        replace(made, attributions=(bare,)),
        Explanation(attributions=(), version="0"),
    ):
        assert report.render(odd)


def test_json_adds_up_to_the_last_bit_that_floats_keep() -> None:
    for each in document(explanation())["attributions"]:
        sides = each["baseline"]["latency_s"], each["result"]["latency_s"]
        assert sides[0] + sum(each["bars_s"].values()) == pytest.approx(sides[1], rel=1e-12)
        assert list(each["bars_s"]) == list(CAUSES)
        for layer in each["layers"]:
            total = layer["before_s"] + sum(layer["bars_s"].values())
            assert total == pytest.approx(layer["after_s"], rel=1e-12)


def test_json_keeps_its_keys() -> None:
    known = document(explanation())
    assert set(known) == {"hwsim_version", "baseline", "attributions", "refusals"}
    each = known["attributions"][0]
    assert set(each) == {
        "model", "recipe", "device", "overrides", "verdict", "promised_speedup", "speedup",
        "by_density_s", "bars_s", "baseline", "result", "layers", "advice",
    }  # fmt: skip
    assert set(each["layers"][0]) == {
        "name", "op", "before_s", "after_s", "promised", "bars_s", "words",
    }  # fmt: skip
    assert each["advice"][0]["accuracy"] == {"top1": 0.887, "n": 1000}
    assert each["advice"][1]["accuracy"] is None


def test_charts_draw_the_seconds_of_json() -> None:
    made = explanation()
    drawn = figures(html(made))
    known = document(made)["attributions"]
    assert set(drawn) == {f"{kind}-{i}" for i in range(5) for kind in ("waterfall", "layers")}
    for i, each in enumerate(known):
        fall = drawn[f"waterfall-{i}"]
        trace, base = fall["data"][0], unit_of(fall)
        assert trace["x"][0] * base == pytest.approx(each["baseline"]["latency_s"], rel=1e-12)
        assert trace["x"][-1] * base == pytest.approx(each["result"]["latency_s"], rel=1e-12)
        named = {name: x * base for name, x in zip(names_of(fall), trace["x"], strict=True)}
        assert named["zeros multiplied"] == pytest.approx(each["bars_s"]["dense_fallback"])
        # A change begins where the bar above it ends; a total stands on zero.
        ends = [x + start for x, start in zip(trace["x"], trace["base"], strict=True)]
        for above, x, start in zip(ends, trace["x"][1:], trace["base"][1:], strict=False):
            assert above == pytest.approx(start if start else x, rel=2e-3)


def test_layers_are_drawn_as_promised_and_by_cause() -> None:
    made = explanation()
    drawn = figures(html(made))["layers-0"]
    known = document(made)["attributions"][0]["layers"]
    base = unit_of(drawn)
    bars = [trace for trace in drawn["data"] if trace["type"] == "bar"]
    numbers = [int(name.partition(".")[0]) for name in names_of(drawn)]
    for row, number in enumerate(numbers):
        after_s = sum(trace["x"][row] for trace in bars) * base
        # The chart leaves out causes below a twentieth of a layer.
        assert after_s == pytest.approx(known[number - 1]["after_s"], rel=0.05)


def unit_of(figure: Any) -> float:
    symbol = re.search(r"\[(.*)\]", figure["layout"]["xaxis"]["title"]["text"])
    assert symbol is not None
    return {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[symbol[1]]


def names_of(figure: Any) -> list[str]:
    return [re.sub("<[^>]*>", "", name) for name in figure["layout"]["yaxis"]["ticktext"]]


def test_tables_of_all_pages_show_the_same_figures() -> None:
    made = explanation()
    pages = (html(made), Markdown().render(made), Terminal(120).render(made))
    for each in document(made)["attributions"]:
        for key in ("baseline", "result"):
            milli = 1e3 * each[key]["latency_s"]
            shown = f"{milli:.2f}" if milli >= 1 else f"{1e3 * milli:,.1f}"
            assert all(shown in page for page in pages), shown
        cost = 1e3 * each["bars_s"]["dense_fallback"]
        if cost > 1:
            # The last digit may be one off, so that printed bars add up.
            near = [f"{cost + step / 100:+.2f}" for step in (-1, 0, 1)]
            assert all(any(text in page for text in near) for page in pages)


def test_csv_has_a_row_per_model_and_layer_whose_columns_add_up() -> None:
    rows = list(csv.DictReader(io.StringIO(Csv().render(explanation()))))
    refused = [row for row in rows if row["refused"]]
    assert len(rows) == 5 * (1 + 10) + 1
    assert len(refused) == 1
    for row in rows[:-1]:
        causes = sum(float(row[f"{cause}_s"]) for cause in CAUSES)
        assert float(row["before_s"]) + causes == pytest.approx(float(row["after_s"]), rel=1e-12)
    assert [row["layer"] for row in rows[:2]] == ["", "conv_1"]


def test_names_stay_text() -> None:
    text = html(hostile())
    tags = Tags()
    tags.feed(text)
    # plotly, the figures, and what draws them.
    assert tags.opened.count("script") == 3
    assert HOSTILE not in text
    assert "<i>rounded" not in text
    assert "<b>stay" not in text
    assert "<script" not in json.dumps(figures(text))
    assert "<b>q4" not in json.dumps(figures(text))
    assert "&lt;b&gt;q4" in json.dumps(figures(text))
    assert "zeros &lt;b&gt;stay&lt;/b&gt; \\| and \\*cost\\*" in Markdown().render(hostile())


def test_the_page_needs_no_network_and_works_from_the_keyboard() -> None:
    text = html(explanation())
    tags = Tags()
    tags.feed(text)
    targets = [value or "" for key, value in tags.attributes if key in {"src", "href", "action"}]
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert "https://" not in text
    assert "http://" not in text
    assert "default-src 'none'" in text
    assert tags.opened.count("button") == 5 * 9


def test_a_cause_has_one_colour_in_both_charts_and_in_the_legend() -> None:
    text = html(explanation())
    drawn = figures(text)
    for i in range(5):
        fall, layers = drawn[f"waterfall-{i}"], drawn[f"layers-{i}"]
        colours = dict(zip(names_of(fall), fall["data"][0]["marker"]["color"], strict=True))
        causes = [t for t in layers["data"] if t["type"] == "bar" and t["name"] in colours]
        assert "zeros multiplied" in {trace["name"] for trace in causes}
        for trace in causes:
            assert trace["marker"]["color"] == colours[trace["name"]]
            label = rf'background: {trace["marker"]["color"]}"></i> {trace["name"]}'
            assert label in text


def test_every_cause_looks_different() -> None:
    looks = [colour_of(cause) for cause in CAUSES if cause != "fewer_macs"]
    assert len(set(looks)) == len(looks)


def test_another_baseline_and_the_guess_from_densities_are_said() -> None:
    for page in (
        html(explanation()),
        Markdown().render(explanation()),
        Terminal().render(explanation()),
    ):
        flat = " ".join(re.sub(r"&#39;|\\", lambda m: {"&#39;": "'"}.get(m[0], ""), page).split())
        assert (
            "so the baseline is 'distil|&lt;b&gt;q4" in flat
            or "so the baseline is 'distil|<b>" in flat
        )
        assert "(+25.0 %)" in flat
        assert "quantize it" in flat


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_lines_fit_the_width(width: int) -> None:
    for made in (explanation(), hostile()):
        text = Terminal(width).render(made)
        assert max(map(len, text.splitlines())) <= width


def test_printed_bars_add_up() -> None:
    text = Terminal(100).render(explanation())
    blocks = re.findall(r"\] +\[%\]\n─+\n(.*?)\n\n", text, re.S)
    assert len(blocks) == 5
    for block in blocks:
        lines = [
            re.findall(r"[-+]?[\d,]+\.\d+(?= )", f"{line} ")[-2:] for line in block.split("\n")
        ]
        ends = [i for i, (time, _) in enumerate(lines) if time[0] not in "+-"]
        for column in (0, 1):
            figures = [float(line[column].replace(",", "")) for line in lines]
            changes = [figures[i] for i in range(len(lines)) if i not in ends]
            assert figures[0] + sum(changes) == pytest.approx(figures[-1], abs=1e-6)


def test_the_number_of_layers_is_kept() -> None:
    few = Terminal(100, layers=2).render(explanation())
    assert few.count("zeros <b>stay</b>") == 5
    assert "Layers that lose most" not in Terminal(100, layers=0).render(explanation())
