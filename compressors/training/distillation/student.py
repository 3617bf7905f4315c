"""Train a student on what its teacher shows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
import torch
from torch import nn

from compressors.training.distillation.losses import (
    Discriminator,
    Hints,
    attention_loss,
    soft_label_loss,
)
from compressors.training.distillation.teacher import comparable, logits_of, shown_by
from compressors.training.loop import Course, descend
from compressors.training.seeded import seeded
from compressors.training.twin import Twin, labels_of, weights_of
from hwsim.errors import RecipeError
from hwsim.ops import Constant
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from compressors.training.distillation.teacher import Pairs
    from compressors.workbench import Watcher
    from hwsim.arrays import FloatArray
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.op import Op
    from hwsim.tensor import Weight

Compared: TypeAlias = "list[tuple[Tensor, Tensor]]"
"""Pairs of the teacher's and the student's tensors [batch, 1, ..., channels]."""

Extra: TypeAlias = "Callable[[Tensor, Tensor, Compared], Tensor]"
"""The student's logits, the teacher's, and what is compared, to what the method adds."""


class Lesson(Protocol):
    """Settings of a distillation; `Distill` says what each means."""

    temperature: float
    alpha: float
    weight: float
    generations: int
    epochs: int
    learning_rate: float
    batch_size: int
    seed: int

    @property
    def method(self) -> str:
        """Name of what is compared."""
        ...

    @property
    def pairs(self) -> Pairs:
        """Names of (teacher's, student's) tensors to compare; none: the method's choice."""
        ...


def distilled(
    student: Graph, teacher: Graph, data: Data, settings: Lesson, watcher: Watcher
) -> Graph:
    """Return `student` trained on what `teacher` shows of `data`.

    Raises:
        RecipeError: They tell other classes apart, or the training diverged.
    """
    twin = Twin(student)
    x = torch.tensor(stacked(student, data.x), dtype=torch.float32)
    labels = None if data.y is None else labels_of(twin, x, data, student.name)
    pairs = ()
    if settings.method in ("feature_map", "attention_map"):
        pairs = comparable(teacher, student, settings.pairs)
    heard, said = logits_of(teacher), logits_of(student)
    shown = shown_by(teacher, data.x, (heard.tensor, *(own for own, _ in pairs)))
    targets = heard.of(shown)
    _check_classes(twin, x, targets, student, teacher)
    names = (said.tensor, *(other for _, other in pairs))
    helper, extra = _addition(settings, teacher, student, pairs, targets.shape[1])

    def loss(batch: Tensor) -> Tensor:
        seen = twin.tensors(names, x[batch])
        logits, wanted = said.of(seen), targets[batch]
        own = None if labels is None else labels[batch]
        value = soft_label_loss(logits, wanted, own, settings.temperature, settings.alpha)
        if extra is None:
            return value
        compared = [(shown[own][batch], seen[other]) for own, other in pairs]
        return value + settings.weight * extra(logits, wanted, compared)

    whole = nn.ModuleList([twin] if helper is None else [twin, helper])
    descend(whole, loss, len(x), _course(settings), watcher, student.name)
    return twin.graph()


def _course(settings: Lesson) -> Course:
    return Course(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )


def _check_classes(twin: Twin, x: Tensor, targets: Tensor, student: Graph, teacher: Graph) -> None:
    with torch.no_grad():
        classes = twin.eval().logits(x[:1]).shape[1]
    if targets.shape[1] != classes:
        raise RecipeError(
            f"{student.name}: distill expected a teacher of {classes} classes, got "
            f"{targets.shape[1]} from {teacher.name}"
        )


def _addition(
    settings: Lesson, teacher: Graph, student: Graph, pairs: Pairs, classes: int
) -> tuple[nn.Module | None, Extra | None]:
    """Return what is trained beside the student, and what the method adds to its loss."""
    if settings.method == "attention_map":
        return None, lambda _, __, compared: attention_loss(compared)
    with seeded(settings.seed):
        if settings.method == "adversarial":
            discriminator = Discriminator(classes)
            return discriminator, lambda logits, wanted, _: discriminator(logits, wanted)
        if settings.method == "feature_map":
            hints = Hints(
                [(teacher.tensors[a].shape[-1], student.tensors[b].shape[-1]) for a, b in pairs]
            )
            return hints, lambda _, __, compared: hints(compared)
    return None, None


def born_again(graph: Graph, data: Data, settings: Lesson, watcher: Watcher) -> Graph:
    """Return the last of `generations` networks of this shape, each taught by the one before.

    Furlanello et al., arXiv 1805.04770: a student of the teacher's own size that starts from
    fresh weights.
    """
    teacher = graph
    for generation in range(settings.generations):
        student = fresh(teacher, settings.seed + generation)
        teacher = distilled(student, teacher, data, settings, watcher)
    return teacher


def fresh(graph: Graph, seed: int) -> Graph:
    """Return `graph` with weights drawn anew: He et al., arXiv 1502.01852, section 2.2.

    Weights of two axes or more are normal of variance 2 / fan-in, and zeros stay zero; biases
    become 0, gains of batch norms 1, their statistics those of a standard normal.
    """
    rng = np.random.default_rng(seed)
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        drawn = {
            key: weight.with_real(_drawn(key, weight, rng))
            for key, weight in weights_of(node.op).items()
        }
        if drawn and not isinstance(node.op, Constant):
            ops[node.name] = replace(cast("Any", node.op), **drawn)
    return graph.with_ops(ops)


def _drawn(key: str, weight: Weight, rng: np.random.Generator) -> FloatArray:
    if key in ("gamma", "variance"):
        return np.ones(weight.shape)
    if key in ("beta", "mean", "bias"):
        return np.zeros(weight.shape)
    if len(weight.shape) < 2:
        return weight.real()  # Slopes of a PReLU: what they start from is theirs to say.
    real = weight.real()
    drawn = rng.normal(0.0, math.sqrt(2.0 / real[0].size), real.shape)
    return np.where(real == 0.0, 0.0, drawn)
