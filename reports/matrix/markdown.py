"""Markdown: for pull requests and notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.records.matrix import LEAST_GAIN
from reports.markdown import escape
from reports.matrix.best import best_of, compared_at
from reports.matrix.cells import percent
from reports.matrix.cleaned import cleaned
from reports.matrix.names import label
from reports.matrix.rows import listed, notes, partly_refused, refused, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hwsim.records import Matrix
    from reports.matrix.best import Choice
    from reports.matrix.cells import Cell
    from reports.matrix.rows import Row


@dataclass(frozen=True, slots=True)
class Markdown:
    """The heat map and the best structures as tables."""

    name: ClassVar[str] = "md"

    def render(self, matrix: Matrix) -> str:
        """Return the whole report, ending in a line break."""
        matrix = cleaned(matrix)
        base = "" if matrix.base_recipe == "none" else f", then {matrix.base_recipe}"
        over = f" with {', '.join(matrix.overrides)}" if matrix.overrides else ""
        gaps = (*refused(matrix).items(), *partly_refused(matrix).items())
        lines = [
            f"## {escape(f'{matrix.model}: pruned{base}{over}')}",
            "",
            f"**Sparsity from which on it is at least {percent(LEAST_GAIN)} faster than dense**",
            "",
            *_heat(matrix),
            *_best(matrix),
            *_list("Refused", [f"- {escape(listed(p))}: {escape(why)}." for why, p in gaps]),
            *(text for note in notes(matrix) for text in (escape(note), "")),
            f"hwsim {escape(matrix.version)}",
        ]
        return "\n".join(lines) + "\n"


def _heat(matrix: Matrix) -> list[str]:
    return [
        _line(["device", *(escape(label(each)) for each in matrix.structures)]),
        _line(["---", *["---:"] * len(matrix.structures)]),
        *(
            _line([escape(row.marked), *(_text(row, cell) for cell in row.cells)])
            for row in rows_of(matrix)
        ),
        "",
    ]


def _text(row: Row, cell: Cell) -> str:
    # A gain stands out; Markdown has no colours.
    text = escape(row.text(cell))
    return f"**{text}**" if cell.kind == "pays" else text


def _best(matrix: Matrix) -> list[str]:
    at = percent(compared_at(matrix))
    rows = best_of(matrix)
    heads = ["device", f"best zeros at {at}", f"best removal at {at}"]
    choices = [[b.zeros, b.removed] for b in rows]
    if matrix.dense_accuracy is not None:
        heads.append(f"fastest that loses at most {percent(matrix.tolerance)} of accuracy")
        choices = [[*own, b.equal] for own, b in zip(choices, rows, strict=True)]
    return [
        _line(heads),
        _line(["---"] * len(heads)),
        *(
            _line([escape(b.device), *map(_choice, own)])
            for b, own in zip(rows, choices, strict=True)
        ),
        "",
    ]


def _choice(choice: Choice | None) -> str:
    return "-" if choice is None else escape(choice.text)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(title: str, items: list[str]) -> list[str]:
    return [f"**{title}**", "", *items, ""] if items else []
