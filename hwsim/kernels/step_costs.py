"""What the parts of a sparse product take, in multiplications of one vector: a rule of thumb.

All its constants are here. They were fitted to the fastest of 30 rounds of 2748 random layers from
bytes to bytes (convolutions of 1 x 1 and 3 x 3, linear layers of 1 to 100 rows, 16 to 2048 inputs,
40 to 98 % zeros, gemmlowp's rounding) with AVX-512 VNNI on a core of an AMD EPYC, where a
multiplication took 0.28 ns, and of 555 limited to AVX2, where it took 0.15 ns; then rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.kernels.micro.planes import QUAD
from hwsim.kernels.micro.stored import SCATTERED, heights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import IntArray
    from hwsim.kernels.micro.isa import Isa


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What parts of a layer take, in multiplications of one vector.

    Attributes:
        scattered: A step of scattered weights, for a tile of positions.
        block: A step of a block, whatever its rows, for a tile.
        block_row: Each of its rows.
        row: To bring a tile's sums of one row to bytes.
        tile: What else is done for each tile.
        vector: To bring a position's sums of one vector of channels to bytes, in a dense layer.
    """

    scattered: float
    block: float
    block_row: float
    row: float
    tile: float
    vector: float

    def step(self, rows: int) -> float:
        """Return what a step takes of blocks of so many rows, or a SCATTERED one."""
        return self.scattered if rows == SCATTERED else self.block + self.block_row * rows


COSTS: Final[Mapping[int, Costs]] = {
    4: Costs(scattered=10, block=5, block_row=3.2, row=54, tile=160, vector=9),
    2: Costs(scattered=17, block=11, block_row=3.5, row=68, tile=390, vector=11),
}
"""By how many products an instruction adds to a lane."""

BYTE: Final = 0.04
"""To lay out a byte of the operand in planes."""

CALL: Final = 700
"""What is done once for a sparse layer, and not for a dense one."""

TILED_GAIN: Final = 2.5
"""How much faster an instruction multiplies that takes matrices. Assumed: of AMX, 2 to 4 times were
seen where sums were the result, 1.6 times of whole layers."""


def steps_of(matrix: IntArray, rows: int) -> int:
    """Return how many steps weights [out, columns] make; see `hwsim.kernels.stored`."""
    is_kept = matrix != 0
    if rows == SCATTERED:
        return int((-(-is_kept.sum(axis=1) // QUAD)).sum())
    quads = is_kept.reshape(len(matrix), -1, QUAD).any(axis=2)
    return int(np.logical_or.reduceat(quads, np.arange(0, len(matrix), rows), axis=0).sum())


def cheapest_steps(matrix: IntArray, isa: Isa, *, has_quads: bool) -> tuple[int, float]:
    """Return the rows of the blocks by which weights are multiplied fastest, and what they take.

    Args:
        matrix: [out, columns], not empty.
        isa: What multiplies.
        has_quads: Whether columns lie together in fours; if not, steps are SCATTERED.
    """
    blocks = heights(isa) if has_quads else ()
    costs = COSTS[isa.group]
    taken = {rows: costs.step(rows) * steps_of(matrix, rows) for rows in (SCATTERED, *blocks)}
    best = min(taken, key=taken.__getitem__)
    return best, taken[best]
