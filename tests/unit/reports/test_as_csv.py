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
    assert [row["device"] for row in read] == [result.device for result in made.results]
    assert [float(row["latency_s"]) for row in read] == [r.latency_s for r in made.results]
    assert read[-1]["model"] == HOSTILE
    assert read[-1]["top1"] == ""


def test_nothing_to_show_is_a_header() -> None:
    text = Csv().render(replace(comparison(), results=()))
    assert text.startswith("model,recipe,device,")
    assert text.count("\n") == 1
