"""Places in the arena: what lives at one time never overlaps, views share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hwsim.graph import Graph, Node
from hwsim.ops import Add, Reshape
from hwsim.plan.instruction import ALIGNMENT, SLACK, Instruction
from hwsim.plan.place import Part, place
from hwsim.tensor import TensorType


def graph_of(reads: list[tuple[int, int]], sizes: list[int]) -> tuple[Graph, tuple[Part, ...]]:
    """Return nodes that each read two earlier tensors; where both are one, a view of it."""
    tensors = {"t0": TensorType(shape=(1, sizes[0]))}
    parts: list[Part] = []
    for index, (a, b) in enumerate(reads):
        is_view = a == b
        shape = tensors[f"t{a}"].shape if is_view else (1, sizes[index + 1])
        tensors[f"t{index + 1}"] = TensorType(shape=shape)
        op = Reshape(shape=shape) if is_view else Add()
        inputs = (f"t{a}",) if is_view else (f"t{a}", f"t{b}")
        node = Node(name=f"n{index}", op=op, inputs=inputs, outputs=(f"t{index + 1}",))
        empty = np.zeros(0, np.uint8)
        instruction = Instruction(opcode=1, numbers=(), constants=empty, scratch_bytes=index * 33)
        parts.append(Part(node=node, instructions=() if is_view else (instruction,)))
    graph = Graph(
        name="net",
        inputs=("t0",),
        outputs=(f"t{len(reads)}",),
        tensors=tensors,
        nodes=tuple(part.node for part in parts),
    )
    return graph, tuple(parts)


@given(data=st.data(), count=st.integers(1, 9))
def test_what_lives_at_one_time_never_overlaps(data: st.DataObject, count: int) -> None:
    reads = [(data.draw(st.integers(0, i)), data.draw(st.integers(0, i))) for i in range(count)]
    sizes = data.draw(st.lists(st.integers(1, 500), min_size=count + 1, max_size=count + 1))
    graph, parts = graph_of(reads, sizes)
    places = place(graph, parts, ("t0",), ())
    owner: dict[str, str] = {"t0": "t0"}
    for part in parts:
        (y,) = part.node.outputs
        owner[y] = y if part.instructions else owner[part.node.inputs[0]]
        assert places.tensors[y] % ALIGNMENT == 0
    # Walk the steps: bytes that a step writes hold nothing that is read at that step or later.
    for index, part in enumerate(parts):
        (y,) = part.node.outputs
        alive = {t for later in parts[index:] for t in later.node.inputs} & set(owner)
        alive = {t for t in alive if int(t[1:]) <= index}
        spans = {owner[t]: _span(places.tensors[t], graph.tensors[t].elements) for t in alive}
        spans[owner[y]] = _span(places.tensors[y], graph.tensors[y].elements)
        if part.scratch_bytes:
            spans["scratch"] = _span(places.scratch[index], part.scratch_bytes)
        ordered = sorted(spans.values())
        assert all(end <= start for (_, end), (start, _) in pairwise(ordered))
        assert ordered[-1][1] <= places.size_bytes


def _span(offset: int, size: int) -> tuple[int, int]:
    return offset, offset + size + SLACK


def test_views_lie_where_their_operand_lies() -> None:
    graph, parts = graph_of([(0, 0), (1, 0), (2, 2)], [8, 8, 8, 8])
    places = place(graph, parts, ("t0",), ())
    assert places.tensors["t1"] == places.tensors["t0"]
    assert places.tensors["t3"] == places.tensors["t2"] != places.tensors["t0"]
