import csv
import io
from dataclasses import replace

from reports.as_csv import Csv
from tests.comparisons import HOSTILE, comparison


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_read_back() -> None:
    made = comparison()
    read = rows(Csv().render(made))
    figures = read[: len(made.results)]
    assert [row["device"] for row in figures] == [result.device for result in made.results]
    assert [float(row["latency_s"]) for row in figures] == [r.latency_s for r in made.results]
    assert figures[-1]["model"] == HOSTILE
    assert figures[-1]["top1"] == ""
    assert all(row["refused"] == "" for row in figures)


def test_a_refusal_is_a_row_without_figures() -> None:
    made = comparison()
    row = rows(Csv().render(made))[-1]
    refusal = made.refusals[0]
    known = {key: value for key, value in row.items() if value}
    assert list(row)[-1] == "refused"
    assert known == {
        "model": refusal.model,
        "recipe": refusal.recipe,
        "device": refusal.device,
        "overrides": "; ".join(refusal.overrides),
        "refused": refusal.reason,
    }


def test_nothing_to_show_is_a_header() -> None:
    text = Csv().render(replace(comparison(), results=(), refusals=()))
    assert text.startswith("model,recipe,device,")
    assert text.count("\n") == 1
