"""Several samples per inference: the same integers, so many times the work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import compressors
from hwsim.arrays import Array
from hwsim.batching import with_batch
from hwsim.cost import count
from hwsim.data import Data
from hwsim.errors import UnsupportedError
from hwsim.execute import run
from hwsim.graph import Graph
from hwsim.lower import lower
from hwsim.ops import Concat, Lstm, Mean, Reshape, Softmax, Transpose
from hwsim.profile import load_profile
from hwsim.reference import trace
from tests.graphs import GRAPHS, GraphBuilder, mlp, residual, samples, separable

BATCH = 3
QUANTIZE = compressors.parse("quantize")
NAMES = [make.__name__ for make in GRAPHS]


@pytest.fixture(scope="module", params=GRAPHS, ids=NAMES)
def real(request: pytest.FixtureRequest) -> Graph:
    return request.param()


def batches(graph: Graph, count: int = 2) -> Array:
    """Return [count, BATCH, ...] of the samples [count * BATCH, ...]."""
    x = samples(graph, count * BATCH)
    return x.reshape(count, BATCH, *graph.tensors[graph.inputs[0]].shape[1:])


def test_every_sample_of_a_batch_has_the_results_that_it_has_alone(real: Graph) -> None:
    together = trace(with_batch(real, BATCH), batches(real))
    alone = trace(real, samples(real, 2 * BATCH))
    for name in real.outputs:
        np.testing.assert_allclose(
            together[name].reshape(alone[name].shape), alone[name], rtol=1e-12, atol=1e-15
        )


@pytest.mark.parametrize("policy", ["tflite-ref", "xnnpack", "ort"])
def test_integers_are_the_same_bit_by_bit(real: Graph, policy: str) -> None:
    graph = QUANTIZE.apply(real, Data(x=samples(real, 8)))
    x = samples(real, 2 * BATCH)
    stacked = x.reshape(2, BATCH, *real.tensors[real.inputs[0]].shape[1:])
    try:
        alone = run(graph, x, numerics=policy)
    except UnsupportedError:
        pytest.skip(f"{policy} has no integer form of some op")
    together = run(with_batch(graph, BATCH), stacked, numerics=policy)
    np.testing.assert_array_equal(together.reshape(alone.shape), alone)


@pytest.mark.parametrize("make", [mlp, residual, separable], ids=lambda make: make.__name__)
@pytest.mark.parametrize("device", ["rpi4_xnnpack", "stm32l4r5_tflm"])
def test_counts_of_samples_add_up(make: Callable[[], Graph], device: str) -> None:
    real = make()
    graph, profile = QUANTIZE.apply(real, Data(x=samples(real, 8))), load_profile(device)
    one = count(lower(graph, profile))
    many = count(lower(with_batch(graph, BATCH), profile))
    for single, several in zip(one, many, strict=True):
        for name in ("macs", "macs_effective", "outputs", "inputs", "taps", "positions"):
            assert getattr(several, name) == BATCH * getattr(single, name), name
        # Weights are fetched, and kernels called, once for all samples.
        assert several.weight_bytes == single.weight_bytes
        assert several.calls == single.calls


def _scalar() -> Graph:
    b = GraphBuilder("scalar", 1)
    return b.done(b.add("y", Softmax(), "x"))


def _over_samples() -> Graph:
    b = GraphBuilder("over_samples", 1, 4)
    return b.done(b.add("y", Mean(axes=(0,), keep_axes=True), "x"))


def _transposed() -> Graph:
    b = GraphBuilder("transposed", 1, 1, 4)
    return b.done(b.add("y", Transpose(axes=(1, 0, 2)), "x"))


def _flattened() -> Graph:
    b = GraphBuilder("flattened", 1, 1, 4)
    return b.done(b.add("y", Softmax(), b.add("flat", Reshape(shape=(4,)), "x")))


def _stacked() -> Graph:
    b = GraphBuilder("stacked", 1, 4)
    return b.done(b.add("y", Concat(axis=0), "x", "x"))


def _over_time() -> Graph:
    b = GraphBuilder("over_time", 1, 1, 4)
    op = Lstm(
        input_weight=b.real(8, 4),
        recurrent_weight=b.real(8, 2),
        bias=b.real(8),
        time_major=True,
    )
    return b.done(b.add("y", op, "x"))


@pytest.mark.parametrize(
    "make", [_scalar, _over_samples, _transposed, _flattened, _stacked, _over_time],
    ids=lambda make: make.__name__.strip("_"),
)  # fmt: skip
def test_what_would_mix_samples_is_refused_by_name(make: Callable[[], Graph]) -> None:
    graph = make()
    with pytest.raises(UnsupportedError, match=f"{graph.name}.*use batch 1"):
        with_batch(graph, BATCH)


def test_a_layer_that_quantizes_its_inputs_as_it_runs_is_refused() -> None:
    graph = compressors.parse("quantize{mode=dynamic}").apply(mlp())
    with pytest.raises(UnsupportedError, match="mlp/conv: conv2d"):
        with_batch(graph, BATCH)


def test_a_batch_of_one_is_the_graph_itself() -> None:
    graph = mlp()
    assert with_batch(graph, 1) is graph
