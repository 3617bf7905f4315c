"""Plan a graph: runs of nodes with instructions become segments, the others run by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import IS_COMPILED
from hwsim.op import Site
from hwsim.ops import Constant
from hwsim.ops._signs import require_signs
from hwsim.plan.instruction import (
    COLUMNS,
    CONSTANTS,
    FIRST_NUMBER,
    OPCODE,
    SCRATCH,
    X2,
    X,
    Y,
)
from hwsim.plan.opcodes import ENTER, LEAVE
from hwsim.plan.place import Part, place
from hwsim.plan.segment import Segment
from hwsim.plan.select import MOST_BITS, instructions_of
from hwsim.plan.walk import resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.graph import Graph, Node
    from hwsim.numerics import Numerics
    from hwsim.op import Kernel
    from hwsim.plan.place import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A function from some tensors to others: of one node, or of a whole segment.

    Attributes:
        inputs: Tensors that it takes, by name.
        outputs: Tensors that it makes.
        run: Stacked values to stacked values.
        node: The one node, where it is one.
        segment: The segment, where it is one.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Kernel
    node: Node | None = None
    segment: Segment | None = None


def plan_graph(graph: Graph, numerics: Numerics, wanted: tuple[str, ...]) -> tuple[Step, ...]:
    """Return what to run, in order.

    Args:
        graph: The model.
        numerics: Whose integers.
        wanted: Tensors that somebody wants to see in the end.

    Raises:
        UnsupportedError: An op has no integer form for its types.
    """
    presets = {n.outputs[0]: n for n in graph.nodes if IS_COMPILED and _is_preset(graph, n)}
    parts = [_part(graph, node, numerics) for node in graph.nodes]
    groups: list[tuple[Part | Node, ...]] = []
    pending = [entry for entry in parts if _node(entry).outputs[0] not in presets]
    for is_planned, run in groupby(pending, lambda entry: isinstance(entry, Part)):
        found = tuple(run)
        is_worth_it = any(isinstance(entry, Part) and entry.instructions for entry in found)
        is_worth_it = is_worth_it and _is_entered(found, presets)
        groups += [found] if is_planned and is_worth_it else [(_node(entry),) for entry in found]
    return _steps(graph, numerics, groups, presets, wanted)


def site_of(graph: Graph, node: Node, numerics: Numerics) -> Site:
    """Return where `node` stands."""
    return Site(
        name=f"{graph.name}/{node.name}",
        inputs=graph.input_types(node),
        outputs=graph.output_types(node),
        numerics=numerics,
    )


def _part(graph: Graph, node: Node, numerics: Numerics) -> Part | Node:
    """Return `node` with its instructions, or by itself where it has none."""
    site = site_of(graph, node, numerics)
    require_signs(node.op, site)
    if not IS_COMPILED:
        return node
    instructions = instructions_of(node.op, site)
    return node if instructions is None else Part(node=node, instructions=instructions)


def _node(entry: Part | Node) -> Node:
    return entry.node if isinstance(entry, Part) else entry


def _is_entered(entries: tuple[Part | Node, ...], presets: Mapping[str, Node]) -> bool:
    """Return whether codes of a sample enter; what reads constants alone has one result for all."""
    nodes = [_node(entry) for entry in entries]
    made = {tensor for node in nodes for tensor in node.outputs}
    return any(t not in made and t not in presets for node in nodes for t in node.inputs)


def _is_preset(graph: Graph, node: Node) -> bool:
    """Return whether `node` is a constant that an arena can hold from the start."""
    quant = graph.tensors[node.outputs[0]].quant
    if quant is None or not isinstance(node.op, Constant):
        return False
    return quant.bits <= MOST_BITS and node.op.value.quant == quant


def _steps(
    graph: Graph,
    numerics: Numerics,
    groups: list[tuple[Part | Node, ...]],
    presets: Mapping[str, Node],
    wanted: tuple[str, ...],
) -> tuple[Step, ...]:
    """Return a step per group, behind the constants that somebody outside the segments reads."""
    alone = [entry for group in groups for entry in group if not isinstance(entry, Part)]
    seen = {*wanted, *(tensor for node in alone for tensor in node.inputs)}
    steps = [_alone(graph, node, numerics) for tensor, node in presets.items() if tensor in seen]
    for index, group in enumerate(groups):
        later = {t for g in groups[index + 1 :] for e in g for t in _node(e).inputs}
        parts = tuple(entry for entry in group if isinstance(entry, Part))
        if parts:
            segment = compile_segment(graph, parts, presets, {*wanted, *later})
            inputs, outputs, run = segment.inputs, segment.outputs, segment.bind()
            steps.append(Step(inputs=inputs, outputs=outputs, run=run, segment=segment))
        else:
            steps += [_alone(graph, _node(entry), numerics) for entry in group]
    return tuple(steps)


def _alone(graph: Graph, node: Node, numerics: Numerics) -> Step:
    """Return the step of a node that runs by itself: in reals, or as its op computes integers."""
    types = (*graph.input_types(node), *graph.output_types(node))
    is_real = all(type_.quant is None for type_ in types)
    weight = node.op.weight
    is_real = is_real and (weight is None or weight.quant is None or weight.is_decoded)
    run = node.op.reference if is_real else node.op.prepare(site_of(graph, node, numerics))
    return Step(inputs=node.inputs, outputs=node.outputs, run=run, node=node)


def compile_segment(
    graph: Graph, parts: tuple[Part, ...], presets: Mapping[str, Node], read_later: set[str]
) -> Segment:
    """Return `parts` as one table.

    Args:
        graph: Whose tensors they are.
        parts: In an order in which they can run.
        presets: The constants' nodes, by the tensors that they make.
        read_later: Tensors that somebody outside reads; those made here leave.
    """
    made = dict.fromkeys(tensor for part in parts for tensor in part.node.outputs)
    read = dict.fromkeys(tensor for part in parts for tensor in part.node.inputs)
    constant = tuple(tensor for tensor in read if tensor in presets)
    entering = tuple(tensor for tensor in read if tensor not in made and tensor not in presets)
    leaving = tuple(tensor for tensor in made if tensor in read_later)
    places = place(graph, parts, entering, constant)
    blob, starts = _constants(parts)
    enter, leave = _crossings(graph, entering, ENTER), _crossings(graph, leaving, LEAVE)
    rows = [_placed(enter[tensor], Y, places.tensors[tensor]) for tensor in entering]
    for index, part in enumerate(parts):
        rows += _rows(part, places, places.scratch[index], starts[index])
        left = [tensor for tensor in part.node.outputs if tensor in leave]
        rows += [_placed(leave[tensor], X, places.tensors[tensor]) for tensor in left]
    arena = np.zeros(places.size_bytes, np.uint8)
    for tensor in constant:
        codes = _preset_bytes(graph, presets[tensor])
        arena[places.tensors[tensor] :][: codes.size] = codes
    return Segment(
        inputs=entering,
        outputs=leaving,
        types=tuple(graph.tensors[tensor] for tensor in leaving),
        table=np.array(rows, np.int64),
        constants=blob,
        arena=arena,
    )


def _constants(parts: tuple[Part, ...]) -> tuple[Array, list[list[int]]]:
    """Return all constants in one row, and where those of each instruction start."""
    blobs = [part.constants for entry in parts for part in entry.instructions]
    starts: list[list[int]] = []
    at = 0
    for entry in parts:
        starts.append([])
        for part in entry.instructions:
            starts[-1].append(at)
            at += part.constants.size
    return np.concatenate([np.zeros(0, np.uint8), *blobs]), starts


def _rows(part: Part, places: Places, scratch: int, starts: list[int]) -> list[list[int]]:
    """Return one row per instruction of `part`."""
    rows: list[list[int]] = []
    for instruction, start in zip(part.instructions, starts, strict=True):
        row = [0] * COLUMNS
        row[OPCODE] = resolved(instruction.opcode)
        row[SCRATCH], row[CONSTANTS] = scratch, start
        row[Y] = places.tensors[part.node.outputs[0]]
        for column, operand in zip((X, X2), instruction.operands, strict=False):
            row[column] = places.tensors[part.node.inputs[operand]]
        row[FIRST_NUMBER : FIRST_NUMBER + len(instruction.numbers)] = instruction.numbers
        rows.append(row)
    return rows


def _crossings(graph: Graph, tensors: tuple[str, ...], opcode: int) -> dict[str, list[int]]:
    """Return, per tensor, the row that copies it into the arena or out of it.

    Outside, codes are bytes of two's complement; inside, they count from the lowest code.
    """
    rows: dict[str, list[int]] = {}
    before = 0
    for tensor in tensors:
        type_ = graph.tensors[tensor]
        low = 0 if type_.quant is None else type_.quant.low
        row = [0] * COLUMNS
        row[OPCODE] = opcode
        shift = (-low if opcode == ENTER else low) % 256
        row[FIRST_NUMBER : FIRST_NUMBER + 3] = [type_.elements, shift, before]
        rows[tensor] = row
        before += type_.elements
    return rows


def _placed(row: list[int], column: int, offset: int) -> list[int]:
    return [offset if index == column else value for index, value in enumerate(row)]


def _preset_bytes(graph: Graph, node: Node) -> Array:
    """Return the codes of a constant as bytes that count from the lowest."""
    quant = graph.tensors[node.outputs[0]].quant
    assert quant is not None
    assert isinstance(node.op, Constant)
    return (node.op.value.codes.astype(np.int64).reshape(-1) - quant.low).astype(np.uint8)
