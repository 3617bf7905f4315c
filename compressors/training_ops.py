"""What each float operator kind means in torch, with gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch.nn import functional

from hwsim.ops import (
    Add,
    AveragePool2d,
    BatchNorm,
    Binary,
    Concat,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Elementary,
    Gather,
    LayerNorm,
    LeakyRelu,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Op,
    Pad,
    PRelu,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    RmsNorm,
    Slice,
    Softmax,
    Sub,
    Sum,
    Tile,
    Transpose,
)
from hwsim.ops._interpolation import nearest, neighbours
from hwsim.ops._reduction import stacked_axes

if TYPE_CHECKING:
    from torch import Tensor

# Share of a new batch in the running statistics of batch normalisation, torch's default.
_MOMENTUM = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What an op computes with, beside its attributes.

    Attributes:
        inputs: Operands, [samples, *shape in the graph].
        weights: Tensors by the op's own field names; those of fields that are None are missing.
        samples: How many.
        training: Whether batch normalisation uses and follows the batch's own statistics.
    """

    inputs: tuple[Tensor, ...]
    weights: Mapping[str, Tensor]
    samples: int
    training: bool

    @property
    def x(self) -> Tensor:
        """The first operand."""
        return self.inputs[0]


# An op's function takes that kind of op; the table below pairs them.
Forward: TypeAlias = Callable[[Any, Feed], "Tensor"]

_CLAMPS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu6": functional.relu6,
    "relu_0_to_1": lambda x: functional.hardtanh(x, 0.0, 1.0),
    "relu_n1_to_1": functional.hardtanh,
}

_FUSED: Mapping[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, **_CLAMPS}

_ELEMENTARY: Mapping[str, Callable[[Tensor], Tensor]] = {
    **_CLAMPS,
    "abs": torch.abs,
    "ceil": torch.ceil,
    "elu": functional.elu,
    "exp": torch.exp,
    "floor": torch.floor,
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "log": torch.log,
    "logistic": torch.sigmoid,
    "neg": torch.neg,
    "round": torch.round,
    "rsqrt": torch.rsqrt,
    "silu": functional.silu,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "tanh": torch.tanh,
}

_BINARY: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "div": torch.div,
    "pow": torch.pow,
    "squared_difference": lambda a, b: torch.square(a - b),
}


def _aligned(feed: Feed) -> tuple[Tensor, Tensor]:
    """Return both operands with as many axes, new ones set after the samples."""
    a, b = feed.inputs
    rank = max(a.ndim, b.ndim)
    return (
        a.reshape(a.shape[0], *(1,) * (rank - a.ndim), *a.shape[1:]),
        b.reshape(b.shape[0], *(1,) * (rank - b.ndim), *b.shape[1:]),
    )


def _add(op: Add, feed: Feed) -> Tensor:
    a, b = _aligned(feed)
    return _FUSED[op.activation](a + b)


def _sub(op: Sub, feed: Feed) -> Tensor:
    a, b = _aligned(feed)
    return _FUSED[op.activation](a - b)


def _mul(op: Mul, feed: Feed) -> Tensor:
    a, b = _aligned(feed)
    return _FUSED[op.activation](a * b)


def _padded_planes(op: Conv2d | MaxPool2d | AveragePool2d, x: Tensor, fill: float) -> Tensor:
    """Return [samples, batch, height, width, channels] as padded [n, channels, height, width]."""
    planes = x.flatten(0, 1).permute(0, 3, 1, 2)
    (top, bottom), (left, right) = op.padding
    if not any((top, bottom, left, right)):
        return planes
    return functional.pad(planes, (left, right, top, bottom), value=fill)


def _images(planes: Tensor, samples: int) -> Tensor:
    """Invert the order of `_padded_planes`."""
    images = planes.permute(0, 2, 3, 1)
    return images.reshape(samples, -1, *images.shape[1:])


def _conv2d(op: Conv2d, feed: Feed) -> Tensor:
    weight = feed.weights["weight"].permute(0, 3, 1, 2)
    (top, bottom), (left, right) = op.padding
    even = top == bottom and left == right
    planes = feed.x.flatten(0, 1).permute(0, 3, 1, 2) if even else _padded_planes(op, feed.x, 0.0)
    y = functional.conv2d(
        planes,
        weight,
        feed.weights.get("bias"),
        stride=op.stride,
        padding=(top, left) if even else 0,
        dilation=op.dilation,
        groups=op.groups,
    )
    return _images(_FUSED[op.activation](y), feed.samples)


