"""Depthwise convolutions: every channel has weights of its own.

A few taps are interleaved byte by byte, so that one instruction adds the products of all of them
to the accumulators of their channels; the sums never leave the registers before they are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.kernels.micro.assembly import (
    F32,
    I8,
    I16,
    I32,
    Variable,
    constant,
    counted,
    function_text,
    joined,
    load,
    number,
    offset,
    shuffle,
    vector,
)
from hwsim.kernels.micro.epilogue import Epilogue
from hwsim.kernels.micro.library import address_of
from hwsim.kernels.micro.rounding import FORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What is unrolled: a few neighbouring positions of a row.

    Attributes:
        positions: How many.
        stride: Columns from one to the next, where they share columns; else 0.
        rows: Of the kernel, where positions share columns.
        columns: Of the kernel, likewise.
    """

    positions: int
    stride: int = 0
    rows: int = 0
    columns: int = 0

    @property
    def is_shared(self) -> bool:
        """Whether what is read of a column serves all positions that see it."""
        return self.stride > 0

    @property
    def name(self) -> str:
        """A part of a function's name."""
        return f"{self.positions}_{self.stride}_{self.rows}_{self.columns}"


def widest(isa: Isa) -> int:
    """Return how many vectors of channels are computed together at most."""
    return 4 if isa.packs and isa.group == 4 else 1


def depthwise(isa: Isa, form: int, vectors: int, tile: Tile) -> int:
    """Return the address of the function that computes a few vectors of channels.

    It takes the address of the operand's bytes, of pairs of int32 offsets of tiles into operand
    and result, how many tiles, the address of the taps' offsets, how many groups of taps, bytes
    from one position to the next, addresses of the weights [group of taps, vector, lane, tap], of
    the epilogue's constants and of the result, and bytes from one position to the next there.

    Where a tile's positions share columns, the taps are those of one column, every column's taps
    fill groups of their own, and the bytes are those from one column to the next.

    Args:
        isa: Instruction set.
        form: Place of the rounding in `FORMS`.
        vectors: 1 or `widest(isa)`.
        tile: What is unrolled.
    """
    name = f"hwsim_depthwise_{isa.name}_{form}_{vectors}_{tile.name}"
    return address_of(name, lambda: depthwise_text(isa, form, vectors, tile))


