"""Streams of accesses through caches: by address, by line number, or gathered by index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.cache._rooms import room
from hwsim.cache._streams import BLOCK, LIMIT, take_elements, take_single, take_spans
from hwsim.cache._walk import walk
from hwsim.cache.state import CacheState
from hwsim.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from hwsim.arrays import Array, IntArray
    from hwsim.cache._walk import Block
    from hwsim.cache.counts import Traffic
    from hwsim.cache.level import CacheLevel


def simulate(
    levels: Sequence[CacheLevel],
    addresses: IntArray,
    sizes: IntArray | None = None,
    *,
    writes: Array | None = None,
    state: CacheState | None = None,
) -> Traffic:
    """Return which accesses hit and miss, and what the caches hold afterwards.

    Every line that an access touches is looked up, in rising order; a miss fetches the line from
    the next level, and then writes back the line that it pushed out, if that is dirty. Levels are
    neither inclusive nor exclusive.

    Args:
        levels: Nearest first.
        addresses: [n] whole numbers, bytes.
        sizes: [n] whole numbers of bytes, 1 or more; absent where no access leaves its line.
        writes: [n] bool, which accesses write; absent where none does.
        state: What earlier streams left; absent where the caches are cold. It is not changed.

    Raises:
        ProfileError: Levels that make no hierarchy.
        DataError: Arrays of another kind or shape, a negative address, a size below 1, an access
            beyond 2^62, or the state of other levels.
    """
    before = _state(levels, state)
    _check("addresses", addresses, np.integer)
    flags = _flags(writes, len(addresses))
    bits = before.levels[0].line_bits
    if sizes is None:
        return walk(before, _single("addresses", addresses, flags, bits), writes is not None)
    _check_beside("sizes", sizes, len(addresses), np.integer)

    def take(cursor: IntArray, out: IntArray) -> int:
        taken = take_spans(addresses, sizes, flags, bits, cursor, out)
        if taken < 0:
            at = int(cursor[0])
            raise DataError(
                f"access {at}: expected an address from 0 and 1 or more bytes that end below 2^62, "
                f"got address {addresses[at]}, {sizes[at]} bytes"
            )
        return taken

    return walk(before, _spanning(len(addresses), take), writes is not None)


def simulate_lines(
    levels: Sequence[CacheLevel],
    lines: IntArray,
    *,
    writes: Array | None = None,
    state: CacheState | None = None,
) -> Traffic:
    """Return what `simulate` does, of accesses that are line numbers of the first level.

    Args:
        levels: Nearest first.
        lines: [n] whole numbers: addresses divided by the first level's `line_bytes`.
        writes: See simulate.
        state: See simulate.

    Raises:
        ProfileError: See simulate.
        DataError: See simulate.
    """
    before = _state(levels, state)
    _check("lines", lines, np.integer)
    flags = _flags(writes, len(lines))
    return walk(before, _single("lines", lines, flags, 0), writes is not None)


def simulate_gather(
    levels: Sequence[CacheLevel],
    indices: IntArray,
    *,
    element_bytes: int,
    stride_bytes: int | None = None,
    base_address: int = 0,
    state: CacheState | None = None,
) -> Traffic:
    """Return what `simulate` does, of reads of the elements that indices name, in their order.

    The columns of a CSR matrix, in storage order, gather what the matrix is multiplied with: one
    number per non-zero, or a row of a matrix. No array of addresses is made.

    Args:
        levels: Nearest first.
        indices: [non-zeros] whole numbers.
        element_bytes: Bytes that one index reads.
        stride_bytes: Bytes from one element to the next; `element_bytes` if absent.
        base_address: Of element 0, in bytes.
        state: See simulate.

    Raises:
        ProfileError: See simulate.
        DataError: See simulate; also a negative base or index, a width or stride below 1.
    """
    before = _state(levels, state)
    _check("indices", indices, np.integer)
    stride = element_bytes if stride_bytes is None else stride_bytes
    if not (1 <= element_bytes < LIMIT and 1 <= stride < LIMIT and 0 <= base_address < LIMIT):
        raise DataError(
            "gather: expected element_bytes and stride_bytes from 1, base_address from 0, all "
            f"below 2^62, got {element_bytes}, {stride}, {base_address}"
        )
    line_bytes, bits = before.levels[0].line_bytes, before.levels[0].line_bits
    # Elements that divide a line and lie at multiples of themselves never leave theirs.
    if all(extent % element_bytes == 0 for extent in (line_bytes, stride, base_address)):
        flags = _flags(None, len(indices))
        blocks = _single("indices", indices, flags, bits, base_address, stride)
        return walk(before, blocks, False)

    def take(cursor: IntArray, out: IntArray) -> int:
        taken = take_elements(indices, base_address, stride, element_bytes, bits, cursor, out)
        if taken < 0:
            at = int(cursor[0])
            raise DataError(
                f"indices[{at}]: expected a number from 0 whose element ends below 2^62, "
                f"got {indices[at]}"
            )
        return taken

    return walk(before, _spanning(len(indices), take), False)


def _single(
    name: str, numbers: IntArray, flags: Array, bits: int, base: int = 0, stride: int = 1
) -> Generator[Block]:
    """Yield blocks of events of accesses that touch one line each."""
    out = room(0, BLOCK)
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        beside = flags if len(flags) == 1 else flags[start : start + BLOCK]
        highest = take_single(block, base, stride, beside, bits, out)
        if highest < 0:
            raise DataError(
                f"{name}[{start}..{start + len(block) - 1}]: expected numbers from 0 to "
                f"{(LIMIT - 1 - base) // stride}, got {block.min()} to {block.max()}"
            )
        yield out[: len(block)], highest


def _spanning(count: int, take: Callable[[IntArray, IntArray], int]) -> Generator[Block]:
    """Yield blocks of events until all accesses are taken, which may touch several lines each."""
    cursor, out = np.array((0, -1, 0), np.int64), room(0, BLOCK)
    while cursor[0] < count:
        taken = take(cursor, out)
        yield out[:taken], 2 * int(cursor[2]) + 1


def _state(levels: Sequence[CacheLevel], state: CacheState | None) -> CacheState:
    if state is None:
        return CacheState.empty(levels)
    if state.levels != tuple(levels):
        raise DataError(
            f"state: expected one of these levels ({_names(levels)}), "
            f"got one of others ({_names(state.levels)})"
        )
    return state


def _names(levels: Sequence[CacheLevel]) -> str:
    return ", ".join(f"{level.name} {level.size_bytes} B {level.ways}-way" for level in levels)


def _check(name: str, array: Array, kind: type[np.generic]) -> None:
    is_kind = np.issubdtype(array.dtype, kind) and array.dtype.isnative
    if array.ndim != 1 or not is_kind:
        raise DataError(
            f"{name}: expected one axis of {kind.__name__}, got {array.dtype} {array.shape}"
        )


def _check_beside(name: str, array: Array, count: int, kind: type[np.generic]) -> None:
    _check(name, array, kind)
    if len(array) != count:
        raise DataError(f"{name}: expected {count}, one per access, got {len(array)}")


def _flags(writes: Array | None, count: int) -> Array:
    """Return which accesses write: [count], or [1] for all."""
    if writes is None:
        return np.zeros(1, np.bool_)
    _check_beside("writes", writes, count, np.bool_)
    return writes
