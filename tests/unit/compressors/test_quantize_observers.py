"""Observers of activations: by hand, against obvious twins, and against torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.ao.quantization.observer import (
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
)

from compressors import parse
from compressors.quantization.encodings import asymmetric, symmetric
from compressors.quantization.observers import (
    Entropy,
    LeastError,
    MeanMagnitude,
    MovingAverage,
    Observation,
    ObserverName,
    Range,
)
from compressors.quantization.observers.entropy import divergence
from hwsim.arrays import FloatArray
from hwsim.data import Data
from hwsim.execute import run
from hwsim.numerics import Quant
from hwsim.reference import trace
from tests.graphs import mlp, samples

OBSERVERS: tuple[ObserverName, ...] = get_args(ObserverName)
QINT8: dict[str, Any] = {"quant_min": -128, "quant_max": 127, "dtype": torch.qint8}


def seen_by(observation: Observation, values: FloatArray, cuts: list[int], bits: int = 8) -> Range:
    ends = float(values.min()), float(values.max())
    observer = observation.make(values.size, bits, ends)
    for part in np.split(values, sorted(cuts)):
        if len(part):
            observer.see(part)
    return observer.range()


@given(
    name=st.sampled_from(OBSERVERS),
    values=st.lists(st.floats(-100, 100, width=32), min_size=40, max_size=60),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_parts_change_nothing(name: ObserverName, values: list[float], cuts: list[int]) -> None:
    observation, all_values = Observation(observer=name, batch=7), np.array(values)
    got = seen_by(observation, all_values, cuts)
    assert got == seen_by(observation, all_values, [])
    assert all_values.min() <= got[0] <= got[1] <= all_values.max() or name in ("mse", "entropy")


def torch_quant(observer: torch.nn.Module, batches: list[FloatArray]) -> Quant:
    for batch in batches:
        observer(torch.tensor(batch, dtype=torch.float64).float())
    scale, zero_point = cast("Any", observer).calculate_qparams()
    return Quant(scale=(float(scale),), zero_point=(int(zero_point),))


def batches(skew: float) -> list[FloatArray]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal((16, 20)) * (1 + i) + skew for i in range(4)]


@pytest.mark.parametrize("skew", [-30.0, -1.0, 0.0, 2.0, 30.0])
def test_encodings_are_those_of_torch(skew: float) -> None:
    values = np.concatenate(batches(skew))
    for observation, oracle in (
        (Observation(), MinMaxObserver(qscheme=torch.per_tensor_affine, **QINT8)),
        (
            Observation(observer="moving_average", momentum=0.75, batch=16),
            MovingAverageMinMaxObserver(
                averaging_constant=0.25, qscheme=torch.per_tensor_affine, **QINT8
            ),
        ),
    ):
        low, high = seen_by(observation, values, [5, 33])
        made, want = asymmetric(min(low, 0.0), max(high, 0.0)), torch_quant(oracle, batches(skew))
        np.testing.assert_allclose(made.scale, want.scale, rtol=1e-6)
        assert made.zero_point == want.zero_point


def test_moving_average_by_hand() -> None:
    observer = MovingAverage(momentum=0.5, batch=2)
    observer.see(np.array([[0.0, 4.0], [-2.0, 1.0], [8.0, 2.0]]))
    observer.see(np.array([[6.0, 0.0], [-1.0, 0.0]]))
    # Batches -2..4, 0..8, -1..0: lows -2, -1, -1; highs 4, 6, 3.
    assert observer.range() == (-1.0, 3.0)


def errors(quant: Quant, values: FloatArray) -> float:
    return float(((quant.decode(quant.encode(values)) - values) ** 2).sum())


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("is_symmetric", [False, True])
def test_least_error_is_the_best_of_all_hundredths(bits: int, is_symmetric: bool) -> None:
    # Values in the middles of bins, so that the histogram is exact.
    rng = np.random.default_rng(bits)
    places = np.clip(rng.exponential(60, 3000).astype(int), 0, 2046) + 0.5
    values = np.append(places, [0.0, 2048.0]) / 2048
    encode: Callable[[float], Quant] = (
        (lambda top: symmetric(-0.0, top, bits))
        if is_symmetric
        else (lambda top: asymmetric(0.0, top, bits))
    )
    observer = LeastError((0.0, 1.0), bits, is_symmetric)
    observer.see(values)
    low, high = observer.range()
    assert low == 0.0
    best = min(errors(encode(percent / 100), values) for percent in range(1, 101))
    # The ends of the histogram's range stand half a bin off.
    assert errors(encode(high), values) <= 1.01 * best
    if bits < 8:
        assert errors(encode(high), values) < 0.6 * errors(encode(1.0), values)


def test_least_error_clips_both_ends() -> None:
    values = np.append(np.random.default_rng(0).uniform(-1, 2, 4000), [-10.0, 15.0])
    low, high = seen_by(Observation(observer="mse"), values, [], bits=4)
    whole = asymmetric(-10.0, 15.0, 4)
    assert -10.0 < low < 0.0 < high < 15.0
    assert errors(asymmetric(low, high, 4), values) < 0.6 * errors(whole, values)


@pytest.mark.parametrize("skew", [0.0, 1.5])
def test_least_error_errs_no_more_than_torch(skew: float) -> None:
    values = np.random.default_rng(1).standard_t(3, 20000) + skew
    low, high = seen_by(Observation(observer="mse"), values, [])
    oracle = HistogramObserver(qscheme=torch.per_tensor_affine, **QINT8)
    want = errors(torch_quant(oracle, [values]), values)
    # torch searches quantiles on a model of the error within bins.
    assert errors(asymmetric(low, high), values) < 1.05 * want


def slow_divergence(counts: list[int], end: int, levels: int) -> float:
    """Return KL(P || Q) as the talk writes it, in loops; see `Entropy`."""
    p = [float(count) for count in counts[:end]]
    p[-1] += sum(counts[end:])
    q = [0.0] * end
    for level in range(levels):
        within = [i for i in range(end) if i * levels // end == level]
        taken = [i for i in within if p[i] > 0]
        total = sum(counts[i] for i in within)
        for i in taken:
            q[i] = total / len(taken)
    loss = 0.0
    for i in range(end):
        if p[i] > 0:
            if q[i] == 0:
                return float("inf")
            loss += p[i] / sum(p) * float(np.log((p[i] / sum(p)) / (q[i] / sum(q))))
    return loss


@given(
    counts=st.lists(st.integers(0, 9), min_size=12, max_size=24),
    levels=st.integers(2, 5),
    end=st.integers(5, 24),
)
def test_divergence_is_that_of_loops(counts: list[int], levels: int, end: int) -> None:
    end = min(end, len(counts))
    if sum(counts[:end]) == 0:
        counts[0] = 1
    got = divergence(np.array(counts), end, levels)
    assert got == pytest.approx(slow_divergence(counts, end, levels), abs=1e-12)


def test_divergence_by_hand() -> None:
    # P = (1, 3, 1 + 1), of levels {1, 3} and {1}: Q = (2, 2, 1); P / 6 and Q / 5.
    got = divergence(np.array([1, 3, 1, 1]), 3, 2)
    # Bin i is in level 2 i // 3: 0, 0, 1.
    terms = [(1 / 6, 2 / 5), (3 / 6, 2 / 5), (2 / 6, 1 / 5)]
    assert got == pytest.approx(sum(p * np.log(p / q) for p, q in terms))


def test_entropy_leaves_outliers_out() -> None:
    rng = np.random.default_rng(0)
    values = np.append(rng.standard_normal(50000), [25.0, -30.0])
    low, high = seen_by(Observation(observer="entropy"), values, [])
    # All of the bell is kept, three quarters of the range are not.
    assert 3.0 < high < 8.0
    assert low == -high
    # What has no tails keeps its range.
    flat = rng.uniform(-1, 1, 50000)
    low, high = seen_by(Observation(observer="entropy"), flat, [])
    assert high - low > 1.9


@pytest.mark.parametrize("bits", [4, 8])
def test_entropy_keeps_few_distinct_values(bits: int) -> None:
    # Such as grey values: most of them 0, the rest far apart. One bin alone would match itself.
    rng = np.random.default_rng(4)
    values = rng.integers(0, 17, 5000) / 16 * (rng.random(5000) < 0.5)
    assert seen_by(Observation(observer="entropy"), values, [], bits)[1] > 0.9


def test_entropy_of_a_relu_is_that_of_its_positive_values() -> None:
    positive = np.abs(np.random.default_rng(5).standard_normal(20000))
    ends = [
        seen_by(Observation(observer="entropy"), np.append(positive, np.zeros(zeros)), [])[1]
        for zeros in (0, 100000)
    ]
    assert ends[1] == pytest.approx(ends[0], rel=0.1)


def test_entropy_of_one_sided_values_has_twice_the_levels() -> None:
    values = np.abs(np.random.default_rng(2).standard_normal(20000))
    observation, ends = Observation(observer="entropy"), (0.0, float(values.max()))
    observer = observation.make(values.size, 8, ends)
    want = Entropy(ends, 256)
    for each in (observer, want):
        each.see(values)
    assert observer.range() == want.range()
    assert observer.range()[0] == 0.0


def test_signs_stand_for_the_mean_magnitude() -> None:
    observer = MeanMagnitude()
    observer.see(np.array([1.0, -2.0]))
    observer.see(np.array([0.0, 5.0]))
    assert observer.range() == (-2.0, 2.0)


@pytest.mark.parametrize("name", OBSERVERS)
@pytest.mark.parametrize("kind", ["asymmetric", "symmetric"])
def test_encodings_follow_the_observer(name: ObserverName, kind: str) -> None:
    graph = mlp()
    x = samples(graph, 40)
    spec = f"quantize{{observer={name},activation_scheme={kind},percentile=99,activations=6}}"
    made = parse(spec).apply(graph, Data(x=x)).tensors["x"].quant
    assert made is not None
    is_symmetric = kind == "symmetric"
    observation = Observation(observer=name, percentile=99, is_symmetric=is_symmetric)
    low, high = seen_by(observation, x.reshape(40, -1), [], bits=6)
    encode = symmetric if is_symmetric else asymmetric
    assert made == encode(min(low, 0.0), max(high, 0.0), 6)


@pytest.mark.parametrize("observer", ["mse", "percentile"])
def test_clipping_observers_help_few_bits(observer: str) -> None:
    graph = mlp()
    x = samples(graph, 128)
    want = trace(graph, x)[graph.outputs[0]].reshape(128, -1)

    def off(name: str) -> float:
        spec = f"quantize{{activations=3,observer={name},percentile=98}}"
        made = parse(spec).apply(graph, Data(x=x))
        quant = made.tensors[made.outputs[0]].quant
        assert quant is not None
        return float(((quant.decode(run(made, x)).reshape(want.shape) - want) ** 2).mean())

    assert off(observer) < 0.8 * off("minmax")
