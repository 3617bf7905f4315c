"""Read normalisations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import channels_last, identity, last
from hwsim.interchange._builder import as_weight
from hwsim.interchange.onnx.read_elementwise import applied, combined
from hwsim.interchange.onnx.read_reductions import over
from hwsim.ops import Add, BatchNorm, Elementary, LayerNorm, Mean, RmsNorm, Sub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange._builder import Builder, Value
    from hwsim.interchange.onnx.read_call import Call, Layer


def _batch_norm(builder: Builder, call: Call) -> Value:
    call.refuse_unless("training_mode", 0)
    call.refuse_unless("spatial", 1)
    gamma, beta, mean, variance = (as_weight(call.needed(i)) for i in range(1, 5))
    op = BatchNorm(
        gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=call.number("epsilon", 1e-5)
    )
    order = channels_last(len(call.x.shape))
    return builder.emit(call.name, op, (builder.laid(call.x, order),), order)


def _layer_norm(builder: Builder, call: Call) -> tuple[Value, ...]:
    x = call.x
    rank = len(x.shape)
    axis = call.axis(call.int_("axis", -1), rank)
    gamma, beta = call.needed(1), call.array(2)
    features = x.shape[axis:]
    rows = x
    if axis < rank - 1:
        rows = builder.reshape(f"{call.name}.rows", x, (*x.shape[:axis], math.prod(features)))
    gamma = np.broadcast_to(gamma, features).reshape(-1)
    beta = np.zeros_like(gamma) if beta is None else np.broadcast_to(beta, features).reshape(-1)
    op = LayerNorm(
        gamma=as_weight(gamma), beta=as_weight(beta), epsilon=call.number("epsilon", 1e-5)
    )
    rows = builder.laid(rows, last(rows.order, axis))
    y = builder.emit(call.name, op, (rows,), rows.order)
    y = builder.reshape(f"{call.name}.axes", y, x.shape)
    return (y, *_statistics(builder, call, axis)) if call.results > 1 else (y,)


def _statistics(builder: Builder, call: Call, axis: int) -> tuple[Value, Value]:
    """Return the mean, and 1 / the standard deviation, of what a normalisation looks at."""
    x, name = call.x, call.name
    axes = tuple(range(axis, len(x.shape)))
    mean = over(builder, f"{name}.mean", Mean, x, axes, keep=True)
    centred = combined(builder, f"{name}.centred", Sub(), x, mean)
    squares = applied(builder, f"{name}.squares", Elementary(function="square"), centred)
    variance = over(builder, f"{name}.variance", Mean, squares, axes, keep=True)
    more = combined(builder, f"{name}.more", Add(), variance, call.number("epsilon", 1e-5))
    return mean, applied(builder, f"{name}.inverse", Elementary(function="rsqrt"), more)


def _rms_norm(builder: Builder, call: Call) -> Value:
    """Zhang and Sennrich, arXiv 1910.07467, over the last axes."""
    x = call.x
    axis = call.axis(call.int_("axis", -1), len(x.shape))
    features = x.shape[axis:]
    rows = builder.reshape(f"{call.name}.rows", x, (*x.shape[:axis], math.prod(features)))
    rows = builder.laid(rows, last(rows.order, axis))
    gamma = np.broadcast_to(call.needed(1), features).reshape(-1)
    op = RmsNorm(gamma=as_weight(gamma), epsilon=call.number("epsilon", 1e-5))
    y = builder.emit(call.name, op, (rows,), rows.order)
    return builder.reshape(f"{call.name}.axes", y, x.shape)


def _group_norm(builder: Builder, call: Call) -> Value:
    """Wu and He, arXiv 1803.08494: normalise groups of channels, then scale each channel."""
    x = call.x
    groups = call.int_("num_groups", x.shape[1])
    channels, rest = x.shape[1], math.prod(x.shape[2:])
    if groups < 1 or channels % groups:
        raise call.error(f"groups that divide {channels} channels", str(groups))
    size = channels // groups * rest
    rows = builder.reshape(f"{call.name}.rows", x, (x.shape[0], groups, size))
    rows = builder.laid(rows, identity(3))
    unit = LayerNorm(
        gamma=as_weight(np.ones(size)),
        beta=as_weight(np.zeros(size)),
        epsilon=call.number("epsilon", 1e-5),
    )
    rows = builder.emit(f"{call.name}.unit", unit, (rows,), rows.order)
    y = builder.reshape(f"{call.name}.channels", rows, x.shape)
    gamma, beta = call.needed(1), call.needed(2)
    if gamma.size == groups != channels:
        gamma, beta = (np.repeat(array, channels // groups) for array in (gamma, beta))
    ones = np.ones(channels)
    op = BatchNorm(
        gamma=as_weight(gamma),
        beta=as_weight(beta),
        mean=as_weight(0 * ones),
        variance=as_weight(ones),
        epsilon=0.0,
    )
    order = channels_last(len(x.shape))
    return builder.emit(call.name, op, (builder.laid(y, order),), order)


NORMS: Mapping[str, Layer] = {
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _group_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "SimplifiedLayerNormalization": _rms_norm,
}
