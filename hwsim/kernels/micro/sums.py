"""TFLite's sum of two operands, whole vectors at once; see `hwsim.plan.add` for the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.kernels.micro.assembly import (
    I8,
    I32,
    I64,
    clamped,
    constant,
    counted,
    function_text,
    load,
    number,
    shuffle,
    splat,
    store,
    vector,
)
from hwsim.kernels.micro.library import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa

WORDS = 20
"""How many int32 constants there are; see `hwsim.plan.add`."""


def sum_line(isa: Isa, halved: tuple[bool, bool]) -> int:
    """Return the address of the function that adds two lines of bytes.

    It takes the addresses of a, b and y, how many bytes, and the address of WORDS constants. It
    writes whole vectors: up to `lanes - 1` bytes behind the line are overwritten.

    Args:
        isa: Whose vectors.
        halved: Whether a, b has the larger scale: it is multiplied by exactly 1/2.
    """
    return address_of(_name(isa, halved), lambda: sum_text(isa, halved))


def sum_text(isa: Isa, halved: tuple[bool, bool]) -> str:
    """Return the function of `sum_line` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        left, right, y, count, words, *_ = inputs
        w = [splat(b, load(b, b.add(words, number(4 * i)), I32), isa.lanes) for i in range(WORDS)]
        sides = [_Side(b, w[6 * i : 6 * i + 6], is_half) for i, is_half in enumerate(halved)]
        mantissa, half, mask, shift, sign, zero, low, high = w[12:]
        with counted(b, count, isa.lanes) as i:
            terms = [
                side.rescaled(b, load(b, b.add(x, i), vector(I8, isa.lanes)))
                for side, x in zip(sides, (left, right), strict=True)
            ]
            total = b.add(terms[0], b.mul(terms[1], sign))
            code = _halved(b, _high_half(b, total, mantissa), half, mask, shift)
            held = clamped(b, b.add(code, zero), low, high)
            store(b, b.trunc(held, vector(I8, isa.lanes)), b.add(y, i))

    return function_text(_name(isa, halved), emit)


def _name(isa: Isa, halved: tuple[bool, bool]) -> str:
    return f"hwsim_sum_{isa.lanes}_{int(halved[0])}{int(halved[1])}"


class _Side:
    """One operand: its constants, folded before the loop."""

    def __init__(self, b: Builder, words: Sequence[Value], is_half: bool) -> None:
        zero, upper, lower, self._half, self._mask, self._shift = words
        self._is_half, self._upper, self._lower = is_half, upper, lower
        type_ = zero.type
        if is_half:
            self._offset = b.shl(zero, constant(type_, 19))
        else:
            self._below = b.sub(constant(type_, 1 << 10), b.mul(zero, lower))
            self._above = b.mul(zero, upper)

    def rescaled(self, b: Builder, codes: Value) -> Value:
        """Return centred codes times 2^20 and the mantissa, rounded twice."""
        wide = b.zext(codes, vector(I32, codes.type.count))
        if self._is_half:
            return b.sub(b.shl(wide, constant(wide.type, 19)), self._offset)
        low = b.ashr(b.add(b.mul(wide, self._lower), self._below), constant(wide.type, 11))
        high = b.add(b.sub(b.mul(wide, self._upper), self._above), low)
        return _halved(b, high, self._half, self._mask, self._shift)


def _halved(b: Builder, x: Value, half: Value, mask: Value, shift: Value) -> Value:
    """Return x / 2^shift, halves away from zero."""
    negative = b.and_(b.ashr(x, constant(x.type, 31)), mask)
    return b.ashr(b.add(b.add(x, half), negative), shift)


def _high_half(b: Builder, x: Value, factor: Value) -> Value:
    """Return floor(x factor / 2^31 + 1/2), of even and odd lanes in turn."""
    wide, word = vector(I64, x.type.count // 2), constant(vector(I64, x.type.count // 2), 32)
    half = constant(wide, 1 << 30)
    pairs, factors = b.bitcast(x, wide), b.bitcast(factor, wide)
    lower = [b.ashr(b.shl(value, word), word) for value in (pairs, factors)]
    upper = [b.ashr(value, word) for value in (pairs, factors)]
    even = b.ashr(b.add(b.mul(*lower), half), constant(wide, 31))
    odd = b.shl(b.add(b.mul(*upper), half), constant(wide, 1))
    lanes = [lane + (lane % 2) * x.type.count for lane in range(x.type.count)]
    return shuffle(b, b.bitcast(even, x.type), b.bitcast(odd, x.type), lanes)
