"""Ladders: the rungs of one structure on one device, and what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hwsim.matrix.crossover import crossover
from hwsim.records import Ladder, Matrix, Rung
from hwsim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.matrix.job import Cell, Priced
    from hwsim.matrix.matter import Matter
    from hwsim.matrix.structures import Pruning
    from hwsim.records import Accuracy

Cells: TypeAlias = "dict[tuple[Pruning | None, str], Cell]"
"""What each rung is on each device."""


def matrix_of(matter: Matter, dense: Mapping[str, Cell], cells: Cells) -> Matrix:
    """Return the record.

    Args:
        matter: What was asked.
        dense: The dense model, by device.
        cells: Every rung on every device that runs the dense model.
    """
    running = {device: cell for device, cell in dense.items() if not cell.refusal}
    accuracies = {d: c.accuracy for d, c in running.items() if c.accuracy is not None}
    return Matrix(
        model=matter.graph.name,
        base_recipe=matter.base.name,
        devices=matter.devices,
        structures=matter.structures,
        ladders=tuple(
            _ladder(matter, structure, device, dense[device], cells)
            for device in matter.devices
            for structure in matter.structures
        ),
        dense_latency_s={device: cell.priced[0].latency_s for device, cell in running.items()},
        dense_accuracy=next(iter(accuracies.values()), None),
        tolerance=matter.tolerance,
        version=__version__,
        dense_accuracy_on=accuracies,
        device_classes={t.profile.name: t.profile.device_class for t in matter.targets},
        overrides=matter.targets[0].overrides,
    )


def _ladder(matter: Matter, structure: str, device: str, dense: Cell, cells: Cells) -> Ladder:
    if dense.refusal:
        return Ladder(
            structure=structure, format="", device=device, rungs=(), refusal=dense.refusal
        )
    prunings = matter.rungs(structure, dense)
    known = [(p, c) for p in prunings if not (c := cells[p, device]).refusal]
    best = [_fastest(cell) for _, cell in known]
    rungs = tuple(
        _rung(pruning, own, dense.priced[0], cell.accuracy)
        for (pruning, cell), own in zip(known, best, strict=True)
    )
    backed = [dense.priced[0].is_backed, *(own.is_backed for own in best)]
    return Ladder(
        structure=structure,
        format=", ".join(dict.fromkeys(rung.format for rung in rungs)),
        device=device,
        rungs=rungs,
        refusal=_refusal([(p, cells[p, device]) for p in prunings]),
        executed_as=best[-1].executed_as if best else "",
        crossover=_crossover(rungs, [cell for _, cell in known], dense.priced[0].latency_s),
        at_equal_accuracy=_at_equal_accuracy(rungs, dense.accuracy, matter.tolerance),
        is_calibrated=bool(rungs) and all(backed),
        round_to=prunings[0].round_to if prunings else 1,
    )


def _fastest(cell: Cell) -> Priced:
    """Return the fastest format; of equals the smallest."""
    return min(cell.priced, key=lambda priced: (priced.latency_s, priced.flash_bytes))


def _rung(pruning: Pruning, own: Priced, dense: Priced, accuracy: Accuracy | None) -> Rung:
    return Rung(
        sparsity=pruning.sparsity,
        macs_left=own.macs_effective / dense.macs_effective if dense.macs_effective else 0.0,
        speedup=dense.latency_s / own.latency_s,
        flash_bytes=own.flash_bytes,
        accuracy=accuracy,
        format=own.format,
    )


def _refusal(cells: Sequence[tuple[Pruning, Cell]]) -> str:
    """Return why rungs are missing: the reason alone where all are, else with the sparsities."""
    reasons: dict[str, list[str]] = {}
    for pruning, cell in cells:
        if cell.refusal:
            reasons.setdefault(cell.refusal, []).append(f"{pruning.sparsity:.4g}")
    if all(cell.refusal for _, cell in cells):
        return next(iter(reasons), "")
    return "; ".join(f"at sparsity {', '.join(at)}: {why}" for why, at in reasons.items())


def _crossover(rungs: Sequence[Rung], cells: Sequence[Cell], dense_s: float) -> float | None:
    """Return the crossover of the best of the formats that every rung is priced in.

    Where the fastest of some rung is none of these, that of the rungs themselves.
    """
    if not rungs:
        return None
    by_format = [{p.format: p.latency_s / dense_s for p in cell.priced} for cell in cells]
    shared = [name for name in by_format[0] if all(name in own for own in by_format)]
    if not {rung.format for rung in rungs} <= set(shared):
        return crossover(
            [rung.sparsity for rung in rungs], [[1.0 / rung.speedup for rung in rungs]]
        )
    ratios = [[own[name] for own in by_format] for name in shared]
    return crossover([rung.sparsity for rung in rungs], ratios)


def _at_equal_accuracy(
    rungs: Sequence[Rung], dense: Accuracy | None, tolerance: float
) -> Rung | None:
    """Return the fastest rung that is as right as the dense model, within the tolerance."""
    if dense is None:
        return None
    # A share of n samples is exact to 1e-16; half a sample more would be another share.
    least = dense.top1 - tolerance - 1e-12
    equal = [r for r in rungs if r.accuracy is not None and r.accuracy.top1 >= least]
    return max(equal, key=lambda rung: rung.speedup, default=None)
