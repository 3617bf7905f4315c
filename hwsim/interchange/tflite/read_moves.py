"""The operators of TensorFlow Lite that are several ops here: cuts, stacks, blocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import tflite

from hwsim.errors import InterchangeError
from hwsim.graph import Node
from hwsim.ops import Concat, Gather, MatMul, Reshape, Slice, Transpose
from hwsim.tensor import TensorType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.interchange.tflite.read_call import Call
    from hwsim.op import Op


@dataclass(frozen=True, slots=True)
class Chain:
    """Nodes of one operator, collected.

    Attributes:
        call: The operator.
        nodes: So far, in order.
    """

    call: Call
    nodes: list[Node] = field(default_factory=list[Node])

    def then(self, op: Op, operands: tuple[str, ...], label: str) -> str:
        """Add `op`, and return the new tensor that it makes: of the first operand's encoding."""
        types = self.call.tensors.types
        (shape,) = op.infer(*(types[tensor].shape for tensor in operands))
        made = f"{self.call.tensors.name(self.call.outputs[0])}/{label}"
        types[made] = TensorType(shape=shape, quant=types[operands[0]].quant)
        self.nodes.append(Node(name=made, op=op, inputs=operands, outputs=(made,)))
        return made

    def finally_(self, op: Op, operands: tuple[str, ...], index: int = 0) -> None:
        """Add `op`, which makes the operator's result number `index`."""
        output = self.call.outputs[index]
        result = self.call.tensors.name(output)
        name = self.call.tensors.node_name(output)
        self.nodes.append(Node(name=name, op=op, inputs=operands, outputs=(result,)))

    def cut(self, source: str, op: Slice, index: int = 0) -> None:
        """Add a slice, and a reshape where the result has other axes than it."""
        made = self.call.shape(self.call.outputs[index])
        (shape,) = op.infer(self.call.tensors.types[source].shape)
        if shape == made:
            self.finally_(op, (source,), index)
        else:
            self.finally_(Reshape(shape=made), (self.then(op, (source,), f"cut{index}"),), index)


def _integers(call: Call, position: int) -> list[int]:
    return [int(value) for value in call.tensors.constant(call.inputs[position]).reshape(-1)]


def _part(shape: Sequence[int], axis: int, start: int, stop: int) -> Slice:
    """Return the slice of positions start..stop of one axis."""
    return Slice(
        start=tuple(start if i == axis else 0 for i in range(len(shape))),
        stop=tuple(stop if i == axis else extent for i, extent in enumerate(shape)),
        step=(1,) * len(shape),
    )


def _slice(call: Call, operands: tuple[str, ...]) -> list[Node]:
    start, size = _integers(call, 1), _integers(call, 2)
    shape = call.shape(call.inputs[0])
    stop = [
        extent if count < 0 else low + count
        for low, count, extent in zip(start, size, shape, strict=True)
    ]
    chain = Chain(call)
    op = Slice(start=tuple(start), stop=tuple(stop), step=(1,) * len(shape))
    chain.cut(operands[0], op)
    return chain.nodes


def _strided_slice(call: Call, operands: tuple[str, ...]) -> list[Node]:
    """Read a slice by masks: bit i of a mask speaks of entry i of the bounds."""
    options = call.read(tflite.StridedSliceOptions)
    starts, stops, steps = (_integers(call, i) for i in (1, 2, 3))
    shape = call.shape(call.inputs[0])
    bounds: list[tuple[int, int, int]] = []
    named = len(starts) - options.NewAxisMask().bit_count() - options.EllipsisMask().bit_count()
    for i, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        bit = 1 << i
        if options.EllipsisMask() & bit:
            left = len(shape) - named
            bounds += [(0, extent, 1) for extent in shape[len(bounds) : len(bounds) + left]]
        elif not options.NewAxisMask() & bit:
            extent = shape[len(bounds)]
            if options.ShrinkAxisMask() & bit:
                low = start % extent
                bounds.append((low, low + 1, 1))
                continue
            if step < 1:
                raise InterchangeError(f"{call.where}: steps backwards are not supported")
            given = slice(
                None if options.BeginMask() & bit else start,
                None if options.EndMask() & bit else stop,
                step,
            )
            bounds.append(given.indices(extent))
    bounds += [(0, extent, 1) for extent in shape[len(bounds) :]]
    low, high, by = zip(*bounds, strict=True)
    chain = Chain(call)
    chain.cut(operands[0], Slice(start=low, stop=high, step=by))
    return chain.nodes


