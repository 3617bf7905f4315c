"""The best structures of a device: of zeros, of removed channels, and at equal accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.matrix.cells import SAME, percent
from reports.units import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Ladder, Matrix, Rung

WANTED: Final = 0.9
"""The sparsity at which structures are compared, where it was asked for; else the highest."""
REMOVING: Final = ("filter", "head", "layer")
"""Structures that take channels, heads or blocks away; others leave zeros behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One structure at one sparsity.

    Attributes:
        ladder: Of the structure.
        rung: At the sparsity.
    """

    ladder: Ladder
    rung: Rung

    @property
    def text(self) -> str:
        """`block4x4 90 % 8.02x`."""
        where = f"{self.ladder.structure} {percent(self.rung.sparsity)}"
        return f"{where} {times(self.rung.speedup)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """What pays most on one device; None where nothing does.

    Attributes:
        device: Its name.
        zeros: Of structures that leave zeros behind, at the sparsity compared at; an N:M pattern
            at its own.
        removed: Of structures that take channels away, at the sparsity compared at.
        equal: Of all at any sparsity, where no more accuracy is lost than allowed.
    """

    device: str
    zeros: Choice | None
    removed: Choice | None
    equal: Choice | None


def compared_at(matrix: Matrix) -> float:
    """Return the sparsity at which structures are compared: 0.9, or the highest there is."""
    known = {r.sparsity for ladder in matrix.ladders if len(ladder.rungs) > 1 for r in ladder.rungs}
    known = known or {r.sparsity for ladder in matrix.ladders for r in ladder.rungs}
    return WANTED if WANTED in known else max(known, default=WANTED)


def best_of(matrix: Matrix) -> tuple[Best, ...]:
    """Return the best structures of each device that runs the dense model, in their order."""
    at = compared_at(matrix)
    made: list[Best] = []
    for device in matrix.devices:
        own = [ladder for ladder in matrix.ladders if ladder.device == device]
        if device not in matrix.dense_latency_s:
            continue
        zeros = [ladder for ladder in own if not removes(ladder.structure)]
        equal = [
            Choice(ladder=ladder, rung=rung)
            for ladder in own
            if (rung := ladder.at_equal_accuracy) is not None
        ]
        made.append(
            Best(
                device=device,
                zeros=_fastest(_at(zeros, at)),
                removed=_fastest(_at([each for each in own if each not in zeros], at)),
                equal=_fastest(equal),
            )
        )
    return tuple(made)


def removes(structure: str) -> bool:
    """Return whether a structure takes channels, heads or blocks away."""
    return structure.split(",")[0] in REMOVING


def _at(ladders: Sequence[Ladder], sparsity: float) -> list[Choice]:
    """Return each ladder's rung of that sparsity, or the only one that it has."""
    return [
        Choice(ladder=ladder, rung=rung)
        for ladder in ladders
        for rung in ladder.rungs
        if rung.sparsity == sparsity or len(ladder.rungs) == 1
    ]


def _fastest(choices: Sequence[Choice]) -> Choice | None:
    """Return the fastest that is faster than dense by more than any estimate is good to."""
    found = max(choices, key=lambda choice: choice.rung.speedup, default=None)
    return found if found is not None and found.rung.speedup >= 1.0 + SAME else None
