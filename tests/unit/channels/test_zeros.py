"""Zeros are found as one weight after the other would show them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.channels.zeros import unread_inputs, zero_columns, zero_filters
from hwsim.numerics import Quant
from hwsim.ops import Conv2d
from hwsim.tensor import Weight

ENCODINGS = ("reals", "symmetric", "one zero point", "zero points", "groups")


def weight_of(
    encoding: str, shape: tuple[int, int, int, int], density: float, rng: np.random.Generator
) -> Weight:
    """Return a weight most of whose elements are 0, whole filters and columns too."""
    keep = rng.random(shape) < density
    keep[rng.random(shape[0]) < 0.4] = False
    keep[..., rng.random(shape[3]) < 0.4] = False
    real = np.where(keep, rng.integers(1, 5, shape), 0).astype(np.float32)
    if encoding == "reals":
        return Weight(codes=real)
    filters = shape[0]
    if encoding == "symmetric":
        quant = Quant(scale=(1.0,) * filters, zero_point=(0,) * filters, axis=0)
    elif encoding == "one zero point":
        quant = Quant(scale=(1.0,), zero_point=(7,), signed=False)
    elif encoding == "zero points":
        quant = Quant(scale=(1.0,) * filters, zero_point=(*range(filters),), axis=0)
    else:
        count = filters * -(-int(np.prod(shape[1:])) // 2)
        quant = Quant(scale=(1.0,) * count, zero_point=(3, 1) * (count // 2) + (2,) * (count % 2),
                      axis=0, group=2)  # fmt: skip
    return Weight(codes=quant.encode(real), quant=quant)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(
    groups=st.integers(1, 3),
    filters=st.integers(1, 5),
    taps=st.sampled_from([(1, 1), (2, 3), (9, 8)]),
    inputs=st.integers(1, 3),
    density=st.sampled_from([0.02, 0.3]),
    seed=st.integers(0, 999),
)
def test_zeros_are_those_of_the_slow_twin(
    encoding: str,
    groups: int,
    filters: int,
    taps: tuple[int, int],
    inputs: int,
    density: float,
    seed: int,
) -> None:
    shape = (groups * filters, *taps, inputs)
    weight = weight_of(encoding, shape, density, np.random.default_rng(seed))
    op = Conv2d(weight=weight, groups=groups)
    real = op.weight.real()
    rows = range(groups * filters)
    assert zero_filters(op).tolist() == [not real[row].any() for row in rows]
    columns = [[not real[row, ..., i].any() for i in range(inputs)] for row in rows]
    assert zero_columns(op).tolist() == columns
    want = [
        all(columns[group * filters + own][i] for own in range(filters))
        for group in range(groups)
        for i in range(inputs)
    ]
    assert unread_inputs(op).tolist() == want
