"""The heart of convolutions and fully connected layers: tiles of accumulators in registers.

A panel is a few vectors of output channels. For all positions it computes, tile by tile,
bias + sum over taps and k of x[position, tap, k] w[tap, k, channel], and brings it to bytes. A tap
is a run of bytes that lie together: one row of a convolution's kernel, all channels included.
Where a run starts is the position's offset plus the tap's, so patches are never copied.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from hwsim.kernels.micro.assembly import (
    F32,
    I32,
    Variable,
    constant,
    counted,
    function_text,
    load,
    number,
    offset,
    splat,
    vector,
)
from hwsim.kernels.micro.epilogue import Epilogue
from hwsim.kernels.micro.library import address_of
from hwsim.kernels.micro.rounding import FORMS
from hwsim.kernels.micro.tiles import tiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa

_CHAINS = 4
"""Sums per accumulator of a single position: an instruction's result is ready some cycles late."""

Sums = list[list[Variable]]
"""Accumulators [position][vector]."""


def panel(isa: Isa, form: int, vectors: int, rows: int) -> int:
    """Return the address of the function that computes one panel.

    It takes addresses of the operand and of the positions' int32 offsets in bytes, how many
    positions, the address of the taps' offsets, how many taps, steps per tap, addresses of the
    weights [tap, step, vector, lane, group], of the epilogue's constants and of the first
    position's bytes, and bytes from one position to the next.

    Args:
        isa: Instruction set.
        form: Place of the rounding in `FORMS`.
        vectors: Of output channels, 1 to `isa.vectors`.
        rows: Positions in a tile; offsets are read for as many.
    """
    if isa.is_tiled:
        return tiled(isa, form, vectors)
    name = f"hwsim_panel_{isa.name}_{form}_{vectors}_{rows}"
    return address_of(name, lambda: panel_text(isa, form, vectors, rows))


def panel_text(isa: Isa, form: int, vectors: int, rows: int) -> str:
    """Return the function of `panel` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, offsets, positions, taps, tap_count, steps, w, constants, y, y_step = inputs
        end = Epilogue(b, isa, FORMS[form], vectors, constants)
        with counted(b, positions, rows) as first:
            own = b.add(offsets, b.mul(first, number(4)))
            starts = [b.add(x, offset(b, own, number(r))) for r in range(rows)]
            sums = _tile(b, isa, end, vectors, starts, (taps, tap_count, steps, w))
            places = [b.add(y, b.mul(b.add(first, number(r)), y_step)) for r in range(rows)]
            end.store(b, sums, places, b.sub(positions, first))

    return function_text(f"hwsim_panel_{isa.name}_{form}_{vectors}_{rows}", emit)


def _tile(
    b: Builder,
    isa: Isa,
    end: Epilogue,
    vectors: int,
    starts: Sequence[Value],
    inputs: Sequence[Value],
) -> list[list[Value]]:
    """Return the sums [position][vector] of the positions that start at these addresses."""
    taps, tap_count, steps, w = inputs
    rows = len(starts)
    weights = Variable(b, w)
    bias = [[end.bias(b, v) for v in range(vectors)]] * rows
    is_real = isa.element is F32
    whole = [[Variable(b, value) for value in row] for row in bias]
    chains = _CHAINS if rows == 1 else 1
    sums = [_zeros(b, isa, vectors, rows) for _ in range(chains)]
    if not is_real and not isa.counts:
        sums[0] = whole
    with counted(b, tap_count) as tap:
        at = offset(b, taps, tap)
        runs = [b.add(start, at) for start in starts]
        done = b.and_(steps, number(-chains))
        with counted(b, done, chains) as k:
            for chain, own in enumerate(sums):
                _step(b, isa, runs, b.add(k, number(chain)), weights, own)
        if chains > 1:
            with counted(b, b.sub(steps, done)) as k:
                _step(b, isa, runs, b.add(done, k), weights, sums[0])
        if is_real:
            for own in sums:
                _flush(b, isa, own, whole)
    if isa.counts:
        return _sums_of_signs(b, sums, bias)
    others = [] if is_real else sums[1:]
    return [
        [
            reduce(b.add, (own[r][v].get(b) for own in others), total.get(b))
            for v, total in enumerate(row)
        ]
        for r, row in enumerate(whole)
    ]


def _sums_of_signs(
    b: Builder, counts: Sequence[Sums], bias: list[list[Value]]
) -> list[list[Value]]:
    """Return the bias less twice how many signs differ, per position and vector."""
    totals: list[list[Value]] = []
    for r, row in enumerate(bias):
        totals.append([])
        for v, first in enumerate(row):
            count = reduce(b.add, (own[r][v].get(b) for own in counts))
            totals[-1].append(b.sub(first, b.add(count, count)))
    return totals


def _zeros(b: Builder, isa: Isa, vectors: int, rows: int) -> Sums:
    zero = constant(isa.accumulator, 0)
    return [[Variable(b, zero) for _ in range(vectors)] for _ in range(rows)]


def _step(
    b: Builder, isa: Isa, runs: Sequence[Value], k: Value, weights: Variable, sums: Sums
) -> None:
    """Add the products of one step of every position and vector."""
    type_ = vector(isa.element, isa.lanes * isa.group)
    start = weights.get(b)
    vectors = len(sums[0])
    columns = [load(b, b.add(start, number(4 * isa.lanes * v)), type_) for v in range(vectors)]
    weights.set(b, b.add(start, number(4 * isa.lanes * vectors)))
    at = b.mul(k, number(4))
    for run, row in zip(runs, sums, strict=True):
        word = splat(b, load(b, b.add(run, at), I32), isa.lanes)
        for column, total in zip(columns, row, strict=True):
            total.set(b, isa.dot(b, total.get(b), word, column))


def _flush(b: Builder, isa: Isa, sums: Sums, whole: Sums) -> None:
    """Add real sums, exact so far, to the int32 ones, and start again from 0."""
    for row, targets in zip(sums, whole, strict=True):
        for total, target in zip(row, targets, strict=True):
            value = b.fptosi(total.get(b), vector(I32, isa.lanes))
            target.set(b, b.add(target.get(b), value))
            total.set(b, constant(isa.accumulator, 0))
