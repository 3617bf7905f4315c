"""The roundings of `hwsim.numerics` in vectors: int32 accumulators x to round(x M).

With a mantissa m and a shift s, all roundings of integers but gemmlowp's are floor((x m + c) / 2^s)
for a constant c, since floors of floors are floors of the whole. gemmlowp's takes 2^31 off the
numerator where the first product, x m, is negative: its second tie goes away from zero. All of it
fits 64 bits, and vectors multiply the even and the odd lanes of 32 bits apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.kernels.micro.assembly import (
    F32,
    F64,
    I32,
    I64,
    clamped,
    constant,
    joined,
    lanewise,
    shuffle,
    vector,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.micro.assembly import Builder, Value

_FAR = 1 << 20
"""A code beyond every clamp, that still has room for a zero point."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """The multipliers of the channels that the lanes of a few vectors hold.

    Attributes:
        rounding: Its name.
        values: Mantissas or scales, as the rounding computes.
        exponents: int64, beside the mantissas.
        is_away: Whether the second tie of an integer rounding goes away from zero.
        lanes: Of one vector.
    """

    rounding: str
    values: Array
    exponents: IntArray
    is_away: Array
    lanes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One formula.

    Attributes:
        roundings: Names of the roundings of `hwsim.numerics` that it computes.
        largest_exponent: Of the multipliers that it computes them for.
        words: How many 32-bit words per lane its constants, the fields, take.
        fields: Of multipliers: int32 [words, places], each row as vectors that `emit` takes.
        emit: Of a vector of int32 and its fields: round(x M).
    """

    roundings: frozenset[str]
    largest_exponent: int = 1 << 30
    words: int
    fields: Callable[[Places], list[Array]]
    emit: Callable[[Builder, Value, Sequence[Value]], Value]


