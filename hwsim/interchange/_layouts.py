"""Ops that move, cut, join or multiply tensors, whatever order their axes lie in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from hwsim.interchange._axis_orders import identity, last
from hwsim.interchange._builder import Value
from hwsim.ops import Concat, Linear, MatMul, Slice
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, Shape
    from hwsim.interchange._axis_orders import Order
    from hwsim.interchange._builder import Builder

Operand: TypeAlias = "Value | Array | Weight"
"""A tensor that depends on the input, or a constant: its reals, or its codes with their scales."""


def permuted(x: Value, dims: Sequence[int]) -> Value:
    """Return `x` with axis j being its former axis dims[j]; nothing moves."""
    positive = [dim % len(x.shape) for dim in dims]
    order = tuple(positive.index(axis) for axis in x.order)
    return replace(x, shape=tuple(x.shape[dim] for dim in positive), order=order)


def cut(builder: Builder, name: str, x: Value, bounds: Sequence[slice]) -> Value:
    """Return the elements within `bounds`, one forward slice per axis."""
    whole = [bound.indices(n) for bound, n in zip(bounds, x.shape, strict=True)]
    if whole == [(0, extent, 1) for extent in x.shape]:
        return x
    start, stop, step = zip(*(whole[axis] for axis in x.order), strict=True)
    op = Slice(start=start, stop=stop, step=step)
    return builder.emit(name, op, (x,), x.order, x.quant)


def along(rank: int, axis: int, bounds: slice) -> list[slice]:
    """Return `bounds` for one axis, everything for the others."""
    return [bounds if i == axis else slice(None) for i in range(rank)]


def joined(builder: Builder, name: str, operands: Sequence[Operand], axis: int) -> Value:
    """Return `operands`, one after the other along `axis`, counted from the front."""
    rank = len(operands[0].shape)
    order = common_order(operands, rank)
    values = [ranked(builder, name, operand, order) for operand in operands]
    first = values[0].quant
    quant = first if all(value.quant == first for value in values) else None
    return builder.emit(name, Concat(axis=order.index(axis)), values, order, quant)


def common_order(operands: Sequence[Operand], rank: int) -> Order:
    """Return the order in which most likely nothing moves: that of the first image."""
    orders = [v.order for v in operands if isinstance(v, Value) and len(v.shape) == rank]
    return next((order for order in orders if order != identity(rank)), identity(rank))


def ranked(builder: Builder, name: str, operand: Operand, order: Order) -> Value:
    """Return `operand` in `order`, which may have more axes: new ones come first."""
    shape: Shape = (1,) * (len(order) - len(operand.shape)) + operand.shape
    if isinstance(operand, Value):
        value = builder.reshape(f"{name}.broadcast", operand, shape)
        return builder.laid(value, order)
    return builder.constant(name, reshaped(operand, shape), order)


def reshaped(constant: Array | Weight, shape: Shape) -> Array | Weight:
    """Return `constant` as `shape`; one with scales per channel must keep its axes."""
    if isinstance(constant, Weight):
        return replace(constant, codes=constant.codes.reshape(shape))
    return constant.reshape(shape)


def product(builder: Builder, name: str, x: Value, weight: Weight, bias: Weight | None) -> Value:
    """Multiply the last axis of `x` with `weight` [out, in]."""
    if x.columns is not None:
        weight = weight.take(x.columns, axis=1)
    x = builder.laid(x, last(x.order, len(x.shape) - 1))
    return builder.emit(name, Linear(weight=weight, bias=bias), (x,), x.order)


def multiplied(builder: Builder, name: str, a: Value, b: Value, scale: float = 1.0) -> Value:
    """Return scale * a @ b; b stays transposed where its depth lies last."""
    plain = identity(len(b.shape))
    swapped = (*plain[:-2], plain[-1], plain[-2])
    depth_lies_last = b.order[-1] == plain[-2]
    a = builder.laid(a, identity(len(a.shape)))
    b = builder.laid(b, swapped if depth_lies_last else plain)
    op = MatMul(transpose_b=depth_lies_last, scale=scale)
    return builder.emit(name, op, (a, b), a.order)
