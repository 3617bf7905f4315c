"""Sums of many positions of one channel to bytes: rounded, shifted, clamped, as `epilogue` does.

There, lanes are channels with constants of their own; here, all lanes share those of a channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.micro.assembly import (
    I32,
    I64,
    counted,
    function_text,
    joined,
    load,
    number,
    shuffle,
    splat,
    store,
    vector,
)
from hwsim.kernels.micro.epilogue import fields_at, limits_at, narrowed
from hwsim.kernels.micro.library import address_of
from hwsim.kernels.micro.rounding import FORMS
from hwsim.kernels.micro.stored import SCATTERED, positions_of, tile_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.kernels.micro.assembly import Builder, Value
    from hwsim.kernels.micro.isa import Isa

PLACES = 2
"""Places of a channel among the constants: what a vector's even and odd lanes take."""


def channel_bytes(isa: Isa, form: int, rows: int) -> int:
    """Return the address of the function that brings a tile's sums to planes of bytes.

    It takes the address of the sums of `stored.stored_rows`, how many rows there are, the address
    of constants as `epilogue.constants` has them, of PLACES places per channel, how many channels
    these are of, the first row's channel, and the address of the bytes: [row, position].

    Args:
        isa: Instruction set.
        form: Place of the rounding in `FORMS`.
        rows: As for `stored.stored_rows`: the order of the sums.
    """
    name = f"hwsim_channels_{isa.name}_{form}_{int(rows == SCATTERED)}"
    return address_of(name, lambda: channels_text(name, isa, form, rows))


def channels_text(name: str, isa: Isa, form: int, rows: int) -> str:
    """Return the function of `channel_bytes` in LLVM's language."""
    tile = tile_of(isa)
    # Where the packs put the accumulator of every position.
    order = isa.order(4)[np.argsort(positions_of(isa, rows))].tolist()

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        sums, count, constants, channels, first, codes, *_ = inputs
        limits = limits_at(b, constants)
        fields_step = b.mul(channels, number(4 * PLACES))
        own = b.add(fields_at(b, constants), b.mul(first, number(4 * PLACES)))
        with counted(b, count) as row:
            at = b.add(own, b.mul(row, number(4 * PLACES)))
            bias, *fields = (
                _same(b, isa, b.add(at, b.mul(fields_step, number(word))))
                for word in range(1 + FORMS[form].words)
            )
            start = b.add(sums, b.mul(row, number(4 * tile)))
            totals = [
                load(b, b.add(start, number(4 * isa.lanes * v)), vector(I32, isa.lanes))
                for v in range(4)
            ]
            rounded = [FORMS[form].emit(b, b.add(total, bias), fields) for total in totals]
            whole = joined(b, narrowed(b, isa, limits, rounded))
            to = b.add(codes, b.mul(row, number(tile)))
            store(b, shuffle(b, whole, whole, order), to)

    return function_text(name, emit)


def _same(b: Builder, isa: Isa, at: Value) -> Value:
    """Return the words of a channel's two places in all pairs of lanes."""
    return b.bitcast(splat(b, load(b, at, I64), isa.lanes // PLACES), vector(I32, isa.lanes))
