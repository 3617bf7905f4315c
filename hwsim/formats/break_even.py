"""How sparse weights must be before a storage format takes fewer bytes than dense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError
from hwsim.formats import FORMATS, NM, Block, Dense

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.arrays import Array, IntArray
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
    return _largest_share(format_, weights, bits, np.arange(weights.size))


def break_even_structured(format_: NM | Block, weights: Array, bits: int) -> float:
    """Return the largest share of blocks, or of groups, that may stay, likewise.

    Those of the largest sum of magnitudes stay: blocks whole, of each group of N:M its N largest.
    As N:M stores N places in every group, its bytes are the same whatever stays: 1 or 0.
    """
    rows, columns = np.indices(weights.shape)
    if isinstance(format_, Block):
        wide = -(-weights.shape[1] // format_.columns)
        units = rows // format_.rows * wide + columns // format_.columns
        kept = weights
    else:
        units = rows * -(-weights.shape[1] // format_.m) + columns // format_.m
        kept = _fitted(format_, weights)
    found = _largest_share(format_, kept, bits, np.ravel(units))
    assert found is not None
    return found


def _fitted(format_: NM, weights: Array) -> Array:
    """Return the weights with the N largest of each group alone."""
    kept = np.zeros_like(weights)
    for start in range(0, weights.shape[1], format_.m):
        group = weights[:, start : start + format_.m]
        places = np.argsort(-np.abs(group.astype(np.float64)), axis=1, kind="stable")
        places = places[:, : format_.n]
        own = kept[:, start : start + format_.m]
        np.put_along_axis(own, places, np.take_along_axis(group, places, axis=1), axis=1)
    return kept


def _largest_share(format_: Format, weights: Array, bits: int, unit_of: IntArray) -> float | None:
    """Return the largest share of units that may stay.

    Args:
        format_: What to compare.
        weights: What to prune.
        bits: Width of one weight.
        unit_of: [n] the unit of each weight, that stays or goes with all of its own.
    """
    flat = weights.reshape(-1)
    sizes = np.bincount(unit_of, weights=np.abs(flat.astype(np.float64)))
    rank = np.empty(sizes.size, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(sizes.size)
    rank_of = rank[unit_of]
    dense_bytes = Dense().pack(weights, bits).storage_bytes

    def is_smaller(kept: int) -> bool:
        pruned = np.where(rank_of < kept, flat, np.zeros((), flat.dtype))
        packed = format_.pack(pruned.reshape(weights.shape), bits)
        return packed.storage_bytes < dense_bytes

    try:
        if is_smaller(sizes.size):
            return 1.0
        low, high = -1, sizes.size
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if is_smaller(middle) else (low, middle)
    except FormatError:
        return None
    return max(low, 0) / sizes.size


def break_even_table(side: int = 128) -> Iterator[tuple[str, float, float]]:
    """Yield (format, density for int8, density for float32) of all that take any pattern.

    Of normally distributed weights [side, side], the same each time; int8 codes are theirs,
    rounded. Tables and row starts weigh less in larger matrices.
    """
    codes, reals = _examples(side)
    for format_ in FORMATS:
        int8 = break_even_density(format_, codes, 8)
        float32 = break_even_density(format_, reals, 32)
        if int8 is not None and float32 is not None:
            yield format_.name, int8, float32


def structured_table(side: int = 128) -> Iterator[tuple[str, str, float, float]]:
    """Yield (format, `blocks` or `groups`, share for int8, share for float32) of N:M and blocks.

    Of the same weights as `break_even_table`.
    """
    codes, reals = _examples(side)
    for format_ in FORMATS:
        if isinstance(format_, (NM, Block)):
            int8 = break_even_structured(format_, codes, 8)
            unit = "blocks" if isinstance(format_, Block) else "groups"
            yield format_.name, unit, int8, break_even_structured(format_, reals, 32)


def _examples(side: int) -> tuple[Array, Array]:
    """Return int8 codes and the reals that they stand for."""
    reals = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    codes = np.rint(reals * (127 / _LARGEST_OF_NORMAL)).clip(-127, 127).astype(np.int8)
    return codes, reals
