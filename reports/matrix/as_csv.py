"""CSV: one row per rung or refusal, base units in the headers, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from reports.matrix.cleaned import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.records import Ladder, Matrix, Rung

COLUMNS: Final[tuple[str, ...]] = (
    "model", "base_recipe", "overrides", "device", "device_class", "structure", "round_to",
    "sparsity", "format", "executed_as", "macs_left", "speedup", "latency_s", "flash_bytes",
    "accuracy", "n", "dense_accuracy", "at_equal_accuracy", "crossover", "calibrated", "refused",
    "dead",
)  # fmt: skip
"""Scripts rely on them: add, do not rename. Crossover is empty where there is none."""


@dataclass(frozen=True, slots=True)
class Csv:
    """What is not known is an empty cell."""

    name: ClassVar[str] = "csv"

    def render(self, matrix: Matrix) -> str:
        """Return the whole report, ending in a line break."""
        matrix = cleaned(matrix)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for ladder in matrix.ladders for row in _rows(matrix, ladder))
        return text.getvalue()


def _rows(matrix: Matrix, ladder: Ladder) -> Iterator[dict[str, object]]:
    known: dict[str, object] = {
        "model": matrix.model,
        "base_recipe": matrix.base_recipe,
        "overrides": "; ".join(matrix.overrides),
        "device": ladder.device,
        "device_class": matrix.device_classes.get(ladder.device, ""),
        "structure": ladder.structure,
        "round_to": ladder.round_to,
    }
    if ladder.refusal:
        yield known | {"refused": ladder.refusal}
    crossover = "" if ladder.crossover is None else ladder.crossover
    for rung in ladder.rungs:
        yield known | {
            **_rung(matrix, ladder, rung),
            "crossover": crossover,
            "calibrated": ladder.is_calibrated,
        }


def _rung(matrix: Matrix, ladder: Ladder, rung: Rung) -> dict[str, object]:
    row: dict[str, object] = {
        "sparsity": rung.sparsity,
        "format": rung.format,
        "dead": rung.is_dead,
        "executed_as": ladder.executed_as,
        "macs_left": rung.macs_left,
        "speedup": rung.speedup,
        "latency_s": matrix.dense_latency_s[ladder.device] / rung.speedup,
        "flash_bytes": rung.flash_bytes,
    }
    if rung.accuracy is not None:
        row |= {
            "accuracy": rung.accuracy.top1,
            "n": rung.accuracy.n,
            "dense_accuracy": matrix.dense_accuracy_on[ladder.device].top1,
            "at_equal_accuracy": rung == ladder.at_equal_accuracy,
        }
    return row
