"""Read products of matrices, and the softmax between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import identity, last
from hwsim.interchange._builder import Value
from hwsim.interchange._layouts import multiplied, permuted, product, reshaped
from hwsim.interchange.onnx.read_call import reals, turned
from hwsim.interchange.onnx.read_elementwise import combined
from hwsim.interchange.onnx.read_layers import parameters
from hwsim.ops import Add, LogSoftmax, Mul, Softmax, Tile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Shape
    from hwsim.interchange._builder import Builder
    from hwsim.interchange._layouts import Operand
    from hwsim.interchange.onnx.read_call import Call, Layer
    from hwsim.op import Op


def _matmul(builder: Builder, call: Call) -> Value:
    a, b = call.operand(0), call.operand(1)
    if isinstance(a, Value) and not isinstance(b, Value) and len(b.shape) == 2 and a.shape:
        weight, _ = parameters(call, a, turned(b, (1, 0)), None)
        return product(builder, call.name, a, weight, None)
    return _of_two(builder, call, a, b)


def _of_two(builder: Builder, call: Call, a: Operand, b: Operand) -> Value:
    """Return a @ b as NumPy has it: vectors are rows and columns, batches are broadcast."""
    if not a.shape or not b.shape:
        raise call.error("operands with axes", "a number")
    rank = max(len(a.shape), len(b.shape), 2)
    left, right = (as_value(builder, call, operand) for operand in (a, b))
    if len(b.shape) == 1:
        right = builder.reshape(f"{call.name}.column", right, (*b.shape, 1))
    left, right = (
        builder.reshape(f"{call.name}.broadcast", v, (1,) * (rank - len(v.shape)) + v.shape)
        for v in (left, right)
    )
    try:
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        raise call.error("batches that broadcast", f"{a.shape} and {b.shape}") from None
    left, right = (repeated(builder, call, v, (*batch, *v.shape[-2:])) for v in (left, right))
    y = multiplied(builder, call.name, left, right)
    rows = y.shape[-2:-1] if len(a.shape) > 1 else ()
    columns = y.shape[-1:] if len(b.shape) > 1 else ()
    return builder.reshape(f"{call.name}.vector", y, (*batch, *rows, *columns))


def repeated(builder: Builder, call: Call, x: Value, shape: Shape) -> Value:
    """Return `x` with axes of extent 1 repeated until it is `shape`, which has as many axes."""
    times = tuple(new // old for new, old in zip(shape, x.shape, strict=True))
    if shape == x.shape:
        return x
    op = Tile(repeats=tuple(times[axis] for axis in x.order))
    return builder.emit(f"{call.name}.repeated", op, (x,), x.order, x.quant)


def as_value(builder: Builder, call: Call, operand: Operand) -> Value:
    """Return `operand` as a tensor of the graph."""
    if isinstance(operand, Value):
        return operand
    return builder.constant(call.name, operand, identity(len(operand.shape)))


def _gemm(builder: Builder, call: Call) -> Value:
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    a, b = call.operand(0), call.operand(1)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise call.error("two matrices", f"{list(a.shape)} and {list(b.shape)}")
    left = as_value(builder, call, a)
    left = permuted(left, (1, 0)) if call.int_("transA") else left
    c = call.operand(2) if call.given(2) else None
    columns = b.shape[0 if call.int_("transB") else 1]
    if isinstance(b, Value):
        right = permuted(b, (1, 0)) if call.int_("transB") else b
        y = multiplied(builder, call.name, left, right, alpha)
        return _plus(builder, call, y, c, beta)
    b = b if call.int_("transB") else turned(b, (1, 0))
    b = b if alpha == 1 else alpha * reals(b).codes
    if isinstance(c, Value) or (c is not None and math.prod(c.shape) not in (1, columns)):
        weight, _ = parameters(call, left, b, None)
        return _plus(builder, call, product(builder, call.name, left, weight, None), c, beta)
    if c is not None and (beta != 1 or c.shape[-1:] != (columns,)):
        c = beta * np.broadcast_to(reals(c).codes.reshape(-1), (columns,))
    elif c is not None:
        c = reshaped(c, (columns,)) if len(c.shape) > 1 else c
    weight, bias = parameters(call, left, b, c)
    return product(builder, call.name, left, weight, bias)


def _plus(builder: Builder, call: Call, y: Value, c: Operand | None, beta: float) -> Value:
    """Return y + beta * c."""
    if c is None or beta == 0:
        return y
    name = f"{call.name}.sum"
    if beta != 1:
        c = combined(builder, f"{call.name}.beta", Mul(), c, beta)
    return combined(builder, name, Add(), y, c)


def along_last(builder: Builder, call: Call, op: Op) -> Value:
    """Return `op` along the axis that the call names, which comes to lie last.

    Before operator set 13 the axis and all behind it were one.
    """
    x = call.x
    rank = len(x.shape)
    if call.version >= 13:
        axis = call.axis(call.int_("axis", -1), rank)
        x = builder.laid(x, last(x.order, axis))
        return builder.emit(call.name, op, (x,), x.order)
    axis = call.axis(call.int_("axis", 1), rank) if rank else 0
    long = [i for i in range(axis, rank) if x.shape[i] > 1]
    if len(long) < 2:
        x = builder.laid(x, last(x.order, long[0] if long else rank - 1))
        return builder.emit(call.name, op, (x,), x.order)
    flat = (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    rows = builder.laid(builder.reshape(f"{call.name}.rows", x, flat), identity(2))
    y = builder.emit(call.name, op, (rows,), rows.order)
    return builder.reshape(f"{call.name}.axes", y, x.shape)


PRODUCTS: Mapping[str, Layer] = {
    "Gemm": _gemm,
    "LogSoftmax": lambda builder, call: along_last(builder, call, LogSoftmax()),
    "MatMul": _matmul,
    "Softmax": lambda builder, call: along_last(builder, call, Softmax()),
}
