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
    PIXEL_OFFSETS, PIXEL_BYTES, PLANE_BYTES, TILE, STEP_OFFSETS, WEIGHTS, STARTS, SECTIONS, GROUPS,
    HEIGHT, CHUNK, ZEROS, SPLIT, MULTIPLY, TURN, LAST_TILE, LAST_MULTIPLY, LAST_TURN,
) = range(18)  # fmt: skip


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
        is_byte = x.dtype.kind in "iu" and x.dtype.itemsize == 1
        return fast(x) if is_byte and is_short and len(x) else slow(x)

    return product


class _Fast:
    """Weights ready to be multiplied."""

    def __init__(self, weights: IntArray, isa: Isa) -> None:
        matrix = np.pad(weights, ((0, 0), (0, -weights.shape[1] % QUAD))).astype(np.int8)
        self._rows, self._columns = (int(extent) for extent in weights.shape)
        self._tile, self._centre = tile_of(isa), isa.centre
        self._sums = matrix.sum(axis=1, dtype=np.int64)
        rows, _ = cheapest_steps(matrix, isa, has_quads=True)
        quad = 1 if rows == SCATTERED else QUAD
        steps = _steps(matrix, rows, self._tile * quad)
        self._held = -(-steps.groups * steps.height // SQUARE) * SQUARE
        self._chunk = self._held if len(steps.starts) > 1 else min(_CHUNK_ROWS, self._held)
        half = narrower(isa)
        pixels = (np.arange(self._tile) * self._columns).astype(np.int32)
        self._kept = pixels, steps.offsets, steps.weights, steps.starts, np.zeros(64, np.int32)
        at = [array.ctypes.data for array in self._kept]
        numbers = (
            at[0], self._columns, self._tile * quad, self._tile, *at[1:4], len(steps.starts),
            steps.groups, steps.height, self._chunk, at[4], split_planes(quad),
            *_functions(isa, rows),
        )  # fmt: skip
        # By the most positions that the last tile may have.
        self._tables = [
            (tile_of(end), np.array([*numbers, tile_of(end), *_functions(end, rows)], np.int64))
            for end in (half or isa, isa)
        ]

    def __call__(self, x: IntArray) -> IntArray:
        """Return int32 [p, rows] of codes [p, columns] of 8 bits."""
        tile, columns = self._tile, self._columns
        codes = np.ascontiguousarray(x).view(np.uint8)
        if columns < _BEHIND or not codes.flags.writeable:
            # Numba would compile everything once more for arrays that cannot be written.
            codes = np.pad(codes.reshape(-1), (0, _BEHIND))[: codes.size].reshape(codes.shape)
        done = (len(codes) - 1) // tile * tile
        # Nothing behind the last position's codes may be read.
        last = np.zeros(tile * columns + _BEHIND, np.uint8)
        last[: (len(codes) - done) * columns] = codes[done:].reshape(-1)
        flip = 128 if x.dtype == np.int8 else 0
        added = np.zeros(self._held, np.int32)
        added[: self._rows] = (self._centre - flip) * self._sums
        planes = np.empty(-(-columns // 64) * 64 * tile, np.uint8)
        sums = np.empty(self._chunk * tile, np.int32)
        out = np.empty((len(codes), self._held), np.int32)
        (_, short), (_, whole) = self._tables
        row = short if len(codes) - done <= self._tables[0][0] else whole
        _run(row, codes, last, flip, planes, sums, added, out)
        return out if self._held == self._rows else np.ascontiguousarray(out[:, : self._rows])


def _steps(matrix: IntArray, rows: int, plane_bytes: int) -> Steps:
    """Return the steps of weights [m, k] whose columns, or quads of them, are planes in turn."""
    planes: IntArray = np.arange(int(matrix.shape[1]) // (1 if rows == SCATTERED else QUAD))
    at, sections = planes * plane_bytes, planes * plane_bytes // _CACHED_BYTES
    if rows == SCATTERED:
        return scattered(matrix, at, sections)
    return blocks(matrix, at, sections, rows)


def _functions(isa: Isa, rows: int) -> tuple[int, int]:
    return stored_rows(isa, rows), sums_to_pixels(isa, rows)


@kernel
def _run(
    row: IntArray, codes: Array, last: Array, flip: int, planes: Array, sums: Array, added: Array,
    out: Array,
) -> None:  # fmt: skip
    """Compute all positions; the columns of the row are those named above."""
    held = out.shape[1]
    chunks = (held + row[CHUNK] - 1) // row[CHUNK]
    x, to = codes.ctypes.data, planes.ctypes.data
    for before in range(0, codes.shape[0], row[TILE]):
        is_last = before + row[TILE] >= codes.shape[0]
        call_address(
            row[SPLIT], last.ctypes.data if is_last else x + before * row[PIXEL_BYTES],
            row[PIXEL_OFFSETS], row[LAST_TILE] if is_last else row[TILE], row[PIXEL_BYTES], to,
            row[PLANE_BYTES], flip, 0, 0, 0,
        )  # fmt: skip
        for chunk in range(chunks):
            first = chunk * row[CHUNK]
            _add(row, to, sums.ctypes.data, first, is_last)
            call_address(
                row[LAST_TURN] if is_last else row[TURN],
                sums.ctypes.data, min(row[CHUNK], held - first), added.ctypes.data + 4 * first,
                out.ctypes.data + 4 * (before * held + first), 4 * held, codes.shape[0] - before,
                0, 0, 0, 0,
            )  # fmt: skip


@kernel
def _add(row: IntArray, planes: int, sums: int, first: int, is_last: bool) -> None:
    """Compute a tile's sums of a chunk of the rows."""
    group = first // row[HEIGHT]
    groups = min(row[CHUNK] // row[HEIGHT], row[GROUPS] - group)
    positions = row[LAST_TILE] if is_last else row[TILE]
    initial, initial_step = row[ZEROS], 0
    for section in range(row[SECTIONS]):
        call_address(
            row[LAST_MULTIPLY] if is_last else row[MULTIPLY],
            planes, row[STEP_OFFSETS], row[WEIGHTS],
            row[STARTS] + 4 * (section * (row[GROUPS] + 1) + group), groups,
            initial, initial_step, sums, 0, 0,
        )  # fmt: skip
        initial, initial_step = sums, 4 * positions
