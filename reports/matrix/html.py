"""HTML: one page with a heat map to choose from and curves, which needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from hwsim.records.matrix import LEAST_GAIN
from reports.breaking import breakable
from reports.matrix.best import best_of, compared_at
from reports.matrix.cells import UNCALIBRATED, cell_of, percent, told
from reports.matrix.cleaned import cleaned
from reports.matrix.names import label, short_name
from reports.matrix.rows import classes_of, listed, notes, partly_refused, refused, rows_of
from reports.units import BYTES, SECONDS, times, with_unit

if TYPE_CHECKING:
    from hwsim.records import Ladder, Matrix, Rung
    from reports.matrix.rows import Row

PAGES: Final = Environment(
    loader=PackageLoader("reports.matrix"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
# Devices keep their order.
PAGES.policies["json.dumps_kwargs"] = {"sort_keys": False}


@dataclass(frozen=True, slots=True)
class Html:
    """A heat map; a click on a cell draws the curves of its device."""

    name: ClassVar[str] = "html"

    def render(self, matrix: Matrix) -> str:
        """Return the whole report, ending in a line break."""
        matrix = cleaned(matrix)
        return PAGES.get_template("page.html").render(
            matrix=matrix,
            rows=rows_of(matrix),
            classes=classes_of(rows_of(matrix)),
            gaps=[*refused(matrix).items(), *partly_refused(matrix).items()],
            notes=list(notes(matrix)),
            best={best.device: best for best in best_of(matrix)},
            at=percent(compared_at(matrix)),
            sparsities=_sparsities(matrix),
            asked=max((len(each.rungs) for each in matrix.ladders), default=0),
            data=_data(matrix),
            breakable=breakable,
            short=short_name,
            label=label,
            least_gain=percent(LEAST_GAIN),
            listed=listed,
            percent=percent,
            told=told,
            uncalibrated=UNCALIBRATED,
        )


def _sparsities(matrix: Matrix) -> list[float]:
    return sorted({rung.sparsity for ladder in matrix.ladders for rung in ladder.rungs})


def _data(matrix: Matrix) -> dict[str, object]:
    """Return what the page's script draws; texts are made here, so that all reports agree."""
    return {
        "structures": matrix.structures,
        "labels": [label(each) for each in matrix.structures],
        "first": _first(matrix),
        "compared_at": compared_at(matrix),
        "same": LEAST_GAIN,
        "tolerance": percent(matrix.tolerance),
        "devices": {row.device: _device(matrix, row.device) for row in rows_of(matrix)},
    }


def _first(matrix: Matrix) -> str:
    """Return the device that the page begins with: a real one with most to see, where there is one.

    Calibrated ones first; of these, that of the most crossovers between two rungs.
    """

    def worth(row: Row) -> tuple[bool, int, int]:
        kinds = [cell.kind for cell in row.cells]
        between = sum(bool(cell.ladder.crossover) for cell in row.cells)
        return row.is_calibrated, between, kinds.count("pays") + kinds.count("slower")

    # Of equals the first.
    return max(rows_of(matrix), key=worth).device if matrix.dense_latency_s else ""


def _device(matrix: Matrix, device: str) -> dict[str, object]:
    dense = matrix.dense_accuracy_on.get(device)
    return {
        "class": matrix.device_classes.get(device, ""),
        "dense": with_unit(matrix.dense_latency_s[device], SECONDS),
        "accuracy": None if dense is None else f"{dense.top1:.1%} of {dense.n} samples",
        "ladders": [_ladder(matrix.ladder(device, s)) for s in matrix.structures],
    }


def _ladder(ladder: Ladder) -> dict[str, object]:
    cell, equal = cell_of(ladder), ladder.at_equal_accuracy
    ways = ladder.executed_as.replace("_", " ")
    return {
        "kind": cell.kind,
        "text": cell.text,
        "shade": round(cell.shade, 3),
        "told": told(cell),
        "crossover": ladder.crossover,
        "calibrated": ladder.is_calibrated,
        "stored": ladder.format,
        "runs": ways,
        "round_to": ladder.round_to,
        "equal": None if equal is None else f"{times(equal.speedup)} at {percent(equal.sparsity)}",
        "rungs": [_rung(rung) for rung in ladder.rungs],
    }


def _rung(rung: Rung) -> list[object]:
    """Return what `page.js` reads by place: sparsity, speed-up, ..., whether it is dead."""
    accuracy = None if rung.accuracy is None else f"{rung.accuracy.top1:.1%}"
    left = f"{100 * rung.macs_left:.3g} %"
    flash = with_unit(rung.flash_bytes, BYTES)
    return [
        rung.sparsity,
        float(f"{rung.speedup:.6g}"),
        left,
        flash,
        rung.format,
        accuracy,
        rung.is_dead,
    ]
