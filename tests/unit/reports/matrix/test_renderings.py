from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.cells import cell_len

from hwsim.records import Ladder
from reports.matrix import Csv, Html, Json, Markdown, Terminal
from tests.matrices import HOSTILE, matrix


class Tags(HTMLParser):
    """Collects opened tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += attrs


@pytest.fixture(scope="module")
def text() -> str:
    return Html().render(matrix())


def data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("width", [80, 100])
def test_the_terminal_fits(width: int) -> None:
    lines = Terminal(width).render(matrix()).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_many_devices_that_are_alike_share_a_line() -> None:
    made = matrix()
    board = [each for each in made.ladders if each.device == "board_tflm"]
    names = [f"board_{i}" for i in range(40)]
    crowd = replace(
        made,
        devices=(*names, "walker_sim"),
        ladders=(
            *(replace(each, device=name) for name in names for each in board),
            *(each for each in made.ladders if each.device == "walker_sim"),
        ),
        dense_latency_s=dict.fromkeys((*names, "walker_sim"), 1.0),
        dense_accuracy_on={},
        dense_accuracy=None,
        device_classes=dict.fromkeys(names, "mcu"),
    )
    shown = Terminal(80).render(crowd)
    assert "board_0 +39" in shown
    assert "board_0: board_1, board_2" in shown
    assert len([line for line in shown.splitlines() if "walker_sim" in line]) == 2
    assert "mcu: 40 more, 40 gain 4.00x by removal at 90 %." in " ".join(shown.split())


def test_structures_that_do_not_fit_go_below() -> None:
    made = matrix()
    names = tuple(f"block{i}x{i}" for i in range(1, 20))
    walker = made.ladder("walker_sim", "unstructured")
    wide = replace(
        made,
        devices=("walker_sim",),
        structures=names,
        ladders=tuple(replace(walker, structure=name) for name in names),
        dense_latency_s={"walker_sim": 1.0},
    )
    shown = Terminal(80).render(wide)
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert shown.count("62 %") == 19


@pytest.mark.parametrize("report", [Terminal(80), Html(), Markdown(), Csv()])
def test_hostile_names_stay_text(report: Any) -> None:
    shown = report.render(matrix())
    assert "\x1b" not in shown
    if report.name in ("html", "md"):
        assert "<script>alert" not in shown
        assert "<b>" not in shown.replace("<b>resnet", "").replace("<b>digits</b>", "") or (
            report.name == "html"
        )


def test_json_is_the_record() -> None:
    made = matrix()
    document = json.loads(Json().render(made))
    assert document["hwsim_version"] == "0.0"
    assert len(document["ladders"]) == 12
    first = document["ladders"][0]
    assert first["crossover"] == 0.625
    assert first["rungs"][1] == {
        "sparsity": 0.9,
        "macs_left": pytest.approx(0.1),
        "speedup": 3.0,
        "flash_bytes": 999,
        "accuracy": None,
        "format": "csr",
        "is_dead": False,
    }
    with pytest.raises(ValueError, match="JSON"):
        Json().render(replace(made, tolerance=float("nan")))


def test_csv_has_a_row_for_each_rung_and_refusal() -> None:
    rows = list(csv.DictReader(io.StringIO(Csv().render(matrix()))))
    # Six ladders of two rungs or one, and four without any.
    assert len(rows) == (2 + 1 + 2) + (2 + 1 + 2) + (2 + 1 + 2) + 3
    first = rows[0]
    assert float(first["latency_s"]) == pytest.approx(1e-3 / 0.8)
    assert (first["crossover"], first["calibrated"], first["refused"]) == ("0.625", "False", "")
    assert first["overrides"] == "hardware.clock_hz=1e6"
    assert [row["refused"] for row in rows if row["device"] == "tpu_sim"] == [
        "no f32 on tpu_sim"
    ] * 3
    equal = [row for row in rows if row["at_equal_accuracy"] == "True"]
    assert [(row["structure"], row["sparsity"]) for row in equal] == [
        ("2:4", "0.5"),
        ("filter, rounded", "0.5"),
    ]


def test_the_page_needs_no_network(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert tags.opened.count("script") == 2
    assert not [key for key, _ in tags.attributes if key in {"src", "href", "action"}]
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_every_cell_has_its_curve(text: str) -> None:
    drawn = data(text)
    assert drawn["structures"] == ["unstructured", "2:4", "filter, rounded"]
    assert len(drawn["devices"]) == 3
    walker = drawn["devices"]["walker_sim"]
    assert walker["dense"] == "1.00 ms"
    assert walker["accuracy"] == "90.0% of 100 samples"
    assert [ladder["text"] for ladder in walker["ladders"]] == ["62 %", "slower", "always"]
    assert [rung[:2] for rung in walker["ladders"][0]["rungs"]] == [[0.5, 0.8], [0.9, 3.0]]
    assert walker["ladders"][2]["equal"] == "2.00x at 50 %"
    assert text.count('data-structure="') == 9
    assert HOSTILE not in text


def test_the_page_begins_with_a_real_device(text: str) -> None:
    # The board is calibrated; the simulated walker has more to see.
    assert data(text)["first"] == "board_tflm"
    nobody = replace(matrix(), ladders=tuple(replace(x, is_calibrated=False) for x in made()))
    assert data(Html().render(nobody))["first"] == "walker_sim"


def made() -> tuple[Ladder, ...]:
    return matrix().ladders


def test_devices_stand_in_one_order_everywhere(text: str) -> None:
    (best,) = re.findall(r"<h2>Best structure</h2>(.*?)</section>", text, re.S)
    heat = re.findall(r'<tr data-device="([^"]*)"', text)
    assert heat[:2] == ["walker_sim", "board_tflm"]
    assert list(data(text)["devices"])[:2] == ["walker_sim", "board_tflm"]
    assert best.index("walker_") < best.index("board_")


def test_dead_rungs_are_marked_in_every_record() -> None:
    one = matrix().ladder("walker_sim", "unstructured")
    dead = replace(one, rungs=(one.rungs[0], replace(one.rungs[1], is_dead=True)))
    shown = replace(matrix(), ladders=tuple(dead if x == one else x for x in made()))
    rows = csv.DictReader(io.StringIO(Csv().render(shown)))
    assert [row["dead"] for row in rows][:3] == ["False", "True", "False"]
    rungs = data(Html().render(shown))["devices"]["walker_sim"]["ladders"][0]["rungs"]
    assert [rung[-1] for rung in rungs] == [False, True]
    assert json.loads(Json().render(shown))["ladders"][0]["rungs"][1]["is_dead"] is True


def test_without_accuracy_nothing_is_said_of_it() -> None:
    blind = replace(matrix(), dense_accuracy=None, dense_accuracy_on={})
    assert "equal accuracy" not in Html().render(blind).split("<script>")[0]
    assert "equal accuracy" not in Terminal(80).render(blind)
    assert "loses at most" not in Markdown().render(blind)


def test_texts(golden: Any, text: str) -> None:
    golden("matrix.txt", Terminal(80).render(matrix()))
    golden("matrix.md", Markdown().render(matrix()))
    # The script and the style are long; other tests look at the data.
    golden("matrix.html", re.sub(r"(<(script|style)[^>]*>).*?(</\2>)", r"\1\3", text, flags=re.S))
