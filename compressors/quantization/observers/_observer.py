"""What an observer of activations must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray

Range: TypeAlias = tuple[float, float]
"""(low, high)."""


class Observer(Protocol):
    """Sees all values of one tensor, part by part."""

    def see(self, values: FloatArray) -> None:
        """Take in `values` [samples, ...]; how samples are parted changes nothing."""
        ...

    def range(self) -> Range:
        """Return (low, high) of what was seen; 0 need not lie between."""
        ...