def _conv2d_transpose(op: Conv2dTranspose, feed: Feed) -> Tensor:
    """Torch cuts the same from both sides and keeps weights by input channel: cut here."""
    weight = feed.weights["weight"]
    parts = weight.reshape(op.groups, -1, *weight.shape[1:]).permute(0, 4, 1, 2, 3)
    whole = functional.conv_transpose2d(
        feed.x.flatten(0, 1).permute(0, 3, 1, 2),
        parts.flatten(0, 1),
        stride=op.stride,
        dilation=op.dilation,
        groups=op.groups,
    )
    (top, bottom), (left, right) = op.padding
    down, across = op.extra
    y = functional.pad(whole, (-left, across - right, -top, down - bottom))
    if "bias" in feed.weights:
        y = y + feed.weights["bias"].reshape(-1, 1, 1)
    return _images(_FUSED[op.activation](y), feed.samples)


def _prelu(op: PRelu, feed: Feed) -> Tensor:
    del op
    return torch.where(feed.x >= 0, feed.x, feed.weights["alpha"] * feed.x)


def _resize_nearest(op: ResizeNearest, feed: Feed) -> Tensor:
    x = feed.x
    for axis in range(2):
        chosen = nearest(x.shape[2 + axis], op.size[axis], op.positions)
        x = x.index_select(2 + axis, torch.tensor(chosen))
    return x


def _resize_bilinear(op: ResizeBilinear, feed: Feed) -> Tensor:
    x = feed.x
    for axis in range(2):
        parts = neighbours(x.shape[2 + axis], op.size[axis], op.positions)
        low, high, share = (torch.tensor(part) for part in parts)
        share = share.to(x.dtype).reshape(-1, *(1,) * (2 - axis))
        before, behind = x.index_select(2 + axis, low), x.index_select(2 + axis, high)
        x = before * (1 - share) + behind * share
    return x


def _linear(op: Linear, feed: Feed) -> Tensor:
    y = functional.linear(feed.x, feed.weights["weight"], feed.weights.get("bias"))
    return _FUSED[op.activation](y)


def _batch_norm(op: BatchNorm, feed: Feed) -> Tensor:
    rows = feed.x.reshape(-1, feed.x.shape[-1])
    y = functional.batch_norm(
        rows,
        feed.weights["mean"],
        feed.weights["variance"],
        feed.weights["gamma"],
        feed.weights["beta"],
        training=feed.training,
        momentum=_MOMENTUM,
        eps=op.epsilon,
    )
    return y.reshape(feed.x.shape)


def _layer_norm(op: LayerNorm, feed: Feed) -> Tensor:
    gamma, beta = feed.weights["gamma"], feed.weights["beta"]
    return functional.layer_norm(feed.x, gamma.shape, gamma, beta, op.epsilon)


def _rms_norm(op: RmsNorm, feed: Feed) -> Tensor:
    gamma = feed.weights["gamma"]
    return functional.rms_norm(feed.x, gamma.shape, gamma, op.epsilon)


def _lstm(op: Lstm, feed: Feed) -> Tensor:
    x = feed.x.transpose(1, 2) if op.time_major else feed.x
    driven = functional.linear(x, feed.weights["input_weight"], feed.weights["bias"])
    hidden: Tensor = x.new_zeros((*x.shape[:2], op.cells))
    cell = hidden
    states: list[Tensor] = []
    for step in range(x.shape[2]):
        gates = driven[:, :, step] + functional.linear(hidden, feed.weights["recurrent_weight"])
        parts = [gates[..., i * op.cells : (i + 1) * op.cells] for i in range(op.gates)]
        forget, candidate, output = parts[-3:]
        forget = torch.sigmoid(forget)
        enter = torch.sigmoid(parts[0]) if op.gates == 4 else 1 - forget
        cell = forget * cell + enter * torch.tanh(candidate)
        if op.cell_clip > 0:
            cell = cell.clamp(-op.cell_clip, op.cell_clip)
        hidden = torch.sigmoid(output) * torch.tanh(cell)
        states.append(hidden)
    made = torch.stack(states, dim=2)
    return made.transpose(1, 2) if op.time_major else made


