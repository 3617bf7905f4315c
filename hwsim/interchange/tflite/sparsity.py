"""Sparse tensors of TFLite: which elements are stored, and in what order.

A tensor is walked axis by axis, its blocks' axes last. A dense axis visits every position, a
compressed one those that its indices name, between two of its segments per visit of the axes before
it (the levels of Chou, Kjolstad and Amarasinghe, "Format Abstraction for Sparse Tensor Algebra
Compilers", 2018). What stands in the file are the elements visited, in that order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats import Block, Csr, Dense

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray, Shape
    from hwsim.formats import Format

# A file of a few bytes may claim any extent; what it means is still held dense.
_MOST_ELEMENTS = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """One axis on the walk.

    Attributes:
        size: Of a dense axis; 0 for a compressed one.
        segments: Where the indices of each visit begin; the last entry is where they end.
        indices: Positions along a compressed axis, rising within each segment.
    """

    size: int = 0
    segments: IntArray | None = None
    indices: IntArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sparsity:
    """Which elements of a tensor are stored.

    Attributes:
        order: Axes as they are walked; those beyond the tensor's rank are inside blocks.
        blocked: For each axis inside blocks, the tensor's axis that it divides.
        levels: One per axis of `order`.
    """

    order: tuple[int, ...]
    blocked: tuple[int, ...] = ()
    levels: tuple[Level, ...]

    def format(self, rank: int) -> Format:
        """Return how a matrix [out, in] lies in memory; dense where it is no such matrix.

        Args:
            rank: Of the tensor.
        """
        is_rows = rank == 2 and self.order == tuple(range(len(self.order)))
        if not is_rows or [bool(level.size) for level in self.levels[:2]] != [True, False]:
            return Dense()
        block = [1, 1]
        for axis, level in zip(self.blocked, self.levels[2:], strict=True):
            block[axis] = level.size
        if not self.blocked:
            return Csr()
        fits = self.blocked == tuple(sorted(self.blocked)) and max(block) <= 256
        return Block(block[0], block[1]) if fits else Dense()


def stored_count(sparsity: Sparsity, shape: Shape) -> int:
    """Return how many elements of a tensor of `shape` are stored.

    Raises:
        FormatError: The levels do not describe such a tensor.
    """
    sizes = _sizes(sparsity, shape)
    count = 1
    for axis, level in zip(sparsity.order, sparsity.levels, strict=True):
        if level.segments is None or level.indices is None:
            count *= level.size
            continue
        segments, indices = level.segments, level.indices
        if len(segments) != count + 1:
            raise FormatError(f"expected {count + 1} segments of axis {axis}, got {len(segments)}")
        if segments[0] != 0 or segments[-1] != len(indices) or (np.diff(segments) < 0).any():
            raise FormatError(f"segments of axis {axis} do not divide its {len(indices)} indices")
        visit = np.repeat(np.arange(count, dtype=np.int64), np.diff(segments))
        places = visit * sizes[axis] + indices
        is_outside = ((indices < 0) | (indices >= sizes[axis])).any()
        if is_outside or (np.diff(places) <= 0).any():
            raise FormatError(f"indices of axis {axis} do not rise from 0 to {sizes[axis] - 1}")
        count = len(indices)
    return count


def _sizes(sparsity: Sparsity, shape: Shape) -> list[int]:
    """Return the extent of each axis that is walked: blocks along the tensor's, then inside."""
    rank = len(shape)
    axes = rank + len(sparsity.blocked)
    if math.prod(shape) > _MOST_ELEMENTS:
        raise FormatError(f"expected at most {_MOST_ELEMENTS} elements, got shape {list(shape)}")
    if sorted(sparsity.order) != list(range(axes)) or len(sparsity.levels) != axes:
        raise FormatError(
            f"expected each of {axes} axes once, got order {list(sparsity.order)} and "
            f"{len(sparsity.levels)} levels"
        )
    known = dict(zip(sparsity.order, sparsity.levels, strict=True))
    sizes = [*shape, *(known[axis].size for axis in range(rank, axes))]
    if len(set(sparsity.blocked)) < len(sparsity.blocked):
        raise FormatError(f"axes are divided twice: {list(sparsity.blocked)}")
    for inner, axis in enumerate(sparsity.blocked, rank):
        if not 0 <= axis < rank or sizes[inner] < 1 or sizes[axis] % sizes[inner]:
            raise FormatError(f"blocks of {sizes[inner]} do not divide axis {axis} of {shape}")
        sizes[axis] //= sizes[inner]
    for axis, level in known.items():
        if level.segments is None and level.size != sizes[axis]:
            raise FormatError(f"expected {sizes[axis]} positions of axis {axis}, got {level.size}")
    return sizes


def unfolded(values: Array, sparsity: Sparsity, shape: Shape) -> Array:
    """Return the tensor of `shape` whose stored elements are `values`; all others are 0.

    Raises:
        FormatError: See `stored_count`, or there are not so many values.
    """
    count = stored_count(sparsity, shape)
    if len(values) != count:
        raise FormatError(f"expected {count} stored values, got {len(values)}")
    places: dict[int, IntArray] = {}
    visits = 1
    for axis, level in zip(sparsity.order, sparsity.levels, strict=True):
        if level.segments is None or level.indices is None:
            visit = np.repeat(np.arange(visits), level.size)
            along = np.tile(np.arange(level.size), visits)
        else:
            visit = np.repeat(np.arange(visits), np.diff(level.segments))
            along = level.indices
        places = {known: at[visit] for known, at in places.items()} | {axis: along}
        visits = len(along)
    sizes = dict(zip(sparsity.order, sparsity.levels, strict=True))
    for inner, axis in enumerate(sparsity.blocked, len(shape)):
        places[axis] = places[axis] * sizes[inner].size + places[inner]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(places[axis] for axis in range(len(shape)))] = values
    return dense


def folded(matrix: Array, columns: int) -> tuple[Array, Sparsity]:
    """Return the stored values of a matrix, block row by block row, and where they lie.

    Args:
        matrix: [out, in].
        columns: Of a block of one row; 1 for single elements. They divide the matrix's columns.
    """
    rows, width = matrix.shape
    tiles = matrix.reshape(rows, width // columns, columns)
    row, place = np.nonzero((tiles != 0).any(axis=2))
    segments = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=rows))))
    levels = (Level(size=rows), Level(segments=segments, indices=place))
    if columns == 1:
        return tiles[row, place].reshape(-1), Sparsity(order=(0, 1), levels=levels)
    inside = Level(size=columns)
    sparsity = Sparsity(order=(0, 1, 2), blocked=(1,), levels=(*levels, inside))
    return tiles[row, place].reshape(-1), sparsity
