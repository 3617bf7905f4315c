"""Vectors of lanes, beside an element walk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import Array
from hwsim.errors import DataError
from hwsim.sparsity import Axis, LaneCounts, issued_vectors, lanes, pack


def walked(mask: Array, width: int) -> tuple[list[int], int]:
    """Return vectors issued per row, and vectors of all rows, found element by element."""
    issued, vectors = [0] * len(mask), 0
    for row, values in enumerate(mask.tolist()):
        for first in range(0, len(values), width):
            vectors += 1
            issued[row] += any(values[first : first + width])
    return issued, vectors


def walked_across(mask: Array, width: int) -> tuple[list[int], int]:
    issued: list[int] = []
    for first in range(0, len(mask), width):
        columns = zip(*mask[first : first + width].tolist(), strict=True)
        issued.append(sum(any(column) for column in columns))
    return issued, len(issued) * mask.shape[1]


TWINS = {"k": walked, "m": walked_across}
axes = pytest.mark.parametrize("axis", ["k", "m"])


def check(mask: Array, width: int, axis: Axis) -> None:
    per_row, vectors = TWINS[axis](mask, width)
    np.testing.assert_array_equal(issued_vectors(mask, width, axis), per_row)
    nonzeros = int(np.count_nonzero(mask))
    (counts,) = lanes(mask, [width], axis)
    assert counts == LaneCounts(
        width=width, vectors=vectors, issued=sum(per_row), nonzeros=nonzeros
    )
    assert counts.skipped == vectors - sum(per_row)
    if nonzeros:
        assert counts.utilisation == nonzeros / (sum(per_row) * width)


@axes
def test_all_small_masks(axis: Axis) -> None:
    for number in range(1 << 12):
        mask = ((number >> np.arange(12)) & 1).reshape(3, 4).astype(bool)
        for width in (1, 2, 3, 4, 5):
            check(mask, width, axis)


@axes
@given(
    extents=st.tuples(st.integers(0, 70), st.integers(0, 200)),
    width=st.integers(1, 64),
    density=st.sampled_from((0.0, 0.02, 0.3, 1.0)),
    seed=st.integers(0, 1 << 30),
)
def test_any_width(
    axis: Axis, extents: tuple[int, int], width: int, density: float, seed: int
) -> None:
    check(np.random.default_rng(seed).random(extents) < density, width, axis)


@axes
def test_every_width_where_vectors_cross_words(axis: Axis) -> None:
    mask = np.random.default_rng(0).random((70, 333)) < 0.03
    for width in range(1, 65):
        check(mask, width, axis)


def test_fuller_lanes_and_wider_vectors() -> None:
    pattern = pack(np.random.default_rng(1).random((64, 576)) < 0.2)
    counts = lanes(pattern, (1, 2, 4, 8, 16, 32, 64))
    assert [count.width for count in counts] == [1, 2, 4, 8, 16, 32, 64]
    assert counts[0].issued == counts[0].nonzeros == pattern.nonzeros
    assert counts[0].utilisation == 1.0
    issued = [count.issued for count in counts]
    assert issued == sorted(issued, reverse=True)
    slots = [count.slots for count in counts]
    assert slots == sorted(slots)


def test_nothing_issued_wastes_nothing() -> None:
    (counts,) = lanes(np.zeros((4, 8)), [4])
    assert (counts.issued, counts.skipped, counts.utilisation) == (0, 8, 1.0)


@pytest.mark.parametrize("width", [0, 65, 4.0, True])
def test_other_widths_are_refused(width: int) -> None:
    with pytest.raises(DataError, match="width: expected an int of 1 to 64, got"):
        lanes(np.eye(3), [width])


def test_other_axes_are_refused() -> None:
    with pytest.raises(DataError, match="axis: expected k or m, got 'rows'"):
        issued_vectors(np.eye(3), 4, "rows")  # pyright: ignore[reportArgumentType]
