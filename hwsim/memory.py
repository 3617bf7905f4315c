"""Plan the arena: which tensors live when, and at which offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ALIGNMENT_BYTES = 16
"""Buffers start at multiples of this, as in TFLite's arena (kDefaultTensorAlignment is 64 there,
16 in TFLite Micro)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """Room that is needed from step `first` to step `last`, both included.

    Attributes:
        name: Of the tensor, or of the node whose scratch it is.
        size_bytes: > 0.
        first: Index of the step that writes it; -1 for inputs of the graph.
        last: Index of the last step that reads it.
    """

    name: str
    size_bytes: int
    first: int
    last: int

    def meets(self, other: Buffer) -> bool:
        """Return whether both are alive in some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A buffer at its place in the arena."""

    buffer: Buffer
    offset_bytes: int

    @property
    def end_bytes(self) -> int:
        """First byte behind it."""
        return self.offset_bytes + self.buffer.size_bytes


def plan(buffers: Iterable[Buffer]) -> tuple[Placement, ...]:
    """Place every buffer: the largest first, each into the smallest gap that takes it.

    Greedy by size, best fit (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
    Inference", arXiv 2001.03288, algorithm 3). Buffers alive in one step never overlap.
    """
    placed: list[Placement] = []
    for buffer in sorted(buffers, key=lambda b: (-b.size_bytes, b.first, b.name)):
        neighbours = sorted(
            (other for other in placed if other.buffer.meets(buffer)),
            key=lambda other: other.offset_bytes,
        )
        offset = _best_offset(buffer.size_bytes, neighbours)
        placed.append(Placement(buffer=buffer, offset_bytes=offset))
    return tuple(placed)


def peak_bytes(placements: Iterable[Placement]) -> int:
    """Return the arena's size."""
    return max((placement.end_bytes for placement in placements), default=0)


def _best_offset(size_bytes: int, neighbours: list[Placement]) -> int:
    """Return the start of the smallest gap between `neighbours` (sorted) that takes the size."""
    end = 0
    best: tuple[int, int] | None = None
    for other in neighbours:
        gap = other.offset_bytes - end
        if gap >= size_bytes and (best is None or gap < best[0]):
            best = (gap, end)
        end = max(end, _aligned(other.end_bytes))
    return end if best is None else best[1]


def _aligned(offset_bytes: int) -> int:
    return -(-offset_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
