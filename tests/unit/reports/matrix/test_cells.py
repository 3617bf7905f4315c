from __future__ import annotations

from dataclasses import replace

import pytest

from reports.matrix.best import best_of, compared_at
from reports.matrix.cells import cell_of, percent, told
from reports.matrix.names import short_name
from reports.matrix.rows import notes, refused, rows_of
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
    assert cell_of(ladder("d", "s", (1.0, 1.04))).kind == "same"
    assert cell_of(ladder("d", "s", (0.4, 1.04))).kind == "same"
    assert cell_of(ladder("d", "s", (1.0, 1.06), crossover=0.5)).kind == "pays"
    # Entropy-coded weights: stored dense, and still faster with zeros.
    paid = ladder("d", "s", (1.2, 1.9), crossover=0.0, executed_as="dense_fallback")
    assert cell_of(paid).kind == "pays"
    assert told(cell_of(paid)) == (
        "Faster at every sparsity asked for: 1.90x at best, at 90 % (uncalibrated)"
    )
    coded = replace(paid, compiler="its compiler codes weights")
    assert "asked for though stored dense (its compiler codes weights): " in told(cell_of(coded))


@pytest.mark.parametrize(
    ("speedups", "said"),
    [
        ((0.2, 0.4), "Slower at every sparsity: 0.40x at best"),
        ((0.4,), "Slower: 0.40x at 50 %"),
        ((1.2, 0.4), "Faster in between, and not at the highest sparsity: 1.20x at best, at 50 %"),
    ],
)
def test_slower_says_how_much(speedups: tuple[float, ...], said: str) -> None:
    cell = cell_of(ladder("d", "s", speedups))
    assert (cell.text, told(cell)) == ("slower", f"{said} (uncalibrated)")


def test_a_dead_network_pays_nowhere() -> None:
    alive = ladder("d", "s", (1.5, 25.0), crossover=0.0)
    last = replace(alive, rungs=(alive.rungs[0], replace(alive.rungs[1], is_dead=True)))
    assert told(cell_of(last)) == (
        "Faster at every sparsity asked for: 1.50x at best, at 50 % (uncalibrated). "
        "From 90 % on dead: the output no longer depends on the input"
    )
    gone = replace(last, rungs=tuple(replace(r, is_dead=True) for r in last.rungs), crossover=None)
    assert (cell_of(gone).kind, cell_of(gone).text, cell_of(gone).shade) == ("dead", "dead", 0.0)
    assert told(cell_of(gone)).startswith("Dead at every sparsity")
    made = replace(
        matrix(),
        devices=("d",),
        structures=("s",),
        ladders=(last,),
        dense_latency_s={"d": 1.0},
        dense_accuracy_on={},
    )
    # At 90 % there is nothing left to be best.
    assert best_of(made)[0].zeros is None
    assert any(note.startswith("dead: ") for note in notes(made))
    assert not any(note.startswith("dead: ") for note in notes(matrix()))


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
        "Faster from 62 % on as csr: 3.00x at best, at 90 % (uncalibrated)"
    )
    assert cells["board_tflm", "unstructured"].startswith("No kernel takes it")
    assert cells[HOSTILE, "2:4"] == "Refused: no room <b>"


def test_the_best_of_zeros_of_removal_and_at_equal_accuracy() -> None:
    made = matrix()
    assert compared_at(made) == 0.9
    walker, board, _ = best_of(made)
    assert walker.zeros is not None
    assert walker.zeros.text == "any zeros 90 % 3.00x"
    assert walker.removed is not None
    assert walker.removed.text == "filter, rounded 90 % 20.0x"
    assert walker.equal is not None
    assert walker.equal.text == "filter, rounded 50 % 2.00x"
    # 2:4 gains 2 %, less than any estimate is good to.
    assert board.zeros is None
    assert board.equal is None
    assert (walker.zeros.is_odd, walker.zeros.mark) == (False, "")


def test_the_best_of_a_calibrated_device_is_marked_where_it_alone_is_not() -> None:
    made = matrix()
    fast = ladder("board_tflm", "2:4", (1.8,), crossover=0.0, format_="2:4")
    ladders = tuple(
        fast if (each.device, each.structure) == ("board_tflm", "2:4") else each
        for each in made.ladders
    )
    board = best_of(replace(made, ladders=ladders))[1]
    assert board.zeros is not None
    assert board.removed is not None
    assert (board.zeros.text, board.removed.mark) == ("~2:4 50 % 1.80x", "")


def test_refusals_are_told_once_by_reason() -> None:
    assert refused(matrix()) == {"no f32": ("tpu_sim",)}


def test_names_of_narrow_columns() -> None:
    assert short_name("unstructured") == ("any", "zeros")
    assert short_name("block16x1") == ("block", "16x1")
    assert short_name("filter, rounded") == ("filter", "round")
    assert short_name("2:4") == ("2:4",)
