"""Facts of GPUs and servers that published rows show: the profiles show them too."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hwsim.evaluation import estimate
from hwsim.evidence.measurement import FOLDER, read_measurements
from hwsim.evidence.networks import network
from hwsim.evidence.synthetic_draft import Draft, constant
from hwsim.formats import NM
from hwsim.ops import Linear
from hwsim.profile import device
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.records import Estimate

# Prices and figures: no kernel runs, so that once is enough.
pytestmark = pytest.mark.slow

SPARSE = ("a100_cuda", "h100_cuda", "h200_cuda")


@cache
def measured_ms(table: str, profile: str) -> dict[str, float]:
    """Return what was published, by network."""
    rows = read_measurements(FOLDER / table)
    return {
        row.network: row.latency_s * 1e3
        for row in rows
        if row.profile == profile and row.latency_s is not None
    }


def predicted_ms(name: str, profile: str) -> float:
    return estimate(network(name, "f32"), device(profile)).latency_s * 1e3


def kept(percent: int) -> str:
    """Return ResNet-50 with so much of its channels."""
    return f"resnet50{{percent={percent},batch=64}}"


PRUNED = "unnamed_gpu_pytorch"


def steps_ms(*percents: int) -> tuple[list[float], list[float]]:
    """Return latencies measured (Torch-Pruning, README, "Latency") and predicted."""
    measured = measured_ms("torch_pruning.csv", PRUNED)
    return [measured[kept(p)] for p in percents], [predicted_ms(kept(p), PRUNED) for p in percents]


def test_pruning_saves_in_steps() -> None:
    """Keeping 50 % saves more than twice of what the next ten do: its channels fill blocks."""
    measured, predicted = steps_ms(60, 50, 40)
    for more, half, less in (measured, predicted):
        assert more - half > half - less
    assert measured[0] - measured[1] > 2 * (measured[1] - measured[2])


def test_a_tenth_of_the_channels_saves_less_than_its_macs() -> None:
    """Of the MACs 19 % go, of the time 3 %: blocks of 32 are computed whether full or not."""
    for whole, most in steps_ms(100, 90):
        assert 0.85 * whole < most < whole
    assert steps_ms(100, 90)[0][1] > 0.96 * steps_ms(100, 90)[0][0]


def test_pruning_ends_at_the_host() -> None:
    """Half of a tenth of the channels costs what a tenth does: launches last as long."""
    for tenth, less in steps_ms(10, 5):
        assert less == pytest.approx(tenth, rel=0.02)


@pytest.mark.parametrize(("profile", "most"), [("a100_cuda", 0.015), ("a100_gptfast", 0.03)])
def test_int4_weights_gain_less_than_their_bytes(profile: str, most: float) -> None:
    """Gpt-fast, Llama 2 7B: a quarter of the bytes decode in 0.53 of the time."""
    names = {
        bits: f"llm_decode{{embed=4096,layers=32,ffn=11008,heads=32,kv=4096,vocab=32000{rest}}}"
        for bits, rest in ((32, ""), (4, ",bits=4,group=32,vocab_bits=4"))
    }
    measured = measured_ms("llm_decode.csv", "a100_gptfast")
    assert measured[names[4]] / measured[names[32]] == pytest.approx(0.533, abs=1e-3)
    ratio = predicted_ms(names[4], profile) / predicted_ms(names[32], profile)
    assert 0.3 < ratio < 1.0
    if profile == "a100_gptfast":
        assert ratio == pytest.approx(0.533, abs=most)


def test_what_fits_in_the_cache_is_not_fetched() -> None:
    """LLMCompass, gelu on A100: 8 MB take what nothing takes, 268 MB more than their share."""
    names = [f"gelu{{rows=1,columns={columns}}}" for columns in (1024, 4194304, 67108864)]
    measured = measured_ms("gpu_kernels.csv", "a100_cuda")
    for least, fits, large in (
        [measured[name] for name in names],
        [predicted_ms(name, "a100_cuda") for name in names],
    ):
        assert fits < 1.1 * least
        assert large > 3 * fits


def layer(tokens: int, features: int, *, is_sparse: bool) -> Graph:
    """Return a linear layer of reals, its weight 2:4 with half of it zeros."""
    draft = Draft("layer")
    x = draft.input((1, tokens, features))
    codes = np.ones((features, features), np.float32)
    codes[:, 2::4] = codes[:, 3::4] = 0
    sparse = Weight(codes=codes, format=NM(2, 4))
    op = Linear(weight=sparse if is_sparse else constant((features, features)))
    return draft.graph(draft.add(op, x))


def sparse_over_dense(profile: str, tokens: int, features: int) -> float:
    results: list[Estimate] = [
        estimate(layer(tokens, features, is_sparse=is_sparse), device(profile))
        for is_sparse in (True, False)
    ]
    assert results[0].steps[0].executed_as == "native"
    return results[0].latency_s / results[1].latency_s


@pytest.mark.parametrize("profile", SPARSE)
def test_two_of_four_loses_at_one_row_and_wins_at_many(profile: str) -> None:
    """No published row is at hand: PyTorch pads few rows in a launch of its own (assumed)."""
    assert sparse_over_dense(profile, 1, 2048) > 1.2
    assert 0.45 < sparse_over_dense(profile, 32768, 2048) < 0.8


def test_other_devices_run_two_of_four_as_dense() -> None:
    graph = layer(64, 256, is_sparse=True)
    for profile in ("mi210_rocm", "t4_tensorrt"):
        assert estimate(graph, device(profile)).steps[0].executed_as == "dense_fallback"
