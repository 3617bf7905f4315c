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
from hwsim.formats import Block, Csc, Csr, Dense

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
        """Return how the matrix [out, rest] of a tensor is stored; dense where none is like it.

        Args:
            rank: Of the tensor, whose first axis is `out`.
        """
        tensor_order = tuple(axis for axis in self.order if axis < rank)
        is_compressed = [level.size == 0 for level in self.levels[:rank]]
        if rank < 2 or is_compressed != [False] * (rank - 1) + [True]:
            return Dense()
        if tensor_order == (*range(1, rank), 0) and not self.blocked:
            return Csc()
        if self.order != tuple(range(len(self.order))):
            return Dense()
        if not self.blocked:
            return Csr()
        block = dict(zip(self.blocked, (level.size for level in self.levels[rank:]), strict=True))
        rows, columns = block.pop(0, 1), block.pop(rank - 1, 1)
        is_block = not block and self.blocked == tuple(sorted(self.blocked))
        return Block(rows, columns) if is_block and max(rows, columns) <= 256 else Dense()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How a tensor is to be stored: its last axis compressed, all before it dense.

    Attributes:
        order: The tensor's axes as they are walked.
        blocks: Axes that are divided, each with the extent of a block.
    """

    order: tuple[int, ...]
    blocks: tuple[tuple[int, int], ...] = ()


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


def folded(tensor: Array, walk: Walk) -> tuple[Array, Sparsity]:
    """Return the stored values of a tensor in the order of the walk, and where they lie.

    Args:
        tensor: Of two axes or more; blocks divide it.
        walk: All axes but its last are dense.
    """
    rank, blocks = tensor.ndim, dict(walk.blocks)
    inner = [blocks.get(axis, 1) for axis in range(rank)]
    split = [
        n for pair in zip(tensor.shape, inner, strict=True) for n in (pair[0] // pair[1], pair[1])
    ]
    axes = [2 * axis for axis in walk.order] + [2 * axis + 1 for axis in range(rank)]
    tiles = tensor.reshape(split).transpose(axes)
    places = np.nonzero((tiles != 0).any(axis=tuple(range(rank, 2 * rank))))
    lead = tiles.shape[: rank - 1]
    visit = np.ravel_multi_index(places[:-1], lead)
    segments = np.concatenate(([0], np.cumsum(np.bincount(visit, minlength=math.prod(lead)))))
    sparsity = Sparsity(
        order=(*walk.order, *range(rank, rank + len(blocks))),
        blocked=tuple(sorted(blocks)),
        levels=(
            *(Level(size=n) for n in lead),
            Level(segments=segments, indices=places[-1]),
            *(Level(size=blocks[axis]) for axis in sorted(blocks)),
        ),
    )
    return tiles[places].reshape(-1), sparsity


def walk_of(format_: Format, shape: Shape) -> Walk:
    """Return the walk that stores a tensor [out, ..., in] as `format_` does its matrix.

    Single elements along the last axis stand for what has no walk of its own, such as n:m.
    """
    rank = len(shape)
    if isinstance(format_, Csc):
        return Walk(order=(*range(1, rank), 0))
    order = tuple(range(rank))
    if isinstance(format_, Block):
        block = ((0, format_.rows), (rank - 1, format_.columns))
        if all(shape[axis] % extent == 0 for axis, extent in block):
            return Walk(order=order, blocks=tuple(pair for pair in block if pair[1] > 1))
    return Walk(order=order)
