"""Sums that overflow are counted over the samples, and said in the results."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compressors import parse
from hwsim.arrays import Array
from hwsim.data import Data
from hwsim.evaluation import evaluate
from hwsim.execute import prepare_all
from hwsim.graph import Graph
from hwsim.numerics import Accumulator, Numerics, find_policy
from hwsim.op import Site
from hwsim.ops import Conv2d, Linear, MatMul
from hwsim.overflow import count_overflows
from hwsim.profile import load_profile
from hwsim.records import Comparison, Overflow
from reports.as_json import Json
from reports.causes import causes
from tests.graphs import attention, mlp, samples, separable


def quantized(graph: Graph) -> Graph:
    return parse("quantize").apply(graph, Data(x=samples(graph, 16)))


def narrow(bits: int) -> Numerics:
    return replace(find_policy("tflm"), accumulator=Accumulator(bits=bits))


def beyond(graph: Graph, x: Array, numerics: Numerics) -> dict[str, int]:
    """Return how many exact sums of each layer lie beyond the register, before any is narrowed."""
    counts: dict[str, int] = {}
    values = prepare_all(graph, numerics, tuple(graph.tensors))(x)
    wide = replace(numerics, accumulator=Accumulator(bits=48))
    for node in graph.nodes:
        site = Site(
            name=node.name,
            inputs=graph.input_types(node),
            outputs=graph.output_types(node),
            numerics=wide,
        )
        if isinstance(node.op, MatMul):
            totals, _ = node.op.sums(site)(*(values[t] for t in node.inputs))
        elif isinstance(node.op, Conv2d | Linear):
            totals = exact_sums(node.op, values[node.inputs[0]], site)
        else:
            continue
        register = numerics.accumulator
        counts[node.name] = int(((totals < register.low) | (totals > register.high)).sum())
    return counts


def exact_sums(op: Conv2d | Linear, codes: Array, site: Site) -> Array:
    quant = site.inputs[0].quant
    assert quant is not None
    zero = quant.zero_point[0]
    patches = op.patches(codes, zero).astype(np.int64) - zero
    weights = op.weight.centred.astype(np.int64).reshape(patches.shape[-2], -1, patches.shape[-1])
    totals = np.einsum("...gk,gmk->...gm", patches, weights)
    if op.bias is not None:
        totals = totals + op.bias.codes.astype(np.int64).reshape(weights.shape[:2])
    return totals


@pytest.mark.parametrize("build", [mlp, separable, attention], ids=lambda build: build.__name__)
def test_every_sum_that_ends_beyond_is_counted(build: Callable[[], Graph]) -> None:
    graph = quantized(build())
    x = samples(graph, 70)
    for bits in (10, 12, 14):
        counted = {o.step: o for o in count_overflows(graph, x, narrow(bits))}
        for step, count in beyond(graph, x, narrow(bits)).items():
            if count:
                # A sum may leave the register on its way, and come back.
                assert counted[step].overflowed >= count
        assert all(0 < o.overflowed <= o.sums and o.bits == bits for o in counted.values())
    assert len(count_overflows(graph, x, narrow(10))) > 1


def test_nothing_overflows_32_bits() -> None:
    graph = quantized(separable())
    assert count_overflows(graph, samples(graph, 4), find_policy("tflm")) == ()
    assert count_overflows(separable(), samples(separable(), 4), narrow(8)) == ()


def test_results_and_reports_say_what_overflows() -> None:
    graph = quantized(mlp())
    x = samples(graph, 40)
    data = Data(x=x, y=np.zeros(40, np.int64))
    profile = load_profile("stm32l4r5_tflm", {"numerics.accumulator_bits": 14})
    made = evaluate(graph, profile, data)
    assert made.numerics == "tflm{accumulator_bits=14}"
    assert made.overflows
    assert evaluate(graph, "stm32l4r5_tflm", data).overflows == ()
    (cause, *_) = causes(made, None)
    assert cause.text == "sums do not fit 14 bits, at the cost of accuracy"
    worst = max(made.overflows, key=lambda o: o.share)
    assert cause.detail.startswith(f"{worst.step}: ")
    assert cause.detail.count("% of sums") == len(made.overflows)
    shown = json.loads(Json().render(Comparison(results=(made,), version="0")))
    assert shown["results"][0]["overflows"][0]["step"] == made.overflows[0].step
    assert "sums do not fit 14 bits" in shown["results"][0]["why"]


def test_shares() -> None:
    assert Overflow(step="conv", bits=16, overflowed=31, sums=1000).share == 0.031
