"""What each float operator kind means in torch, with gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from compressors.training.feed import FUSED, Feed, Forward, images
from compressors.training.light import LIGHT
from compressors.training.moves import MOVES
from hwsim.ops import (
    AveragePool2d,
    BatchNorm,
    Conv2d,
    Conv2dTranspose,
    LayerNorm,
    Linear,
    LogSoftmax,
    Lstm,
    MatMul,
    MaxPool2d,
    Op,
    RmsNorm,
    Softmax,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

# Share of a new batch in the running statistics of batch normalisation, torch's default.
_MOMENTUM = 0.1


def _padded_planes(op: Conv2d | MaxPool2d | AveragePool2d, x: Tensor, fill: float) -> Tensor:
    """Return [samples, batch, height, width, channels] as padded [n, channels, height, width]."""
    planes = x.flatten(0, 1).permute(0, 3, 1, 2)
    (top, bottom), (left, right) = op.padding
    if not any((top, bottom, left, right)):
        return planes
    return functional.pad(planes, (left, right, top, bottom), value=fill)


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
    return images(FUSED[op.activation](y), feed.samples)


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
    return images(FUSED[op.activation](y), feed.samples)


def _linear(op: Linear, feed: Feed) -> Tensor:
    y = functional.linear(feed.x, feed.weights["weight"], feed.weights.get("bias"))
    return FUSED[op.activation](y)


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
    return images(FUSED[op.activation](y), feed.samples)


def _average_pool2d(op: AveragePool2d, feed: Feed) -> Tensor:
    y = functional.avg_pool2d(_padded_planes(op, feed.x, 0.0), op.kernel, op.stride)
    if not op.count_padding and any(op.padding[0] + op.padding[1]):
        inside = _padded_planes(op, torch.ones_like(feed.x[:1, :, :, :, :1]), 0.0)
        y = y / functional.avg_pool2d(inside, op.kernel, op.stride)[:1]
    return images(FUSED[op.activation](y), feed.samples)


def _matmul(op: MatMul, feed: Feed) -> Tensor:
    a, b = feed.inputs
    return op.scale * torch.matmul(a, b.transpose(-1, -2) if op.transpose_b else b)


FORWARD: Mapping[type[Op], Forward] = {
    **LIGHT,
    **MOVES,
    AveragePool2d: _average_pool2d,
    BatchNorm: _batch_norm,
    Conv2d: _conv2d,
    Conv2dTranspose: _conv2d_transpose,
    LayerNorm: _layer_norm,
    Linear: _linear,
    LogSoftmax: lambda op, feed: torch.log_softmax(feed.x, dim=-1),
    Lstm: _lstm,
    MatMul: _matmul,
    MaxPool2d: _max_pool2d,
    RmsNorm: _rms_norm,
    Softmax: lambda op, feed: torch.softmax(op.beta * feed.x, dim=-1),
}
