"""What a student is told to come near to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

# Width of the discriminator's hidden layers: logits are few, and it must not learn by heart.
_HIDDEN = 64


# torch types it as unknown.
norm2 = cast("Callable[..., Tensor]", torch.linalg.vector_norm)  # pyright: ignore[reportUnknownMemberType]
"""Euclidean norm, of all elements or along `dim`; its gradient at zero is zero."""


def soft_label_loss(
    student: Tensor, teacher: Tensor, labels: Tensor | None, temperature: float, alpha: float
) -> Tensor:
    """Return (1 - alpha) CE + alpha T^2 KL(teacher || student), the mean over a batch.

    Hinton et al., arXiv 1503.02531, section 2: T^2 keeps the soft part's gradients at the size of
    the hard part's.

    Args:
        student: Logits [n, classes].
        teacher: Logits [n, classes].
        labels: int64 [n]; None leaves the soft part alone.
        temperature: T.
        alpha: Share of the soft part.
    """
    soft = functional.kl_div(
        functional.log_softmax(student / temperature, dim=1),
        functional.log_softmax(teacher / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    soft = soft * temperature**2
    if labels is None:
        return soft
    return (1.0 - alpha) * functional.cross_entropy(student, labels) + alpha * soft


class Hints(nn.Module):
    """Mean (r(F_s) - F_t)^2 over pairs; r maps the student's channels to the teacher's.

    FitNets (Romero et al., arXiv 1412.6550, equation 3). Images of another size are averaged to
    the teacher's.
    """

    def __init__(self, channels: list[tuple[int, int]]) -> None:
        """Make a regressor per pair of (teacher's, student's) channels."""
        super().__init__()
        self.regressors = nn.ModuleList(nn.Linear(own, theirs) for theirs, own in channels)

    def forward(self, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the loss of pairs [n, 1, ..., channels]."""
        losses = [
            functional.mse_loss(_resized(regressor(student), teacher), teacher)
            for regressor, (teacher, student) in zip(self.regressors, pairs, strict=True)
        ]
        return torch.stack(losses).mean()


def _resized(features: Tensor, like: Tensor) -> Tensor:
    """Return image features [n, 1, h, w, c] averaged to the size of `like`; others as they are."""
    if features.shape == like.shape or features.ndim != 5:
        return features
    size = (int(like.shape[2]), int(like.shape[3]))
    planes: Tensor = functional.adaptive_avg_pool2d(
        features.flatten(0, 1).permute(0, 3, 1, 2), size
    )
    return planes.permute(0, 2, 3, 1).reshape(len(features), -1, *size, features.shape[-1])


def attention_loss(pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return half the mean of norm2(Q_s / norm2(Q_s) - Q_t / norm2(Q_t)) over samples and pairs.

    Q is the sum of squares over channels, flattened (Zagoruyko and Komodakis, arXiv 1612.03928,
    section 3.1 and equation 2).

    Args:
        pairs: (teacher's, student's) tensors [n, 1, ..., channels].
    """
    gaps = [_attention(own) - _attention(_resized(theirs, own)) for theirs, own in pairs]
    return 0.5 * torch.stack([norm2(gap, dim=1).mean() for gap in gaps]).mean()


def _attention(features: Tensor) -> Tensor:
    return functional.normalize(features.square().sum(dim=-1).flatten(1), dim=1)


class _Reversal(torch.autograd.Function):
    """The identity, whose gradient points the other way (Ganin et al., arXiv 1505.07818)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        return -gradients[0]


class Discriminator(nn.Module):
    """Tells a teacher's logits from a student's, and teaches the student to deceive it.

    Xu et al., arXiv 1709.00513, section 3.3. Both play in one descent: the discriminator's loss
    falls for itself and, its gradient reversed, rises for the student.
    """

    def __init__(self, classes: int) -> None:
        """Make a discriminator of logits [n, classes]."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(classes, _HIDDEN),
            nn.LeakyReLU(0.2),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.LeakyReLU(0.2),
            nn.Linear(_HIDDEN, 1),
        )

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the mean binary cross entropy of both judgements, for logits [n, classes]."""
        reverse = cast("Callable[[Tensor], Tensor]", _Reversal.apply)  # pyright: ignore[reportUnknownMemberType]
        made, true = self.layers(reverse(student)), self.layers(teacher)
        return 0.5 * (
            functional.binary_cross_entropy_with_logits(made, torch.zeros_like(made))
            + functional.binary_cross_entropy_with_logits(true, torch.ones_like(true))
        )
