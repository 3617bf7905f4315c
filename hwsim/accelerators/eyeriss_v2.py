"""Eyeriss v2: processing elements that skip zeros on both sides, compressed column by column.

Chen, Yang, Emer, Sze: "Eyeriss v2: A Flexible Accelerator for Emerging Deep Neural Networks on
Mobile Devices", JETCAS 2019, section IV (the processing element): both operands lie compressed
(CSC); a non-zero activation fetches its column's address, and only the non-zero weights of that
column enter the multiplier. An empty column and a zero activation take no cycle of the
multiplier: the address of the next column is read ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.accelerators._walk import Mask, Walk, check_product, rows_of, tiles_of
from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EyerissV2:
    """Some of its elements; as it stands, one with one multiplier.

    Each element keeps the weights of `rows_per_pe` output channels and takes positions in turn. A
    pass gives each element a block of channels, and where there are more elements than blocks,
    deals the positions out; the next pass starts when all are done.

    Attributes:
        pes: Processing elements; the chip has 192 (section III).
        simd: Multipliers of one element, which take neighbours of one column; the chip has 2
            (section IV-C).
        rows_per_pe: Output channels whose sums one element holds: 32 (section IV).
    """

    name: ClassVar[str] = "eyeriss_v2"
    reads_image: ClassVar[bool] = False

    pes: int = 1
    simd: int = 1
    rows_per_pe: int = 32

    @property
    def multipliers(self) -> int:
        """See `Accelerator.multipliers`."""
        return self.pes * self.simd

    @property
    def channel_lanes(self) -> int:
        """See `Accelerator.channel_lanes`."""
        return 1

    def walk(self, weights: Mask, activations: Mask) -> Walk:
        """See `Accelerator.walk`.

        For one element: sum over positions and channels of [activation is not zero] x
        ceil(non-zero weights of its column / `simd`), with no constant beside it.
        """
        check_product(self.name, weights, activations)
        rows = rows_of(activations)
        stored = self._columns(weights)
        work = np.zeros((len(rows.distinct), len(stored)), np.int64)
        _work(rows.distinct, -(-stored // self.simd), work)
        times = np.bincount(rows.which, minlength=len(rows.distinct))
        uses = times @ rows.distinct.astype(np.int64)
        executed = int(uses @ stored.sum(axis=0))
        busy = int(times @ work.sum(axis=1))
        return Walk(
            cycles=self._passes(work[rows.which]),
            multipliers=self.multipliers,
            macs_executed=executed,
            filler=busy * self.simd - executed,
        )

    def _columns(self, weights: Mask) -> IntArray:
        """Return [blocks of channels, k] non-zero weights of each column of each block."""
        starts = np.arange(0, len(weights), self.rows_per_pe)
        return np.add.reduceat(weights, starts, axis=0, dtype=np.int64)

    def _passes(self, work: IntArray) -> int:
        """Return cycles, given the [positions, blocks] work of one element."""
        cycles = 0
        for first in range(0, work.shape[1], self.pes):
            blocks = work[:, first : first + self.pes]
            sharing = self.pes // blocks.shape[1]
            dealt = np.zeros((tiles_of(len(blocks), sharing) * sharing, blocks.shape[1]), np.int64)
            dealt[: len(blocks)] = blocks
            per_pe = dealt.reshape(-1, sharing, blocks.shape[1]).sum(axis=0)
            cycles += int(per_pe.max())
        return cycles


def cycles_from_density(macs: int, weight_density: float, activation_density: float) -> int:
    """Return what one element with one multiplier takes if non-zeros lie independently.

    Args:
        macs: Of the dense product.
        weight_density: Share of weights that are not zero, 0..1.
        activation_density: The same for activations.
    """
    return round(macs * weight_density * activation_density)


@kernel
def _work(activations: IntArray, steps: IntArray, work: IntArray) -> None:
    """Add to work[p, b] the steps of block b in columns whose activation is not zero.

    Args:
        activations: [positions, k] 0 or 1.
        steps: [blocks, k] cycles of each column.
        work: [positions, blocks] int64.
    """
    for p in range(activations.shape[0]):
        for c in range(activations.shape[1]):
            if activations[p, c] != 0:
                for b in range(steps.shape[0]):
                    work[p, b] += steps[b, c]
