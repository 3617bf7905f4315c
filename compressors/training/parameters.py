"""What of a constant is trained: every value, those that are not pruned, shared ones, or none.

What earlier steps made stays: weights that are zero stay zero, weights that share a value go on
sharing one, codes that were chosen stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from hwsim.tensor import Weight


class Free(nn.Module):
    """Every value by itself."""

    def __init__(self, values: Tensor) -> None:
        """Start from `values`."""
        super().__init__()
        self.values = nn.Parameter(values)

    def forward(self) -> Tensor:
        """Return the values."""
        return self.values


class Masked(nn.Module):
    """Every value that is not 0 by itself; the others are pruned."""

    def __init__(self, values: Tensor) -> None:
        """Start from `values`."""
        super().__init__()
        self.values = nn.Parameter(values)
        self.kept: Tensor
        self.register_buffer("kept", (values != 0).float())

    def forward(self) -> Tensor:
        """Return the values, pruned ones exactly 0; no gradient reaches these."""
        return self.values * self.kept


class Tied(nn.Module):
    """The few values that many weights share: equal ones stay equal, zeros stay zero.

    The gradient of a shared value is the sum of its weights' (Han et al., arXiv 1510.00149,
    section 3).
    """

    def __init__(self, values: Tensor) -> None:
        """Start from the distinct ones of `values`."""
        super().__init__()
        table, index = np.unique(values.numpy(), return_inverse=True)
        self.table = nn.Parameter(torch.tensor(table))
        self.index: Tensor
        self.kept: Tensor
        self.register_buffer("index", torch.tensor(index).reshape(values.shape))
        self.register_buffer("kept", torch.tensor(table != 0, dtype=torch.float32))

    def forward(self) -> Tensor:
        """Return the values, each looked up."""
        # Indexing with brackets adds gradients in the order in which threads come by.
        chosen = (self.table * self.kept).index_select(0, self.index.reshape(-1))
        return chosen.reshape(self.index.shape)


class Held(nn.Module):
    """Values that training leaves alone, or, as statistics, follows without gradients."""

    def __init__(self, values: Tensor) -> None:
        """Hold `values`."""
        super().__init__()
        self.values: Tensor
        self.register_buffer("values", values)

    def forward(self) -> Tensor:
        """Return the values."""
        return self.values


class PartlyHeld(nn.Module):
    """Some values that training leaves alone among others that it does not."""

    def __init__(self, inner: Parameter, values: Tensor, where: Tensor) -> None:
        """Hold `values` `where` that is True; elsewhere those of `inner` count."""
        super().__init__()
        self.inner = inner
        self.values: Tensor
        self.where: Tensor
        self.register_buffer("values", values)
        self.register_buffer("where", where)

    def forward(self) -> Tensor:
        """Return the values, held ones without gradients."""
        return torch.where(self.where, self.values, self.inner())


Parameter: TypeAlias = Free | Masked | Tied | Held | PartlyHeld
"""A module without inputs whose result is the constant as it is now."""


def parameter_of(weight: Weight, is_held: bool) -> Parameter:
    """Return how `weight` is trained, float32 as it is there.

    Args:
        weight: Real, or integer codes, which stay as they are.
        is_held: Whether training leaves it alone whatever it is.
    """
    values = torch.tensor(weight.real(), dtype=torch.float32)
    if is_held or weight.quant is not None:
        return Held(values)
    if weight.format.shares_values:
        return Tied(values)
    if values.ndim >= 2 and not np.all(weight.codes):
        return Masked(values)
    return Free(values)
