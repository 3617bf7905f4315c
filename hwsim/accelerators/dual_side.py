"""Dual-side sparse tensor core: outer products of condensed columns and rows.

Wang, Zhang, Xie, Guo, Liu, Leng: "Dual-side Sparse Tensor Core", ISCA 2021: a warp makes a 32 x 32
block of the output as a sum over k of outer products; bitmaps condense the column of one operand
and the row of the other, so that instructions of 8 x 16 products are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.accelerators._walk import Mask, Walk, check_product, tiles_of
from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DualSide:
    """Units that issue one 8 x 16 outer product per cycle; as it stands, one.

    The row of activations is condensed to whole vectors of `activation_lanes`. For each of them
    the column of weights streams through `weight_lanes`, one set-up of `set_up_rows` ahead of it:
    ceil(a / 16) x (w + 8) eighths of a cycle for w non-zero weights and a activations, nothing
    where either is 0. That the column is not rounded up to 8 as well, and the set-up, were read
    off the published curve (see docs/accelerators.md); both sides rounded up miss it by up to 10 %.

    Attributes:
        units: Of 128 multipliers; blocks of the output are dealt out among them.
        block: Rows and columns of the output that a warp makes.
        weight_lanes: Weights of one instruction.
        activation_lanes: Activations of one instruction.
        set_up_rows: Time of a set, in weights: 8, one instruction; the least squares give 7.5.
    """

    name: ClassVar[str] = "dual_side"
    reads_image: ClassVar[bool] = False

    units: int = 1
    block: int = 32
    weight_lanes: int = 8
    activation_lanes: int = 16
    set_up_rows: int = 8

    @property
    def multipliers(self) -> int:
        """See `Accelerator.multipliers`."""
        return self.units * self.weight_lanes * self.activation_lanes

    @property
    def channel_lanes(self) -> int:
        """See `Accelerator.channel_lanes`."""
        return 1

    def walk(self, weights: Mask, activations: Mask) -> Walk:
        """See `Accelerator.walk`."""
        check_product(self.name, weights, activations)
        held = self._held(weights)
        vectors = -(-self._held(activations) // self.activation_lanes)
        streamed = np.where(held > 0, held + self.set_up_rows, 0)
        eighths = np.zeros((len(held), len(vectors)), np.int64)
        _blocks(streamed, vectors, eighths)
        cycles = -(-eighths.reshape(-1) // self.weight_lanes)
        dealt = np.zeros(tiles_of(len(cycles), self.units) * self.units, np.int64)
        dealt[: len(cycles)] = cycles
        per_unit = self.weight_lanes * self.activation_lanes
        executed = int(held.sum(axis=0) @ self._held(activations).sum(axis=0))
        return Walk(
            cycles=int(dealt.reshape(-1, self.units).sum(axis=0).max(initial=0)),
            multipliers=self.multipliers,
            macs_executed=executed,
            filler=int(cycles.sum()) * per_unit - executed,
        )

    def _held(self, mask: Mask) -> IntArray:
        """Return [blocks, k] non-zeros of each step in each block of rows."""
        if len(mask) == 0:
            return np.zeros((0, mask.shape[1]), np.int64)
        starts = np.arange(0, len(mask), self.block)
        return np.add.reduceat(mask, starts, axis=0, dtype=np.int64)

    def cycles_from_density(self, shape: tuple[int, int, int], weight: float, other: float) -> int:
        """Return the expected cycles if non-zeros lie independently.

        Args:
            shape: Output channels, positions and depth.
            weight: Share of weights that are not zero, 0..1.
            other: The same for activations.
        """
        rows, columns, depth = shape
        blocks = tiles_of(rows, self.block) * tiles_of(columns, self.block)
        held, vectors = 0.0, 0.0
        for n in range(1, self.block + 1):
            held += _binomial(n, self.block, weight) * (n + self.set_up_rows)
            vectors += _binomial(n, self.block, other) * tiles_of(n, self.activation_lanes)
        return round(tiles_of(blocks, self.units) * depth * held * vectors / self.weight_lanes)


def _binomial(n: int, of: int, density: float) -> float:
    """Return the probability that `n` of some values are not zero."""
    return comb(of, n) * density**n * (1.0 - density) ** (of - n)


@kernel
def _blocks(streamed: IntArray, vectors: IntArray, out: IntArray) -> None:
    """Set out[i, j] to the sum over k of streamed[i, k] * vectors[j, k].

    Args:
        streamed: [row blocks, k] int64.
        vectors: [column blocks, k] int64.
        out: [row blocks, column blocks] int64, overwritten.
    """
    for i in range(streamed.shape[0]):
        for j in range(vectors.shape[0]):
            total = np.int64(0)
            for k in range(streamed.shape[1]):
                total += streamed[i, k] * vectors[j, k]
            out[i, j] = total
