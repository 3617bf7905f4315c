"""Which weights of a layer go together: the parts that a structure cuts its matrix into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.formats import Block
from hwsim.ops import Linear

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.channels.layers import Layer

Parting: TypeAlias = Literal["unstructured", "row", "column", "kernel"]
PARTINGS: tuple[Parting, ...] = ("unstructured", "row", "column", "kernel")

_LARGEST_BLOCK = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """The weights of one layer, in groups that stand or fall together.

    Attributes:
        of: Number of the group of each weight, of the weight's shape; None: each is its own.
        count: How many groups there are; none is empty.
    """

    of: IntArray | None
    count: int

    def totals(self, scores: FloatArray) -> FloatArray:
        """Return the sum [count] of each group's scores, given those of the weights."""
        if self.of is None:
            return scores.reshape(-1)
        numbers = self.of.reshape(-1)
        return np.bincount(numbers, scores.reshape(-1), self.count).astype(np.float64, copy=False)

    def firsts(self, scores: FloatArray) -> FloatArray:
        """Return the score [count] of each group's first weight."""
        if self.of is None:
            return scores.reshape(-1)
        return scores.reshape(-1)[np.unique(self.of, return_index=True)[1]]

    def spread(self, keep: Array) -> Array:
        """Return what `keep` [count] says of each weight's group, flat."""
        return keep if self.of is None else keep[self.of.reshape(-1)]


def groups_of(op: Layer, structure: Parting | Block) -> Groups | None:
    """Return how `structure` cuts the weights of `op`; None where it does not.

    Rows and columns are those of the matrix [out, kernel height x width x inputs per group] (Wen
    et al., arXiv 1608.03665, section 3.2: columns are shapes of filters); a kernel is one
    channel's slice of a filter, which only convolutions have.
    """
    shape = op.weight.shape
    rows, columns = op.weight.matrix.shape
    if structure == "unstructured":
        return Groups(of=None, count=rows * columns)
    if structure == "kernel" and isinstance(op, Linear):
        return None
    row: IntArray = np.arange(rows, dtype=np.int64)[:, None]
    column: IntArray = np.arange(columns, dtype=np.int64)
    if isinstance(structure, Block):
        wide = -(-columns // structure.columns)
        of = row // structure.rows * wide + column // structure.columns
        count = -(-rows // structure.rows) * wide
    elif structure == "row":
        of, count = np.broadcast_to(row, (rows, columns)), rows
    elif structure == "column":
        of, count = np.broadcast_to(column, (rows, columns)), columns
    else:
        of, count = row * shape[3] + column % shape[3], rows * shape[3]
    return Groups(of=of.reshape(shape), count=count)


def block_of(structure: str) -> Block | None:
    """Return the storage format of a structure such as `block4x4`, or None."""
    match = re.fullmatch(r"block([1-9]\d*)x([1-9]\d*)", structure, re.ASCII)
    if match is None:
        return None
    rows, columns = int(match[1]), int(match[2])
    return Block(rows, columns) if 1 < max(rows, columns) <= _LARGEST_BLOCK else None


def structure_of(name: str) -> Parting | Block:
    """Return the structure called `name`.

    Raises:
        ValueError: It names none.
    """
    for parting in PARTINGS:
        if parting == name:
            return parting
    block = block_of(name)
    if block is None:
        raise ValueError(f"expected {', '.join(PARTINGS)} or blockRxC, got {name!r}")
    return block
