"""Where the tensors and the scratch of a plan lie in its arena."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.memory import Buffer, peak_bytes, plan
from hwsim.plan.instruction import ALIGNMENT, SLACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hwsim.graph import Graph, Node
    from hwsim.plan.instruction import Instruction


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A node and what runs it: no instructions where its result is a view of its operand."""

    node: Node
    instructions: tuple[Instruction, ...]

    @property
    def scratch_bytes(self) -> int:
        """Room that its instructions share while they run."""
        return max((part.scratch_bytes for part in self.instructions), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Byte offsets in an arena.

    Attributes:
        tensors: Of every tensor that a part reads or makes; views share a place.
        scratch: Of every part, 0 where it needs none.
        size_bytes: Of the arena.
    """

    tensors: Mapping[str, int]
    scratch: tuple[int, ...]
    size_bytes: int


def place(
    graph: Graph, parts: tuple[Part, ...], entering: Iterable[str], constant: Iterable[str]
) -> Places:
    """Return places for a segment: buffers that are needed at one time never overlap.

    Args:
        graph: Whose tensors they are.
        parts: In the order in which they run.
        entering: Tensors that are there before the first part.
        constant: Tensors that stay for all samples.
    """
    roots = _roots(parts, (*entering, *constant))
    first = dict.fromkeys((*entering, *constant), -1)
    last = dict.fromkeys(entering, -1) | dict.fromkeys(constant, len(parts))
    for index, part in enumerate(parts):
        for tensor in part.node.outputs:
            first.setdefault(roots[tensor], index)
        for tensor in (*part.node.inputs, *part.node.outputs):
            root = roots[tensor]
            last[root] = max(last.get(root, index), index)
    buffers = [
        _buffer(f"tensor {tensor}", graph.tensors[tensor].elements, first[tensor], last[tensor])
        for tensor in first
    ]
    buffers += [
        _buffer(_scratch(index), part.scratch_bytes, index, index)
        for index, part in enumerate(parts)
        if part.scratch_bytes
    ]
    placements = plan(buffers)
    offsets = {placement.buffer.name: placement.offset_bytes for placement in placements}
    return Places(
        tensors={tensor: offsets[f"tensor {root}"] for tensor, root in roots.items()},
        scratch=tuple(offsets.get(_scratch(index), 0) for index in range(len(parts))),
        size_bytes=peak_bytes(placements),
    )


def _roots(parts: tuple[Part, ...], given: tuple[str, ...]) -> dict[str, str]:
    """Return, for every tensor, the one whose bytes it shows: itself unless it is a view."""
    roots = {tensor: tensor for tensor in given}
    for part in parts:
        for tensor in part.node.outputs:
            roots[tensor] = tensor if part.instructions else roots[part.node.inputs[0]]
    return roots


def _scratch(index: int) -> str:
    return f"scratch {index}"


def _buffer(name: str, size_bytes: int, first: int, last: int) -> Buffer:
    whole = -(-(size_bytes + SLACK) // ALIGNMENT) * ALIGNMENT
    return Buffer(name=name, size_bytes=whole, first=first, last=last)
