"""Products of codes with sparse weights, as fast as a plan's layers: what formats bind.

Codes are laid out tile by tile of positions, in planes of one column each (of four, for blocks);
every tile is multiplied with all rows while it lies in a cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from hwsim.jit import IS_COMPILED, call_address, kernel
from hwsim.kernels.micro.isa import native
from hwsim.kernels.micro.planes import QUAD, SQUARE, split_planes
from hwsim.kernels.micro.stored import (
    SCATTERED,
    is_multiplied,
    narrower,
    stored_rows,
    sums_to_pixels,
    tile_of,
)
from hwsim.kernels.step_costs import cheapest_steps
from hwsim.kernels.stored import blocks, scattered

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.micro.isa import Isa
    from hwsim.kernels.stored import Steps

    Product: TypeAlias = Callable[[IntArray], IntArray]

_CACHED_BYTES: Final = 48 << 10
"""Of a tile's planes that a section of the columns takes; see `hwsim.plan.sparse`."""

_CHUNK_ROWS: Final = 64
"""Rows whose sums are made and turned in turns, where all columns are one section."""

_BEHIND: Final = 64
"""Bytes that may be read behind a position's codes."""

(
    CODES, LAST_CODES, PIXEL_OFFSETS, PIXEL_BYTES, FLIP, PLANES_AT, PLANE_BYTES, TILES, TILE,
    POSITIONS, STEP_OFFSETS, WEIGHTS, STARTS, SECTIONS, GROUPS, HEIGHT, CHUNK, ZEROS, SUMS, ADDED,
    OUT, OUT_BYTES, HELD, SPLIT, MULTIPLY, TURN, LAST_TILE, LAST_MULTIPLY, LAST_TURN,
) = range(29)  # fmt: skip


def stored_product(weights: IntArray, slow: Product, isa: Isa | None = None) -> Product:
    """Return the product with weights of which those that are not zero are multiplied.

    Args:
        weights: [m, k] codes; whether zeros are skipped one by one, in blocks or not at all is
            decided by how they lie.
        slow: The same product, for codes of more than 8 bits, for weights that int8 cannot hold,
            and where nothing is compiled.
        isa: What multiplies; None for what is best here.

    Returns:
        Function of codes [p, k] to int32 [p, m], wrapping at 32 bits.
    """
    chosen = isa or native()
    is_narrow = weights.size > 0 and weights.min() >= -128 and weights.max() <= 127
    if not IS_COMPILED or not is_multiplied(chosen) or not is_narrow:
        return slow
    fast = _Fast(weights, chosen)
    is_short = weights.shape[1] * tile_of(chosen) < 1 << 31

    def product(x: IntArray) -> IntArray:
        is_taken = x.dtype in (np.int8, np.uint8) and len(x) > 0 and is_short
        return fast(x) if is_taken else slow(x)

    return product


