"""Sums of products in a register of any width, one addition after the other.

The order is part of the result once sums overflow. It is that of TFLite's reference kernels: the
products in the order of a row of the weight (kernel row, kernel column, input channel), each of
an input less its zero point by a weight less its zero point, and the bias last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

# What a pair of products is held to.
_PAIR_LOW, _PAIR_HIGH = -(1 << 15), (1 << 15) - 1


@kernel
def held(total: int, low: int, high: int, saturates: bool) -> int:
    """Return `total` in the register of [low, high]: at the nearer end, or less its upper bits."""
    if low <= total <= high:
        return total
    if saturates:
        return min(max(total, low), high)
    return ((total - low) & (high - low)) + low


@kernel
def accumulate(
    x: IntArray, weights: IntArray, bias: IntArray, low: int, high: int, saturates: bool,
    out: IntArray,
) -> int:  # fmt: skip
    """Set out[p, g, m] to the sum over k of x[p, g, k] weights[g, m, k], plus bias[g, m].

    Args:
        x: [positions, groups, depth] codes less their zero point.
        weights: [groups, rows, depth] codes less theirs.
        bias: [groups, rows] int64.
        low: The smallest sum, minus a power of two.
        high: The largest, -low - 1.
        saturates: Whether a sum beyond stays at the nearer end, or wraps.
        out: [positions, groups, rows] int64, overwritten.

    Returns:
        How many of them went beyond at least once.
    """
    overflowed = 0
    depth = x.shape[2]
    for p in range(x.shape[0]):
        for g in range(weights.shape[0]):
            for m in range(weights.shape[1]):
                total, has_overflowed = 0, False
                for k in range(depth + 1):
                    if k < depth:
                        total += int(x[p, g, k]) * int(weights[g, m, k])
                    else:
                        total += int(bias[g, m])
                    if total < low or total > high:
                        has_overflowed = True
                        total = held(total, low, high, saturates)
                out[p, g, m] = total
                overflowed += has_overflowed
    return overflowed


@kernel
def accumulate_pairs(
    x: IntArray, weights: IntArray, bias: IntArray, low: int, high: int, saturates: bool,
    out: IntArray,
) -> int:  # fmt: skip
    """As `accumulate`, of neighbouring products added in pairs of 16 bits that saturate first.

    Args:
        x: [positions, groups, depth] bytes, 0..255.
        weights: [groups, rows, depth] codes, -128..127.
        bias: [groups, rows] int64, with the input's zero point folded in.
        low: See `accumulate`.
        high: See `accumulate`.
        saturates: See `accumulate`.
        out: [positions, groups, rows] int64, overwritten.

    Returns:
        How many had a pair or a sum that went beyond.
    """
    overflowed = 0
    depth = x.shape[2]
    pairs = (depth + 1) // 2
    for p in range(x.shape[0]):
        for g in range(weights.shape[0]):
            for m in range(weights.shape[1]):
                total, has_overflowed = 0, False
                for pair in range(pairs + 1):
                    term = int(bias[g, m])
                    if pair < pairs:
                        term = 0
                        for k in range(2 * pair, min(2 * pair + 2, depth)):
                            term += int(x[p, g, k]) * int(weights[g, m, k])
                        if term < _PAIR_LOW or term > _PAIR_HIGH:
                            has_overflowed = True
                            term = min(max(term, _PAIR_LOW), _PAIR_HIGH)
                    total += term
                    if total < low or total > high:
                        has_overflowed = True
                        total = held(total, low, high, saturates)
                out[p, g, m] = total
                overflowed += has_overflowed
    return overflowed
