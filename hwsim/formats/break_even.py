"""How sparse weights must be before a storage format takes fewer bytes than dense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats import FORMATS, Dense

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.arrays import Array
    from hwsim.formats import Format

# Weights of a trained layer are about normal; int8 codes put the largest of them at 127.
_LARGEST_OF_NORMAL = 4.5


def break_even_density(format_: Format, weights: Array, bits: int) -> float | None:
    """Return the largest share of `weights` that may stay for `format_` to be smaller than dense.

    Of n weights [rows, columns], the k of largest magnitude stay, and k / n is returned for the
    largest k whose bytes, tables and indices included, are fewer; 0 where none are. None where
    the format does not take what magnitude pruning leaves, as N:M does not.

    Args:
        format_: What to compare.
        weights: What to prune.
        bits: Width of one weight.
    """
    order = np.argsort(-np.abs(weights.astype(np.float64)), axis=None, kind="stable")
    dense_bytes = Dense().pack(weights, bits).storage_bytes

    def is_smaller(kept: int) -> bool:
        pruned = np.zeros(weights.size, weights.dtype)
        pruned[order[:kept]] = weights.reshape(-1)[order[:kept]]
        packed = format_.pack(pruned.reshape(weights.shape), bits)
        return packed.storage_bytes < dense_bytes

    try:
        if is_smaller(weights.size):
            return 1.0
        low, high = -1, weights.size
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if is_smaller(middle) else (low, middle)
    except FormatError:
        return None
    return max(low, 0) / weights.size


def break_even_table(side: int = 256) -> Iterator[tuple[str, float, float]]:
    """Yield (format, density for int8, density for float32) of all that take any pattern.

    Of normally distributed weights [side, side], the same each time; int8 codes are theirs,
    rounded. Tables and row starts weigh less in larger matrices.
    """
    reals = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    codes = np.rint(reals * (127 / _LARGEST_OF_NORMAL)).clip(-127, 127).astype(np.int8)
    for format_ in FORMATS:
        int8 = break_even_density(format_, codes, 8)
        float32 = break_even_density(format_, reals, 32)
        if int8 is not None and float32 is not None:
            yield format_.name, int8, float32