def _wide(values: IntArray, lanes: int) -> list[Array]:
    """Return int64 values as two rows: those of each vector's even, and of its odd lanes."""
    pairs = values.astype(np.int64).reshape(-1, lanes // 2, 2)
    return [np.ascontiguousarray(pairs[..., i]).view(np.int32).reshape(-1) for i in (0, 1)]


def _swapped(values: IntArray) -> list[Array]:
    """Return int32 values, and the same with every odd lane before its even one."""
    return [values, values.reshape(-1, 2)[:, ::-1].reshape(-1)]


def _parts(places: Places) -> tuple[IntArray, IntArray]:
    """Return the constants c and the shifts s of multipliers, int64."""
    # A multiplier of 0 may have any exponent.
    exponents = np.where(places.values == 0, -1, places.exponents).astype(np.int64)
    if places.rounding in ("single", "rndnu"):
        shift = 31 - np.minimum(exponents, 30)
        return np.int64(1) << (shift - 1), shift
    right = np.maximum(-exponents, 0)
    second = np.where(right > 0, np.int64(1) << (30 + right), 0)
    return (1 << 30) + second, 31 + right


def _shift_fields(places: Places) -> list[Array]:
    added, shift = _parts(places)
    mantissas = _swapped(places.values.astype(np.int32))
    return [*mantissas, *_wide(added, places.lanes), *_wide(shift, places.lanes)]


def _any_fields(places: Places) -> list[Array]:
    """Return the fields above, those of a clamp and a left shift, and what gemmlowp takes off."""
    left = np.clip(places.exponents, 0, 30)
    # Times a mantissa of at least 2^30 this is still 2^29, yet shifted it fits 32 bits.
    bound = np.where(left > 0, np.int64(1 << 30) >> left, (1 << 31) - 1)
    shifts = np.zeros_like(left) if places.rounding in ("single", "rndnu") else left
    off = np.where((places.exponents < 0) & places.is_away, np.int64(-1) << 31, 0)
    return [
        *_shift_fields(places),
        bound.astype(np.int32),
        shifts.astype(np.int32),
        *_wide(off, places.lanes),
    ]


def _products(b: Builder, x: Value, fields: Sequence[Value]) -> list[Value]:
    """Return x m of the even, and of the odd lanes, int64."""
    wide = vector(I64, x.type.count // 2)
    half = constant(wide, 32)

    def lower(words: Value) -> Value:
        return b.ashr(b.shl(b.bitcast(words, wide), half), half)

    even, odd = fields[:2]
    return [
        b.mul(lower(x), lower(even)),
        b.mul(b.ashr(b.bitcast(x, wide), half), lower(odd)),
    ]


def _shifted(b: Builder, products: Sequence[Value], fields: Sequence[Value]) -> Value:
    """Return (x m + c) >> s, the lanes in turns again."""
    low, high = (
        b.ashr(b.add(product, b.bitcast(added, product.type)), b.bitcast(shift, product.type))
        for product, added, shift in zip(products, fields[2:4], fields[4:6], strict=True)
    )
    narrow = vector(I32, 2 * low.type.count)
    lanes = [lane + even for lane in range(0, narrow.count, 2) for even in (0, narrow.count)]
    return shuffle(b, b.bitcast(low, narrow), b.bitcast(high, narrow), lanes)


def _shift(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    return _shifted(b, _products(b, x, fields), fields)


def _less_if_negative(b: Builder, product: Value, off: Value) -> Value:
    zero = constant(product.type, 0)
    return b.add(product, b.select(b.icmp_signed("<", product, zero), off, zero))


def _gemmlowp(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    products = _products(b, x, fields)
    off = constant(products[0].type, -(1 << 31))
    return _shifted(b, [_less_if_negative(b, product, off) for product in products], fields)


def _any(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    bound, left, *offs = fields[6:]
    # -bound - 1: where nothing is held, all 32 bits are within.
    held = clamped(b, x, b.not_(bound), bound)
    products = [
        _less_if_negative(b, product, b.bitcast(off, product.type))
        for product, off in zip(_products(b, b.shl(held, left), fields), offs, strict=True)
    ]
    return _shifted(b, products, fields)


def _real_fields(places: Places) -> list[Array]:
    return [places.values.astype(np.float32).view(np.int32)]


def _real_product(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    real = vector(F32, x.type.count)
    product = b.fmul(b.sitofp(x, real), b.bitcast(fields[0], real))
    return clamped(b, product, constant(real, -_FAR), constant(real, _FAR))


def _float32_even(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    product = _real_product(b, x, fields)
    # Above 2^23 float32 has no places behind the point: adding 1.5 * 2^23 rounds to even.
    shifted = b.fadd(product, constant(product.type, 1.5 * 2**23))
    return b.sub(b.bitcast(shifted, x.type), constant(x.type, 0x4B400000))


def _float32_trunc(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    return b.fptosi(_real_product(b, x, fields), x.type)


def _double_fields(places: Places) -> list[Array]:
    halves = places.values.astype(np.float64).reshape(-1, 2, places.lanes // 2)
    return [np.ascontiguousarray(halves[:, i]).view(np.int32).reshape(-1) for i in (0, 1)]


def _float64_away(b: Builder, x: Value, fields: Sequence[Value]) -> Value:
    half = x.type.count // 2
    real = vector(F64, half)
    parts: list[Value] = []
    for first, scale in zip((0, half), fields, strict=True):
        lower = shuffle(b, x, x, range(first, first + half))
        product = b.fmul(b.sitofp(lower, real), b.bitcast(scale, real))
        held = clamped(b, product, constant(real, -_FAR), constant(real, _FAR))
        parts.append(b.fptosi(lanewise(b, "round", held), vector(I32, half)))
    return joined(b, parts)


_SHIFTS: Final = frozenset({"half_up_twice", "single", "rndnu"})
_SECOND_TIES: Final = frozenset({"gemmlowp", "half_up_twice_lanes"})

FORMS: Final[tuple[Form, ...]] = (
    Form(
        roundings=frozenset({"gemmlowp"}),
        largest_exponent=-1,
        words=6,
        fields=_shift_fields,
        emit=_gemmlowp,
    ),
    Form(roundings=_SHIFTS, largest_exponent=0, words=6, fields=_shift_fields, emit=_shift),
    Form(roundings=_SHIFTS | _SECOND_TIES, words=10, fields=_any_fields, emit=_any),
    Form(roundings=frozenset({"float32_even"}), words=1, fields=_real_fields, emit=_float32_even),
    Form(roundings=frozenset({"float32_trunc"}), words=1, fields=_real_fields, emit=_float32_trunc),
    Form(roundings=frozenset({"float64_away"}), words=2, fields=_double_fields, emit=_float64_away),
)


def find_form(rounding: str, values: Array, exponents: IntArray) -> int | None:
    """Return the place in `FORMS` of the first that computes this, None if none does."""
    largest = int(np.where(values == 0, -(1 << 30), exponents).max())
    for place, form in enumerate(FORMS):
        if rounding in form.roundings and largest <= form.largest_exponent:
            return place
    return None


def away_channels(rounding: str, channels: int) -> Array:
    """Return which channels' second tie goes away from zero: bool [channels]."""
    # `half_up_twice_lanes` takes whole groups of eight channels half up.
    first = {"gemmlowp": 0, "half_up_twice_lanes": channels // 8 * 8}.get(rounding, channels)
    return np.arange(channels) >= first
