"""Panels of channels by x86's AMX, whose registers are matrices: see `panel` for what they compute.

A thread has eight tiles of 16 rows of 64 bytes. An instruction adds to 16 x 16 int32 (positions by
channels) the products of 16 x 64 bytes (positions by values) with 64 x 16 weights. Tiles are
configured when a function starts and released before it returns: no thread keeps them, and nothing
that other libraries left there or expect there is relied upon.

Some virtual machines are reported to lose what tiles hold, all of it, where a thread is interrupted
(erratum SPR4 of Sapphire Rapids, as OpenZFS quotes it). So one tile holds a mark, and a block of
positions whose mark is gone is computed again.

Layout and semantics: Intel 64 and IA-32 Architectures Software Developer's Manual, LDTILECFG,
TILELOADD, TDPBUSD.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hwsim.kernels.micro.assembly import (
    I8,
    I32,
    I64,
    VOID,
    Variable,
    aligned_room,
    call,
    counted,
    function_text,
    ir,
    load,
    number,
    offset,
    pointer,
    smaller,
    store,
    vector,
)
from hwsim.kernels.micro.epilogue import Epilogue
from hwsim.kernels.micro.isa import ISAS, TILE_ROWS, Isa
from hwsim.kernels.micro.library import address_of
from hwsim.kernels.micro.rounding import FORMS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from hwsim.kernels.micro.assembly import Builder, Value

_VNNI: Final = next(isa for isa in ISAS if isa.name == "vnni512")

AMX: Final = Isa(
    name="amx",
    features=_VNNI.features | {"amx-tile", "amx-int8"},
    lanes=16,
    group=64,
    element=I8,
    weight="int8",
    packs=True,
    # Of the vectors beside the tiles; panels of tiles have no use for it.
    dot=_VNNI.dot,
)
"""Not in `ISAS`: it serves layers of many positions only, see `hwsim.plan.multiplier`."""

_ROW_BYTES: Final = 64
_TILE_BYTES: Final = TILE_ROWS * _ROW_BYTES

# Tiles 0 to 3 sum the panel's vectors.
_POSITIONS: Final = 4
_WEIGHTS: Final = (5, 6)
_MARK: Final = 7

# Palette 1; from byte 16 two bytes per tile, of a row; from byte 48 a byte per tile, rows.
_ROWS: Final = [*[TILE_ROWS] * 7, 1]
_CONFIGURATION: Final = [1, *[0] * 15, *[_ROW_BYTES, 0] * 8, *[0] * 16, *_ROWS, *[0] * 8]
_FIRST_WORD: Final = 1
"""Its first 8 bytes as a number: the configuration serves as the mark, too."""

_CHUNK: Final = 8
"""Steps gathered before they are multiplied: what was just stored is not loaded at once."""

_STORED: Final = 4
"""Positions brought to bytes at once."""


def tiled(isa: Isa, form: int, vectors: int) -> int:
    """Return the address of a function as `panel.panel` describes it, a step being 64 values.

    Its weights are [tap, step, vector, 16 words, lane, 4 values]. Up to 63 bytes behind a run are
    read, for weights of 0, and the offsets of TILE_ROWS positions at a time.

    Args:
        isa: `AMX`.
        form: Place of the rounding in `FORMS`.
        vectors: Of output channels, 1 to 4.
    """
    return address_of(_name(isa, form, vectors), lambda: tiled_text(isa, form, vectors))


def tiled_text(isa: Isa, form: int, vectors: int) -> str:
    """Return the function of `tiled` in LLVM's language."""

    def emit(b: Builder, inputs: Sequence[Value]) -> None:
        x, offsets, positions, taps, tap_count, steps, w, constants, y, y_step = inputs
        end = Epilogue(b, isa, FORMS[form], vectors, constants)
        gathered = aligned_room(b, _CHUNK * _TILE_BYTES)
        sums = aligned_room(b, vectors * _TILE_BYTES)
        mark, found = (aligned_room(b, _ROW_BYTES) for _ in range(2))
        store(b, ir.Constant(vector(I8, 64), _CONFIGURATION), mark)
        call(b, "llvm.x86.ldtilecfg", VOID, pointer(b, mark))
        with counted(b, positions, TILE_ROWS) as first:
            own = b.add(offsets, b.mul(first, number(4)))
            starts = [b.add(x, offset(b, own, number(r))) for r in range(TILE_ROWS)]
            with _until_kept(b, mark, found):
                for v in range(vectors):
                    _instruction(b, "tilezero", v)
                _multiply(b, vectors, starts, (taps, tap_count, steps, w), gathered)
                for v in range(vectors):
                    _move(b, "tilestored64", v, b.add(sums, number(v * _TILE_BYTES)))
            left = b.sub(positions, first)
            with counted(b, smaller(b, left, number(TILE_ROWS)), _STORED) as r:
                rows = _loaded(b, end, vectors, b.add(sums, b.mul(r, number(_ROW_BYTES))))
                at = b.add(first, r)
                places = [b.add(y, b.mul(b.add(at, number(i)), y_step)) for i in range(_STORED)]
                end.store(b, rows, places, b.sub(left, r))
        _instruction(b, "tilerelease")

    return function_text(_name(isa, form, vectors), emit)


