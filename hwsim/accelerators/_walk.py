"""What a walk of two non-zero patterns gives, and what walks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from hwsim.errors import DataError

if TYPE_CHECKING:
    from hwsim.arrays import Shape

Mask: TypeAlias = npt.NDArray[np.bool_]
"""True where a value is not zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where the multiplier slots of an accelerator go; whole numbers.

    Attributes:
        cycles: Cycles of the array until its last multiplier is done.
        multipliers: Multipliers of the array.
        macs_executed: Multiply-accumulates of a non-zero weight with a non-zero activation.
        filler: Slots taken by something that is none: filler zeros of an index that is too
            narrow, lanes left over when a vector is rounded up, products with a zero that nobody
            looks for.
        gated: Slots of products with a zero that is seen and not skipped: they take the cycle,
            and the multiplier holds still.
    """

    cycles: int
    multipliers: int
    macs_executed: int
    filler: int
    gated: int = 0

    @property
    def slots(self) -> int:
        """Multiply-accumulates that all multipliers could have done in that time."""
        return self.cycles * self.multipliers

    @property
    def idle(self) -> int:
        """Slots in which a multiplier waits for work or for others."""
        return self.slots - self.macs_executed - self.filler - self.gated


class Accelerator(Protocol):
    """A sparse accelerator: a frozen dataclass of its geometry."""

    name: ClassVar[str]
    reads_image: ClassVar[bool]
    """Whether it takes a convolution's input as it lies instead of patches."""

    @property
    def multipliers(self) -> int:
        """Multipliers of the array; each makes at most one product per cycle."""
        ...

    @property
    def channel_lanes(self) -> int:
        """Elements that belong to output channels, so that those without one do nothing.

        1 where channels, positions and weights are dealt out otherwise.
        """
        ...

    def walk(self, weights: Mask, activations: Mask) -> Walk:
        """Return the cycles of one product, every non-zero looked at.

        Args:
            weights: [output channels, k].
            activations: [positions, k] patches; where `reads_image`, [height, width, channels]
                or [positions, channels] of the input, `k` being kernel taps x channels with
                channels innermost. Rows that are one array broadcast are walked once.

        Raises:
            DataError: The two do not belong together.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The distinct rows of an activation mask.

    Attributes:
        distinct: [rows, k] uint8.
        which: [positions] row of each position.
    """

    distinct: npt.NDArray[np.uint8]
    which: npt.NDArray[np.int64]


def rows_of(activations: Mask) -> Rows:
    """Return the rows of a mask; a row broadcast over all positions is kept once."""
    is_one = len(activations) > 0 and activations.strides[0] == 0
    kept = activations[:1] if is_one else activations
    positions = np.arange(len(activations), dtype=np.int64)
    distinct = np.ascontiguousarray(kept).view(np.uint8)
    return Rows(distinct=distinct, which=positions * (not is_one))


def check_product(name: str, weights: Mask, activations: Mask) -> None:
    """Raise unless both are masks of patches with one depth.

    Raises:
        DataError: They are not.
    """
    check_masks(name, weights, activations)
    if activations.ndim != 2 or weights.shape[1] != activations.shape[1]:
        shapes = _shapes(weights.shape, activations.shape)
        raise DataError(f"{name}: expected masks [m, k] and [positions, k], got {shapes}")


def check_masks(name: str, weights: Mask, activations: Mask) -> None:
    """Raise unless both are arrays of truth values and the weights a matrix.

    Raises:
        DataError: They are not.
    """
    for what, mask in (("weights", weights), ("activations", activations)):
        if mask.dtype != np.bool_:
            raise DataError(
                f"{name}: {what}: expected a mask of bool, got {mask.dtype}; compare with 0"
            )
    if weights.ndim != 2 or activations.ndim not in (2, 3) or 0 in weights.shape:
        shapes = _shapes(weights.shape, activations.shape)
        raise DataError(f"{name}: expected weights [m, k] and 2 or 3 extents beside, got {shapes}")


def _shapes(weights: Shape, activations: Shape) -> str:
    return f"{list(weights)} and {list(activations)}"


def tiles_of(extent: int, tile: int) -> int:
    """Return how many tiles cover an extent."""
    return -(-extent // tile)
