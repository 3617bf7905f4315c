"""What ops that touch every element once mean in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from compressors.training.feed import CLAMPS, FUSED, Feed, Forward, aligned
from hwsim.ops import (
    Add,
    Binary,
    Elementary,
    LeakyRelu,
    Maximum,
    Minimum,
    Mul,
    Op,
    PRelu,
    Sub,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

ELEMENTARY: Mapping[str, Callable[[Tensor], Tensor]] = {
    **CLAMPS,
    "abs": torch.abs,
    "ceil": torch.ceil,
    "elu": functional.elu,
    "erf": torch.erf,
    "exp": torch.exp,
    "floor": torch.floor,
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "log": torch.log,
    "logistic": torch.sigmoid,
    "neg": torch.neg,
    "round": torch.round,
    "rsqrt": torch.rsqrt,
    "silu": functional.silu,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "tanh": torch.tanh,
}


_BINARY: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "div": torch.div,
    "pow": torch.pow,
    "squared_difference": lambda a, b: torch.square(a - b),
}


def _add(op: Add, feed: Feed) -> Tensor:
    a, b = aligned(feed)
    return FUSED[op.activation](a + b)


def _sub(op: Sub, feed: Feed) -> Tensor:
    a, b = aligned(feed)
    return FUSED[op.activation](a - b)


def _mul(op: Mul, feed: Feed) -> Tensor:
    a, b = aligned(feed)
    return FUSED[op.activation](a * b)


def _prelu(op: PRelu, feed: Feed) -> Tensor:
    del op
    return torch.where(feed.x >= 0, feed.x, feed.weights["alpha"] * feed.x)


LIGHT: Mapping[type[Op], Forward] = {
    Add: _add,
    Binary: lambda op, feed: _BINARY[op.function](*aligned(feed)),
    Elementary: lambda op, feed: ELEMENTARY[op.function](feed.x),
    LeakyRelu: lambda op, feed: functional.leaky_relu(feed.x, op.alpha),
    Maximum: lambda op, feed: torch.maximum(*aligned(feed)),
    Minimum: lambda op, feed: torch.minimum(*aligned(feed)),
    Mul: _mul,
    PRelu: _prelu,
    Sub: _sub,
}
