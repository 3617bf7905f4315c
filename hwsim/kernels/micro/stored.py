"""Products of what sparse weights store: many positions at a time, in planes of one value each.

A step takes four products per position, as many as one instruction adds up. Blocks of four
neighbouring columns find them together in planes of quads. Four weights of any columns find them in
four planes of bytes, which are interleaved in registers first: twice as many shuffles as products.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from hwsim.jit import target
from hwsim.kernels.micro.assembly import (
    I8,
    I16,
    I32,
    Variable,
    constant,
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
from hwsim.kernels.micro.isa import allowed
from hwsim.kernels.micro.library import address_of
from hwsim.kernels.micro.planes import QUAD, SQUARE, transposed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa

SCATTERED: Final = 0
"""Stands for weights of any columns, where blocks give the rows that they share a quad with."""

_PART: Final = 16
"""Bytes within which registers are interleaved."""


def tile_of(isa: Isa) -> int:
    """Return how many positions are computed together."""
    return 4 * isa.lanes


def heights(isa: Isa) -> tuple[int, ...]:
    """Return how many rows may share what is read of a quad: as registers allow."""
    return (1, 2, 4) if isa.registers >= 16 else (1, 2)


@cache
def narrower(isa: Isa) -> Isa | None:
    """Return what takes the same steps in tiles half as wide, None where this process has none."""
    for other in allowed(target()[1]):
        same = (other.group, other.centre, other.weight) == (isa.group, isa.centre, isa.weight)
        if same and 2 * other.lanes == isa.lanes:
            return other
    return None


def positions_of(isa: Isa, rows: int) -> list[int]:
    """Return the position of every accumulator of a row of `stored_rows`."""
    if rows != SCATTERED:
        return list(range(tile_of(isa)))
    per = isa.lanes // 4
    return [16 * part + 4 * v + d for v in range(4) for part in range(per) for d in range(4)]


def is_multiplied(isa: Isa) -> bool:
    """Return whether an instruction set multiplies whole numbers, as all below does."""
    return isa.group in (2, 4)


def stored_rows(isa: Isa, rows: int) -> int:
    """Return the address of the function that computes sums of a tile of positions.

    It takes the address of the tile's first byte in the first plane, of int32 offsets, of weights,
    of int32 starts, how many groups of rows there are, the address of what the sums start at, bytes
    from one row to the next there, and the address of the sums: int32 [row, accumulator].

    Group g has steps starts[g] to starts[g + 1] - 1. A step of scattered weights has QUAD offsets
    of planes and as many int8 weights of one row; a step of blocks has one offset, and QUAD weights
    for every row of the group.

    Args:
        isa: One that `is_multiplied` accepts; what it takes off every byte, the sums lack.
        rows: In a group, one of `heights(isa)`; SCATTERED for one row, of any columns.
    """
    return address_of(_name(isa, rows), lambda: stored_text(isa, rows))


def _name(isa: Isa, rows: int) -> str:
    return f"hwsim_stored_{isa.name}_{rows}"


def stored_text(isa: Isa, rows: int) -> str:
    """Return the function of `stored_rows` in LLVM's language."""
    row_bytes = 4 * tile_of(isa)
    height = max(1, rows)

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, offsets, weights, starts, groups, initial, initial_step, sums, *_ = inputs
        with counted(b, groups) as group:
            first = offset(b, starts, group)
            last = offset(b, starts, b.add(group, number(1)))
            top = b.mul(group, number(height))
            totals: list[list[Variable]] = []
            for r in range(height):
                at = b.add(initial, b.mul(b.add(top, number(r)), initial_step))
                totals.append([Variable(b, value) for value in _row(b, isa, at)])
            with counted(b, b.sub(last, first)) as i:
                step = b.add(first, i)
                if rows == SCATTERED:
                    words = _gathered(b, isa, x, offsets, step)
                else:
                    at = b.add(x, offset(b, offsets, step))
                    words = _row(b, isa, at)
                for r, row in enumerate(totals):
                    place = b.add(b.mul(step, number(height)), number(r))
                    weight = load(b, b.add(weights, b.mul(place, number(QUAD))), I32)
                    for total, word in zip(row, words, strict=True):
                        total.set(b, _added(b, isa, total.get(b), word, weight))
            to = b.add(sums, b.mul(top, number(row_bytes)))
            for r, row in enumerate(totals):
                for v, total in enumerate(row):
                    store(b, total.get(b), b.add(to, number(r * row_bytes + v * row_bytes // 4)))

    return function_text(_name(isa, rows), emit)


def _row(b: Builder, isa: Isa, at: Value) -> list[Value]:
    """Return a tile's int32 words, four vectors of them."""
    type_ = vector(I32, isa.lanes)
    return [load(b, b.add(at, number(v * 4 * isa.lanes)), type_) for v in range(4)]


def _gathered(b: Builder, isa: Isa, x: Value, offsets: Value, step: Value) -> list[Value]:
    """Return the four planes of a step interleaved: words in the order of `positions_of`."""
    type_ = vector(I8, tile_of(isa))
    at = b.mul(step, number(QUAD))
    planes = [
        load(b, b.add(x, offset(b, offsets, b.add(at, number(q)))), type_) for q in range(QUAD)
    ]
    pairs = [_interleaved(b, planes[q], planes[q + 1], 1) for q in (0, 2)]
    quads = [_interleaved(b, pairs[0][i], pairs[1][i], 2) for i in (0, 1)]
    return [b.bitcast(word, vector(I32, isa.lanes)) for half in quads for word in half]


def _interleaved(b: Builder, first: Value, second: Value, width: int) -> list[Value]:
    """Return the lower and the upper halves of every part interleaved, `width` bytes in turn."""
    count = first.type.count
    return [
        shuffle(
            b,
            first,
            second,
            [
                side + part + low + i + k
                for part in range(0, count, _PART)
                for i in range(0, _PART // 2, width)
                for side in (0, count)
                for k in range(width)
            ],
        )
        for low in (0, _PART // 2)
    ]


def _added(b: Builder, isa: Isa, total: Value, x: Value, weight: Value) -> Value:
    """Add to each lane four bytes of x times the four of a weight."""
    words = splat(b, weight, isa.lanes)
    if isa.group == QUAD:
        return isa.dot(b, total, x, b.bitcast(words, vector(I8, tile_of(isa))))
    # Two products at a time, of halves: even bytes first, then odd ones.
    halves = vector(I16, 2 * isa.lanes)
    codes, weights, byte = b.bitcast(x, halves), b.bitcast(words, halves), constant(halves, 8)
    even = b.ashr(b.shl(weights, byte), byte)
    lower, upper = b.and_(codes, constant(halves, 255)), b.lshr(codes, byte)
    low = isa.dot(b, total, b.bitcast(lower, total.type), even)
    return isa.dot(b, low, b.bitcast(upper, total.type), b.ashr(weights, byte))


def sums_to_pixels(isa: Isa, rows: int) -> int:
    """Return the address of the function that turns sums to int32 [position, row].

    It takes the address of the sums, how many rows there are, a multiple of SQUARE, the address of
    int32 numbers that are added to the rows, of the first position's result, bytes from one
    position to the next there, and how many positions of the tile are wanted.

    Args:
        isa: As for `stored_rows`.
        rows: Likewise.
    """
    name = f"hwsim_sums_{isa.lanes}_{int(rows == SCATTERED)}"
    return address_of(name, lambda: sums_text(name, isa.lanes * 4, positions_of(isa, rows)))


def sums_text(name: str, tile: int, positions: Sequence[int]) -> str:
    """Return the function of `sums_to_pixels` in LLVM's language."""
    type_ = vector(I32, SQUARE)

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        sums, rows, added, y, y_step, wanted, *_ = inputs
        with counted(b, rows, SQUARE) as first:
            bias = load(b, b.add(added, b.mul(first, number(4))), type_)
            to = b.add(y, b.mul(first, number(4)))
            for v in range(0, tile, SQUARE):
                start = b.add(sums, b.mul(b.add(b.mul(first, number(tile)), number(v)), number(4)))
                square = [load(b, b.add(start, number(4 * tile * r)), type_) for r in range(SQUARE)]
                for j, row in enumerate(transposed(b, square)):
                    position = number(positions[v + j])
                    with b.if_then(b.icmp_signed("<", position, wanted), likely=True):
                        store(b, b.add(row, bias), b.add(to, b.mul(y_step, position)))

    return function_text(name, emit)
