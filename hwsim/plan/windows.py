"""Which taps of a convolution's kernel lie inside the image, where: classes of output positions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hwsim.arrays import IntArray, Shape
    from hwsim.ops import Conv2d
    from hwsim.plan.heavy import End


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Output positions, sorted by which taps of the kernel lie outside the image.

    Attributes:
        order: Place of each in the output, class by class: int32 [positions].
        starts: Where each class starts in `order`, and where the last ends: int32 [classes + 1].
        inside: bool [classes, kernel height, kernel width]: taps that lie inside.
    """

    order: IntArray
    starts: IntArray
    inside: IntArray


def windows_of(op: Conv2d, images: Shape) -> Windows:
    """Return the output positions of `op` over images [n, height, width, channels], sorted."""
    count, *extents = op.infer(images)[0][:3]
    seen: list[tuple[IntArray, IntArray]] = []
    for axis, extent in enumerate(extents):
        first = np.arange(extent) * op.stride[axis] - op.padding[axis][0]
        at = first[:, None] + np.arange(op.kernel[axis]) * op.dilation[axis]
        is_inside = (at >= 0) & (at < images[axis + 1])
        kinds, kind = np.unique(is_inside, axis=0, return_inverse=True)
        seen.append((kinds, kind.reshape(-1)))
    (rows, row), (columns, column) = seen
    classes = np.tile(np.add.outer(row * len(columns), column).reshape(-1), count)
    sizes = np.bincount(classes, minlength=len(rows) * len(columns))
    inside = rows[:, None, :, None] & columns[None, :, None, :]
    return Windows(
        order=np.argsort(classes, kind="stable").astype(np.int32),
        starts=np.concatenate(([0], np.cumsum(sizes))).astype(np.int32),
        inside=inside.reshape(-1, *op.kernel),
    )


def biases_of(op: Conv2d, end: End, windows: Windows) -> list[IntArray]:
    """Return int64 [out] per class: what the sum is where no sign differs, padding made up for."""
    per_tap = op.weight.codes.astype(np.int64).sum(axis=3)
    signs = math.prod(op.weight.shape[1:])
    # The end has folded the byte of 0, 1, into its bias; here a bit is -1 or +1 itself.
    bias = end.bias + end.input_zero * per_tap.sum(axis=(1, 2)) + signs
    return [bias + (per_tap * ~inside).sum(axis=(1, 2)) for inside in windows.inside]
