"""Read the ops that join, cut, move or combine tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hwsim.interchange._axis_orders import reshaped_order
from hwsim.interchange._builder import Value
from hwsim.interchange._layouts import along, cut, joined, permuted
from hwsim.interchange.torch.call import as_operand
from hwsim.ops import Pad

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.interchange._builder import Builder
    from hwsim.interchange.torch.call import Call, Layer


def _keep(builder: Builder, call: Call) -> Value:
    """Drop an op that changes nothing in evaluation mode."""
    del builder
    if call.flag("train"):
        raise call.error("evaluation mode", "training mode", "call module.eval() before export")
    return call.x


def _expand(builder: Builder, call: Call) -> Value:
    x = call.x
    if call.shape[len(call.shape) - len(x.shape) :] != x.shape:
        raise call.error("repetition of constants only", f"{list(x.shape)} to {list(call.shape)}")
    return builder.reshape(call.name, x, call.shape)


def _reshape(builder: Builder, call: Call) -> Value:
    x = call.x
    must_move = reshaped_order(x.shape, x.order, call.shape) is None
    if must_move and call.feeds_linear and sum(extent > 1 for extent in call.shape) == 1:
        return builder.flatten_as_stored(call.name, x, call.shape)
    return builder.reshape(call.name, x, call.shape)


def _permute(builder: Builder, call: Call) -> Value:
    del builder
    return permuted(call.x, call.ints("dims", 1))


def _transpose(builder: Builder, call: Call) -> Value:
    del builder
    rank = len(call.x.shape)
    dims = list(range(rank))
    a = call.axis("dim0", rank) if "dim0" in call.arguments else 0
    b = call.axis("dim1", rank) if "dim1" in call.arguments else rank - 1
    dims[a], dims[b] = dims[b], dims[a]
    return permuted(call.x, dims)


def _slice(builder: Builder, call: Call) -> Value:
    start, stop, step = (call.arguments[key] for key in ("start", "end", "step"))
    dim = call.axis("dim", len(call.x.shape))
    bounds = along(len(call.x.shape), dim, slice(start, stop, step))
    return cut(builder, call.name, call.x, bounds)


def _select(builder: Builder, call: Call) -> Value:
    dim = call.axis("dim", len(call.x.shape))
    index = int(call.number("index")) % call.x.shape[dim]
    one = along(len(call.x.shape), dim, slice(index, index + 1))
    piece = cut(builder, call.name, call.x, one)
    return builder.reshape(f"{call.name}.flat", piece, call.shape)


def _narrow(builder: Builder, call: Call) -> Value:
    dim = call.axis("dim", len(call.x.shape))
    start = int(call.number("start")) % call.x.shape[dim]
    bounds = along(len(call.x.shape), dim, slice(start, start + call.shape[dim]))
    return cut(builder, call.name, call.x, bounds)


def _split(builder: Builder, call: Call) -> tuple[Value, ...]:
    """Read chunk, split and unbind: torch has said what shapes they make."""
    x = call.x
    dim = call.axis("dim", len(x.shape))
    pieces: list[Value] = []
    start = 0
    for i, shape in enumerate(call.shapes):
        extent = shape[dim] if len(shape) == len(x.shape) else 1
        bounds = along(len(x.shape), dim, slice(start, start + extent))
        piece = cut(builder, f"{call.name}.{i}", x, bounds)
        pieces.append(builder.reshape(f"{call.name}.{i}.flat", piece, shape))
        start += extent
    return tuple(pieces)


def _cat(builder: Builder, call: Call) -> Value:
    operands = [as_operand(given) for given in cast("Sequence[object]", call.arguments["tensors"])]
    return joined(builder, call.name, operands, call.axis("dim", len(call.shape)))


def _stack(builder: Builder, call: Call) -> Value:
    operands = [as_operand(given) for given in cast("Sequence[object]", call.arguments["tensors"])]
    dim = call.axis("dim", len(call.shape))
    shape = (*call.shape[:dim], 1, *call.shape[dim + 1 :])
    raised = [
        builder.reshape(f"{call.name}.axis", operand, shape)
        if isinstance(operand, Value)
        else operand.reshape(shape)
        for operand in operands
    ]
    return joined(builder, call.name, raised, dim)


def _pad(builder: Builder, call: Call) -> Value:
    call.refuse_unless("mode", "constant")
    call.refuse_unless("value", None, 0)
    x = call.x
    amounts = call.ints("pad", 2)
    # Torch gives pairs from the last axis to the first.
    pairs = [(0, 0)] * len(x.shape)
    for i in range(len(amounts) // 2):
        pairs[-1 - i] = (amounts[2 * i], amounts[2 * i + 1])
    if min(amounts) < 0:
        raise call.error("padding >= 0", str(amounts), "cut by a slice")
    op = Pad(padding=tuple(pairs[axis] for axis in x.order))
    return builder.emit(call.name, op, (x,), x.order)


KEPT: tuple[str, ...] = (
    "_to_copy",
    "alias",
    "clone",
    "contiguous",
    "detach",
    "dropout",
    "feature_dropout",
    "lift_fresh_copy",
    "to",
)
"""Ops that are dropped; `to` changes nothing between reals, and all are read as float32."""

SHAPES: Mapping[str, Layer] = {
    **dict.fromkeys(KEPT, _keep),
    **dict.fromkeys(
        ("_unsafe_view", "flatten", "reshape", "squeeze", "unflatten", "unsqueeze", "view"),
        _reshape,
    ),
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split", "unbind"), _split),
    "cat": _cat,
    "constant_pad_nd": _pad,
    "expand": _expand,
    "narrow": _narrow,
    "pad": _pad,
    "permute": _permute,
    "select": _select,
    "slice": _slice,
    "stack": _stack,
    "t": _transpose,
    "transpose": _transpose,
}
