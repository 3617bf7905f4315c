"""Accumulators to bytes: rounded, shifted by the zero point, clamped, narrowed and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.kernels.micro.assembly import (
    I8,
    I16,
    I32,
    call,
    clamped,
    lanewise,
    load,
    number,
    splat,
    store,
    vector,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa
    from hwsim.kernels.micro.rounding import Form

_LIMITS: Final = 16
"""Words before those of the lanes: zero point, lowest and highest byte, and zeros: one line."""


def words(form: Form, places: int) -> int:
    """Return how many int32 words the constants of so many places take."""
    return _LIMITS + (1 + form.words) * places


def constants(limits: Sequence[int], bias: IntArray, fields: Sequence[Array]) -> Array:
    """Return what an `Epilogue` reads: int32.

    Args:
        limits: Zero point, lowest and highest byte.
        bias: [places], to be wrapped at 32 bits.
        fields: Of the form, [words, places].
    """
    head = np.zeros(_LIMITS, np.int32)
    head[: len(limits)] = limits
    return np.concatenate([head, bias.astype(np.int32), *fields])


class Epilogue:
    """Brings the accumulators of a few vectors of channels to bytes."""

    def __init__(self, b: Builder, isa: Isa, form: Form, vectors: int, address: Value) -> None:
        """Emit the loads of what all positions share.

        Args:
            b: Where to emit.
            isa: Instruction set.
            form: Rounding.
            vectors: Of channels.
            address: Of the constants.
        """
        self._isa, self._form, self._vectors = isa, form, vectors
        self._bias = fields_at(b, address)
        self._limits = limits_at(b, address)

    def bias(self, b: Builder, v: int) -> Value:
        """Return the int32 bias of vector v."""
        return self._row(b, 0, v)

    def store(
        self, b: Builder, sums: Sequence[Sequence[Value]], places: Sequence[Value], count: Value
    ) -> None:
        """Emit the bytes of the first `count` positions.

        Args:
            b: Where to emit.
            sums: Vectors of int32 [position][vector].
            places: Address of each position's bytes.
            count: How many of them there are, at least 1.
        """
        columns: list[list[Value]] = []
        # Vector by vector: the fields are read once for all positions.
        for v in range(self._vectors):
            fields = [self._row(b, 1 + word, v) for word in range(self._form.words)]
            columns.append([self._form.emit(b, row[v], fields) for row in sums])
        packed = [
            narrowed(b, self._isa, self._limits, [column[r] for column in columns])
            for r in range(len(sums))
        ]
        for r, (vectors, place) in enumerate(zip(packed, places, strict=True)):
            if r == 0:
                _store_all(b, vectors, place)
            else:
                with b.if_then(b.icmp_signed(">", count, number(r)), likely=True):
                    _store_all(b, vectors, place)

    def _row(self, b: Builder, row: int, v: int) -> Value:
        width = 4 * self._isa.lanes
        at = b.add(self._bias, number((row * self._vectors + v) * width))
        return load(b, at, vector(I32, self._isa.lanes))


def limits_at(b: Builder, address: Value) -> list[Value]:
    """Return zero point, lowest and highest byte of constants."""
    return [load(b, b.add(address, number(4 * i)), I32) for i in range(3)]


def fields_at(b: Builder, address: Value) -> Value:
    """Return the address of the bias of constants, before their other fields."""
    return b.add(address, number(4 * _LIMITS))


def narrowed(b: Builder, isa: Isa, limits: Sequence[Value], codes: Sequence[Value]) -> list[Value]:
    """Return vectors of rounded int32 as clamped bytes, in vectors one behind the other.

    Four at once where `isa` packs: then in the order of `Isa.order`.
    """
    if isa.packs and len(codes) == 4:
        return [_packed(b, limits, codes)]
    zero, low, high = limits
    lanes = isa.lanes
    bounds = [splat(b, b.sub(bound, zero), lanes) for bound in (low, high)]
    shift = splat(b, zero, lanes)
    return [b.trunc(b.add(clamped(b, code, *bounds), shift), vector(I8, lanes)) for code in codes]


def _packed(b: Builder, limits: Sequence[Value], codes: Sequence[Value]) -> Value:
    """Return four vectors as one, by packs that saturate."""
    zero, low, high = limits
    lanes = codes[0].type.count
    target, suffix = ("avx512", ".512") if lanes == 16 else ("avx2", "")
    halves, whole = vector(I16, 2 * lanes), vector(I8, 4 * lanes)
    shift = splat(b, b.trunc(zero, I16), 2 * lanes)
    pairs = [
        call(b, f"llvm.x86.{target}.packssdw{suffix}", halves, *codes[i : i + 2]) for i in (0, 2)
    ]
    shifted = [lanewise(b, "sadd.sat", pair, shift) for pair in pairs]
    packed = call(b, f"llvm.x86.{target}.packuswb{suffix}", whole, *shifted)
    above = lanewise(b, "umax", packed, splat(b, b.trunc(low, I8), 4 * lanes))
    return lanewise(b, "umin", above, splat(b, b.trunc(high, I8), 4 * lanes))


def _store_all(b: Builder, vectors: Sequence[Value], place: Value) -> None:
    for v, value in enumerate(vectors):
        store(b, value, b.add(place, number(v * value.type.count)))
