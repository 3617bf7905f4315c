"""Cells of the heat map: one word or figure for what a structure does on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from reports.units import times

if TYPE_CHECKING:
    from hwsim.records import Ladder

Kind: TypeAlias = Literal["pays", "same", "slower", "never", "refused"]
"""Whether a structure pays on a device.

`pays`: from some sparsity on; `same`: a kernel takes it, and no rung is faster or slower by more
than `SAME`; `slower`: a kernel takes it and does not win; `never`: no kernel takes it, zeros are
stored and multiplied; `refused`: nothing could be priced.
"""

SAME: Final = 0.05
"""Speed-ups this close to 1 are called the same: no estimate is good to that."""
UNCALIBRATED: Final = "~"
"""Marks what no held-out measurement backs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One structure on one device.

    Attributes:
        kind: See `Kind`.
        text: `62 %`, `always`, `pays` at the only sparsity that there is, `≈1x`, `slower`,
            `never` or `refused`.
        shade: How early it pays, 0..1; 0 where it does not.
        ladder: The record.
    """

    kind: Kind
    text: str
    shade: float
    ladder: Ladder


WORDS: Final[dict[Kind, str]] = {
    "same": "≈1x",
    "slower": "slower",
    "never": "never",
    "refused": "refused",
}


def cell_of(ladder: Ladder) -> Cell:
    """Return the cell of a ladder."""
    kind = _kind(ladder)
    if kind != "pays" or ladder.crossover is None:
        return Cell(kind=kind, text=WORDS[kind], shade=0.0, ladder=ladder)
    if len(ladder.rungs) == 1:
        return Cell(kind=kind, text="pays", shade=1.0 - ladder.rungs[0].sparsity, ladder=ladder)
    text = percent(ladder.crossover) if ladder.crossover else "always"
    return Cell(kind=kind, text=text, shade=1.0 - ladder.crossover, ladder=ladder)


def _kind(ladder: Ladder) -> Kind:
    if not ladder.rungs:
        return "refused"
    speedups = [rung.speedup for rung in ladder.rungs]
    is_fallback = ladder.executed_as == "dense_fallback"
    if max(speedups) < 1.0 + SAME and min(speedups) > 1.0 - SAME:
        return "never" if is_fallback and ladder.crossover is None else "same"
    if ladder.crossover is not None:
        return "pays"
    return "never" if is_fallback else "slower"


def percent(share: float) -> str:
    """Return a share as whole percents: `62 %`; tenths near the ends, where they matter."""
    digits = 0 if 0.095 <= share <= 0.985 or abs(100 * share - round(100 * share)) < 0.05 else 1
    return f"{100 * share:.{digits}f} %"


def told(cell: Cell) -> str:
    """Return what a cell says, as a sentence."""
    ladder = cell.ladder
    if cell.kind == "refused":
        return f"Refused: {ladder.refusal}"
    best = max(ladder.rungs, key=lambda rung: rung.speedup)
    top = f"at most {times(best.speedup)}, at {percent(best.sparsity)}"
    stored = "" if ladder.format == "dense" else f" as {ladder.format}"
    if ladder.format == "dense" and ladder.executed_as == "dense_fallback":
        stored = " though stored dense (what compiles it drops or codes zeros)"
    match cell.kind:
        case "pays" if len(ladder.rungs) == 1:
            text = f"Faster{stored}: {times(best.speedup)} at {percent(best.sparsity)}"
        case "pays" if ladder.crossover == 0.0:
            text = f"Faster at every sparsity asked for{stored}: {top}"
        case "pays":
            text = f"Faster from {percent(ladder.crossover or 0.0)} on{stored}: {top}"
        case "same":
            text = f"As fast as dense, within {SAME:.0%}{stored}: {top}"
        case "slower":
            text = f"A kernel takes it{stored}, and it is not faster to the end: {top}"
        case _:
            text = "No kernel takes it: zeros are stored and multiplied"
    trust = "" if ladder.is_calibrated else " (uncalibrated)"
    partly = f". Missing {ladder.refusal}" if ladder.refusal else ""
    return f"{text}{trust}{partly}"
