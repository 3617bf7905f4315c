"""The product with stored weights that are found row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.fast_product import stored_product
from hwsim.kernels.sparse import csr_matmul

if TYPE_CHECKING:
    from hwsim.arrays import IntArray
    from hwsim.formats._format import Product


def bind_rows(dense: IntArray, values: IntArray, columns: IntArray, starts: IntArray) -> Product:
    """Return the product with weights of compressed rows.

    Args:
        dense: [rows, columns], the same weights unpacked.
        values: [stored] codes, row by row.
        columns: [stored] column of each.
        starts: [rows + 1] where each row starts in `values`.
    """

    def product(x: IntArray) -> IntArray:
        out = np.empty((x.shape[0], dense.shape[0]), np.int32)
        csr_matmul(np.ascontiguousarray(x), values, columns, starts, out)
        return out

    return stored_product(dense, product)
