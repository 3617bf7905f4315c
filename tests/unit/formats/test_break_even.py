"""Where structured patterns pay, counted by hand; and that every format has its line."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.arrays import Array
from hwsim.formats import FORMATS, NM, Block, Csc, Rle
from hwsim.formats.break_even import (
    break_even_density,
    break_even_structured,
    break_even_table,
    structured_table,
)
from hwsim.formats.describe import describe


def normal(rows: int, columns: int) -> Array:
    codes = np.rint(np.random.default_rng(0).standard_normal((rows, columns)) * 25)
    codes[codes == 0] = 1
    return codes.astype(np.int8)


def test_blocks_pay_but_for_their_places() -> None:
    # 16 bytes and a place of one for each block, 17 starts of two bytes: 16 k + k + 34 < 4096.
    weights = normal(64, 64)
    assert break_even_structured(Block(4, 4), weights, 8) == ((4096 - 34 - 1) // 17) / 256
    assert break_even_structured(Block(4, 4), weights, 8) > 0.9
    density = break_even_density(Block(4, 4), weights, 8)
    assert density is not None
    assert density < 0.3


def test_blocks_that_the_edge_cuts() -> None:
    assert 0 < break_even_structured(Block(4, 3), normal(10, 64), 8) < 1


@pytest.mark.parametrize(
    ("n", "m", "bits", "pays"),
    [
        # n (bits + ceil(log2 m)) < m bits, whatever stays.
        (2, 4, 8, True),
        (3, 4, 8, True),
        (4, 4, 8, False),
        (3, 4, 4, False),
        (1, 2, 2, True),
        (128, 256, 8, False),
        (127, 256, 8, True),
    ],
)
def test_groups_pay_always_or_never(n: int, m: int, bits: int, pays: bool) -> None:
    weights = np.clip(normal(32, 256), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    assert (n * (bits + (m - 1).bit_length()) < m * bits) == pays
    assert break_even_structured(NM(n, m), weights, bits) == pays


def test_new_formats_pay_where_their_bits_say() -> None:
    weights = normal(128, 128)
    # A byte more per weight, and starts: a half. 40 bits for three of 8, and fillers: 3/5.
    assert break_even_density(Csc(), weights, 8) == pytest.approx(0.5, abs=0.01)
    assert break_even_density(Rle(4), weights, 8) == pytest.approx(3 / 5, abs=0.01)
    assert break_even_density(Rle(8), weights, 8) == pytest.approx(3 / 7, abs=0.01)


def test_every_format_is_in_a_table_or_takes_no_pruned_weights() -> None:
    listed = {row[0] for row in (*break_even_table(side=32), *structured_table(side=32))}
    assert {fmt.name for fmt in FORMATS} - listed == {"signs", "trits"}


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_every_format_is_described(fmt: object) -> None:
    told = [describe(each) for each in FORMATS if each == fmt]
    # A column of 80 characters, beside names and shares.
    assert len(told) == 1
    assert 0 < len(told[0]) <= 40
    assert "{" not in told[0]
