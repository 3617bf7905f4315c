"""What an op computes with in training, and what several of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


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


# An op's function takes that kind of op; `operators.FORWARD` pairs them.
Forward: TypeAlias = Callable[[Any, Feed], "Tensor"]

CLAMPS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu6": functional.relu6,
    "relu_0_to_1": lambda x: functional.hardtanh(x, 0.0, 1.0),
    "relu_n1_to_1": functional.hardtanh,
}


FUSED: Mapping[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, **CLAMPS}


def aligned(feed: Feed) -> tuple[Tensor, Tensor]:
    """Return both operands with as many axes, new ones set after the samples."""
    a, b = feed.inputs
    rank = max(a.ndim, b.ndim)
    return (
        a.reshape(a.shape[0], *(1,) * (rank - a.ndim), *a.shape[1:]),
        b.reshape(b.shape[0], *(1,) * (rank - b.ndim), *b.shape[1:]),
    )


def images(planes: Tensor, samples: int) -> Tensor:
    """Return [n, channels, height, width] as [samples, batch, height, width, channels]."""
    images = planes.permute(0, 2, 3, 1)
    return images.reshape(samples, -1, *images.shape[1:])
