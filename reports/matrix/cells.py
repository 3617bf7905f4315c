"""Cells of the heat map: one word or figure for what a structure does on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from hwsim.records.matrix import LEAST_GAIN
from reports.units import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Ladder, Rung

Kind: TypeAlias = Literal["pays", "same", "slower", "never", "dead", "refused"]
"""Whether a structure pays on a device.

`pays`: from some sparsity on; `same`: a kernel takes it, and the fastest rung is within
`LEAST_GAIN` of dense; `slower`: a kernel takes it and is slower, if only at the end; `never`: no
kernel takes it, zeros are stored and multiplied; `dead`: on every rung the output no longer
depends on the input; `refused`: nothing could be priced.
"""

UNCALIBRATED: Final = "~"
"""Marks what no held-out measurement backs."""
DEAD: Final = "dead: the output no longer depends on the input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One structure on one device.

    Attributes:
        kind: See `Kind`.
        text: `62 %`, `always`, `pays` at the only sparsity that there is, `≈1x`, `slower`,
            `never`, `dead` or `refused`.
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
    "dead": "dead",
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


def living(ladder: Ladder) -> tuple[Rung, ...]:
    """Return the rungs whose output depends on the input: the others are no model, however fast."""
    return tuple(rung for rung in ladder.rungs if not rung.is_dead)


def _kind(ladder: Ladder) -> Kind:
    if not ladder.rungs:
        return "refused"
    speedups = [rung.speedup for rung in living(ladder)]
    if not speedups:
        return "dead"
    if ladder.crossover is not None:
        return "pays"
    least, most = 1.0 - LEAST_GAIN, 1.0 + LEAST_GAIN
    if ladder.executed_as == "dense_fallback" and least < min(speedups) <= max(speedups) < most:
        return "never"
    return "same" if least < max(speedups) < most else "slower"


def percent(share: float) -> str:
    """Return a share as whole percents: `62 %`; tenths near the ends, where they matter."""
    digits = 0 if 0.095 <= share <= 0.985 or abs(100 * share - round(100 * share)) < 0.05 else 1
    return f"{100 * share:.{digits}f} %"


def told(cell: Cell) -> str:
    """Return what a cell says, as a sentence without its full stop."""
    ladder = cell.ladder
    if cell.kind == "refused":
        return f"Refused: {ladder.refusal}"
    rungs = living(ladder)
    trust = "" if ladder.is_calibrated else " (uncalibrated)"
    partly = f". Missing {ladder.refusal}" if ladder.refusal else ""
    if not rungs:
        return f"Dead at every sparsity: the output no longer depends on the input{partly}"
    gone = [rung.sparsity for rung in ladder.rungs if rung.is_dead]
    dead = f". From {percent(gone[0])} on {DEAD}" if gone else ""
    return f"{_gain(cell, rungs)}{trust}{dead}{partly}"


def _gain(cell: Cell, rungs: Sequence[Rung]) -> str:
    """Return what the living rungs gain, and why where no kernel does."""
    ladder = cell.ladder
    best = max(rungs, key=lambda rung: rung.speedup)
    top = f"{times(best.speedup)} at best, at {percent(best.sparsity)}"
    stored = "" if ladder.format == "dense" else f" as {ladder.format}"
    if ladder.format == "dense" and ladder.executed_as == "dense_fallback":
        stored = f" though stored dense ({ladder.compiler})" if ladder.compiler else ""
    match cell.kind:
        case "pays" if len(ladder.rungs) == 1:
            return f"Faster{stored}: {times(best.speedup)} at {percent(best.sparsity)}"
        case "pays" if ladder.crossover == 0.0:
            return f"Faster at every sparsity asked for{stored}: {top}"
        case "pays":
            return f"Faster from {percent(ladder.crossover or 0.0)} on{stored}: {top}"
        case "same":
            return f"Within {percent(LEAST_GAIN)} of dense where it is fastest{stored}: {top}"
        case "slower" if best.speedup >= 1.0 + LEAST_GAIN:
            return f"Faster in between, and not at the highest sparsity{stored}: {top}"
        case "slower" if len(rungs) == 1:
            return f"Slower{stored}: {times(best.speedup)} at {percent(best.sparsity)}"
        case "slower":
            return f"Slower at every sparsity{stored}: {times(best.speedup)} at best"
        case _:
            return "No kernel takes it: zeros are stored and multiplied"