def depthwise_text(isa: Isa, form: int, vectors: int, tile: Tile) -> str:
    """Return the function of `depthwise` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, offsets, tiles, taps, groups, x_step, w, constants, y, y_step = inputs
        end = Epilogue(b, isa, FORMS[form], vectors, constants)
        rows = [offset(b, taps, number(row)) for row in range(tile.rows)]
        with counted(b, tiles) as index:
            pair = b.add(offsets, b.mul(index, number(8)))
            start = b.add(x, offset(b, pair, number(0)))
            out = b.add(y, offset(b, pair, number(1)))
            sums = _Sums(b, isa, end, vectors, tile.positions)
            if tile.is_shared:
                _add_shared(b, isa, tile, sums, rows, (start, x_step, w))
            else:
                with counted(b, groups) as group:
                    _add_group(b, isa, sums, group, (start, taps, x_step, w))
            places = [b.add(out, b.mul(y_step, number(p))) for p in range(tile.positions)]
            end.store(b, sums.totals(b), places, number(tile.positions))

    return function_text(f"hwsim_depthwise_{isa.name}_{form}_{vectors}_{tile.name}", emit)


class _Sums:
    """Accumulators [position][vector] that start at the bias."""

    def __init__(self, b: Builder, isa: Isa, end: Epilogue, vectors: int, positions: int) -> None:
        self._isa = isa
        self._bias: list[Value] = [end.bias(b, v) for v in range(vectors)]
        zero = constant(isa.accumulator, 0)
        first = [zero] * vectors if isa.element is F32 else self._bias
        self._sums = [[Variable(b, value) for value in first] for _ in range(positions)]
        self.vectors = vectors
        self.positions = positions

    def add(self, b: Builder, position: int, words: Sequence[Value], weights: Value) -> None:
        """Add the products of words with the weights at that address."""
        isa = self._isa
        type_ = vector(isa.element, isa.lanes * isa.group)
        for v, (total, word) in enumerate(zip(self._sums[position], words, strict=True)):
            own = load(b, b.add(weights, number(4 * isa.lanes * v)), type_)
            total.set(b, isa.dot(b, total.get(b), word, own))

    def totals(self, b: Builder) -> list[list[Value]]:
        """Return them as int32."""
        sums = [[total.get(b) for total in row] for row in self._sums]
        if self._isa.element is not F32:
            return sums
        # Exact: the taps are so few that sums stay below 2^24.
        whole = vector(I32, self._isa.lanes)
        return [
            [
                b.add(b.fptosi(total, whole), bias)
                for total, bias in zip(row, self._bias, strict=True)
            ]
            for row in sums
        ]


def _add_shared(
    b: Builder,
    isa: Isa,
    tile: Tile,
    sums: _Sums,
    rows: Sequence[Value],
    inputs: Sequence[Value],
) -> None:
    """Add column by column: each is read and interleaved once for all positions that see it."""
    start, x_step, w = inputs
    per_column = -(-tile.rows // isa.group)
    for column in range((tile.positions - 1) * tile.stride + tile.columns):
        here = b.add(start, b.mul(x_step, number(column)))
        for group in range(per_column):
            # Groups are filled up with the last row, whose further weights are 0.
            own = [min(group * isa.group + t, tile.rows - 1) for t in range(isa.group)]
            words = _interleaved(b, isa, [b.add(here, rows[row]) for row in own], sums.vectors)
            for position in range(tile.positions):
                tap = column - position * tile.stride
                if 0 <= tap < tile.columns:
                    place = (tap * per_column + group) * 4 * isa.lanes * sums.vectors
                    sums.add(b, position, words, b.add(w, number(place)))


def _add_group(b: Builder, isa: Isa, sums: _Sums, group: Value, inputs: Sequence[Value]) -> None:
    """Add one group of taps to every position."""
    start, taps, x_step, w = inputs
    first = b.mul(group, number(isa.group))
    at = [offset(b, taps, b.add(first, number(t))) for t in range(isa.group)]
    weights = b.add(w, b.mul(group, number(4 * isa.lanes * sums.vectors)))
    for position in range(sums.positions):
        here = b.add(start, b.mul(x_step, number(position)))
        words = _interleaved(b, isa, [b.add(here, tap) for tap in at], sums.vectors)
        sums.add(b, position, words, weights)


def _interleaved(b: Builder, isa: Isa, at: Sequence[Value], vectors: int) -> list[Value]:
    """Return vectors of words, each the values of one channel at the taps at these addresses."""
    lanes = isa.lanes
    whole = vector(I32, lanes)
    taps = [load(b, address, vector(I8, lanes * vectors)) for address in at]
    if isa.element is F32:
        return [b.bitcast(b.uitofp(tap, isa.accumulator), whole) for tap in taps]
    if isa.element is I16:
        low, high = (b.zext(tap, vector(I16, lanes)) for tap in taps)
        pairs = [lane for i in range(lanes) for lane in (i, lanes + i)]
        return [b.bitcast(shuffle(b, low, high, pairs), whole)]
    if vectors == 1:
        bytes_ = joined(b, taps)
        quads = [tap * lanes + i for i in range(lanes) for tap in range(4)]
        return [b.bitcast(shuffle(b, bytes_, bytes_, quads), whole)]
    # Within parts of 128 bits, as the packs undo it.
    pairs = [
        [b.bitcast(half, vector(I16, 2 * lanes)) for half in _unpacked(b, *taps[i : i + 2])]
        for i in (0, 2)
    ]
    return [
        b.bitcast(words, whole)
        for first, second in zip(*pairs, strict=True)
        for words in _unpacked(b, first, second)
    ]


def _unpacked(b: Builder, first: Value, second: Value) -> tuple[Value, Value]:
    """Interleave the lower, and the upper, halves of every 128 bits of two vectors."""
    count = first.type.count
    part = 128 // first.type.element.width
    halves = [
        [
            start + lane + source
            for start in range(0, count, part)
            for lane in range(begin, begin + part // 2)
            for source in (0, count)
        ]
        for begin in (0, part // 2)
    ]
    return shuffle(b, first, second, halves[0]), shuffle(b, first, second, halves[1])
