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
    Concat,
    Constant,
    Conv2d,
    Elementary,
    LayerNorm,
    Linear,
    MatMul,
    MaxPool2d,
    Mean,
    Mul,
    Op,
    Pad,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)

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

_FUSED: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": torch.relu,
    "relu6": functional.relu6,
    "relu_n1_to_1": functional.hardtanh,
}

_ELEMENTARY: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu6": functional.relu6,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "hard_swish": functional.hardswish,
    "hard_sigmoid": functional.hardsigmoid,
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
    Concat: _concat,
    Constant: _constant,
    Conv2d: _conv2d,
    Elementary: lambda op, feed: _ELEMENTARY[op.function](feed.x),
    LayerNorm: _layer_norm,
    Linear: _linear,
    MatMul: _matmul,
    MaxPool2d: _max_pool2d,
    Mean: _mean,
    Mul: _mul,
    Pad: _pad,
    Reshape: lambda op, feed: feed.x.reshape(feed.samples, *op.shape),
    Slice: _slice,
    Softmax: lambda op, feed: torch.softmax(op.beta * feed.x, dim=-1),
    Transpose: lambda op, feed: feed.x.permute(0, *(axis + 1 for axis in op.axes)),
}
