"""The distinct values of a matrix, and where each occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import FormatError

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray

MOST_VALUES = 1 << 16
"""Most values of a table; beyond, indices are no shorter than half a float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """Values as a table and indices: `values[indices]`.

    Attributes:
        values: [k] each once, bit patterns ascending.
        indices: [n] int64.
        counts: [k] int64, how often each occurs.
    """

    values: Array
    indices: IntArray
    counts: IntArray


def distinct_values(values: Array, format_name: str) -> Distinct:
    """Return `values` (any shape) as a table; -0.0 is not 0.0, so that bits come back.

    Raises:
        FormatError: More values than a table holds.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    is_real = np.issubdtype(flat.dtype, np.floating)
    patterns = flat.astype(np.float32).view(np.uint32) if is_real else flat
    if patterns.dtype.itemsize <= 2:
        found, indices, counts = _counted(patterns)
    else:
        # One sort and many look-ups: half the time of a sort that remembers where things were.
        found = np.unique(patterns)
        if found.size > MOST_VALUES:
            raise FormatError(
                f"format {format_name}: {found.size} distinct values, of which a table holds "
                f"{MOST_VALUES}; quantize the weights, or let them share values"
            )
        indices = np.searchsorted(found, patterns)
        counts = np.bincount(indices, minlength=found.size)
    table = found.view(np.float32).astype(flat.dtype) if is_real else found
    return Distinct(values=table, indices=indices, counts=counts)


def _counted(patterns: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return distinct integers of at most 16 bits, indices and counts, without a sort."""
    low = int(patterns.min(initial=0))
    places = patterns.astype(np.int64) - low
    counts = np.bincount(places)
    present = np.flatnonzero(counts)
    index_of = np.zeros(counts.size, np.int64)
    index_of[present] = np.arange(present.size)
    return (present + low).astype(patterns.dtype), index_of[places], counts[present]
