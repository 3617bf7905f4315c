"""Types of tensors, and constants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import FormatError
from hwsim.formats import NM, Bitmask, Csr
from hwsim.numerics import Quant
from hwsim.tensor import TensorType, Weight

CHANNELS = Quant(scale=(0.5, 2.0), zero_point=(3, -1), axis=0)
CODES = np.array([[3, 4, -128], [-1, 127, 0]], np.int8)
WEIGHT = Weight(codes=CODES, quant=CHANNELS)


@pytest.mark.parametrize(
    ("quant", "text", "size_bytes"),
    [
        (None, "float32[1, 3, 5]", 60),
        (Quant(scale=(1.0,)), "int8[1, 3, 5]", 15),
        (Quant(scale=(1.0,), bits=4), "int4[1, 3, 5]", 8),  # 7.5 bytes, rounded up once
        (Quant(scale=(1.0,), signed=False), "uint8[1, 3, 5]", 15),
        (Quant(scale=(1.0,), bits=16), "int16[1, 3, 5]", 30),
    ],
)
def test_types(quant: Quant | None, text: str, size_bytes: int) -> None:
    type_ = TensorType(shape=(1, 3, 5), quant=quant)
    assert (str(type_), type_.size_bytes, type_.elements) == (text, size_bytes, 15)


def test_scalars_have_one_element() -> None:
    assert TensorType(shape=()).elements == 1


def test_reals_of_each_channel() -> None:
    assert WEIGHT.real().tolist() == [[0.0, 0.5, -65.5], [0.0, 256.0, 2.0]]
    assert WEIGHT.nonzero.tolist() == [[False, True, True], [False, True, True]]
    assert WEIGHT.centred.tolist() == [[0, 1, -131], [0, 128, 1]]


def test_matrix_flattens_all_but_the_output_channels() -> None:
    weight = Weight(codes=np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2))
    assert weight.matrix.shape == (2, 12)
    assert weight.matrix[1].tolist() == list(range(12, 24))


@given(seed=st.integers(0, 1 << 32), bits=st.sampled_from([4, 8, 16]))
def test_reals_survive_a_round_trip(seed: int, bits: int) -> None:
    quant = replace(CHANNELS, bits=bits, zero_point=(0, -1))
    rng = np.random.default_rng(seed)
    codes = rng.integers(quant.low, quant.high + 1, (2, 5)).astype(quant.dtype)
    weight = Weight(codes=codes, quant=quant)
    np.testing.assert_array_equal(weight.with_real(weight.real()).codes, codes)


def test_new_reals_keep_encoding_and_format() -> None:
    weight = replace(WEIGHT, format=Bitmask()).with_real(np.full((2, 3), 1.0))
    assert weight.codes.tolist() == [[5, 5, 5], [-1, -1, -1]]  # 0.5 steps: to the even 0
    assert (weight.quant, weight.format) == (CHANNELS, Bitmask())
    assert Weight(codes=np.zeros((1, 1), np.float32)).with_real(np.ones((1, 1))).codes.dtype == (
        np.float32
    )


def test_masking_writes_the_code_of_zero() -> None:
    keep = np.array([[True, False, True], [False, False, True]])
    masked = WEIGHT.masked(keep)
    assert masked.codes.tolist() == [[3, 3, -128], [-1, -1, 0]]
    assert masked.codes.dtype == np.int8
    np.testing.assert_array_equal(masked.real(), np.where(keep, WEIGHT.real(), 0.0))
    real = Weight(codes=np.array([[1.5, 2.5]], np.float32)).masked(np.array([[False, True]]))
    assert real.codes.tolist() == [[0.0, 2.5]]
    assert real.codes.dtype == np.float32


def test_taking_channels_takes_their_scales() -> None:
    taken = WEIGHT.take(np.array([1]), axis=0)
    np.testing.assert_array_equal(taken.real(), WEIGHT.real()[[1]])
    assert taken.quant is not None
    assert taken.quant.scale == (2.0,)
    columns = WEIGHT.take(np.array([2, 0]), axis=1)
    np.testing.assert_array_equal(columns.real(), WEIGHT.real()[:, [2, 0]])
    assert columns.quant == CHANNELS


def test_storage_is_what_the_format_packs() -> None:
    codes = np.array([[0, 0, 5, 0]], np.int8)
    weight = Weight(codes=codes, quant=Quant(scale=(1.0,), bits=4), format=Csr())
    assert weight.storage_bytes == 1 + 1 + 2
    assert replace(weight, format=NM(1, 4)).storage_bytes == 1 + 1
    assert Weight(codes=np.zeros((3, 5), np.float32)).storage_bytes == 60
    with pytest.raises(FormatError):
        _ = Weight(codes=np.ones((1, 4), np.float32), format=NM(1, 4)).storage_bytes
