"""What LiteRT's own converter stores of a tensor means the same tensor here."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pytest

from hwsim.interchange.tflite.sparsity import Level, Sparsity, folded, unfolded

converter: Any = pytest.importorskip(
    "ai_edge_litert.format_converter_wrapper_pybind11", reason="needs ai-edge-litert"
)
pytestmark = pytest.mark.oracle

DENSE: Final = converter.TfLiteDimensionType.TF_LITE_DIM_DENSE
SPARSE: Final = converter.TfLiteDimensionType.TF_LITE_DIM_SPARSE_CSR
WALKS: Final = (
    # Shape, order, which of the tensor's axes are compressed, extents of blocks, their axes.
    ((6, 8), (0, 1), (False, True), (), ()),
    ((6, 8), (1, 0), (False, True), (), ()),
    ((6, 8), (0, 1), (True, True), (), ()),
    ((6, 8), (0, 1), (True, False), (), ()),
    ((6, 32), (0, 1, 2), (False, True), (16,), (1,)),
    ((6, 8), (0, 1, 2, 3), (False, True), (2, 4), (0, 1)),
    ((6, 8), (0, 1, 3, 2), (False, True), (2, 4), (0, 1)),
    ((4, 3, 3, 8), (0, 1, 2, 3), (False, False, False, True), (), ()),
    ((4, 3, 2, 8), (0, 1, 2, 3, 4, 5), (False, True, True, True), (2, 4), (0, 3)),
)


@pytest.mark.parametrize(("shape", "order", "compressed", "blocks", "blocked"), WALKS)
@pytest.mark.parametrize("seed", range(5))
def test_converter(
    shape: tuple[int, ...],
    order: tuple[int, ...],
    compressed: tuple[bool, ...],
    blocks: tuple[int, ...],
    blocked: tuple[int, ...],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    tensor = (rng.integers(1, 100, shape) * (rng.random(shape) < 0.3)).astype(np.float32)
    kinds = [SPARSE if is_compressed else DENSE for is_compressed in compressed]
    made = converter.FormatConverterFp32(
        list(shape), list(order), kinds, list(blocks), list(blocked)
    )
    made.DenseToSparse(tensor.reshape(-1))
    told = made.GetDimMetadata()
    levels: list[Level] = []
    for axis, first, second in zip(order, told[::2], told[1::2], strict=True):
        if axis < len(shape) and compressed[axis]:
            levels.append(Level(segments=np.array(first), indices=np.array(second)))
        else:
            levels.append(Level(size=first[0]))
    values = np.array(made.GetData(), np.float32)
    assert 0 < len(values) <= math.prod(shape)
    sparsity = Sparsity(order=order, blocked=blocked, levels=tuple(levels))
    np.testing.assert_array_equal(unfolded(values, sparsity, shape), tensor)
    if compressed == (False, True) and order == tuple(range(len(order))) and blocked != (0, 1):
        ours, walk = folded(tensor, blocks[0] if blocks else 1)
        np.testing.assert_array_equal(ours, values)
        assert levels[1].segments is not None
        assert levels[1].indices is not None
        np.testing.assert_array_equal(walk.levels[1].segments, levels[1].segments)
        np.testing.assert_array_equal(walk.levels[1].indices, levels[1].indices)
