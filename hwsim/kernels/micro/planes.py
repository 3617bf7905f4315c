"""Pixels to planes and back: what multiplies a weight with many positions wants them together.

Images lie pixel by pixel, all channels of one together. A plane holds one value, or four
neighbouring ones, of all positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hwsim.kernels.micro.assembly import (
    I8,
    I32,
    counted,
    function_text,
    load,
    number,
    offset,
    shuffle,
    splat,
    store,
    vector,
)
from hwsim.kernels.micro.library import address_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value

SQUARE: Final = 16
"""Positions that are turned at a time; a plane has room for a multiple of them."""

QUAD: Final = 4
"""Values that lie together in a plane of quads, and that an instruction adds up."""

_VECTOR_BYTES: Final = 64


def transposed(b: Builder, rows: Sequence[Value]) -> list[Value]:
    """Return SQUARE rows turned, in parts of SQUARE elements: result j holds element j of each.

    Halves are interleaved four times, which moves the row's number into that of the element.
    """
    half, count = len(rows) // 2, rows[0].type.count
    parts = range(0, count, SQUARE)
    orders = [
        [part + i + k * count for part in parts for i in range(low, low + half) for k in (0, 1)]
        for low in (0, half)
    ]
    for _ in range(SQUARE.bit_length() - 1):
        rows = [
            shuffle(b, first, second, order)
            for first, second in zip(rows[:half], rows[half:], strict=True)
            for order in orders
        ]
    return list(rows)


def split_planes(quad: int) -> int:
    """Return the address of the function that copies pixels into planes.

    It takes the address of bytes, of int32 offsets of the pixels there, how many pixels, the bytes
    of a pixel, the address of the first plane, bytes from one plane to the next, and a byte that
    every byte is combined with by exclusive or. It reads offsets, and writes planes, for whole
    SQUAREs of pixels, reads whole vectors of a pixel's bytes, and writes planes of single values in
    SQUAREs.

    Args:
        quad: Values of a position that lie together in a plane, 1 or QUAD.
    """
    return address_of(f"hwsim_planes_{quad}", lambda: planes_text(quad))


def planes_text(quad: int) -> str:
    """Return the function of `split_planes` in LLVM's language."""
    element = I8 if quad == 1 else I32
    type_ = vector(element, _VECTOR_BYTES // quad)

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, offsets, pixels, channels, y, y_step, flip, *_ = inputs
        flips = b.bitcast(splat(b, b.trunc(flip, I8), _VECTOR_BYTES), type_)
        with counted(b, channels, _VECTOR_BYTES) as c, counted(b, pixels, SQUARE) as p:
            own = b.add(offsets, b.mul(p, number(4)))
            start = b.add(x, c)
            places = [b.add(start, offset(b, own, number(r))) for r in range(SQUARE)]
            turned = transposed(b, [b.xor(load(b, place, type_), flips) for place in places])
            to = b.add(b.add(y, b.mul(p, number(quad))), b.mul(b.udiv(c, number(quad)), y_step))
            for part in range(type_.count // SQUARE):
                # A square of single values at a time, yet quads one by one: planes are large.
                span = SQUARE if quad == 1 else quad
                for first in range(0, SQUARE, span // quad):
                    plane = part * SQUARE + first
                    own_c = b.add(c, number(plane * quad))
                    with b.if_then(b.icmp_signed("<", own_c, channels), likely=True):
                        for j in range(first, first + span // quad):
                            _store_part(b, turned[j], part, (to, part * SQUARE + j, y_step))

    return function_text(f"hwsim_planes_{quad}", emit)


def _store_part(b: Builder, value: Value, part: int, to: tuple[Value, int, Value]) -> None:
    """Store one part of a vector at that plane."""
    start, plane, step = to
    elements = shuffle(b, value, value, range(part * SQUARE, (part + 1) * SQUARE))
    store(b, elements, b.add(start, b.mul(step, number(plane))))


def join_planes(tile: int) -> int:
    """Return the address of the function that copies planes of codes to pixels.

    It takes the address of planes of `tile` bytes, one behind the other, how many there are, a
    multiple of SQUARE, the address of int32 offsets of the pixels' bytes, how many pixels, and the
    address that these count from. The last planes are written first, each by rising positions:
    pixels may overlap by what lies behind the last wanted channel, where they are written by rising
    offsets.

    Args:
        tile: Bytes of a plane: positions, a multiple of SQUARE.
    """
    return address_of(f"hwsim_pixels_{tile}", lambda: pixels_text(tile))


def pixels_text(tile: int) -> str:
    """Return the function of `join_planes` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        codes, planes, offsets, pixels, y, *_ = inputs
        is_whole = b.icmp_signed(">=", pixels, number(tile))
        with counted(b, planes, SQUARE) as done:
            first = b.sub(b.sub(planes, number(SQUARE)), done)
            start = b.add(codes, b.mul(first, number(tile)))
            rows = [
                load(b, b.add(start, number(r * tile)), vector(I8, tile)) for r in range(SQUARE)
            ]
            turned = transposed(b, rows)
            to = b.add(y, first)
            with b.if_else(is_whole) as (whole, ragged):
                with whole:
                    for p in range(tile):
                        _store_pixel(b, turned, p, b.add(to, offset(b, offsets, number(p))))
                with ragged:
                    for p in range(tile):
                        with b.if_then(b.icmp_signed(">", pixels, number(p))):
                            _store_pixel(b, turned, p, b.add(to, offset(b, offsets, number(p))))

    return function_text(f"hwsim_pixels_{tile}", emit)


def _store_pixel(b: Builder, turned: Sequence[Value], position: int, to: Value) -> None:
    part, j = divmod(position, SQUARE)
    row = turned[j]
    store(b, shuffle(b, row, row, range(part * SQUARE, (part + 1) * SQUARE)), to)
