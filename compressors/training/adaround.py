"""Learn for each weight of a layer whether it is rounded up or down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from compressors.training.feed import FUSED

if TYPE_CHECKING:
    from torch import Tensor

    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.ops._activation import Fused

# Nagel et al., arXiv 2004.10568: the sigmoid is stretched to (-0.1, 1.1), eq. 23, so that its clip
# reaches both ends; the regulariser's weight, eq. 21; and section 5 and its published code: the
# first fifth of the iterations goes without it, then its exponent falls from 20 to 2.
_STRETCH_HIGH, _STRETCH_LOW = 1.1, -0.1
_LAMBDA = 0.01
_WARM_UP = 0.2
_BETA_FIRST, _BETA_LAST = 20.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reconstruction:
    """A layer whose integer weights shall make what its real ones make.

    Attributes:
        real: Weights [groups, out, depth].
        steps: Real value of one code step of each.
        high: The largest code.
        bias: [groups, 1, out].
        activation: Clamp of the outputs.
        seen: What the new layer will see, [groups, rows, depth].
        wanted: What it shall make, [groups, rows, out], clamped.
    """

    real: FloatArray
    steps: FloatArray
    high: int
    bias: FloatArray
    activation: Fused
    seen: FloatArray
    wanted: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingCourse:
    """How long to learn roundings.

    Attributes:
        iterations: Steps of Adam.
        learning_rate: Of each.
        batch_size: Rows per step.
        seed: Of the choice of rows.
    """

    iterations: int
    learning_rate: float
    batch_size: int
    seed: int


def learned_codes(task: Reconstruction, course: RoundingCourse) -> IntArray:
    """Return codes [groups, out, depth]: each weight's step rounded down or up, then clipped.

    Weights that are zero stay zero. Where what was learned is no better than the nearest codes on
    the rows at hand, these are returned.
    """
    steps = task.real / task.steps
    low = np.floor(steps)
    nearest = np.clip(np.rint(steps), -task.high, task.high)
    up = _learned(task, low, course)
    codes = np.clip(low + up, -task.high, task.high)
    better = _error(task, codes) < _error(task, nearest)
    return (codes if better else nearest).astype(np.int64)


def _error(task: Reconstruction, codes: FloatArray) -> float:
    made = task.seen @ (codes * task.steps).transpose(0, 2, 1) + task.bias
    clamped = FUSED[task.activation](_tensor(made, torch.float64)).numpy()
    return float(((clamped - task.wanted) ** 2).sum())


def _learned(task: Reconstruction, low: FloatArray, course: RoundingCourse) -> Array:
    """Return where to round up: bool [groups, out, depth]; whole steps stay as they are."""
    fraction = task.real / task.steps - low
    # What h(V) is 0 for needs no rounding: zeros, and whole steps.
    free = _tensor(fraction > 0.0)
    v = torch.nn.Parameter(_logit(_tensor(fraction)))
    optimizer = torch.optim.Adam([v], lr=course.learning_rate)
    generator = torch.Generator().manual_seed(course.seed)
    seen, wanted = _tensor(task.seen), _tensor(task.wanted)
    floors, steps, bias = _tensor(low), _tensor(task.steps), _tensor(task.bias)
    clamp = FUSED[task.activation]
    # Errors count in units of what is wanted, so that lambda means the same for every layer.
    unit = float((task.wanted**2).mean()) or 1.0
    for iteration in range(course.iterations):
        rows = torch.randint(seen.shape[1], (course.batch_size,), generator=generator)
        h = _rectified(v) * free
        weight = steps * torch.clamp(floors + h, -task.high, task.high)
        made = clamp(seen[:, rows] @ weight.transpose(1, 2) + bias)
        loss = ((made - wanted[:, rows]) ** 2).sum() / (course.batch_size * unit)
        beta = _beta(iteration / course.iterations)
        if beta is not None:
            loss = loss + _LAMBDA * ((1.0 - (2.0 * h - 1.0).abs() ** beta) * free).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()  # pyright: ignore[reportUnknownMemberType]
    # h(V) >= 1/2; whole steps have never moved from h = 0.
    return (v.detach() >= 0.0).numpy()


def _tensor(values: Array, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype)


def _rectified(v: Tensor) -> Tensor:
    """Return h(V) = clip(sigmoid(V) (zeta - gamma) + gamma, 0, 1) (arXiv 2004.10568, eq. 23)."""
    stretched = torch.sigmoid(v) * (_STRETCH_HIGH - _STRETCH_LOW) + _STRETCH_LOW
    return torch.clamp(stretched, 0.0, 1.0)


def _logit(fraction: Tensor) -> Tensor:
    """Return the V with h(V) = fraction."""
    share = (fraction - _STRETCH_LOW) / (_STRETCH_HIGH - _STRETCH_LOW)
    return torch.log(share / (1.0 - share))


def _beta(progress: float) -> float | None:
    """Return the regulariser's exponent at this part of the iterations; None before it starts."""
    if progress < _WARM_UP:
        return None
    annealed = (progress - _WARM_UP) / (1.0 - _WARM_UP)
    fall = 0.5 * (1.0 + math.cos(math.pi * annealed))
    return _BETA_LAST + (_BETA_FIRST - _BETA_LAST) * fall
