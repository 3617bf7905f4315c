"""Streams of canonical prefix codes, highest bit first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray


@kernel
def write_codes(symbols: IntArray, codes: IntArray, lengths: IntArray, out: IntArray) -> None:
    """Write the code of each symbol.

    Args:
        symbols: [n] int64, each an index of `codes`.
        codes: [k] int64.
        lengths: [k] int64, bits of each code, at most 32.
        out: uint8, overwritten; as many bytes as the codes fill, the last filled up with zeros.
    """
    held, filled, at = 0, 0, 0
    for symbol in symbols:
        held = (held << lengths[symbol]) | codes[symbol]
        filled += lengths[symbol]
        while filled >= 8:
            filled -= 8
            out[at] = held >> filled
            at += 1
            held &= (1 << filled) - 1
    if filled > 0:
        out[at] = held << (8 - filled)


@kernel
def read_codes(stream: IntArray, counts: IntArray, out: IntArray) -> int:
    """Read symbols that are numbered in the order of their codes.

    Of canonical codes, those of a length follow one another, and the first of the next length is
    what comes behind them, moved left by one (Schwartz and Kallick, CACM 1964).

    Args:
        stream: uint8.
        counts: [longest] int64, how many codes there are of 1, 2, ... bits.
        out: [n] int64, overwritten with symbols.

    Returns:
        How many bits were read; -1 where the stream ends too early or holds what is no code.
    """
    at, end = 0, stream.shape[0] * 8
    for place in range(out.shape[0]):
        code, first, symbol, length = 0, 0, 0, 0
        while True:
            if at >= end or length >= counts.shape[0]:
                return -1
            code = (code << 1) | ((np.int64(stream[at >> 3]) >> (7 - (at & 7))) & 1)
            at += 1
            beyond = code - first
            if beyond < counts[length]:
                out[place] = symbol + beyond
                break
            symbol += counts[length]
            first = (first + counts[length]) << 1
            length += 1
    return at
