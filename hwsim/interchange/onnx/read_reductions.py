"""Read sums, means, largest and smallest elements over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange._axis_orders import NHWC
from hwsim.interchange.onnx.read_elementwise import applied, combined
from hwsim.ops import Add, AveragePool2d, Elementary, Mean, ReduceMax, ReduceMin, Sub, Sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.interchange._builder import Builder, Value
    from hwsim.interchange.onnx.read_call import Call, Known, Layer
    from hwsim.ops.elementary import Function

_Reduction = type[Mean | ReduceMax | ReduceMin | Sum]


def over_axes(builder: Builder, call: Call) -> tuple[int, ...]:
    """Return the axes that `call` reduces, counted from the front; nothing where it keeps all."""
    del builder
    rank = len(call.x.shape)
    axes = call.setting("axes", 1)
    if not axes:
        return () if call.int_("noop_with_empty_axes") else tuple(range(rank))
    return call.axes(axes, rank)


def over(
    builder: Builder, name: str, kind: _Reduction, x: Value, axes: tuple[int, ...], *, keep: bool
) -> Value:
    """Return `x` reduced over the model's `axes`, which stay with extent 1 or go."""
    stored = tuple(i for i, axis in enumerate(x.order) if axis in axes)
    left = [axis for axis in x.order if keep or axis not in axes]
    order = tuple(sorted(left).index(axis) for axis in left)
    quant = x.quant if kind in (ReduceMax, ReduceMin) else None
    return builder.emit(name, kind(axes=stored, keep_axes=keep), (x,), order, quant)


def _reduced(
    kind: _Reduction, before: Function | None = None, after: Function | None = None
) -> Layer:
    """Return the layer that applies `before`, reduces, and applies `after`."""

    def read(builder: Builder, call: Call) -> Known:
        x, axes = call.x, over_axes(builder, call)
        if before is not None:
            x = applied(builder, f"{call.name}.{before}", Elementary(function=before), x)
        keep = bool(call.int_("keepdims", 1))
        name = call.name if after is None else f"{call.name}.total"
        y = over(builder, name, kind, x, axes, keep=keep) if axes else x
        return y if after is None else applied(builder, call.name, Elementary(function=after), y)

    return read


def _mean(builder: Builder, call: Call) -> Known | tuple[Known, ...]:
    x, axes = call.x, over_axes(builder, call)
    if len(x.shape) != 4 or set(axes) != {2, 3}:
        return _reduced(Mean)(builder, call)
    # Over an image it is what every runtime has as a pool.
    kernel = (x.shape[2], x.shape[3])
    op = AveragePool2d(kernel=kernel, stride=kernel)
    image = builder.emit(call.name, op, (builder.laid(x, NHWC),), NHWC)
    shape = x.shape[:2] if not call.int_("keepdims", 1) else image.shape
    return builder.reshape(f"{call.name}.flat", image, shape)


def _log_sum_exp(builder: Builder, call: Call) -> Known:
    """Return log(sum(exp(x))) as largest + log(sum(exp(x - largest))), which never overflows."""
    x, axes = call.x, over_axes(builder, call)
    keep = bool(call.int_("keepdims", 1))
    if not axes:
        return x
    largest = over(builder, f"{call.name}.largest", ReduceMax, x, axes, keep=True)
    less = combined(builder, f"{call.name}.less", Sub(), x, largest)
    power = applied(builder, f"{call.name}.exp", Elementary(function="exp"), less)
    total = over(builder, f"{call.name}.total", Sum, power, axes, keep=True)
    log = applied(builder, f"{call.name}.log", Elementary(function="log"), total)
    y = combined(builder, call.name, Add(), largest, log)
    if keep:
        return y
    shape = tuple(n for i, n in enumerate(y.shape) if i not in axes)
    return builder.reshape(f"{call.name}.flat", y, shape)


REDUCTIONS: Mapping[str, Layer] = {
    "ReduceL1": _reduced(Sum, before="abs"),
    "ReduceL2": _reduced(Sum, before="square", after="sqrt"),
    "ReduceLogSum": _reduced(Sum, after="log"),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _reduced(ReduceMax),
    "ReduceMean": _mean,
    "ReduceMin": _reduced(ReduceMin),
    "ReduceSum": _reduced(Sum),
    "ReduceSumSquare": _reduced(Sum, before="square"),
}
