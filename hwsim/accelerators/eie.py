"""EIE: weights compressed by columns over elements that own interleaved rows.

Han et al.: "EIE: Efficient Inference Engine on Compressed Deep Neural Network", ISCA 2016,
section III (compressed columns, relative index, interleaving) and section IV (activation queues,
broadcast of non-zero activations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.accelerators._walk import Mask, Walk, check_product, rows_of
from hwsim.errors import UnsupportedError
from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

# Wider gaps than any matrix has rows; beyond 62 bits they would not fit a machine word.
_WIDEST_INDEX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Eie:
    """A matrix-vector engine; further positions are further vectors, one after the other.

    Attributes:
        pes: Processing elements; row i belongs to element i mod `pes` (section III-C).
        queue: Activations that wait in front of each element (section VI-A: 8 suffice).
        index_bits: Bits of a relative index: zeros skipped since the last entry of the column in
            the same element. A longer gap needs filler zeros (section III-B: 4 bits, 15 zeros).
            1..32.
    """

    name: ClassVar[str] = "eie"
    reads_image: ClassVar[bool] = False

    pes: int = 64
    queue: int = 8
    index_bits: int = 4

    def __post_init__(self) -> None:
        """Raise UnsupportedError where an index is of no such width."""
        if not 1 <= self.index_bits <= _WIDEST_INDEX:
            raise UnsupportedError(
                f"{self.name}: index_bits: expected 1 to {_WIDEST_INDEX}, got {self.index_bits}"
            )

    @property
    def multipliers(self) -> int:
        """See `Accelerator.multipliers`."""
        return self.pes

    @property
    def channel_lanes(self) -> int:
        """See `Accelerator.channel_lanes`."""
        return self.pes

    def walk(self, weights: Mask, activations: Mask) -> Walk:
        """See `Accelerator.walk`.

        Each cycle one non-zero activation is broadcast if every queue has room; an element works
        on its oldest one, an entry per cycle, and drops it after the last. An element without an
        entry in the column drops it after one cycle (assumed): a gated slot. Elements without a
        row of the matrix are idle.
        """
        check_product(self.name, weights, activations)
        rows = rows_of(activations)
        stored, fillers = self._entries(weights)
        empty = (stored + fillers == 0)[:, : len(weights)]
        times = np.bincount(rows.which, minlength=len(rows.distinct))
        uses = times @ rows.distinct.astype(np.int64)
        cycles = np.zeros(len(rows.distinct), np.int64)
        # A queue that takes all activations of a vector is never full.
        queue = max(1, min(self.queue, weights.shape[1]))
        _vectors(rows.distinct, stored + fillers, queue, cycles)
        return Walk(
            cycles=int(times @ cycles),
            multipliers=self.multipliers,
            macs_executed=int(uses @ stored.sum(axis=1)),
            filler=int(uses @ fillers.sum(axis=1)),
            gated=int(uses @ empty.sum(axis=1)),
        )

    def _entries(self, weights: Mask) -> tuple[IntArray, IntArray]:
        """Return [k, pes] non-zero weights and filler zeros of each column in each element.

        Of the elements without a row, which all do the same, there is one.
        """
        shape = weights.shape[1], min(self.pes, len(weights) + 1)
        stored, fillers = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        mask = np.ascontiguousarray(weights).view(np.uint8)
        _compress(mask, 1 << self.index_bits, stored, fillers)
        return stored, fillers


@kernel
def _compress(weights: IntArray, reach: int, stored: IntArray, fillers: IntArray) -> None:
    """Count the entries of compressed columns.

    Args:
        weights: [m, k] 0 or 1.
        reach: Rows from one entry to the next that an index can express.
        stored: [k, pes] int64, zero: non-zero weights.
        fillers: [k, pes] int64, zero: zeros stored because a gap is too long.
    """
    pes = stored.shape[1]
    for column in range(weights.shape[1]):
        for pe in range(pes):
            gap = 0
            for row in range(pe, weights.shape[0], pes):
                if weights[row, column] != 0:
                    stored[column, pe] += 1
                    fillers[column, pe] += gap // reach
                    gap = 0
                else:
                    gap += 1


@kernel
def _vectors(activations: IntArray, entries: IntArray, queue: int, cycles: IntArray) -> None:
    """Set cycles[p] to what the product with vector p takes.

    Args:
        activations: [positions, k] 0 or 1.
        entries: [k, pes] of each column in each element.
        queue: Activations that wait in front of each element.
        cycles: [positions] int64, overwritten.
    """
    pes = entries.shape[1]
    free_at = np.zeros(pes, np.int64)
    # When all elements are done with each of the last activations: its place can be taken again.
    dropped = np.zeros(queue, np.int64)
    for p in range(activations.shape[0]):
        free_at[:] = 0
        dropped[:] = 0
        sent_at, sent = -1, 0
        for column in range(activations.shape[1]):
            if activations[p, column] == 0:
                continue
            sent_at = max(sent_at + 1, dropped[sent % queue])
            last = 0
            for pe in range(pes):
                free_at[pe] = max(free_at[pe], sent_at) + max(entries[column, pe], 1)
                last = max(last, free_at[pe])
            dropped[sent % queue] = last
            sent += 1
        cycles[p] = free_at.max()