class _Fast:
    """Weights ready to be multiplied."""

    def __init__(self, weights: IntArray, isa: Isa) -> None:
        matrix = np.pad(weights, ((0, 0), (0, -weights.shape[1] % QUAD))).astype(np.int8)
        self._rows, self._columns = weights.shape
        self._isa = isa
        best, _ = cheapest_steps(matrix, isa, has_quads=True)
        self._quad = 1 if best == SCATTERED else QUAD
        plane = tile_of(isa) * self._quad
        planes: IntArray = np.arange(matrix.shape[1] // self._quad)
        sections = planes * plane // _CACHED_BYTES
        if best == SCATTERED:
            self._steps = scattered(matrix, planes * plane, sections)
        else:
            self._steps = blocks(matrix, planes * plane, sections, best)
        self._sums = matrix.sum(axis=1, dtype=np.int64)
        self._zeros = np.zeros(tile_of(isa), np.int32)
        self._pixels = (np.arange(tile_of(isa)) * self._columns).astype(np.int32)
        held = self._steps.groups * self._steps.height
        self._held = -(-held // SQUARE) * SQUARE
        self._chunk = self._held
        if len(self._steps.starts) == 1:
            self._chunk = min(_CHUNK_ROWS, self._held)

    def __call__(self, x: IntArray) -> IntArray:
        """Return int32 [p, rows] of codes [p, columns] of 8 bits."""
        isa, tile = self._isa, tile_of(self._isa)
        codes = np.ascontiguousarray(x).view(np.uint8)
        tiles = -(-len(codes) // tile)
        if self._columns < _BEHIND:
            codes = np.pad(codes.reshape(-1), (0, _BEHIND))[: codes.size].reshape(codes.shape)
        # Nothing behind the last position's codes may be read.
        last = np.zeros(tile * self._columns + _BEHIND, np.uint8)
        rest = codes[(tiles - 1) * tile :].reshape(-1)
        last[: rest.size] = rest
        signed = x.dtype == np.int8
        added = np.zeros(self._held, np.int64)
        added[: self._rows] = (isa.centre - 128 * signed) * self._sums
        room = np.empty(-(-self._columns // 64) * 64 * tile, np.uint8)
        sums = np.empty(self._chunk * tile, np.int32)
        out = np.empty((len(codes), self._held), np.int32)
        added_words = added.astype(np.int32)
        half = narrower(isa)
        left = len(codes) - (tiles - 1) * tile
        end = half if half is not None and left <= tile_of(half) else isa
        row = np.array(
            [
                *(codes.ctypes.data, last.ctypes.data, self._pixels.ctypes.data, self._columns),
                *(128 * signed, room.ctypes.data, tile * self._quad, tiles, tile, len(codes)),
                *_addresses(self._steps),
                *(len(self._steps.starts), self._steps.groups, self._steps.height, self._chunk),
                *(self._zeros.ctypes.data, sums.ctypes.data, added_words.ctypes.data),
                *(out.ctypes.data, 4 * self._held, self._held, split_planes(self._quad)),
                *_functions(isa, self._steps.rows),
                tile_of(end),
                *_functions(end, self._steps.rows),
            ],
            np.int64,
        )
        _run(row)
        return np.ascontiguousarray(out[:, : self._rows])


def _addresses(steps: Steps) -> tuple[int, int, int]:
    return steps.offsets.ctypes.data, steps.weights.ctypes.data, steps.starts.ctypes.data


def _functions(isa: Isa, rows: int) -> tuple[int, int]:
    return stored_rows(isa, rows), sums_to_pixels(isa, rows)


@kernel
def _run(row: Array) -> None:
    """Compute all positions; the columns of the row are those named above."""
    chunks = row[HELD] // row[CHUNK] + (row[HELD] % row[CHUNK] > 0)
    for tile in range(row[TILES]):
        is_last = tile == row[TILES] - 1
        before = tile * row[TILE]
        codes = row[LAST_CODES] if is_last else row[CODES] + before * row[PIXEL_BYTES]
        call_address(
            row[SPLIT], codes, row[PIXEL_OFFSETS], row[LAST_TILE] if is_last else row[TILE],
            row[PIXEL_BYTES], row[PLANES_AT], row[PLANE_BYTES], row[FLIP], 0, 0, 0,
        )  # fmt: skip
        for chunk in range(chunks):
            _run_chunk(row, before, chunk * row[CHUNK], is_last)


@kernel
def _run_chunk(row: Array, before: int, first: int, is_last: bool) -> None:
    """Compute a tile's sums of a chunk of the rows."""
    group = first // row[HEIGHT]
    groups = min(row[CHUNK] // row[HEIGHT], row[GROUPS] - group)
    positions = row[LAST_TILE] if is_last else row[TILE]
    initial, initial_step = row[ZEROS], 0
    for section in range(row[SECTIONS]):
        call_address(
            row[LAST_MULTIPLY] if is_last else row[MULTIPLY],
            row[PLANES_AT], row[STEP_OFFSETS], row[WEIGHTS],
            row[STARTS] + 4 * (section * (row[GROUPS] + 1) + group), groups,
            initial, initial_step, row[SUMS], 0, 0,
        )  # fmt: skip
        initial, initial_step = row[SUMS], 4 * positions
    call_address(
        row[LAST_TURN] if is_last else row[TURN],
        row[SUMS], min(row[CHUNK], row[HELD] - first), row[ADDED] + 4 * first,
        row[OUT] + before * row[OUT_BYTES] + 4 * first, row[OUT_BYTES], row[POSITIONS] - before,
        0, 0, 0, 0,
    )  # fmt: skip
