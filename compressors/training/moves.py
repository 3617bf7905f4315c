"""What ops that move, reduce or interpolate elements mean in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from hwsim.ops import (
    Concat,
    Constant,
    Gather,
    Mean,
    Op,
    Pad,
    Quantize,
    ReduceMax,
    ReduceMin,
    Reshape,
    ResizeBilinear,
    ResizeNearest,
    Slice,
    Sum,
    Tile,
    Transpose,
)
from hwsim.ops._interpolation import nearest, neighbours
from hwsim.ops._reduction import stacked_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from compressors.training.feed import Feed, Forward


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


MOVES: Mapping[type[Op], Forward] = {
    Concat: _concat,
    Constant: _constant,
    Gather: _gather,
    Mean: _mean,
    Pad: _pad,
    Quantize: lambda op, feed: feed.x,
    ReduceMax: _extreme,
    ReduceMin: _extreme,
    Reshape: lambda op, feed: feed.x.reshape(feed.samples, *op.shape),
    ResizeBilinear: _resize_bilinear,
    ResizeNearest: _resize_nearest,
    Slice: _slice,
    Sum: _sum,
    Tile: lambda op, feed: feed.x.repeat(1, *op.repeats),
    Transpose: lambda op, feed: feed.x.permute(0, *(axis + 1 for axis in op.axes)),
}
