"""The product with weights that are unpacked to dense first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.gemm import dense_matmul

if TYPE_CHECKING:
    from hwsim.arrays import IntArray
    from hwsim.formats._format import Product


def bind_dense(weights: IntArray) -> Product:
    """Return the product with `weights` [rows, columns]."""

    def product(x: IntArray) -> IntArray:
        out = np.empty((x.shape[0], weights.shape[0]), np.int32)
        dense_matmul(np.ascontiguousarray(x), weights, out)
        return out

    return product
