"""The one training loop: every step that trains gives it a module and a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch

from compressors.training.states import restored, taken
from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from compressors.workbench import Watcher

OptimizerName: TypeAlias = Literal["sgd", "adam"]

# Sutskever et al., ICML 2013: what most image networks are trained with.
_SGD_MOMENTUM = 0.9

Loss: TypeAlias = "Callable[[Tensor], Tensor]"
"""Sample numbers, int64 [batch], to the mean loss over these samples, a scalar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long and how fast to train.

    Attributes:
        epochs: Passes over the data.
        learning_rate: Of the first step; it falls to 0 along a cosine (Loshchilov and Hutter,
            arXiv 1608.03983, without restarts).
        batch_size: At most; batches of one pass are equal to within one sample.
        seed: Of the order of samples.
        optimizer: `sgd`, with momentum 0.9, or `adam` (Kingma and Ba, arXiv 1412.6980).
        weight_decay: Of parameters of two axes or more; with Adam apart from the gradient
            (Loshchilov and Hutter, arXiv 1711.05101).
    """

    epochs: int
    learning_rate: float
    batch_size: int = 64
    seed: int = 0
    optimizer: OptimizerName = "sgd"
    weight_decay: float = 0.0


def descend(
    module: nn.Module, loss: Loss, samples: int, course: Course, watcher: Watcher, name: str
) -> None:
    """Train the parameters of `module` by stochastic gradient descent along a cosine.

    After every epoch `watcher` is given all that the next one depends on; a training that it
    kept goes on where it stopped, and ends with the same bits.

    Args:
        module: Changed in place; in training mode afterwards. What it trains, follows or counts
            is a parameter or a buffer.
        loss: Of a batch, by sample numbers.
        samples: How many there are.
        course: How long, how fast.
        watcher: Told of every epoch.
        name: Of the graph, for messages.

    Raises:
        RecipeError: Nothing can be trained, or the training diverged.
    """
    batches = -(-samples // course.batch_size)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise RecipeError(
            f"{name}: training expected constants that it may change, got none; leave the step out"
        )
    optimizer = _optimizer(module, course)
    generator = torch.Generator().manual_seed(course.seed)
    module.train()
    kept = watcher.kept()
    done = 0 if kept is None else restored(kept, module, optimizer, generator)
    for epoch in range(done + 1, course.epochs + 1):
        total = 0.0
        order = torch.randperm(samples, generator=generator).tensor_split(batches)
        for step, batch in enumerate(order, (epoch - 1) * batches):
            _set_learning_rate(optimizer, course, step / (course.epochs * batches))
            value = loss(batch)
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()  # pyright: ignore[reportUnknownMemberType]
            total += float(value.detach())
        if not math.isfinite(total):
            raise RecipeError(
                f"{name}: training diverged in epoch {epoch}; expected a finite loss, got "
                f"{total}; lower learning_rate={course.learning_rate}"
            )
        watcher.keep(taken(module, optimizer, generator, epoch))
        watcher.on_epoch(epoch, course.epochs, total / batches)


def _optimizer(module: nn.Module, course: Course) -> torch.optim.Optimizer:
    matrices = [p for p in module.parameters() if p.ndim >= 2]
    others = [p for p in module.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": course.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if course.optimizer == "adam":
        return torch.optim.AdamW(groups, lr=course.learning_rate)
    return torch.optim.SGD(groups, lr=course.learning_rate, momentum=_SGD_MOMENTUM)


def _set_learning_rate(optimizer: torch.optim.Optimizer, course: Course, share: float) -> None:
    """Set the rate for when `share` of all steps is done."""
    for group in optimizer.param_groups:
        group["lr"] = course.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))
