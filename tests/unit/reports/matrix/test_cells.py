from __future__ import annotations

import pytest

from reports.matrix.best import best_of, compared_at
from reports.matrix.cells import cell_of, percent, told
from reports.matrix.rows import refused, rows_of, short_name
from tests.matrices import HOSTILE, ladder, matrix


def test_each_kind_of_cell_has_its_word() -> None:
    made = matrix()
    words = {
        (row.device, cell.ladder.structure): (cell.kind, row.text(cell))
        for row in rows_of(made)
        for cell in row.cells
    }
    assert words["walker_sim", "unstructured"] == ("pays", "62 %")
    assert words["walker_sim", "2:4"] == ("slower", "slower")
    assert words["walker_sim", "filter, rounded"] == ("pays", "always")
    assert words["board_tflm", "unstructured"] == ("never", "never")
    # The one cell of a calibrated device that no evidence backs says so.
    assert words["board_tflm", "2:4"] == ("same", "~≈1x")
    assert words[HOSTILE, "2:4"] == ("refused", "refused")


def test_a_device_without_evidence_is_marked_as_a_whole() -> None:
    names = [row.marked for row in rows_of(matrix())]
    assert names == ["~walker_sim", "board_tflm", f"~{HOSTILE}"]


def test_a_pattern_pays_or_does_not_at_its_own_sparsity() -> None:
    cell = cell_of(ladder("d", "2:4", (1.6,), crossover=0.0, format_="2:4"))
    assert (cell.kind, cell.text, cell.shade) == ("pays", "pays", 0.5)
    assert told(cell) == "Faster as 2:4: 1.60x at 50 % (uncalibrated)"


def test_earlier_is_stronger() -> None:
    shades = [
        cell_of(ladder("d", "s", (0.5, 2.0), crossover=crossover)).shade
        for crossover in (0.9, 0.6, 0.2, 0.0)
    ]
    assert shades == sorted(shades)
    assert cell_of(ladder("d", "s", (1.0, 1.0))).shade == 0.0


def test_a_small_gain_is_none() -> None:
    assert cell_of(ladder("d", "s", (1.0, 1.04), crossover=0.5)).kind == "same"
    assert cell_of(ladder("d", "s", (1.0, 1.06), crossover=0.5)).kind == "pays"
    # Entropy-coded weights: stored dense, and still faster with zeros.
    paid = ladder("d", "s", (1.2, 1.9), crossover=0.0, executed_as="dense_fallback")
    assert cell_of(paid).kind == "pays"
    assert "though stored dense" in told(cell_of(paid))


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.625, "62 %"), (0.9, "90 %"), (0.98, "98 %"), (0.991, "99.1 %"), (0.01, "1 %")],
)
def test_percents(share: float, text: str) -> None:
    assert percent(share) == text


def test_sentences() -> None:
    cells = {
        (row.device, cell.ladder.structure): told(cell)
        for row in rows_of(matrix())
        for cell in row.cells
    }
    assert cells["walker_sim", "unstructured"] == (
        "Faster from 62 % on as csr: at most 3.00x, at 90 % (uncalibrated)"
    )
    assert cells["board_tflm", "unstructured"].startswith("No kernel takes it")
    assert cells[HOSTILE, "2:4"] == "Refused: no room <b>"


def test_the_best_of_zeros_of_removal_and_at_equal_accuracy() -> None:
    made = matrix()
    assert compared_at(made) == 0.9
    walker, board, _ = best_of(made)
    assert walker.zeros is not None
    assert walker.zeros.text == "unstructured 90 % 3.00x"
    assert walker.removed is not None
    assert walker.removed.text == "filter, rounded 90 % 20.0x"
    assert walker.equal is not None
    assert walker.equal.text == "filter, rounded 50 % 2.00x"
    # 2:4 gains 2 %, less than any estimate is good to.
    assert board.zeros is None
    assert board.equal is None


def test_refusals_are_told_once_by_reason() -> None:
    assert refused(matrix()) == {"no f32": ("tpu_sim",)}


def test_names_of_narrow_columns() -> None:
    assert short_name("unstructured") == ("unstr.",)
    assert short_name("block16x1") == ("block", "16x1")
    assert short_name("filter, rounded") == ("filter", "round")
    assert short_name("2:4") == ("2:4",)
