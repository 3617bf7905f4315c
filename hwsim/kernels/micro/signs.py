"""Signs by the vector: bytes packed to bits, and an instruction set that counts where bits differ.

A word of 32 signs of an activation meets the words of as many channels as a vector has lanes: one
exclusive or, one count of bits, one addition, for what takes eight instructions in bytes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from hwsim.jit import target
from hwsim.kernels.micro.assembly import (
    I8,
    I64,
    constant,
    counted,
    function_text,
    lanewise,
    load,
    number,
    store,
    vector,
)
from hwsim.kernels.micro.isa import features_of, native
from hwsim.kernels.micro.library import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa

WORD_BYTES: Final = 4
"""Of a word of signs; the signs of a pixel fill whole words."""

_STEP: Final = 64
"""Signs packed at a time."""


@cache
def counter() -> Isa | None:
    """Return what counts signs in this process; None where bytes are multiplied faster.

    Without an instruction that counts the bits of every lane, LLVM adds up a dozen others: more
    than four products per lane and instruction are worth.
    """
    features, isa = features_of(target()[1]), native()
    is_counted = "avx512vpopcntdq" in features or "neon" in features
    return counting(isa) if is_counted or isa.group < 4 else None


def counting(isa: Isa) -> Isa:
    """Return `isa` as what counts differing signs: a value is a byte of eight of them."""
    return replace(
        isa,
        name=f"signs_{isa.name}",
        group=WORD_BYTES,
        element=I8,
        weight="int8",
        centre=0,
        counts=True,
        dot=_count,
    )


def _count(b: Builder, total: Value, x: Value, w: Value) -> Value:
    return b.add(total, lanewise(b, "ctpop", b.xor(x, b.bitcast(w, x.type))))


def pack_run() -> int:
    """Return the address of the function that packs signs.

    It takes the address of bytes 0 for -1 and 2 for +1, of words, how many bytes each pixel has,
    how many pixels, and how many bytes the words of a pixel take. The first sign is the lowest bit,
    zeros lie behind the last. Up to 63 bytes behind the bytes are read, and up to 7 behind the
    words overwritten.
    """
    return address_of("hwsim_pack_signs", pack_text)


def pack_text() -> str:
    """Return the function of `pack_run` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, y, channels, pixels, y_step, *_ = inputs
        bytes_ = vector(I8, _STEP)
        with counted(b, pixels) as pixel:
            start = b.add(x, b.mul(pixel, channels))
            to = b.add(y, b.mul(pixel, y_step))
            with counted(b, channels, _STEP) as c:
                codes = load(b, b.add(start, c), bytes_)
                # Plus one is the only code with this bit.
                is_plus = b.icmp_unsigned(
                    "!=", b.and_(codes, constant(bytes_, 2)), constant(bytes_, 0)
                )
                signs = b.bitcast(is_plus, I64)
                left = b.sub(channels, c)
                kept = b.sub(b.shl(number(1), left), number(1))
                whole = b.icmp_signed(">=", left, number(_STEP))
                word = b.select(whole, signs, b.and_(signs, kept))
                store(b, word, b.add(to, b.lshr(c, number(3))))

    return function_text("hwsim_pack_signs", emit)
