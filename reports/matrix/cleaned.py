"""Names of a matrix with control characters made visible, so that no report hands them on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reports.visible import visible

if TYPE_CHECKING:
    from hwsim.records import Ladder, Matrix, Rung


def cleaned(matrix: Matrix) -> Matrix:
    """Return the matrix with every name and reason made visible."""
    return replace(
        matrix,
        model=visible(matrix.model),
        base_recipe=visible(matrix.base_recipe),
        devices=tuple(map(visible, matrix.devices)),
        structures=tuple(map(visible, matrix.structures)),
        ladders=tuple(map(_ladder, matrix.ladders)),
        dense_latency_s={visible(d): s for d, s in matrix.dense_latency_s.items()},
        dense_accuracy_on={visible(d): a for d, a in matrix.dense_accuracy_on.items()},
        device_classes={visible(d): visible(c) for d, c in matrix.device_classes.items()},
        overrides=tuple(map(visible, matrix.overrides)),
        version=visible(matrix.version),
    )


def _ladder(ladder: Ladder) -> Ladder:
    equal = ladder.at_equal_accuracy
    return replace(
        ladder,
        structure=visible(ladder.structure),
        format=visible(ladder.format),
        device=visible(ladder.device),
        rungs=tuple(map(_rung, ladder.rungs)),
        refusal=visible(ladder.refusal),
        executed_as=visible(ladder.executed_as),
        compiler=visible(ladder.compiler),
        at_equal_accuracy=None if equal is None else _rung(equal),
    )


def _rung(rung: Rung) -> Rung:
    return replace(rung, format=visible(rung.format))
