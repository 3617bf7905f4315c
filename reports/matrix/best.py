"""The best structures of a device: of zeros, of removed channels, and at equal accuracy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hwsim.records.matrix import LEAST_GAIN
from reports.matrix.cells import UNCALIBRATED, living, percent
from reports.matrix.names import label
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
        is_odd: Whether no evidence backs it, though some backs the device.
    """

    ladder: Ladder
    rung: Rung
    is_odd: bool = False

    @property
    def mark(self) -> str:
        """Before its name."""
        return UNCALIBRATED if self.is_odd else ""

    @property
    def text(self) -> str:
        """`block4x4 90 % 8.02x`, marked where it alone of its device is uncalibrated."""
        where = f"{label(self.ladder.structure)} {percent(self.rung.sparsity)}"
        return f"{self.mark}{where} {times(self.rung.speedup)}"


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
        removing = [ladder for ladder in own if removes(ladder.structure)]
        equal = [
            Choice(ladder=ladder, rung=rung)
            for ladder in own
            if (rung := ladder.at_equal_accuracy) is not None
        ]
        made.append(
            Best(
                device=device,
                zeros=_marked(_fastest(_at(zeros, at)), own),
                removed=_marked(_fastest(_at(removing, at)), own),
                equal=_marked(_fastest(equal), own),
            )
        )
    return tuple(made)


def removes(structure: str) -> bool:
    """Return whether a structure takes channels, heads or blocks away."""
    return structure.split(",")[0] in REMOVING


def _at(ladders: Sequence[Ladder], sparsity: float) -> list[Choice]:
    """Return each ladder's rung of that sparsity, or the only one it has, unless dead."""
    return [
        Choice(ladder=ladder, rung=rung)
        for ladder in ladders
        for rung in living(ladder)
        if rung.sparsity == sparsity or len(ladder.rungs) == 1
    ]


def _fastest(choices: Sequence[Choice]) -> Choice | None:
    """Return the fastest that is faster than dense by more than any estimate is good to."""
    found = max(choices, key=lambda choice: choice.rung.speedup, default=None)
    return found if found is not None and found.rung.speedup >= 1.0 + LEAST_GAIN else None


def _marked(choice: Choice | None, own: Sequence[Ladder]) -> Choice | None:
    if choice is None or choice.ladder.is_calibrated:
        return choice
    return replace(choice, is_odd=any(ladder.is_calibrated for ladder in own))
