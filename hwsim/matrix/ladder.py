"""Ladders: the rungs of one structure on one device, and what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from hwsim.matrix.crossover import crossover
from hwsim.records import Ladder, Matrix, Rung
from hwsim.records.matrix import LEAST_GAIN
from hwsim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.matrix.job import Cell, Priced
    from hwsim.matrix.matter import Matter
    from hwsim.matrix.structures import Pruning
    from hwsim.profile import DeviceProfile
    from hwsim.records import Accuracy

Cells: TypeAlias = "dict[tuple[Pruning | None, str], Cell]"
"""What each rung is on each device."""
_CLASSES: Final = ("mcu", "cpu", "gpu", "npu", "accelerator")


def matrix_of(matter: Matter, dense: Mapping[str, Cell], cells: Cells) -> Matrix:
    """Return the record.

    Args:
        matter: What was asked.
        dense: The dense model, by device.
        cells: Every rung on every device that runs the dense model.
    """
    profiles = sorted((target.profile for target in matter.targets), key=_place)
    names = tuple(profile.name for profile in profiles)
    running = {name: cell for name in names if not (cell := dense[name]).refusal}
    accuracies = {d: c.accuracy for d, c in running.items() if c.accuracy is not None}
    return Matrix(
        model=matter.graph.name,
        base_recipe=matter.base.name,
        devices=names,
        structures=matter.structures,
        ladders=tuple(
            _ladder(matter, structure, profile, dense[profile.name], cells)
            for profile in profiles
            for structure in matter.structures
        ),
        dense_latency_s={device: cell.priced[0].latency_s for device, cell in running.items()},
        dense_accuracy=next(iter(accuracies.values()), None),
        tolerance=matter.tolerance,
        version=__version__,
        dense_accuracy_on=accuracies,
        device_classes={profile.name: profile.device_class for profile in profiles},
        overrides=matter.targets[0].overrides,
    )


def _place(profile: DeviceProfile) -> tuple[int, str]:
    """Return what devices are ordered by: their class, then their name."""
    return _CLASSES.index(profile.device_class), profile.name


def _ladder(
    matter: Matter, structure: str, profile: DeviceProfile, dense: Cell, cells: Cells
) -> Ladder:
    device = profile.name
    if dense.refusal:
        return Ladder(
            structure=structure, format="", device=device, rungs=(), refusal=dense.refusal
        )
    prunings = matter.rungs(structure, dense)
    known = [(p, c) for p in prunings if not (c := cells[p, device]).refusal]
    best = [_fastest(cell) for _, cell in known]
    rungs = tuple(
        _rung(pruning, own, dense.priced[0], cell)
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
        crossover=_crossover(
            [rung for rung in rungs if not rung.is_dead],
            [cell for _, cell in known if not cell.is_dead],
            dense.priced[0].latency_s,
        ),
        at_equal_accuracy=_at_equal_accuracy(rungs, dense.accuracy, matter.tolerance),
        is_calibrated=bool(rungs) and all(backed),
        round_to=prunings[0].round_to if prunings else 1,
        compiler=_compiler(profile),
    )


def _compiler(profile: DeviceProfile) -> str:
    """Return what a device's compiler does with zeros that lie in dense weights, in words."""
    words: list[str] = []
    if profile.runtime.current.removes_dead_channels:
        words.append("its compiler removes channels whose weights are all zero")
    if profile.runtime.weight_coding is not None:
        words.append("its compiler codes weights, so zeros take fewer bytes to read")
    return "; ".join(words)


def _fastest(cell: Cell) -> Priced:
    """Return the fastest format; of equals the smallest."""
    return min(cell.priced, key=lambda priced: (priced.latency_s, priced.flash_bytes))


def _rung(pruning: Pruning, own: Priced, dense: Priced, cell: Cell) -> Rung:
    return Rung(
        sparsity=pruning.sparsity,
        macs_left=own.macs_effective / dense.macs_effective if dense.macs_effective else 0.0,
        speedup=dense.latency_s / own.latency_s,
        flash_bytes=own.flash_bytes,
        accuracy=cell.accuracy,
        format=own.format,
        is_dead=cell.is_dead,
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

    Where the fastest of some rung is none of these, that of the rungs themselves. Dead rungs are
    left out before.
    """
    if not rungs:
        return None
    by_format = [{p.format: p.latency_s / dense_s for p in cell.priced} for cell in cells]
    shared = [name for name in by_format[0] if all(name in own for own in by_format)]
    if not {rung.format for rung in rungs} <= set(shared):
        return crossover(
            [rung.sparsity for rung in rungs],
            [[1.0 / rung.speedup for rung in rungs]],
            LEAST_GAIN,
        )
    ratios = [[own[name] for own in by_format] for name in shared]
    return crossover([rung.sparsity for rung in rungs], ratios, LEAST_GAIN)


def _at_equal_accuracy(
    rungs: Sequence[Rung], dense: Accuracy | None, tolerance: float
) -> Rung | None:
    """Return the fastest living rung as right as the dense model, within the tolerance."""
    if dense is None:
        return None
    # A share of n samples is exact to 1e-16; half a sample more would be another share.
    least = dense.top1 - tolerance - 1e-12
    living = [rung for rung in rungs if not rung.is_dead]
    equal = [r for r in living if r.accuracy is not None and r.accuracy.top1 >= least]
    return max(equal, key=lambda rung: rung.speedup, default=None)
