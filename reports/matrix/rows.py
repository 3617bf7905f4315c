"""Rows of the heat map: devices with a cell per structure, refused ones apart, and notes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from hwsim.records.matrix import LEAST_GAIN
from reports.labels import shorten
from reports.matrix.best import compared_at, removes
from reports.matrix.cells import DEAD, UNCALIBRATED, Cell, cell_of, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.records import Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One device.

    Attributes:
        device: Its name.
        device_class: `mcu`, `cpu`, ...; empty where the record does not say.
        cells: One per structure.
        is_calibrated: Whether evidence backs any of them.
    """

    device: str
    device_class: str
    cells: tuple[Cell, ...]
    is_calibrated: bool

    def text(self, cell: Cell) -> str:
        """Return a cell's text, marked where it alone of its row is not backed by evidence."""
        is_odd = self.is_calibrated and not cell.ladder.is_calibrated and cell.kind != "refused"
        return (UNCALIBRATED if is_odd else "") + cell.text

    @property
    def marked(self) -> str:
        """The name, marked where no evidence backs any of its cells."""
        return self.device if self.is_calibrated else f"{UNCALIBRATED}{self.device}"


def rows_of(matrix: Matrix) -> tuple[Row, ...]:
    """Return the devices that run the dense model, those of a class together."""
    ladders = {(each.device, each.structure): each for each in matrix.ladders}
    rows = [
        Row(
            device=device,
            device_class=matrix.device_classes.get(device, ""),
            cells=(cells := tuple(cell_of(ladders[device, s]) for s in matrix.structures)),
            is_calibrated=any(cell.ladder.is_calibrated for cell in cells),
        )
        for device in matrix.devices
        if device in matrix.dense_latency_s
    ]
    classes = list(dict.fromkeys(row.device_class for row in rows))
    return tuple(sorted(rows, key=lambda row: classes.index(row.device_class)))


def classes_of(rows: tuple[Row, ...]) -> list[tuple[str, list[Row]]]:
    """Return the rows by class, in their order."""
    return [(name, list(own)) for name, own in groupby(rows, key=lambda row: row.device_class)]


def refused(matrix: Matrix) -> dict[str, tuple[str, ...]]:
    """Return the devices that refuse the dense model, by the reason, which names them no more."""
    reasons: dict[str, dict[str, None]] = {}
    for ladder in matrix.ladders:
        if ladder.device not in matrix.dense_latency_s:
            reason = ladder.refusal.replace(f" on {ladder.device}", "").rstrip(".")
            reasons.setdefault(reason, {})[ladder.device] = None
    return {reason: tuple(devices) for reason, devices in reasons.items()}


def partly_refused(matrix: Matrix) -> dict[str, tuple[str, ...]]:
    """Return the ladders that lack rungs on devices that run the dense model, by the reason."""
    reasons: dict[str, list[str]] = {}
    for ladder in matrix.ladders:
        if ladder.refusal and ladder.device in matrix.dense_latency_s:
            reason = ladder.refusal.replace(f" on {ladder.device}", "").rstrip(".")
            reasons.setdefault(reason, []).append(f"{ladder.structure} on {ladder.device}")
    return {reason: tuple(places) for reason, places in reasons.items()}


def listed(names: tuple[str, ...], most: int = 4) -> str:
    """Return some names, and how many more there are."""
    shown = ", ".join(shorten(name, 60) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def notes(matrix: Matrix) -> Iterator[str]:
    """Yield what a reader must know to read the cells."""
    rows, least = rows_of(matrix), percent(LEAST_GAIN)
    kinds = {cell.kind for row in rows for cell in row.cells}
    yield (
        f"A cell is the least sparsity from which on the model is at least {least} faster "
        "than the dense one, interpolated between rungs; always: on every rung. Per rung, the "
        "fastest format that the device's kernels take as it lies."
    )
    if "unstructured" in matrix.structures:
        yield "any zeros: unstructured; each weight goes or stays by itself."
    if any(cell.text == "pays" for row in rows for cell in row.cells):
        yield (
            f"pays: at least {least} faster at the only sparsity there is, as that of an "
            "N:M pattern."
        )
    if "never" in kinds:
        yield "never: no kernel takes it; zeros are stored and multiplied as any other weight."
    if "slower" in kinds:
        yield (
            f"slower: a kernel takes it, and it is slower than dense by {least} or more "
            "where it is fastest, or no faster at the highest sparsity."
        )
    if "same" in kinds:
        yield (f"≈1x: where it is fastest, within {least} of dense: no estimate is good to that.")
    if any(rung.is_dead for ladder in matrix.ladders for rung in ladder.rungs):
        yield f"{DEAD}; such rungs count neither for a cell nor for the best structure."
    if any(not cell.ladder.is_calibrated for row in rows for cell in row.cells):
        yield (
            f"{UNCALIBRATED} uncalibrated: no held-out measurement of real devices backs the "
            "dense and the sparse figure; it may be off by a factor of two."
        )
    if any(removes(s) for s in matrix.structures):
        yield (
            "Sparsity of filters counts filters; multiplications fall faster, about with its "
            f"square: what is {percent(compared_at(matrix))} there is not what it is elsewhere."
        )
    if matrix.dense_accuracy is None:
        yield "No labelled data was given: nothing is said about accuracy."
    if "calibration=synthetic" in matrix.base_recipe:
        yield "Ranges are from synthetic inputs: latency and memory are right, accuracy is not."
