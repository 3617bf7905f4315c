"""Read the layers that compute: convolutions, pools, norms, products and activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import NHWC, channels_last
from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange.torch.call import one_dimensional
from hwsim.interchange.torch.images import image as _image
from hwsim.interchange.torch.images import transposed_conv2d
from hwsim.ops import (
    AveragePool2d,
    BatchNorm,
    Conv2d,
    LayerNorm,
    MaxPool2d,
    Mean,
    ReduceMax,
    ReduceMin,
    Sum,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.torch.call import Call, Layer
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.tensor import Weight


def _pair(call: Call, key: str) -> Pair:
    first, second = call.ints(key, 2)
    return first, second


def _optional(array: Array | None) -> Weight | None:
    return None if array is None else as_weight(array)


def _conv2d(builder: Builder, call: Call) -> Value:
    if call.flag("transposed"):
        return transposed_conv2d(builder, call)
    weight = call.constant("weight")
    if weight is None or weight.ndim != 4:
        raise call.error("a weight [out, in, height, width]", "another")
    dilation = _pair(call, "dilation")
    reach = tuple((weight.shape[i + 2] - 1) * dilation[i] for i in range(2))
    padding: Padding
    if call.arguments["padding"] in ("same", "valid"):
        total = reach if call.arguments["padding"] == "same" else (0, 0)
        # Torch pads the odd element at the end.
        padding = (
            (total[0] // 2, total[0] - total[0] // 2),
            (total[1] // 2, total[1] - total[1] // 2),
        )
    else:
        rows, columns = call.ints("padding", 2)
        padding = ((rows, rows), (columns, columns))
    op = Conv2d(
        weight=as_weight(weight.transpose(0, 2, 3, 1)),
        bias=_optional(call.constant("bias")),
        stride=_pair(call, "stride"),
        padding=padding,
        dilation=dilation,
        groups=int(call.number("groups")),
    )
    return builder.emit(call.name, op, (_image(builder, call),), NHWC)


def _batch_norm(builder: Builder, call: Call) -> Value:
    if call.flag("training"):
        raise call.error("evaluation mode", "training mode", "call module.eval() before export")
    mean, variance = call.constant("running_mean"), call.constant("running_var")
    if mean is None or variance is None:
        raise call.error("running statistics", "none", "set track_running_stats=True")
    gamma, beta = call.constant("weight"), call.constant("bias")
    op = BatchNorm(
        gamma=as_weight(np.ones_like(mean) if gamma is None else gamma),
        beta=as_weight(np.zeros_like(mean) if beta is None else beta),
        mean=as_weight(mean),
        variance=as_weight(variance),
        epsilon=call.number("eps"),
    )
    order = channels_last(len(call.x.shape))
    return builder.emit(call.name, op, (builder.laid(call.x, order),), order)


def _pool_padding(call: Call, x: Value, kernel: Pair, stride: Pair) -> Padding:
    """Return the padding that makes torch's extents, those of ceil_mode too."""
    pads: list[Pair] = []
    for i, before in enumerate(call.ints("padding", 2)):
        covered = (call.shape[i + 2] - 1) * stride[i] + kernel[i]
        pads.append((before, max(before, covered - x.shape[i + 2] - before)))
    return pads[0], pads[1]


def _pool_windows(call: Call) -> tuple[Pair, Pair]:
    """Return (kernel, stride); torch's stride is the kernel where it was left out."""
    kernel = _pair(call, "kernel_size")
    return kernel, _pair(call, "stride") if call.arguments["stride"] else kernel


def _max_pool2d(builder: Builder, call: Call) -> Value:
    call.refuse_unless("dilation", 1, [1, 1], (1, 1))
    x = _image(builder, call)
    kernel, stride = _pool_windows(call)
    padding = _pool_padding(call, x, kernel, stride)
    op = MaxPool2d(kernel=kernel, stride=stride, padding=padding)
    return builder.emit(call.name, op, (x,), NHWC)


def _avg_pool2d(builder: Builder, call: Call) -> Value:
    call.refuse_unless("divisor_override", None)
    x = _image(builder, call)
    kernel, stride = _pool_windows(call)
    padding = _pool_padding(call, x, kernel, stride)
    counted = call.flag("count_include_pad") and any(call.ints("padding", 2))
    if counted and any(before != after for before, after in padding):
        raise call.error("ceil_mode=False", "ceil_mode=True", "set count_include_pad=False")
    op = AveragePool2d(kernel=kernel, stride=stride, padding=padding, count_padding=counted)
    return builder.emit(call.name, op, (x,), NHWC)


