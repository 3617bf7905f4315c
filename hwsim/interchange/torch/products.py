"""Read products of matrices, attention, and the softmax inside it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from hwsim.interchange._axis_orders import identity, last
from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange._layouts import multiplied, product
from hwsim.interchange.torch.call import as_value
from hwsim.ops import LogSoftmax, Softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.torch.call import Call, Layer


def _linear(builder: Builder, call: Call) -> Value:
    weight = call.constant("weight")
    if weight is None:
        raise call.error("a weight", "none")
    return _product(builder, call, call.value("input"), weight, call.constant("bias"))


def _product(builder: Builder, call: Call, x: Value, weight: Array, bias: Array | None) -> Value:
    """Multiply the last axis of `x` with `weight` [out, in]."""
    bound = None if bias is None else as_weight(bias)
    return product(builder, call.name, x, as_weight(weight), bound)


def _addmm(builder: Builder, call: Call) -> Value:
    call.refuse_unless("alpha", 1)
    call.refuse_unless("beta", 1)
    weight = call.constant("mat2")
    if weight is None:
        raise call.error("a weight", "none")
    return _product(builder, call, call.value("mat1"), weight.T, call.constant("self"))


def _matmul(builder: Builder, call: Call) -> Value:
    left, right = (call.operand(key) for key in list(call.arguments)[:2])
    if isinstance(left, Value) and not isinstance(right, Value) and right.ndim == 2:
        return _product(builder, call, left, right.T, None)
    a, b = as_value(builder, call, left), as_value(builder, call, right)
    return multiplied(builder, call.name, a, b)


def _attention(builder: Builder, call: Call) -> Value:
    """Softmax(scale * q k^T) v: Vaswani et al., arXiv 1706.03762, equation 1."""
    call.refuse_unless("attn_mask", None)
    call.refuse_unless("is_causal", False)
    call.refuse_unless("enable_gqa", False)
    query, key, value = (
        as_value(builder, call, call.operand(name)) for name in ("query", "key", "value")
    )
    scale = call.number("scale", 1.0 / math.sqrt(query.shape[-1]))
    rank = len(key.shape)
    key = builder.laid(key, identity(rank))
    key = replace(
        key,
        shape=(*key.shape[:-2], key.shape[-1], key.shape[-2]),
        order=(*identity(rank - 2), rank - 1, rank - 2),
    )
    scores = multiplied(builder, f"{call.name}.scores", query, key, scale)
    weights = builder.emit(f"{call.name}.softmax", Softmax(), (scores,), scores.order)
    return multiplied(builder, f"{call.name}.context", weights, value)


def _softmax(builder: Builder, call: Call) -> Value:
    x = call.x
    dim = call.axis("dim", len(x.shape))
    x = builder.laid(x, (*(axis for axis in x.order if axis != dim), dim))
    return builder.emit(call.name, Softmax(), (x,), x.order)


def _log_softmax(builder: Builder, call: Call) -> Value:
    x = call.x
    dim = call.axis("dim", len(x.shape))
    x = builder.laid(x, last(x.order, dim))
    return builder.emit(call.name, LogSoftmax(), (x,), x.order)


PRODUCTS: Mapping[str, Layer] = {
    "_log_softmax": _log_softmax,
    "_softmax": _softmax,
    "addmm": _addmm,
    "bmm": _matmul,
    "linear": _linear,
    "log_softmax": _log_softmax,
    "matmul": _matmul,
    "mm": _matmul,
    "scaled_dot_product_attention": _attention,
    "softmax": _softmax,
}
