"""Linear layers of integer weights between reals, as LiteRT quantizes their inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hwsim
from hwsim.graph import Graph, Node
from hwsim.numerics import Quant
from hwsim.ops import Linear
from hwsim.tensor import TensorType, Weight
from tests.oracle import litert

pytestmark = pytest.mark.oracle

OUT, FEATURES = 7, 33


def network(rows: int, *, is_per_channel: bool) -> Graph:
    rng = np.random.default_rng(0)
    scales = rng.uniform(0.01, 0.02, OUT).astype(np.float32).astype(float).tolist()
    quant = Quant(scale=tuple(scales), zero_point=(0,) * OUT, axis=0)
    codes = rng.integers(-127, 128, (OUT, FEATURES)).astype(np.int8)
    layer = Linear(
        weight=Weight(codes=codes, quant=quant if is_per_channel else Quant(scale=(scales[0],))),
        bias=Weight(codes=rng.normal(size=OUT).astype(np.float32)),
    )
    return Graph(
        name="net",
        inputs=("x",),
        outputs=("y",),
        tensors={"x": TensorType(shape=(rows, FEATURES)), "y": TensorType(shape=(rows, OUT))},
        nodes=(Node(name="linear", op=layer, inputs=("x",), outputs=("y",)),),
    )


@pytest.mark.parametrize("policy", ["tflite-ref", "tflite-ruy", "xnnpack"])
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("is_per_channel", [False, True], ids=["per_tensor", "per_channel"])
def test_each_row_has_a_scale_of_its_own(
    policy: str, rows: int, is_per_channel: bool, tmp_path: Path
) -> None:
    graph = network(rows, is_per_channel=is_per_channel)
    hwsim.save(graph, tmp_path / "net.tflite")
    # Rows of different size: one scale for all would be seen.
    x = np.random.default_rng(1).normal(size=(20, rows, FEATURES)) * np.arange(1, rows + 1)[:, None]
    want = litert.outputs((tmp_path / "net.tflite").read_bytes(), x.astype(np.float32), policy)
    got = hwsim.run(graph, x.astype(np.float32), policy)
    np.testing.assert_allclose(got.reshape(want.shape), want, atol=1e-6 * np.abs(want).max())
