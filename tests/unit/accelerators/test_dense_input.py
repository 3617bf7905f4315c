"""Layers of which only the weights are known."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.accelerators import ACCELERATORS, Accelerator, Mask, Scnn
from hwsim.accelerators.dense_input import Layer, walk_dense_input

every = pytest.mark.parametrize("kind", ACCELERATORS, ids=lambda kind: kind.name)


def weights(rows: int, k: int) -> Mask:
    return np.random.default_rng(rows).random((rows, k)) < 0.5


@every
def test_no_activation_is_zero(kind: type[Accelerator]) -> None:
    mask = weights(40, 24)
    layer = Layer(weights=mask, groups=1, channels=24, positions=12, image=(3, 4))
    walk = walk_dense_input(kind(), layer)
    shape = (3, 4, 24) if kind.reads_image else (12, 24)
    assert walk == kind().walk(mask, np.ones(shape, bool))
    assert walk.macs_executed == 12 * int(mask.sum())


@every
def test_groups_lie_beside_each_other(kind: type[Accelerator]) -> None:
    # 3 groups of 2 rows, 4 taps, 5 channels.
    mask = weights(6, 20)
    layer = Layer(weights=mask, groups=3, channels=5, positions=9, image=(3, 3))
    whole = np.zeros((6, 4, 15), bool)
    for group in range(3):
        rows, channels = slice(2 * group, 2 * group + 2), slice(5 * group, 5 * group + 5)
        whole[rows, :, channels] = mask[rows].reshape(2, 4, 5)
    np.testing.assert_array_equal(layer.matrix, whole.reshape(6, 60))
    assert walk_dense_input(kind(), layer).macs_executed == 9 * int(mask.sum())


def test_positions_without_neighbours_are_laid_out_by_the_accelerator() -> None:
    mask = weights(8, 3)
    layer = Layer(weights=mask, groups=1, channels=3, positions=40, image=None)
    assert walk_dense_input(Scnn(), layer) == Scnn().walk(mask, np.ones((40, 3), bool))


def test_an_image_read_as_it_lies_costs_its_own_pixels() -> None:
    # Stride 2: 4 outputs, 16 pixels, each of which meets the one weight of its channel.
    layer = Layer(weights=np.ones((1, 1), bool), groups=1, channels=1, positions=4, image=(4, 4))
    assert walk_dense_input(Scnn(), layer).macs_executed == 16
