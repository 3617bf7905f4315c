"""Plan the arena: which tensors live when, and at which offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALIGNMENT_BYTES = 16
"""Buffers start at multiples of this, as in TFLite's arena (kDefaultTensorAlignment is 64 there,
16 in TFLite Micro)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """Room that is needed from moment `first` to moment `last`, both included.

    Attributes:
        name: Of the tensor, or of the node whose scratch it is.
        size_bytes: > 0.
        first: When it is first written, counted in steps or finer; -1 for inputs of the graph.
        last: When it is last read.
    """

    name: str
    size_bytes: int
    first: int
    last: int

    def meets(self, other: Buffer) -> bool:
        """Return whether both are alive in some moment."""
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
    """Place every buffer so that those alive at one time never overlap.

    The best of four greedy plans: buffers taken by size, or moment by moment with the fullest one
    first (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", arXiv
    2001.03288, algorithms 3 and 2), each into the smallest gap that takes it, or into the first.
    None is tried once the arena is as small as its fullest moment, which no plan can undercut.
    """
    given = list(buffers)
    least, best = busiest_bytes(given), _placed(_by_size(given), _smallest_gap)
    for order, fit in (
        (_by_rounded_size, _first_gap),
        (_by_breadth, _smallest_gap),
        (_by_breadth, _first_gap),
    ):
        if peak_bytes(best) <= least:
            break
        best = min(best, _placed(order(given), fit), key=peak_bytes)
    return best


def peak_bytes(placements: Iterable[Placement]) -> int:
    """Return the arena's size."""
    return max((placement.end_bytes for placement in placements), default=0)


def busiest_bytes(buffers: Iterable[Buffer]) -> int:
    """Return the sum of what is alive in the fullest moment; no arena can be smaller."""
    return max(
        (sum(buffer.size_bytes for buffer in alive) for alive in _moments(buffers)), default=0
    )


def _moments(buffers: Iterable[Buffer]) -> list[list[Buffer]]:
    """Return what is alive whenever a buffer starts: every set of neighbours is in one of them."""
    given = list(buffers)
    starts = sorted({buffer.first for buffer in given})
    return [[b for b in given if b.first <= start <= b.last] for start in starts]


def _rank(buffer: Buffer) -> tuple[int, int, str]:
    return -buffer.size_bytes, buffer.first, buffer.name


def _by_size(buffers: list[Buffer]) -> list[Buffer]:
    return sorted(buffers, key=_rank)


def _by_rounded_size(buffers: list[Buffer]) -> list[Buffer]:
    """Return the order of TFLM's GreedyMemoryPlanner, which takes first gaps: no plan is worse."""
    return sorted(buffers, key=lambda buffer: -_aligned(buffer.size_bytes))


def _by_breadth(buffers: list[Buffer]) -> list[Buffer]:
    fullest = sorted(_moments(buffers), key=lambda alive: -sum(b.size_bytes for b in alive))
    return list(dict.fromkeys(buffer for alive in fullest for buffer in sorted(alive, key=_rank)))


def _placed(
    order: list[Buffer], fit: Callable[[int, list[Placement]], int]
) -> tuple[Placement, ...]:
    placed: list[Placement] = []
    for buffer in order:
        neighbours = sorted(
            (other for other in placed if other.buffer.meets(buffer)),
            key=lambda other: other.offset_bytes,
        )
        offset = fit(buffer.size_bytes, neighbours)
        placed.append(Placement(buffer=buffer, offset_bytes=offset))
    return tuple(placed)


def _smallest_gap(size_bytes: int, neighbours: list[Placement]) -> int:
    """Return the start of the smallest gap between `neighbours` (sorted) that takes the size."""
    *gaps, behind = _gaps(neighbours)
    fitting = [(end - start, start) for start, end in gaps if end - start >= size_bytes]
    return min(fitting)[1] if fitting else behind[0]


def _first_gap(size_bytes: int, neighbours: list[Placement]) -> int:
    """Return the start of the first gap between `neighbours` (sorted) that takes the size."""
    *gaps, behind = _gaps(neighbours)
    return next((start for start, end in gaps if end - start >= size_bytes), behind[0])


def _gaps(neighbours: list[Placement]) -> list[tuple[int, int]]:
    """Return start and end of the room before each neighbour, and behind them all at last."""
    gaps: list[tuple[int, int]] = []
    end = 0
    for other in neighbours:
        gaps.append((end, other.offset_bytes))
        end = max(end, _aligned(other.end_bytes))
    return [*gaps, (end, end)]


def _aligned(offset_bytes: int) -> int:
    return -(-offset_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
