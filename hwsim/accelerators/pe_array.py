"""A generic array of elements: which zeros it skips, which it gates, and who takes what, as asked.

No chip: a model to ask what-if of, with rules that can be said in a sentence each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from hwsim.accelerators._walk import Mask, Walk, check_product, rows_of, tiles_of
from hwsim.errors import DataError, UnsupportedError
from hwsim.jit import count_ones, kernel
from hwsim.sparsity import schedule
from hwsim.sparsity.fields import Fields, spread
from hwsim.sparsity.pattern import WORD_BITS
from hwsim.sparsity.schedule import Scheduling, check_extents

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

Sides: TypeAlias = Literal["none", "weights", "activations", "both"]
"""Whose zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeArray:
    """Elements that keep the weights of some output channels and take positions in turn.

    An element multiplies vectors of `lanes` neighbours along k, one per cycle. A vector is skipped
    where none of its lanes has work left: with `skips: both`, none with a weight and an activation
    that are not zero. Where there are fewer chunks of channels than elements, positions are dealt
    out among as many elements per chunk as there are, whole ones. Elements wait for each other
    once, behind the last chunk.

    Attributes:
        pes: Elements.
        lanes: Multipliers of an element, 1..64.
        chunk: Output channels that an element takes at a time; 1 in `static` scheduling.
        scheduling: Who takes which chunk, see `hwsim.sparsity.Scheduling`.
        skips: Whose zeros take no cycle where a whole vector has them.
        gates: Whose zeros keep a multiplier still, of those that take a cycle.
    """

    name: ClassVar[str] = "pe_array"
    reads_image: ClassVar[bool] = False

    pes: int = 64
    lanes: int = 1
    chunk: int = 1
    scheduling: Scheduling = "queue"
    skips: Sides = "both"
    gates: Sides = "none"

    def __post_init__(self) -> None:
        """Raise UnsupportedError where the extents make no array."""
        try:
            check_extents(self.scheduling, self.pes, self.chunk, None)
        except DataError as error:
            raise UnsupportedError(f"{self.name}: {error}") from error
        if not 1 <= self.lanes <= WORD_BITS:
            raise UnsupportedError(
                f"{self.name}: lanes: expected 1 to {WORD_BITS}, got {self.lanes}"
            )

    @property
    def multipliers(self) -> int:
        """See `Accelerator.multipliers`."""
        return self.pes * self.lanes

    @property
    def channel_lanes(self) -> int:
        """See `Accelerator.channel_lanes`."""
        return 1

    def walk(self, weights: Mask, activations: Mask) -> Walk:
        """See `Accelerator.walk`.

        The element of a chunk of channels takes, for each of its positions and channels, a cycle
        per vector that is not skipped.
        """
        check_product(self.name, weights, activations)
        rows = rows_of(activations)
        sharing = max(1, self.pes // tiles_of(len(weights), self.chunk))
        sharing = min(sharing, max(1, len(activations)))
        is_one = len(rows.distinct) < len(activations)
        work = np.zeros((1 if is_one else sharing, len(weights)), np.int64)
        totals = np.zeros(3, np.int64)
        fields = Fields(width=self.lanes, k=weights.shape[1])
        _walk_pairs(
            spread(weights, fields),
            spread(rows.distinct, fields),
            fields.valid,
            np.array((*fields.steps, *_wanted(self.skips), *_wanted(self.gates)), np.uint64),
            work,
            totals,
        )
        positions = len(activations)
        if is_one:
            # Element s of a chunk takes positions s, s + sharing, ...
            times = np.array([tiles_of(positions - s, sharing) for s in range(sharing)], np.int64)
            work, totals = times[:, np.newaxis] * work, positions * totals
        issued, executed, gated = totals.tolist()
        return Walk(
            cycles=self._cycles(work),
            multipliers=self.multipliers,
            macs_executed=executed,
            filler=issued * self.lanes - executed - gated,
            gated=gated,
        )

    def _cycles(self, work: IntArray) -> int:
        """Return the cycles of [elements of a chunk, output channels] of work."""
        sharing, rows = work.shape
        chunks = tiles_of(rows, self.chunk)
        padded = np.zeros((sharing, chunks * self.chunk), np.int64)
        padded[:, :rows] = work
        taken = padded.reshape(sharing * chunks, self.chunk).sum(axis=1)
        dealing = "queue" if self.scheduling == "queue" else "static"
        return schedule(taken, self.pes, dealing).cycles


def _wanted(sides: Sides) -> tuple[int, int]:
    """Return what to OR a word of weights and one of activations with: ones for what is not seen.

    So the AND of both is 0 exactly where a zero is seen.
    """
    ones = (1 << WORD_BITS) - 1
    return (
        0 if sides in ("weights", "both") else ones,
        0 if sides in ("activations", "both") else ones,
    )


@kernel
def _walk_pairs(
    weights: IntArray, activations: IntArray, valid: IntArray, words: IntArray, work: IntArray,
    totals: IntArray,
) -> None:  # fmt: skip
    """Add up the vectors that each pair of a row of weights and one of activations issues.

    Rows of activations are taken in blocks that stay in the cache while all weights pass.

    Args:
        weights: [m, words of a row] uint64, spread over fields of one vector each.
        activations: [positions, words of a row] uint64, the same.
        valid: [words of a row] uint64, ones where there is a value.
        words: [7] uint64: of a field, all bits but the highest, the highest, and the width; then
            what to OR weights and activations with before a vector is skipped, and before a lane
            is gated.
        work: [elements of a chunk, m] int64; position p adds to element p mod their number.
        totals: [3] int64: vectors issued, effective multiply-accumulates in all lanes, lanes gated.
    """
    low, high, width = words[0], words[1], words[2]
    skip_w, skip_a, gate_w, gate_a = words[3], words[4], words[5], words[6]
    shift = width - np.uint64(1)
    sharing, length = work.shape[0], weights.shape[1]
    block = max(1, 4096 // max(1, length))
    for first in range(0, activations.shape[0], block):
        last = min(activations.shape[0], first + block)
        for row in range(weights.shape[0]):
            for position in range(first, last):
                issued, executed, gated = np.int64(0), np.int64(0), np.int64(0)
                for at in range(length):
                    w, a, there = weights[row, at], activations[position, at], valid[at]
                    seen = (w | skip_w) & (a | skip_a) & there
                    found = (((seen & low) + low) | seen) & high
                    # All lanes of the vectors that are issued.
                    taken = (found | (found - (found >> shift))) & there
                    issued += np.int64(count_ones(found))
                    executed += np.int64(count_ones(w & a))
                    held = taken & ~((w | gate_w) & (a | gate_a))
                    gated += np.int64(count_ones(held))
                work[position % sharing, row] += issued
                totals[0] += issued
                totals[1] += executed
                totals[2] += gated
