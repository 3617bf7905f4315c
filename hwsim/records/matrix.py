"""Structures of zeros against devices: how sparse a model must be before it pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwsim.records.comparison import Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One sparsity of one structure on one device.

    Attributes:
        sparsity: Share that was asked to go, 0..1.
        macs_left: Effective MACs that are left, over the dense model's.
        speedup: Dense model's latency over this one's.
        flash_bytes: Weights as stored, and the runtime's code.
        accuracy: None where no labelled data was given.
    """

    sparsity: float
    macs_left: float
    speedup: float
    flash_bytes: int
    accuracy: Accuracy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One structure on one device, over rising sparsities.

    Attributes:
        structure: As `prune{structure=...}` spells it; `filter, rounded` for channel counts that
            are multiples of the kernel's tile.
        format: How the zeros are stored.
        device: Name of the profile.
        rungs: By rising sparsity; empty where the device refuses the structure.
        refusal: Why; empty where it does not.
        executed_as: How the layers that were pruned run: `native`, `dense_fallback`, ...
        crossover: Least sparsity from which on it is faster than dense, between rungs by linear
            interpolation of the latency; None where it never is. 0 where it always is.
        at_equal_accuracy: The fastest rung that loses no more accuracy than was allowed; None
            where there is none, or no labelled data was given.
    """

    structure: str
    format: str
    device: str
    rungs: tuple[Rung, ...]
    refusal: str = ""
    executed_as: str = ""
    crossover: float | None = None
    at_equal_accuracy: Rung | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Every structure on every device.

    Attributes:
        model: Its name.
        base_recipe: Applied after the pruning, and to the dense model: `quantize` for example.
        devices: Names of profiles, in the order asked for.
        structures: In the order asked for.
        ladders: One per structure and device.
        dense_latency_s: Of the dense model, by device; devices that refuse it are missing.
        dense_accuracy: None where no labelled data was given.
        tolerance: Accuracy that may be lost and still count as equal, 0..1.
        version: Of hwsim.
    """

    model: str
    base_recipe: str
    devices: tuple[str, ...]
    structures: tuple[str, ...]
    ladders: tuple[Ladder, ...]
    dense_latency_s: dict[str, float]
    dense_accuracy: Accuracy | None = None
    tolerance: float = 0.0
    version: str
