"""Patterns: the masks that are walked, and what each output position sees of the activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from hwsim.cost.walked import lanes_of
from hwsim.kernels.patches import pad_image, windows
from hwsim.ops import Conv2d, Linear

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hwsim.accelerators import Mask
    from hwsim.arrays import IntArray
    from hwsim.cost.walked import Lanes
    from hwsim.profile import KernelRule
    from hwsim.program import Step
    from hwsim.tensor import Weight

MOST_SEEN: Final = 1 << 20
"""Activations of patches that are looked at in one layer, all samples together."""

_RUN: Final = 64
_GOLDEN: Final = 0.6180339887498949


class Patterns(Protocol):
    """Where the patterns of zeros come from."""

    def lanes(self, weight: Weight, step: Step, rule: KernelRule) -> Lanes:
        """Return what the lanes of a walking kernel do."""
        ...

    def weights(self, weight: Weight) -> Mask:
        """Return where weights are not zero: [rows, k]."""
        ...

    def activations(self, mask: Mask) -> Mask:
        """Return where the activations of a layer are not zero, in the shape of `mask`."""
        ...


class Exact:
    """The patterns that are there."""

    def lanes(self, weight: Weight, step: Step, rule: KernelRule) -> Lanes:
        """See `Patterns.lanes`."""
        return lanes_of(weight, step, rule)

    def weights(self, weight: Weight) -> Mask:
        """See `Patterns.weights`."""
        return weight.nonzero

    def activations(self, mask: Mask) -> Mask:
        """See `Patterns.activations`."""
        return mask


EXACT: Final = Exact()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patches:
    """What output positions of one sample see.

    Attributes:
        mask: [positions looked at, taps, groups, channels per group]; around an image it is False.
        positions: How many there are; more than were looked at in large layers.
    """

    mask: Mask
    positions: int

    @property
    def product(self) -> Mask:
        """[positions looked at, taps x all channels]: the operand of one product."""
        return self.mask.reshape(len(self.mask), -1)

    @property
    def uses(self) -> IntArray:
        """[groups, k] int64, how many positions see a non-zero there."""
        uses = self.mask.sum(axis=0, dtype=np.int64)
        return uses.transpose(1, 0, 2).reshape(uses.shape[1], -1)

    def scaled(self, number: int) -> int:
        """Return a number of the positions looked at for all of them, to the nearest whole."""
        seen = len(self.mask)
        return (2 * number * self.positions + seen) // (2 * seen)


def patches_of(step: Step, mask: Mask, patterns: Patterns) -> Iterator[Patches] | None:
    """Return what the positions of each sample see; None where the op has no patches.

    Of layers with more than `MOST_SEEN` places, runs of 64 neighbouring positions are looked at,
    spread evenly by multiples of the golden section: it shares no factor with a width.

    Args:
        step: A convolution or linear layer.
        mask: [samples, *input shape] bool.
        patterns: What becomes of the mask.
    """
    if not isinstance(step.node.op, Conv2d | Linear):
        return None
    return (_patches(step, sample, patterns, MOST_SEEN // len(mask)) for sample in mask)


def mean_of(samples: Iterable[int]) -> int:
    """Return the mean of whole numbers, to the nearest whole, halves upwards."""
    numbers = list(samples)
    return (2 * sum(numbers) + len(numbers)) // (2 * len(numbers))


def _patches(step: Step, sample: Mask, patterns: Patterns, most: int) -> Patches:
    op, groups = step.node.op, step.workload.groups
    if isinstance(op, Conv2d):
        # Zeros around an image belong to no density.
        images = pad_image(patterns.activations(sample), op.padding, fill=False)
        view = windows(images, op.kernel, op.stride, op.dilation)
        taps, channels = op.kernel[0] * op.kernel[1], view.shape[5]
    else:
        view = patterns.activations(sample)[..., None, None, None, :]
        view = view.reshape(-1, 1, 1, 1, 1, view.shape[-1])
        taps, channels = 1, view.shape[5]
    extents = view.shape[:3]
    positions = int(np.prod(extents))
    at = _looked_at(positions, max(1, most // (taps * channels)))
    seen = view[np.unravel_index(at, extents)]
    return Patches(
        mask=seen.reshape(len(at), taps, groups, channels // groups), positions=positions
    )


def _looked_at(positions: int, most: int) -> IntArray:
    """Return at most `most` positions, but one run at least, rising."""
    if positions <= most:
        return np.arange(positions)
    runs, wanted = -(-positions // _RUN), max(1, most // _RUN)
    starts = np.unique((np.arange(wanted) * _GOLDEN % 1.0 * runs).astype(np.int64))
    at = (starts[:, None] * _RUN + np.arange(_RUN)).reshape(-1)
    return at[at < positions]
