"""One section per model and device: between which figures its points lie, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.points.best import best_of
from reports.units import BYTES, JOULES, SECONDS, Ladder, Unit, unit_for
from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Point, Points

# By field of a point.
_COSTS: Final[dict[str, tuple[str, Ladder]]] = {
    "latency_s": ("latency", SECONDS),
    "energy_j": ("energy", JOULES),
    "peak_ram_bytes": ("peak RAM", BYTES),
    "flash_bytes": ("flash", BYTES),
}
_TOP1: Final = "top1"
_PERCENT: Final = Unit("%", 0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Figures, and of a point what it is.

    Attributes:
        label: `lowest`, `highest`, or `best latency, energy`.
        figures: One text per column.
        recipe: Of the point; empty for a range.
        axes: The values that vary over the sweep: `bits=4, batch=1`; empty for a range.
    """

    label: str
    figures: tuple[str, ...]
    recipe: str = ""
    axes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A model on a device.

    Attributes:
        title: Both.
        told: How many points, how many of them fit or are refused.
        columns: Headings.
        units: Their symbols.
        rows: None where every point is refused.
    """

    title: str
    told: str
    columns: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


def sections_of(points: Points) -> list[Section]:
    """Return a section for each model and device, in the order of their first points."""
    cells: dict[tuple[str, str], list[Point]] = {}
    for point in points.points:
        cells.setdefault((point.model, point.device), []).append(point)
    varied = [axis for axis in points.axes if len({p.axes.get(axis) for p in points.points}) > 1]
    return [
        _section(f"{model} on {device}", among, varied) for (model, device), among in cells.items()
    ]


def _section(title: str, points: Sequence[Point], varied: Sequence[str]) -> Section:
    priced = [point for point in points if point.refused is None]
    if not priced:
        return Section(title=visible(title), told=_told(points, priced))
    names = [*_COSTS, *([_TOP1] if any(point.top1 is not None for point in priced) else [])]
    values = {name: [v for p in priced if (v := getattr(p, name)) is not None] for name in names}
    units = {
        name: unit_for(values[name], _COSTS[name][1]) if name in _COSTS else _PERCENT
        for name in names
    }

    def row(label: str, figures: dict[str, float | None], recipe: str = "", axes: str = "") -> Row:
        texts = ("-" if (f := figures[name]) is None else units[name].text(f) for name in names)
        return Row(label=label, figures=tuple(texts), recipe=visible(recipe), axes=visible(axes))

    best = [
        row(
            f"best {', '.join(at)}",
            {name: getattr(point, name) for name in names},
            point.recipe,
            ", ".join(f"{axis}={point.axes[axis]}" for axis in varied if axis in point.axes),
        )
        for at, point in best_of(priced)
    ]
    return Section(
        title=visible(title),
        told=_told(points, priced),
        columns=tuple(_COSTS[name][0] if name in _COSTS else "top-1" for name in names),
        units=tuple(units[name].symbol for name in names),
        rows=(
            row("lowest", {name: min(values[name]) for name in names}),
            row("highest", {name: max(values[name]) for name in names}),
            *best,
        ),
    )


def _told(points: Sequence[Point], priced: Sequence[Point]) -> str:
    fit = sum(bool(point.fits) for point in priced)
    refused = len(points) - len(priced)
    parts = [f"{len(points):,} point{'' if len(points) == 1 else 's'}"]
    if priced:
        parts.append("all fit" if fit == len(priced) else f"{fit:,} fit" if fit else "none fits")
    if refused:
        parts.append(f"{refused:,} refused")
    return ", ".join(parts)
