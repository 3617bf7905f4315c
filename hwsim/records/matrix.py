"""Structures of zeros against devices: how sparse a model must be before it pays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hwsim.records.comparison import Accuracy

LEAST_GAIN: Final = 0.05
"""Speed-ups closer to 1 count as none: no estimate is good to that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One sparsity of one structure on one device.

    Attributes:
        sparsity: Share that was asked to go, 0..1.
        macs_left: Effective MACs that are left, over the dense model's.
        speedup: Dense model's latency over this one's.
        flash_bytes: Weights as stored, and the runtime's code.
        accuracy: None where no labelled data was given.
        format: How the weights that were pruned are stored: of all that kernels of the device
            take as they lie, the one that is fastest here.
        is_dead: Whether the output no longer depends on the input: no model, however fast.
    """

    sparsity: float
    macs_left: float
    speedup: float
    flash_bytes: int
    accuracy: Accuracy | None = None
    format: str = "dense"
    is_dead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """One structure on one device, over rising sparsities.

    Attributes:
        structure: As `prune{structure=...}` spells it; `filter, rounded` for channel counts that
            are multiples of the kernel's tile.
        format: How the zeros are stored; where rungs differ, all of them: `bitmask, csr`.
        device: Name of the profile.
        rungs: By rising sparsity; empty where the device refuses the structure.
        refusal: Why it, or some rung that is missing then, is refused; empty where none is.
        executed_as: How the layers that were pruned run on the last rung: `native`,
            `3 native, 18 dense_fallback`, ...
        crossover: Least sparsity from which on it is faster than dense by `LEAST_GAIN`, between
            rungs by linear interpolation of the latency; None where it never is. 0 where it is on
            every rung. Dead rungs do not count.
        at_equal_accuracy: The fastest living rung that loses no more accuracy than was allowed;
            None where there is none, or no labelled data was given.
        is_calibrated: Whether evidence backs the dense model's latency and that of every rung.
        round_to: Channels that stay are multiples of this.
        compiler: What the device's compiler does with zeros, in words; empty where nothing.
    """

    structure: str
    format: str
    device: str
    rungs: tuple[Rung, ...]
    refusal: str = ""
    executed_as: str = ""
    crossover: float | None = None
    at_equal_accuracy: Rung | None = None
    is_calibrated: bool = False
    round_to: int = 1
    compiler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Every structure on every device.

    Attributes:
        model: Its name.
        base_recipe: Applied after the pruning, and to the dense model: `quantize` for example.
        devices: Names of profiles: `mcu`, `cpu`, `gpu`, `npu`, `accelerator`, each by name.
        structures: In the order asked for.
        ladders: One per structure and device.
        dense_latency_s: Of the dense model, by device; devices that refuse it are missing.
        dense_accuracy: On the first device that runs it; None where no labelled data was given.
        tolerance: Accuracy that may be lost and still count as equal, 0..1.
        version: Of hwsim.
        dense_accuracy_on: By device: each has integers of its own, and rungs are compared with
            the dense model there.
        device_classes: `mcu`, `cpu`, `gpu`, `npu` or `accelerator`, by device.
        overrides: `key=value` texts laid over every profile.
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
    dense_accuracy_on: dict[str, Accuracy] = field(default_factory=dict[str, "Accuracy"])
    device_classes: dict[str, str] = field(default_factory=dict[str, str])
    overrides: tuple[str, ...] = ()

    def ladder(self, device: str, structure: str) -> Ladder:
        """Return the ladder of one cell.

        Raises:
            KeyError: There is none.
        """
        for ladder in self.ladders:
            if (ladder.device, ladder.structure) == (device, structure):
                return ladder
        raise KeyError(f"no ladder of {structure} on {device}")
