"""What a way of rounding must offer, and what all of them share: channels last, codes clamped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray

Kernel: TypeAlias = "Callable[[IntArray, Array, Array, IntArray, IntArray], None]"
"""Of accumulators [rows, channels], values and exponents [channels], [zero point, low, high], and
the codes [rows, channels] that it writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requantized codes go: shifted by `zero_point`, clamped to [low, high]."""

    zero_point: int
    low: int
    high: int
    dtype: np.dtype[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipliers:
    """What a rounding makes of the real multipliers M: the constants of its inner loop.

    Attributes:
        values: [channels] int32 mantissas, or float32 / float64 scales: as the rounding computes.
        exponents: [channels] int32; zeros where `values` say it all.
    """

    values: Array
    exponents: IntArray


class Requantizer(Protocol):
    """A rounding bound to its scales: accumulators [..., channels] to codes."""

    def __call__(self, accumulators: IntArray) -> IntArray:
        """Return codes of the shape of `accumulators`."""
        ...


class Rounding(Protocol):
    """One way of rounding; `bind` fixes the scales."""

    name: ClassVar[str]

    def multipliers(
        self, input_scale: float, weight_scale: Array, output_scale: float
    ) -> Multipliers:
        """Return the constants for M = input_scale * weight_scale / output_scale; see `bind`."""
        ...

    def bind(
        self, input_scale: float, weight_scale: Array, output_scale: float, target: Target
    ) -> Requantizer:
        """Return the function of accumulators whose unit is input_scale * weight_scale[c].

        Args:
            input_scale: A float32 value.
            weight_scale: [channels] or [1] float32 values.
            output_scale: A float32 value.
            target: Zero point, clamp and type of the codes.
        """
        ...


def bind_kernel(kernel: Kernel, values: Array, exponents: Array, target: Target) -> Requantizer:
    """Return the function of accumulators that runs `kernel` over rows of channels.

    Args:
        kernel: See `Kernel`.
        values: [channels] or [1], as the kernel computes.
        exponents: As many.
        target: Zero point, clamp and type of the codes.
    """
    limits = np.array([target.zero_point, target.low, target.high], np.int64)

    def requantize(accumulators: IntArray) -> IntArray:
        rows = np.ascontiguousarray(accumulators).reshape(-1, accumulators.shape[-1])
        codes = np.empty(rows.shape, target.dtype)
        kernel(rows, _spread(values, rows), _spread(exponents, rows), limits, codes)
        return codes.reshape(accumulators.shape)

    return requantize


def _spread(per_channel: Array, rows: IntArray) -> Array:
    """Return one value per channel, also where all channels share one."""
    return np.ascontiguousarray(np.broadcast_to(per_channel, (rows.shape[1],)))