def _adaptive_avg_pool2d(builder: Builder, call: Call) -> Value:
    x = _image(builder, call)
    height, width = x.shape[2:]
    rows, columns = call.shape[2:]
    if height % rows or width % columns:
        raise call.error(f"output_size that divides {height}x{width}", f"{rows}x{columns}")
    kernel = (height // rows, width // columns)
    return builder.emit(call.name, AveragePool2d(kernel=kernel, stride=kernel), (x,), NHWC)


def _mean(builder: Builder, call: Call) -> Value:
    x = call.x
    dims = _dims(call)
    if len(x.shape) == 4 and dims == {2, 3} and x.shape[0] == 1:
        kernel = (x.shape[2], x.shape[3])
        op = AveragePool2d(kernel=kernel, stride=kernel)
        image = builder.emit(call.name, op, (builder.laid(x, NHWC),), NHWC)
        return builder.reshape(f"{call.name}.flat", image, call.shape)
    return _reduced(builder, call, Mean, dims)


def _reduced(
    builder: Builder, call: Call, kind: type[Mean | Sum | ReduceMax | ReduceMin], dims: set[int]
) -> Value:
    """Reduce torch's axes `dims`, wherever they lie."""
    x, keep = call.x, call.flag("keepdim")
    axes = tuple(i for i, axis in enumerate(x.order) if axis in dims)
    left = [axis for axis in x.order if keep or axis not in dims]
    order = tuple(sorted(left).index(axis) for axis in left)
    return builder.emit(call.name, kind(axes=axes, keep_axes=keep), (x,), order)


def _dims(call: Call) -> set[int]:
    """Return the axes that are reduced: all where none is given."""
    rank, given = len(call.x.shape), call.arguments.get("dim")
    # Axis 0 is the one axis that is no list and false.
    if given is None or given == []:
        return set(range(rank))
    return {dim % rank for dim in call.ints("dim", 1)}


def _reduction(kind: type[Sum | ReduceMax | ReduceMin]) -> Layer:
    return lambda builder, call: _reduced(builder, call, kind, _dims(call))


def _layer_norm(builder: Builder, call: Call) -> Value:
    x = call.x
    last = len(x.shape) - 1
    features = x.shape[last]
    shape = call.ints("normalized_shape", 1)
    if shape != (features,):
        raise call.error(f"normalized_shape=[{features}], the last axis", str(list(shape)))
    gamma, beta = call.constant("weight"), call.constant("bias")
    op = LayerNorm(
        gamma=as_weight(np.ones(features) if gamma is None else gamma),
        beta=as_weight(np.zeros(features) if beta is None else beta),
        epsilon=call.number("eps"),
    )
    x = builder.laid(x, (*(axis for axis in x.order if axis != last), last))
    return builder.emit(call.name, op, (x,), x.order)


def _first(layer: Layer) -> Layer:
    """Return `layer` for a core op that has further results, which nobody reads when inferring."""

    def read(builder: Builder, call: Call) -> tuple[Value, ...]:
        result = layer(builder, call)
        return (result,) if isinstance(result, Value) else result

    return read


LAYERS: Mapping[str, Layer] = {
    "_adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "_native_batch_norm_legit_no_training": _first(_batch_norm),
    "amax": _reduction(ReduceMax),
    "amin": _reduction(ReduceMin),
    "adaptive_avg_pool1d": one_dimensional(_adaptive_avg_pool2d),
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "avg_pool1d": one_dimensional(_avg_pool2d),
    "avg_pool2d": _avg_pool2d,
    "batch_norm": _batch_norm,
    "conv1d": one_dimensional(_conv2d),
    "conv2d": _conv2d,
    "convolution": _conv2d,
    "layer_norm": _layer_norm,
    "max_pool1d": one_dimensional(_max_pool2d),
    "max_pool2d": _max_pool2d,
    "max_pool2d_with_indices": _first(_max_pool2d),
    "mean": _mean,
    "native_layer_norm": _first(_layer_norm),
    "sum": _reduction(Sum),
}