def _cuts(call: Call, source: str, axis: int, extents: Sequence[int]) -> list[Node]:
    """Cut `source` along `axis` into the operator's results, in order."""
    chain, start = Chain(call), 0
    shape = call.tensors.types[source].shape
    for index, extent in enumerate(extents):
        chain.cut(source, _part(shape, axis, start, start + extent), index)
        start += extent
    return chain.nodes


def _split(call: Call, operands: tuple[str, ...]) -> list[Node]:
    shape = call.shape(call.inputs[1])
    axis = _integers(call, 0)[0] % len(shape)
    count = len(call.outputs)
    return _cuts(call, operands[0], axis, [shape[axis] // count] * count)


def _split_v(call: Call, operands: tuple[str, ...]) -> list[Node]:
    axis = _integers(call, 2)[0] % len(call.shape(call.inputs[0]))
    return _cuts(call, operands[0], axis, [call.shape(i)[axis] for i in call.outputs])


def _unpack(call: Call, operands: tuple[str, ...]) -> list[Node]:
    axis = call.read(tflite.UnpackOptions).Axis() % len(call.shape(call.inputs[0]))
    return _cuts(call, operands[0], axis, [1] * len(call.outputs))


def _pack(call: Call, operands: tuple[str, ...]) -> list[Node]:
    made = call.shape(call.outputs[0])
    axis = call.read(tflite.PackOptions).Axis() % len(made)
    row = Reshape(shape=(*made[:axis], 1, *made[axis + 1 :]))
    chain = Chain(call)
    rows = tuple(
        chain.then(row, (operand,), f"row{index}") for index, operand in enumerate(operands)
    )
    if len(rows) > 1:
        chain.finally_(Concat(axis=axis), rows)
        return chain.nodes
    result = call.tensors.name(call.outputs[0])
    return [replace(chain.nodes[0], name=result, outputs=(result,))]


def _gather(call: Call, operands: tuple[str, ...]) -> list[Node]:
    options = call.read(tflite.GatherOptions)
    if options.BatchDims():
        raise InterchangeError(f"{call.where}: batch_dims {options.BatchDims()} is not supported")
    shape, made = call.shape(call.inputs[0]), call.shape(call.outputs[0])
    axis = options.Axis() % len(shape)
    op = Gather(axis=axis, indices=tuple(_integers(call, 1)))
    chain = Chain(call)
    if op.infer(shape) == (made,):
        chain.finally_(op, operands)
    else:
        chain.finally_(Reshape(shape=made), (chain.then(op, operands, "rows"),))
    return chain.nodes


def _blocks(call: Call, operands: tuple[str, ...], block: int, *, to_space: bool) -> list[Node]:
    """Move blocks of pixels into channels or back: rows and columns of a block change places."""
    batch, height, width, channels = call.shape(call.inputs[0])
    if to_space:
        apart = (batch, height, width, block, block, channels // block**2)
    else:
        apart = (batch, height // block, block, width // block, block, channels)
    chain = Chain(call)
    parts = chain.then(Reshape(shape=apart), operands, "blocks")
    moved = chain.then(Transpose(axes=(0, 1, 3, 2, 4, 5)), (parts,), "moved")
    chain.finally_(Reshape(shape=call.shape(call.outputs[0])), (moved,))
    return chain.nodes


def _depth_to_space(call: Call, operands: tuple[str, ...]) -> list[Node]:
    block = call.read(tflite.DepthToSpaceOptions).BlockSize()
    return _blocks(call, operands, block, to_space=True)


def _space_to_depth(call: Call, operands: tuple[str, ...]) -> list[Node]:
    block = call.read(tflite.SpaceToDepthOptions).BlockSize()
    return _blocks(call, operands, block, to_space=False)


def _batch_matmul(call: Call, operands: tuple[str, ...]) -> list[Node]:
    options = call.read(tflite.BatchMatMulOptions)
    a, b = operands
    chain = Chain(call)
    if options.AdjX():
        rank = len(call.shape(call.inputs[0]))
        a = chain.then(Transpose(axes=(*range(rank - 2), rank - 1, rank - 2)), (a,), "turned")
    chain.finally_(MatMul(transpose_b=bool(options.AdjY())), (a, b))
    return chain.nodes


COMPOSITES: dict[str, Callable[[Call, tuple[str, ...]], list[Node]]] = {
    "BATCH_MATMUL": _batch_matmul,
    "DEPTH_TO_SPACE": _depth_to_space,
    "GATHER": _gather,
    "PACK": _pack,
    "SLICE": _slice,
    "SPACE_TO_DEPTH": _space_to_depth,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "STRIDED_SLICE": _strided_slice,
    "UNPACK": _unpack,
}
"""Operators that may be several ops, given the names of their flowing operands."""
