"""Inputs made from noise, from nothing but what a teacher knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from compressors.training.distillation.losses import norm2
from compressors.training.distillation.teacher import logits_of
from compressors.training.twin import Twin
from hwsim.data import Data
from hwsim.errors import RecipeError
from hwsim.ops import BatchNorm

if TYPE_CHECKING:
    from torch import Tensor

    from compressors.workbench import Watcher
    from hwsim.graph import Graph

# Adam, and the weights of the statistics, of total variation and of the norm beside a cross entropy
# of weight 1, as Yin et al., arXiv 1912.08795, section 4.1, have them for small images. They try
# several for the statistics; 10 and this rate taught better than 1 and 0.05 in the one trial made.
_LEARNING_RATE = 0.1
_STATISTICS_WEIGHT = 10.0
_VARIATION_WEIGHT = 2.5e-5
_NORM_WEIGHT = 3e-8
# Inputs that are made together: enough for the statistics of a batch norm.
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statistics:
    """What a batch norm remembers of its input: [channels] each."""

    tensor: str
    mean: Tensor
    variance: Tensor


def impressions_of(
    teacher: Graph, *, samples: int, steps: int, seed: int, watcher: Watcher
) -> Data:
    """Return inputs on which `teacher` is sure of classes drawn evenly; no labels.

    Noise descends on the cross entropy of its class, plus norm2 of the differences between the
    batch's statistics and those that each batch norm keeps, plus total variation and norm as
    image priors (Yin et al., arXiv 1912.08795, equations 2 to 4). A teacher whose batch norms are
    folded away leaves only classes and priors (as arXiv 1905.08114 has it).

    Args:
        teacher: Of floats.
        samples: How many.
        steps: Of descent per batch.
        seed: Of noise and classes.
        watcher: Told of each batch.

    Raises:
        RecipeError: The teacher holds integers, which have no gradients.
    """
    twin = Twin(teacher).eval()
    twin.requires_grad_(False)
    shape = teacher.tensors[teacher.inputs[0]].shape
    generator = torch.Generator().manual_seed(seed)
    statistics = _statistics(teacher)
    classes = teacher.tensors[logits_of(teacher).tensor].elements
    made: list[Tensor] = []
    batches = -(-samples // _BATCH)
    for index, count in enumerate(_sizes(samples, batches), start=1):
        x = torch.randn(count, *shape, generator=generator).requires_grad_()
        wanted = torch.randperm(count, generator=generator) % classes
        optimizer = torch.optim.Adam([x], lr=_LEARNING_RATE)
        last = 0.0
        for _ in range(steps):
            loss = functional.cross_entropy(twin.logits(x), wanted) + _priors(twin, x, statistics)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()  # pyright: ignore[reportUnknownMemberType]
            last = float(loss.detach())
        watcher.on_epoch(index, batches, last)
        made.append(x.detach())
    found = torch.cat(made).numpy()
    if not np.isfinite(found).all():
        raise RecipeError(
            f"{teacher.name}: distill: inputs made from noise diverged; expected a trained teacher"
        )
    return Data(x=found, name=f"inputs made from {teacher.name}")


def _sizes(samples: int, batches: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(samples), batches)]


def _statistics(teacher: Graph) -> list[_Statistics]:
    return [
        _Statistics(
            tensor=node.inputs[0],
            mean=torch.tensor(node.op.mean.real(), dtype=torch.float32),
            variance=torch.tensor(node.op.variance.real(), dtype=torch.float32),
        )
        for node in teacher.nodes
        if isinstance(node.op, BatchNorm)
    ]


def _priors(twin: Twin, x: Tensor, statistics: list[_Statistics]) -> Tensor:
    """Return what keeps noise from becoming anything: statistics, smoothness, size."""
    loss = _NORM_WEIGHT * norm2(x)
    if x.ndim == 5:  # Images [n, 1, height, width, channels].
        down, right = x.diff(dim=2), x.diff(dim=3)
        loss = loss + _VARIATION_WEIGHT * (down.square().sum() + right.square().sum()).sqrt()
    seen = twin.tensors(tuple(kept.tensor for kept in statistics), x)
    for kept in statistics:
        rows = seen[kept.tensor].flatten(0, -2)
        loss = loss + _STATISTICS_WEIGHT * (
            norm2(rows.mean(dim=0) - kept.mean)
            + norm2(rows.var(dim=0, unbiased=False) - kept.variance)
        )
    return loss
