"""SciPy's compressed rows, columns and blocks hold what ours do, in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsim.formats import Block, Csc, Csr
from hwsim.formats._bits import index_bits, unpack_unsigned

scipy: Any = pytest.importorskip("scipy.sparse", reason="needs scipy")
pytestmark = pytest.mark.oracle

SHAPES = [(1, 1), (5, 21), (64, 300), (300, 64), (70000, 3)]


def matrix(shape: tuple[int, int], density: float) -> Any:
    rng = np.random.default_rng(7)
    values = rng.integers(-127, 128, shape) * (rng.random(shape) < density)
    return values.astype(np.int8)


@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_rows_and_columns(kind: str, shape: tuple[int, int], density: float) -> None:
    values = matrix(shape, density)
    theirs = (scipy.csr_array if kind == "csr" else scipy.csc_array)(values)
    packed = (Csr() if kind == "csr" else Csc()).pack(values, 8)
    across, along = shape if kind == "csr" else shape[::-1]
    name = "columns" if kind == "csr" else "rows"
    np.testing.assert_array_equal(packed.arrays["values"].view(np.int8), theirs.data)
    places = unpack_unsigned(packed.arrays[name], index_bits(along - 1), theirs.nnz)
    np.testing.assert_array_equal(places, theirs.indices)
    starts = unpack_unsigned(packed.arrays["starts"], index_bits(values.size), across + 1)
    np.testing.assert_array_equal(starts, theirs.indptr)


@pytest.mark.parametrize("form", [Csr(), Csc(), Block(2, 5)], ids=lambda form: form.name)
def test_products(form: Csr | Csc | Block) -> None:
    values = matrix((40, 60), 0.2)
    x = np.random.default_rng(0).integers(-128, 128, (9, 60)).astype(np.int8)
    want = (scipy.csc_array(values.astype(np.int32)) @ x.T.astype(np.int32)).T
    np.testing.assert_array_equal(form.bind(form.pack(values, 8))(x), want)


def test_blocks() -> None:
    values = matrix((40, 60), 0.05)
    theirs = scipy.bsr_array(values, blocksize=(4, 5))
    theirs.sort_indices()
    packed = Block(4, 5).pack(values, 8)
    np.testing.assert_array_equal(packed.arrays["values"].view(np.int8), theirs.data.reshape(-1))
    np.testing.assert_array_equal(packed.arrays["places"], theirs.indices)
