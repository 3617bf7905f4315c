import random
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from hwsim.records import Accuracy, Comparison, Footprint, Refusal, Result
from hwsim.records.notebook import LISTED
from reports.units import BYTES, JOULES, SECONDS, times, with_unit
from tests.comparisons import HOSTILE, comparison


class Table(HTMLParser):
    """Collects the texts of cells by row, of list items, and the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.items: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open = tag
        assert attrs == []
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "li":
            self.items.append("")

    def handle_data(self, data: str) -> None:
        if self.open in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.open == "li":
            self.items[-1] += data
        elif self.open == "p":
            self.words.append(data)


def shown(record: Result | Comparison) -> Table:
    return Table(record._repr_html_())  # pyright: ignore[reportPrivateUsage]


def wanted(result: Result) -> list[str]:
    estimate = result.estimate
    ends = (estimate.latency_low_s, estimate.latency_high_s)
    between = " to ".join(with_unit(end, SECONDS) for end in ends)
    accuracy = result.accuracy
    return [
        result.model,
        result.recipe,
        result.device + (f" [{', '.join(result.overrides)}]" if result.overrides else ""),
        f"{with_unit(result.latency_s, SECONDS)} ({between})",
        with_unit(result.energy_j, JOULES),
        with_unit(result.peak_ram_bytes, BYTES),
        with_unit(result.flash_bytes, BYTES),
        "yes" if result.fits else "NO",
        "-" if accuracy is None else f"{accuracy.top1:.1%} of {accuracy.n:,}",
        "calibrated" if result.is_calibrated else "uncalibrated",
    ]


def test_a_result_is_a_table_of_its_figures() -> None:
    for result in comparison().results:
        assert [cells for _, cells in shown(result).rows] == wanted(result)


def test_a_comparison_has_a_row_per_result() -> None:
    made = comparison()
    _, *rows = shown(made).rows
    assert len(rows) == len(made.results)
    for row, result in zip(rows, made.results, strict=True):
        baseline = made.baseline_of(result)
        assert baseline is not None
        assert row == [*wanted(result), times(baseline.latency_s / result.latency_s)]
    assert shown(replace(made, baseline=None)).rows[0][-1] == "trust"


def test_names_stay_text() -> None:
    table = shown(comparison())
    assert table.tags == {"table", "thead", "tbody", "tr", "th", "td", "p", "ul", "li"}
    assert HOSTILE in {row[0] for row in table.rows}
    assert "<dense|csr>" in table.items[0]


def test_long_comparisons_are_counted() -> None:
    made = comparison()
    refusal = Refusal(model="m", recipe="r", device="d", reason="none")
    many = replace(made, results=made.results * 4, refusals=(refusal,) * 60)
    table = shown(many)
    assert len(table.rows) == 1 + LISTED
    assert len(table.items) == LISTED
    assert table.words == [f"and {4 * len(made.results) - LISTED} more", "Refused (60):"]


def test_a_batch_is_told() -> None:
    made = replace(comparison().results[0], batch=8)
    told = dict(shown(made).rows)
    assert told["device"].endswith("[batch 8]")
    assert " of 8 samples (" in told["latency"]
    assert told["energy"].endswith(" of 8 samples")


def test_nothing_is_shown_of_nothing() -> None:
    assert shown(Comparison(results=(), version="0")).rows == [[]]


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_reports(seed: int) -> None:
    rng = random.Random(seed)
    first = comparison().results[0]
    for _ in range(100):
        step = first.estimate.steps[0]
        seconds, joules = (10 ** rng.uniform(-9, 3) for _ in range(2))
        footprint = Footprint(
            peak_ram_bytes=round(10 ** rng.uniform(0, 11)),
            flash_bytes=round(10 ** rng.uniform(0, 11)),
            ram_capacity_bytes=10**6,
            flash_capacity_bytes=10**6,
        )
        priced = replace(step, terms_s={"mac": seconds}, energy_terms_j={"mac": joules})
        estimate = replace(
            first.estimate,
            steps=(priced,),
            footprint=footprint,
            latency_low_s=seconds / 1.3,
            latency_high_s=seconds * 1.3,
        )
        made = replace(first, estimate=estimate, accuracy=Accuracy(top1=rng.random(), n=10))
        assert [cells for _, cells in shown(made).rows] == wanted(made)
