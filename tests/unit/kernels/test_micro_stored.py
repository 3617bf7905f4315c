"""The code that is emitted for planes and stored weights, for processors that are not here too."""

from __future__ import annotations

import ctypes
import re
from typing import Any, Final

import numpy as np
import pytest

from hwsim.kernels.micro.channels import channels_text
from hwsim.kernels.micro.isa import ISAS, Isa
from hwsim.kernels.micro.library import Library
from hwsim.kernels.micro.planes import (
    join_planes,
    pixels_text,
    planes_text,
    split_planes,
)
from hwsim.kernels.micro.rounding import FORMS
from hwsim.kernels.micro.stored import (
    SCATTERED,
    heights,
    is_multiplied,
    narrower,
    positions_of,
    stored_text,
    sums_text,
    tile_of,
)
from tests.unit.kernels.test_micro_isa import INSTRUCTIONS, library

Function: Any = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 10)
WHOLE: Final = tuple(isa for isa in ISAS if is_multiplied(isa))
isas = pytest.mark.parametrize("isa", WHOLE, ids=lambda isa: isa.name)


def called(address: int, *numbers: int) -> None:
    Function(address)(*numbers, *(0,) * (10 - len(numbers)))


@isas
def test_products_use_the_instruction_of_the_set(isa: Isa) -> None:
    made, pattern = library(isa), INSTRUCTIONS[isa.name][1]
    # Where two products are added at a time, four take two instructions.
    each = 4 * (4 // isa.group)
    for rows in (SCATTERED, *heights(isa)):
        text = made.assembly(stored_text(isa, rows))
        assert len(re.findall(pattern, text)) == each * max(1, rows)


@isas
def test_sums_stay_in_registers(isa: Isa) -> None:
    # Of sets that multiply halves, only what is read of several rows at once does not fit.
    for rows in (SCATTERED, *(heights(isa) if isa.group == 4 else (1,))):
        text = library(isa).assembly(stored_text(isa, rows))
        # AT&T and Arm's words for a vector that is put on the stack.
        assert not re.search(r"vmov\w+\s+%[xyz]mm\d+, -?\d*\(%rsp\)", text)
        assert not re.search(r"\bst[rp]\s+q.*\[sp", text)


@isas
def test_every_formula_compiles_for_every_target(isa: Isa) -> None:
    made: Library = library(isa)
    for form in range(len(FORMS)):
        for rows in (SCATTERED, 1):
            assert made.object_code(channels_text("f", isa, form, rows))
    for quad in (1, 4):
        assert made.object_code(planes_text(quad))
    assert made.object_code(pixels_text(tile_of(isa)))
    assert made.object_code(sums_text("f", tile_of(isa), positions_of(isa, SCATTERED)))


@isas
def test_every_accumulator_is_one_position(isa: Isa) -> None:
    for rows in (SCATTERED, 1):
        assert sorted(positions_of(isa, rows)) == list(range(tile_of(isa)))
    half = narrower(isa)
    assert half is None or (2 * half.lanes, half.group) == (isa.lanes, isa.group)


@pytest.mark.parametrize("quad", [1, 4])
@pytest.mark.parametrize("channels", [1, 4, 16, 20, 64, 100, 129])
@pytest.mark.parametrize("pixels", [1, 16, 23])
def test_planes_hold_every_pixel(quad: int, channels: int, pixels: int) -> None:
    rng = np.random.default_rng(channels)
    x = rng.integers(0, 256, 40 * channels + 64).astype(np.uint8)
    order = rng.permutation(40)[:pixels]
    count = -(-pixels // 16) * 16
    offsets = np.zeros(count, np.int32)
    offsets[:pixels] = order * channels
    planes = -(-channels // quad) if quad > 1 else -(-channels // 16) * 16
    step = count * quad + 8
    y = np.full(planes * step + 64, 0xAA, np.uint8)
    called(
        split_planes(quad), x.ctypes.data, offsets.ctypes.data, pixels, channels, y.ctypes.data,
        step, 0x81,
    )  # fmt: skip
    got = y[: planes * step].reshape(planes, step)
    want = x[: 40 * channels].reshape(40, channels)[order] ^ 0x81
    for c in range(channels):
        plane, lane = divmod(c, quad)
        np.testing.assert_array_equal(got[plane, lane : pixels * quad : quad], want[:, c])
    # Nothing between the planes, and nothing behind them.
    assert (got[:, count * quad :] == 0xAA).all()
    assert (y[planes * step :] == 0xAA).all()


@pytest.mark.parametrize("tile", [16, 32, 64])
@pytest.mark.parametrize("channels", [1, 7, 16, 40])
@pytest.mark.parametrize("missing", [0, 1, 15])
def test_pixels_hold_every_plane(tile: int, channels: int, missing: int) -> None:
    rng = np.random.default_rng(tile)
    planes = -(-channels // 16) * 16
    codes = rng.integers(0, 256, (planes, tile)).astype(np.uint8)
    wanted = tile - missing
    # Every fourth position shares its place with the next, which is written after.
    place = np.cumsum(np.arange(tile) % 4 != 3)
    offsets = (place * channels).astype(np.int32)
    y = np.full((tile + 2) * channels + 16, 0xAA, np.uint8)
    called(join_planes(tile), codes.ctypes.data, planes, offsets.ctypes.data, wanted, y.ctypes.data)
    for p in range(wanted):
        if p + 1 < wanted and place[p + 1] == place[p]:
            continue
        start = int(offsets[p])
        np.testing.assert_array_equal(y[start : start + channels], codes[:channels, p])
    assert (y[: int(offsets[0])] == 0xAA).all()
