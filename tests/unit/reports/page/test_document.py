import base64
import random
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from hwsim.records import Comparison, Result, Study
from reports.html import TITLE, Html
from reports.page import render
from reports.page.island import unpacked
from reports.page.sections import SECTIONS
from reports.page.thinning import MOST_RESULTS
from tests.comparisons import HOSTILE, KWS, comparison
from tests.studies import study

LIBRARY = str(get_plotlyjs())
MOST_BYTES = 6_000_000


class Tags(HTMLParser):
    """Collects opened tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += attrs


def tags_of(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


@pytest.fixture(scope="module")
def text() -> str:
    return render(study(100))


def ids(text: str) -> set[str | None]:
    return {value for key, value in tags_of(text).attributes if key == "id"}


def test_a_comparison_is_a_study_without_points() -> None:
    assert Html().render(comparison()) == render(Study(title=TITLE, comparison=comparison()))


def test_the_library_is_inlined_once(text: str) -> None:
    found = re.findall(r'id="plotly">"([^"]*)"<', text)
    assert [zlib.decompress(base64.b64decode(each)).decode() for each in found] == [LIBRARY]
    assert text.endswith("\n")
    assert len(text) < 2_500_000


def test_the_page_needs_no_network(text: str) -> None:
    tags = tags_of(text)
    assert not [key for key, _ in tags.attributes if key in {"src", "action", "srcset"}]
    assert all((value or "").startswith("#") for key, value in tags.attributes if key == "href")
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_hostile_names_stay_text() -> None:
    title = '</title></script><img src=x onerror="alert(1)">'
    text = render(study(50, title=title))
    tags = tags_of(text)
    assert "img" not in tags.opened
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "<b>q4" not in text


def test_every_section_is_a_landmark_with_a_way_to_it(text: str) -> None:
    tags = tags_of(text)
    links = [value for key, value in tags.attributes if key == "href"]
    shown = [f"#{section.id}" for section in SECTIONS if section.id in ids(text)]
    assert {"#overview", "#costs", "#pareto", "#sweep", "#layers"} <= set(shown)
    assert links == ["#main", *sorted(shown, key=links.index)]
    for section in shown:
        assert f'<section id="{section[1:]}" aria-labelledby="{section[1:]}-title">' in text


def test_a_section_without_data_is_left_out() -> None:
    empty = render(Study(title="t", comparison=Comparison(results=(), version="0")))
    assert "overview" in ids(empty)
    assert not ids(empty) & {"costs", "pareto", "sweep", "layers", "about-result"}
    assert "sweep" not in ids(render(study()))
    assert not [s.id for s in SECTIONS if f'hwsim.section("{s.id}"' in empty if s.id != "overview"]


def test_ids_are_unique(text: str) -> None:
    found = [value for key, value in tags_of(text).attributes if key == "id"]
    assert len(found) == len(set(found))


def large_study() -> Study:
    """Return 10,000 points and 400 results of 30 layers, whose terms compress badly."""
    rng = random.Random(0)

    def noisy(terms: Mapping[str, float]) -> dict[str, float]:
        return {name: value * rng.uniform(0.5, 2) for name, value in terms.items()}

    def drawn(result: Result, i: int) -> Result:
        steps = tuple(
            replace(
                step,
                name=f"{step.name}{j}",
                terms_s=noisy(step.terms_s),
                energy_terms_j=noisy(step.energy_terms_j),
            )
            for j in range(3)
            for step in result.estimate.steps
        )
        estimate = replace(result.estimate, steps=steps)
        return replace(
            result,
            device=f"{result.device}_{i % 4}",
            recipe=f"{result.recipe}|{i}",
            estimate=estimate,
        )

    first = comparison()
    results = tuple(drawn(first.results[i % 17], i // 17) for i in range(400))
    made = study(10_000, 10)
    return replace(made, comparison=replace(first, results=results, baseline=results[-1].recipe))


def test_a_large_study_stays_small() -> None:
    made = large_study()
    text = render(made)
    assert len(text.encode()) < MOST_BYTES
    assert "of 400 results, as many of each model and device" in text
    page = unpacked(re.findall(r'id="study">"([^"]*)"<', text)[0])
    assert MOST_RESULTS <= len(page["results"]) < MOST_RESULTS + 50
    devices = {(r.model, r.device) for r in made.comparison.results}
    assert {(r["model"], r["device"]) for r in page["results"]} == devices
    assert made.comparison.baseline in {result["recipe"] for result in page["results"]}
    for result in page["results"]:
        assert page["results"][result["baseline"]]["device"] == result["device"]


def test_doubt_stands_where_it_belongs() -> None:
    """Beside a device that nothing backs, else beside the result."""
    made = comparison()
    of_kws = tuple(r for r in made.results if r.model == KWS)
    assert overview(replace(made, results=of_kws)).count("uncalibrated") == 1
    mixed = tuple(replace(r, is_calibrated=i > 0) for i, r in enumerate(of_kws))
    assert overview(replace(made, results=mixed)).count("uncalibrated") == 1
    assert overview(replace(made, results=of_kws[:1])).count("uncalibrated") == 0


def overview(made: Comparison) -> str:
    text = Html().render(replace(made, refusals=()))
    return text[text.index('<section id="overview"') : text.index('<section id="costs"')]


def test_tables_and_sentences(golden: Callable[[str, str], None]) -> None:
    # What scripts, styles and the island say, other tests look at.
    text = re.sub(
        r"<(script|style)\b[^>]*>.*?</\1>", r"<\1></\1>", Html().render(comparison()), flags=re.S
    )
    golden("comparison.html", text)
