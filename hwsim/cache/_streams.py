"""Streams of accesses, cut into blocks of events: line number times two, plus one for a write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray

BLOCK: Final = 1 << 14
"""Events at a time: they stay in the nearer caches of the machine that simulates."""

LIMIT: Final = 1 << 62
"""No address or line number reaches it, so that twice a line number is an int64."""


@kernel
def take_single(
    numbers: IntArray, base: int, stride: int, writes: Array, bits: int, out: IntArray
) -> int:
    """Set `out` to the events of accesses of one line each, and return what none exceeds.

    Args:
        numbers: [n] whole numbers from 0; the addresses are base + stride * numbers, below LIMIT.
        base: 0 or more.
        stride: 1 or more.
        writes: [n] or [1] bool.
        bits: Low bits of an address within its line; 0 where addresses are line numbers.
        out: [at least n] int64, overwritten.

    Returns:
        The highest event, were it a write; -1 where a number is bad.
    """
    step = 0 if writes.shape[0] == 1 else 1
    most = (LIMIT - 1 - base) // stride
    low, high = np.int64(0), np.int64(0)
    for at in range(numbers.shape[0]):
        number = np.int64(numbers[at])
        low, high = min(low, number), max(high, number)
        # Bad numbers are told after the loop; until then they must not overflow.
        address = base + max(0, min(number, most)) * stride
        out[at] = ((address >> bits) << 1) | np.int64(writes[at * step])
    if low < 0 or high > most:
        return -1
    return int((((base + high * stride) >> bits) << 1) | 1)


@kernel
def take_spans(
    addresses: IntArray, sizes: IntArray, writes: Array, bits: int, cursor: IntArray, out: IntArray
) -> int:
    """Fill `out` with the lines that accesses touch, and return how many; -1 on a bad access.

    Args:
        addresses: [n] whole numbers.
        sizes: [n] whole numbers, bytes.
        writes: [n] or [1] bool.
        bits: Low bits of an address within its line.
        cursor: [3] int64, updated: the next access, its next line or -1 for the first, and the
            highest line so far.
        out: int64, overwritten.
    """
    step = 0 if writes.shape[0] == 1 else 1
    taken, start, resumed = 0, cursor[0], cursor[1]
    room = out.shape[0]
    for at in range(start, addresses.shape[0]):
        if taken == room:
            cursor[0], cursor[1] = at, resumed
            return taken
        address, size = np.int64(addresses[at]), np.int64(sizes[at])
        if address < 0 or size < 1 or address > LIMIT - size:
            cursor[0] = at
            return -1
        write = np.int64(writes[at * step])
        line = address >> bits if resumed < 0 else resumed
        resumed = -1
        last = (address + size - 1) >> bits
        cursor[2] = max(cursor[2], last)
        out[taken] = (line << 1) | write
        taken += 1
        while line < last:
            line += 1
            if taken == room:
                cursor[0], cursor[1] = at, line
                return taken
            out[taken] = (line << 1) | write
            taken += 1
    cursor[0], cursor[1] = addresses.shape[0], -1
    return taken


@kernel
def take_elements(
    indices: IntArray, base: int, stride: int, size: int, bits: int, cursor: IntArray,
    out: IntArray,
) -> int:  # fmt: skip
    """Fill `out` with the lines that elements lie in, and return how many; -1 on a bad index.

    Args:
        indices: [n] whole numbers.
        base: Address of element 0.
        stride: Bytes from one element to the next.
        size: Bytes of an element.
        bits: As in `take_spans`, like `cursor` and `out`.
        cursor: Updated.
        out: int64, overwritten.
    """
    most = (LIMIT - size - base) // stride
    taken, start, resumed = 0, cursor[0], cursor[1]
    room = out.shape[0]
    for at in range(start, indices.shape[0]):
        if taken == room:
            cursor[0], cursor[1] = at, resumed
            return taken
        index = np.int64(indices[at])
        if index < 0 or index > most:
            cursor[0] = at
            return -1
        address = base + index * stride
        line = address >> bits if resumed < 0 else resumed
        resumed = -1
        last = (address + size - 1) >> bits
        cursor[2] = max(cursor[2], last)
        out[taken] = line << 1
        taken += 1
        while line < last:
            line += 1
            if taken == room:
                cursor[0], cursor[1] = at, line
                return taken
            out[taken] = line << 1
            taken += 1
    cursor[0], cursor[1] = indices.shape[0], -1
    return taken
