"""Instruction sets: how each multiplies bytes, and what its registers hold.

A kernel adds lane by lane `group` products of an activation byte with a weight to an int32. The
table's order is the order of preference.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from hwsim.jit import target
from hwsim.kernels.micro.assembly import F32, I8, I16, I32, call, constant, vector

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import IntArray
    from hwsim.kernels.micro.assembly import Builder, Type, Value

_MOST_ROWS: Final = 8  # Each row of a tile needs a register for its address.

TILE_ROWS: Final = 16
"""Positions that an instruction takes that multiplies matrices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isa:
    """One way to multiply.

    Attributes:
        name: For people and tests.
        features: What LLVM must be allowed to use.
        lanes: Accumulators in one vector.
        group: Products added to one lane by one instruction; above 4 it multiplies matrices.
        element: Type of an activation as the instruction takes it: bytes as they lie in the arena,
            or wider ones that a copy prepares.
        weight: NumPy type of a weight.
        centre: What the instruction takes off every activation byte.
        vectors: Vectors of output channels in the widest tile.
        registers: Vectors of accumulators that a tile may have.
        packs: Whether four vectors narrow to bytes by saturating packs.
        counts: Whether accumulators count signs that differ, two of which a sum lacks for each.
        dot: Emits accumulators + products, of vectors of accumulators, activations and weights.
    """

    name: str
    features: frozenset[str]
    lanes: int
    group: int
    element: Type
    weight: str
    centre: int = 0
    vectors: int = 4
    registers: int = 24
    packs: bool = False
    counts: bool = False
    dot: Callable[[Builder, Value, Value, Value], Value]

    @property
    def element_bytes(self) -> int:
        """Bytes of one activation as the instruction takes it."""
        return int(np.dtype(self.weight).itemsize)

    @property
    def accumulator(self) -> Type:
        """The vector that sums."""
        return vector(F32 if self.element is F32 else I32, self.lanes)

    @property
    def has_narrow_weights(self) -> bool:
        """Whether a weight must fit int8."""
        return self.weight == "int8"

    @property
    def is_tiled(self) -> bool:
        """Whether accumulators are matrices."""
        return self.group > 4

    def rows(self, vectors: int, positions: int) -> int:
        """Return how many of `positions` a tile of that many vectors takes at a time.

        As many as registers hold, or fewer where that leaves less of the last tile idle.
        """
        if self.is_tiled:
            return TILE_ROWS
        if positions == 1:
            return 1
        most = min(_MOST_ROWS, self.registers // vectors)
        # A step loads `vectors` vectors of weights, whatever the rows: as much as half a row.
        return min(range(2, most + 1), key=lambda rows: -(-positions // rows) * (rows + 0.5))

    def depth(self, largest_weight: int) -> int:
        """Return how many products may be summed at once.

        float32 is exact while sums stay below 2^24.
        """
        if self.element is not F32:
            return 1 << 30
        return ((1 << 24) - 1) // (255 * max(1, largest_weight))

    def order(self, vectors: int) -> IntArray:
        """Return which channel each of the `vectors * lanes` accumulators of a tile belongs to.

        Packs work on parts of 128 bits: part p of four vectors v of 4 lanes d becomes bytes
        16 p + 4 v + d.
        """
        count = vectors * self.lanes
        if not self.packs or vectors != 4:
            return np.arange(count)
        return np.arange(count).reshape(-1, 4, 4).transpose(1, 0, 2).reshape(-1)


def _bytes_of(b: Builder, words: Value, element: Type) -> Value:
    """Return int32 lanes as four bytes or two halves each."""
    return b.bitcast(words, vector(element, words.type.count * 32 // element.width))


def _dpbusd(b: Builder, total: Value, x: Value, w: Value) -> Value:
    bits = 32 * total.type.count
    return call(b, f"llvm.x86.avx512.vpdpbusd.{bits}", total.type, total, _bytes_of(b, x, I8), w)


def _pmaddwd(b: Builder, total: Value, x: Value, w: Value) -> Value:
    name = "avx512.pmaddw.d.512" if total.type.count == 16 else "avx2.pmadd.wd"
    return b.add(total, call(b, f"llvm.x86.{name}", total.type, _bytes_of(b, x, I16), w))


def _usdot(b: Builder, total: Value, x: Value, w: Value) -> Value:
    name = "llvm.aarch64.neon.usdot.v4i32.v16i8"
    return call(b, name, total.type, total, _bytes_of(b, x, I8), w)


def _sdot(b: Builder, total: Value, x: Value, w: Value) -> Value:
    codes = _bytes_of(b, x, I8)
    signed = b.xor(codes, constant(codes.type, -128))
    name = "llvm.aarch64.neon.sdot.v4i32.v16i8"
    return call(b, name, total.type, total, signed, w)


def _multiply_add(b: Builder, total: Value, x: Value, w: Value) -> Value:
    return b.fadd(total, b.fmul(b.bitcast(x, total.type), w))


ISAS: Final[tuple[Isa, ...]] = (
    Isa(
        name="vnni512",
        features=frozenset({"avx512f", "avx512bw", "avx512vl", "avx512vnni"}),
        lanes=16,
        group=4,
        element=I8,
        weight="int8",
        packs=True,
        dot=_dpbusd,
    ),
    Isa(
        name="vnni256",
        features=frozenset({"avx512f", "avx512bw", "avx512vl", "avx512vnni", "avx2"}),
        lanes=8,
        group=4,
        element=I8,
        weight="int8",
        packs=True,
        dot=_dpbusd,
    ),
    Isa(
        name="avxvnni",
        features=frozenset({"avx2", "avxvnni"}),
        lanes=8,
        group=4,
        element=I8,
        weight="int8",
        vectors=2,
        registers=12,
        dot=_dpbusd,
    ),
    Isa(
        name="bw512",
        features=frozenset({"avx512f", "avx512bw", "avx512vl"}),
        lanes=16,
        group=2,
        element=I16,
        weight="int16",
        packs=True,
        dot=_pmaddwd,
    ),
    Isa(
        name="avx2",
        features=frozenset({"avx2"}),
        lanes=8,
        group=2,
        element=I16,
        weight="int16",
        vectors=2,
        registers=12,
        dot=_pmaddwd,
    ),
    Isa(
        name="usdot",
        features=frozenset({"neon", "dotprod", "i8mm"}),
        lanes=4,
        group=4,
        element=I8,
        weight="int8",
        dot=_usdot,
    ),
    Isa(
        name="sdot",
        features=frozenset({"neon", "dotprod"}),
        lanes=4,
        group=4,
        element=I8,
        weight="int8",
        centre=128,
        dot=_sdot,
    ),
    Isa(
        name="float32",
        features=frozenset(),
        lanes=4,
        group=1,
        element=F32,
        weight="float32",
        vectors=2,
        registers=12,
        dot=_multiply_add,
    ),
)


def features_of(text: str) -> frozenset[str]:
    """Return what a target may use, of what LLVM writes as `+avx2,-avx512f,...`.

    What only a processor's name implies is not seen: an instruction too many ends the process.
    """
    return frozenset(part[1:] for part in text.split(",") if part.startswith("+"))


def allowed(features: str) -> tuple[Isa, ...]:
    """Return what a target of these features may execute, best first."""
    return tuple(isa for isa in ISAS if isa.features <= features_of(features))


@cache
def native() -> Isa:
    """Return the instruction set that the kernels of this process use."""
    return allowed(target()[1])[0]
