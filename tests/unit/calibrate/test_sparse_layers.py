from __future__ import annotations

import numpy as np
import pytest

from hwsim.calibrate.kernels import OWN_FORMATS
from hwsim.calibrate.layers import DENSE, Layer, is_fit, make_plan
from hwsim.calibrate.one_layer import graph_of
from hwsim.calibrate.sparse_layers import RUNGS, weights_of, with_sparse
from hwsim.formats.find import find_format

PLAN = with_sparse(make_plan(0, types=("8x8",)), OWN_FORMATS, 0)
SPARSE = [layer for layer in (*PLAN.training, *PLAN.held_out) if layer.format != DENSE]


def test_the_same_seed_gives_the_same_layers() -> None:
    dense = make_plan(0, types=("8x8",))
    assert with_sparse(dense, OWN_FORMATS, 0) == PLAN
    assert with_sparse(dense, OWN_FORMATS, 1) != PLAN
    assert with_sparse(dense, (), 0) == dense


def test_every_format_is_trained_held_out_and_laddered() -> None:
    for layers in (PLAN.training, PLAN.held_out):
        found = {(layer.format, layer.kind) for layer in layers}
        for name in OWN_FORMATS:
            assert {(name, kind) for kind in ("conv2d", "pointwise_conv2d", "linear")} <= found
    assert not set(PLAN.training) & set(PLAN.held_out)
    ladders = [layer for layer in PLAN.ladders if layer.format != DENSE]
    assert len(ladders) == 4 * len(OWN_FORMATS) * len(RUNGS)


def test_no_layer_has_the_shape_of_a_ladder() -> None:
    def shape(layer: Layer) -> tuple[str, int, int, int]:
        return layer.kind, layer.size, layer.channels, layer.out

    assert not {shape(layer) for layer in SPARSE} & {shape(layer) for layer in PLAN.ladders}


@pytest.mark.parametrize("name", [*OWN_FORMATS, "2:4"])
def test_patterns_are_what_a_format_stores(name: str) -> None:
    sparsity = 0.5 if name == "2:4" else 0.9
    layer = Layer(
        kind="conv2d", types="8x8", size=8, channels=16, out=20, kernel=3, format=name,
        sparsity=sparsity,
    )  # fmt: skip
    codes = weights_of(layer, (20, 3, 3, 16))
    np.testing.assert_array_equal(codes, weights_of(layer, (20, 3, 3, 16)))
    assert 1 - np.count_nonzero(codes) / codes.size == pytest.approx(sparsity, abs=0.01)
    packed = find_format(name).pack(codes.reshape(20, -1), 8)
    stored = int(find_format(name).stored_per_row(packed).sum())
    # Nothing is stored beside what is not zero.
    assert stored == np.count_nonzero(codes)


def test_layers_are_named_apart_and_built() -> None:
    names = [layer.name for layer in (*PLAN.training, *PLAN.held_out, *PLAN.ladders)]
    assert len(names) == len(set(names))
    for layer in SPARSE[::7]:
        assert is_fit(layer)
        weight = graph_of(layer).nodes[0].op.weight
        assert weight is not None
        assert weight.format.name == layer.format