def _name(isa: Isa, form: int, vectors: int) -> str:
    return f"hwsim_tiled_{isa.name}_{form}_{vectors}"


def _instruction(b: Builder, name: str, *tiles: int) -> None:
    call(b, f"llvm.x86.{name}", VOID, *[ir.Constant(I8, tile) for tile in tiles])


def _move(b: Builder, name: str, tile: int, address: Value) -> None:
    """Load or store a tile whose rows lie one behind the other."""
    place = pointer(b, address)
    call(b, f"llvm.x86.{name}", VOID, ir.Constant(I8, tile), place, number(_ROW_BYTES))


@contextmanager
def _until_kept(b: Builder, mark: Value, found: Value) -> Generator[None]:
    """Emit what is done again until tiles kept what they held from its start to its end."""
    again, after = (b.append_basic_block(name) for name in ("again", "kept"))
    b.branch(again)
    b.position_at_end(again)
    _move(b, "tileloadd64", _MARK, mark)
    yield
    _move(b, "tilestored64", _MARK, found)
    is_kept = b.icmp_signed("==", load(b, found, I64), number(_FIRST_WORD))
    b.cbranch(is_kept, after, again)
    b.position_at_end(after)


def _multiply(
    b: Builder, vectors: int, starts: Sequence[Value], inputs: Sequence[Value], gathered: Value
) -> None:
    """Add to the tiles of sums what the positions that start at these addresses contribute."""
    taps, tap_count, steps, w = inputs
    weights = Variable(b, w)
    with counted(b, tap_count) as tap:
        at = offset(b, taps, tap)
        with counted(b, steps, _CHUNK) as k:
            count = smaller(b, b.sub(steps, k), number(_CHUNK))
            with counted(b, count) as i:
                run = b.add(at, b.mul(b.add(k, i), number(_ROW_BYTES)))
                to = b.add(gathered, b.mul(i, number(_TILE_BYTES)))
                for r, start in enumerate(starts):
                    values = load(b, b.add(start, run), vector(I8, _ROW_BYTES))
                    store(b, values, b.add(to, number(r * _ROW_BYTES)))
            with counted(b, count) as i:
                own = b.add(gathered, b.mul(i, number(_TILE_BYTES)))
                _move(b, "tileloadd64", _POSITIONS, own)
                column = weights.get(b)
                for v in range(vectors):
                    tile = _WEIGHTS[v % len(_WEIGHTS)]
                    _move(b, "tileloadd64", tile, b.add(column, number(v * _TILE_BYTES)))
                    _instruction(b, "tdpbusd", v, _POSITIONS, tile)
                weights.set(b, b.add(column, number(vectors * _TILE_BYTES)))


def _loaded(b: Builder, end: Epilogue, vectors: int, at: Value) -> list[list[Value]]:
    """Return sums [position][vector], the bias added, of the rows that start there."""
    type_ = vector(I32, TILE_ROWS)
    return [
        [
            b.add(load(b, b.add(at, number(v * _TILE_BYTES + r * _ROW_BYTES)), type_), bias)
            for v, bias in enumerate(end.bias(b, v) for v in range(vectors))
        ]
        for r in range(_STORED)
    ]
