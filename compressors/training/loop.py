"""The one training loop: every step that trains gives it a module and a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from compressors.workbench import Watcher

# Sutskever et al., ICML 2013: what most image networks are trained with.
_SGD_MOMENTUM = 0.9

Loss: TypeAlias = "Callable[[Tensor], Tensor]"
"""Sample numbers, int64 [batch], to the mean loss over these samples, a scalar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long and how fast to train.

    Attributes:
        epochs: Passes over the data.
        learning_rate: Of the first step; it falls to 0 along a cosine.
        batch_size: At most; batches of one pass are equal to within one sample.
        seed: Of the order of samples.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 64
    seed: int = 0


def descend(
    module: nn.Module, loss: Loss, samples: int, course: Course, watcher: Watcher, name: str
) -> None:
    """Train the parameters of `module` by SGD with momentum and a cosine schedule.

    Args:
        module: Changed in place; in training mode afterwards.
        loss: Of a batch, by sample numbers.
        samples: How many there are.
        course: How long, how fast.
        watcher: Told of every epoch.
        name: Of the graph, for messages.

    Raises:
        RecipeError: The training diverged.
    """
    batches = -(-samples // course.batch_size)
    optimizer = torch.optim.SGD(
        module.parameters(), lr=course.learning_rate, momentum=_SGD_MOMENTUM
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1.0 + math.cos(math.pi * step / (course.epochs * batches)))
    )
    generator = torch.Generator().manual_seed(course.seed)
    module.train()
    for epoch in range(1, course.epochs + 1):
        total = 0.0
        for batch in torch.randperm(samples, generator=generator).tensor_split(batches):
            value = loss(batch)
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()  # pyright: ignore[reportUnknownMemberType]
            schedule.step()
            total += float(value.detach())
        if not math.isfinite(total):
            raise RecipeError(
                f"{name}: training diverged in epoch {epoch}; expected a finite loss, got "
                f"{total}; lower learning_rate={course.learning_rate}"
            )
        watcher.on_epoch(epoch, course.epochs, total / batches)
