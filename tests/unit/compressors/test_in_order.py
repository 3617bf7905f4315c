"""Layers chosen one after the other see what the earlier ones have become."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from compressors.quantization.layers import Product, in_order, matrices, parts_of_rows
from compressors.quantization.one_layer_noise import with_bits
from hwsim.arrays import FloatArray
from hwsim.fusion import fused
from hwsim.graph import Graph, Node
from hwsim.op import Op
from hwsim.ops import Conv2d, Linear
from hwsim.reference import trace
from tests.graphs import attention, concatenated, grouped, residual, samples, separable


def narrow(op: Op) -> Product:
    assert isinstance(op, (Conv2d, Linear))
    return with_bits(op, 2, "channel", "max", "net")


@pytest.mark.parametrize("build", [residual, concatenated, attention])
def test_operands_are_those_of_the_graphs_before_and_after(build: Callable[[], Graph]) -> None:
    graph = fused(build())
    x = samples(graph, 3)
    names = [node.name for node in graph.nodes if isinstance(node.op, (Conv2d, Linear))]
    shown: dict[str, tuple[FloatArray, FloatArray]] = {}

    def choose(node: Node, real: FloatArray, seen: FloatArray) -> Op:
        shown[node.name] = real, seen
        return narrow(node.op)

    made = in_order(graph, x, names, choose)
    before: dict[str, FloatArray] = {}
    after: dict[str, FloatArray] = {}
    trace(graph, x, before.__setitem__)
    trace(made, x, after.__setitem__)
    assert list(shown) == names
    for node in graph.nodes:
        if node.name in shown:
            real, seen = shown[node.name]
            np.testing.assert_allclose(real, before[node.inputs[0]])
            np.testing.assert_allclose(seen, after[node.inputs[0]])
    last = next(node for node in graph.nodes if node.name == names[-1])
    assert np.abs(before[last.inputs[0]] - after[last.inputs[0]]).max() > 1e-3


@pytest.mark.parametrize("build", [grouped, separable])
def test_rows_times_matrices_are_what_a_layer_makes(build: Callable[[], Graph]) -> None:
    graph = build()
    values: dict[str, FloatArray] = {}
    trace(graph, samples(graph, 3), values.__setitem__)
    for node in graph.nodes:
        op = node.op
        if isinstance(op, (Conv2d, Linear)):
            rows = np.concatenate(list(parts_of_rows(op, values[node.inputs[0]])), axis=1)
            sums = rows @ matrices(op, op.weight.real()).transpose(0, 2, 1)
            bias = 0.0 if op.bias is None else op.bias.real()
            made = values[node.outputs[0]]
            flat = sums.transpose(1, 0, 2).reshape(made.shape) + bias
            np.testing.assert_allclose(flat, made, atol=1e-12)
