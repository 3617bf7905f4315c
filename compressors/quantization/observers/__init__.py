"""All observers of activations. A new one is one file here and one entry in `make_observer`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from compressors.quantization.observers._observer import Observer, Range
from compressors.quantization.observers.entropy import Entropy
from compressors.quantization.observers.magnitude import MeanMagnitude
from compressors.quantization.observers.minmax import MinMax, MovingAverage
from compressors.quantization.observers.mse import LeastError
from compressors.quantization.observers.percentile import Percentile

ObserverName: TypeAlias = Literal["minmax", "moving_average", "percentile", "mse", "entropy"]

HISTOGRAM_OBSERVERS: tuple[ObserverName, ...] = ("mse", "entropy")
"""Those that need the smallest and the largest value beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """How ranges are observed.

    Attributes:
        observer: Its name.
        percentile: 50..100.
        momentum: Of moving averages, 0..1.
        batch: Samples of a batch of moving averages.
        is_symmetric: Whether codes will have zero point 0.
    """

    observer: ObserverName = "minmax"
    percentile: float = 99.99
    momentum: float = 0.9
    batch: int = 16
    is_symmetric: bool = False

    @property
    def needs_range(self) -> bool:
        """Whether the observer needs the smallest and the largest value beforehand."""
        return self.observer in HISTOGRAM_OBSERVERS

    def make(self, total: int, bits: int, seen: Range = (0.0, 0.0)) -> Observer:
        """Return an observer of one tensor.

        Args:
            total: Values that it will see.
            bits: Of its codes; of 1 bit, they are signs of the mean magnitude.
            seen: (low, high) of all values, if `needs_range`.
        """
        if bits == 1:
            return MeanMagnitude()
        match self.observer:
            case "minmax":
                return MinMax()
            case "moving_average":
                return MovingAverage(self.momentum, self.batch)
            case "percentile":
                return Percentile(self.percentile, total)
            case "mse":
                return LeastError(seen, bits, self.is_symmetric)
            case "entropy":
                is_one_sided = not self.is_symmetric and (seen[0] >= 0 or seen[1] <= 0)
                return Entropy(seen, 1 << (bits - (not is_one_sided)))


__all__ = [
    "HISTOGRAM_OBSERVERS",
    "Entropy",
    "LeastError",
    "MeanMagnitude",
    "MinMax",
    "MovingAverage",
    "Observation",
    "Observer",
    "ObserverName",
    "Percentile",
    "Range",
]
