"""Kernels beside their obvious twins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.arrays import IntArray
from hwsim.kernels.gemm import dense_matmul, depthwise
from hwsim.kernels.patches import out_extent, pad_image, windows
from hwsim.kernels.sparse import bitmask_matmul, csr_matmul, nm_matmul

X = np.array([[1, 2, 3, 4, 5], [-1, 0, 1, 0, 100]], np.int8)
# [[0, 3, 0, 0, -2], [0, 0, 0, 0, 0]] in each format.
PRODUCTS = [[3 * 2 - 2 * 5, 0], [3 * 0 - 2 * 100, 0]]


def test_csr() -> None:
    out = np.full((2, 2), 9, np.int32)
    csr_matmul(X, np.array([3, -2], np.int8), np.array([1, 4]), np.array([0, 2, 2]), out)
    assert out.tolist() == PRODUCTS


def test_bitmask() -> None:
    out = np.full((2, 2), 9, np.int32)
    bitmask_matmul(X, np.array([3, -2], np.int8), np.array([[0b10010], [0]], np.uint8), out)
    assert out.tolist() == PRODUCTS


def test_nm() -> None:
    out = np.full((2, 2), 9, np.int32)
    # One of four: the second group is short, and places beyond the last column hold zeros.
    values = np.array([[[3], [-2]], [[0], [0]]], np.int8)
    nm_matmul(X, values, np.array([[[1], [0]], [[0], [3]]]), 4, out)
    assert out.tolist() == PRODUCTS


def test_dense() -> None:
    out = np.full((2, 2), 9, np.int32)
    dense_matmul(X, np.array([[0, 3, 0, 0, -2], [0] * 5], np.int8), out)
    assert out.tolist() == PRODUCTS


def depthwise_twin(
    x: IntArray, weights: IntArray, stride: tuple[int, int], dilation: tuple[int, int]
) -> IntArray:
    """Return int64 sums tap by tap."""
    height = out_extent(x.shape[1], (0, 0), weights.shape[0], stride[0], dilation[0])
    width = out_extent(x.shape[2], (0, 0), weights.shape[1], stride[1], dilation[1])
    out = np.zeros((x.shape[0], height, width, x.shape[3]), np.int64)
    for i, j in itertools.product(range(height), range(width)):
        for a, b in np.ndindex(*weights.shape[:2]):
            pixel = x[:, i * stride[0] + a * dilation[0], j * stride[1] + b * dilation[1]]
            out[:, i, j] += pixel.astype(np.int64) * weights[a, b].astype(np.int64)
    return out


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
@pytest.mark.parametrize(
    ("dtype", "ends"), [("int8", (-128, 127)), ("uint8", (0, 255)), ("int16", (-32768, 32767))]
)
def test_depthwise(
    stride: tuple[int, int], dilation: tuple[int, int], dtype: str, ends: tuple[int, int]
) -> None:
    rng = np.random.default_rng(0)
    x = rng.choice([*ends, 1], (2, 6, 7, 3)).astype(dtype)
    weights = rng.choice([-32768, 32767, -1], (3, 2, 3)).astype(np.int16)
    expected = depthwise_twin(x, weights, stride, dilation)
    out = np.empty(expected.shape, np.int32)
    depthwise(x, weights, stride, dilation, out)
    if dtype == "int16":
        assert np.abs(expected).max() > 1 << 31  # or this would not show that sums wrap
    np.testing.assert_array_equal(out, expected.astype(np.int32))


@given(
    extent=st.integers(1, 9),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
)
def test_out_extent_counts_the_windows_that_fit(
    extent: int, padding: tuple[int, int], kernel: int, stride: int, dilation: int
) -> None:
    last = extent + sum(padding) - 1
    starts = [s for s in range(0, last + 1, stride) if s + (kernel - 1) * dilation <= last]
    assert max(out_extent(extent, padding, kernel, stride, dilation), 0) == len(starts)


def test_windows_and_padding_of_a_row() -> None:
    row = np.arange(1, 5).reshape(1, 1, 4, 1)
    padded = pad_image(row, ((0, 0), (1, 2)), -9)
    assert padded[0, 0, :, 0].tolist() == [-9, 1, 2, 3, 4, -9, -9]
    view = windows(padded, (1, 2), (1, 2), (1, 3))
    assert view.shape == (1, 1, 2, 1, 2, 1)
    assert view[0, 0, :, 0, :, 0].tolist() == [[-9, 3], [2, -9]]