def _max_pool2d(op: MaxPool2d, feed: Feed) -> Tensor:
    planes = _padded_planes(op, feed.x, -torch.inf)
    y = functional.max_pool2d(planes, op.kernel, op.stride)
    return _images(_FUSED[op.activation](y), feed.samples)


def _average_pool2d(op: AveragePool2d, feed: Feed) -> Tensor:
    y = functional.avg_pool2d(_padded_planes(op, feed.x, 0.0), op.kernel, op.stride)
    if not op.count_padding and any(op.padding[0] + op.padding[1]):
        inside = _padded_planes(op, torch.ones_like(feed.x[:1, :, :, :, :1]), 0.0)
        y = y / functional.avg_pool2d(inside, op.kernel, op.stride)[:1]
    return _images(_FUSED[op.activation](y), feed.samples)


def _matmul(op: MatMul, feed: Feed) -> Tensor:
    a, b = feed.inputs
    return op.scale * torch.matmul(a, b.transpose(-1, -2) if op.transpose_b else b)


def _constant(op: Constant, feed: Feed) -> Tensor:
    del op
    value = feed.weights["value"]
    return value.expand(feed.samples, *value.shape)


def _concat(op: Concat, feed: Feed) -> Tensor:
    return torch.cat(feed.inputs, dim=op.axis + (op.axis >= 0))


def _mean(op: Mean, feed: Feed) -> Tensor:
    return feed.x.mean(dim=tuple(axis + 1 for axis in op.axes), keepdim=op.keep_axes)


def _sum(op: Sum, feed: Feed) -> Tensor:
    return feed.x.sum(dim=stacked_axes(op.axes), keepdim=op.keep_axes)


def _extreme(op: ReduceMax | ReduceMin, feed: Feed) -> Tensor:
    reduce = torch.amax if isinstance(op, ReduceMax) else torch.amin
    return reduce(feed.x, dim=stacked_axes(op.axes), keepdim=op.keep_axes)


def _gather(op: Gather, feed: Feed) -> Tensor:
    return feed.x.index_select(op.axis + 1, torch.tensor(op.indices))


def _pad(op: Pad, feed: Feed) -> Tensor:
    # Torch takes pairs from the last axis to the first.
    return functional.pad(feed.x, [extent for pair in reversed(op.padding) for extent in pair])


def _slice(op: Slice, feed: Feed) -> Tensor:
    bounds = zip(op.start, op.stop, op.step, strict=True)
    return feed.x[(slice(None), *(slice(*bound) for bound in bounds))]


FORWARD: Mapping[type[Op], Forward] = {
    Add: _add,
    AveragePool2d: _average_pool2d,
    BatchNorm: _batch_norm,
    Binary: lambda op, feed: _BINARY[op.function](*_aligned(feed)),
    Concat: _concat,
    Constant: _constant,
    Conv2d: _conv2d,
    Conv2dTranspose: _conv2d_transpose,
    Elementary: lambda op, feed: _ELEMENTARY[op.function](feed.x),
    Gather: _gather,
    LayerNorm: _layer_norm,
    LeakyRelu: lambda op, feed: functional.leaky_relu(feed.x, op.alpha),
    Linear: _linear,
    LogSoftmax: lambda op, feed: torch.log_softmax(feed.x, dim=-1),
    Lstm: _lstm,
    MatMul: _matmul,
    MaxPool2d: _max_pool2d,
    Maximum: lambda op, feed: torch.maximum(*_aligned(feed)),
    Mean: _mean,
    Minimum: lambda op, feed: torch.minimum(*_aligned(feed)),
    Mul: _mul,
    PRelu: _prelu,
    Pad: _pad,
    ReduceMax: _extreme,
    ReduceMin: _extreme,
    Reshape: lambda op, feed: feed.x.reshape(feed.samples, *op.shape),
    ResizeBilinear: _resize_bilinear,
    ResizeNearest: _resize_nearest,
    RmsNorm: _rms_norm,
    Slice: _slice,
    Softmax: lambda op, feed: torch.softmax(op.beta * feed.x, dim=-1),
    Sub: _sub,
    Sum: _sum,
    Tile: lambda op, feed: feed.x.repeat(1, *op.repeats),
    Transpose: lambda op, feed: feed.x.permute(0, *(axis + 1 for axis in op.axes)),
}
