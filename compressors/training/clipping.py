"""Train weights into few levels: clip and round again and again, or freeze a part at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from compressors.quantization.integer_ops import with_integer_weights
from compressors.quantization.plan import REAL_BITS
from compressors.training.integer_twin import IntegerTwin
from compressors.training.qat import least_error_quants
from compressors.training.twin import Twin, fit
from compressors.training.weight_scales import LearnedScales, scaled
from hwsim.fusion import fused
from hwsim.graph import validate
from hwsim.numerics import find_policy
from hwsim.ops import Conv2d, Linear
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.quantization.integer_ops import LayerEncoding
    from compressors.quantization.plan import WeightPlan
    from compressors.training.loop import Course
    from compressors.workbench import Watcher
    from hwsim.arrays import FloatArray
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.numerics import Quant
    from hwsim.op import Op

# Between reals nothing is rounded as a runtime does.
_ANY_POLICY = "tflite-ref"


def clipped_and_rounded(
    graph: Graph, data: Data, plan: WeightPlan, course: Course, rounds: int, watcher: Watcher
) -> Graph:
    """Return `graph` with integer weights, trained `rounds` times through rounding.

    Each round finds the scales of least squared error, clips the weights to what they hold, and
    trains: weights are rounded in every pass, their gradients pass where they are not clipped.

    Args:
        graph: Float.
        data: With labels.
        plan: Of schemes of zero point 0.
        course: Of one round; each has a seed of its own.
        rounds: At least 1.
        watcher: Told of every epoch.
    """
    graph = fused(graph)
    x = torch.tensor(stacked(graph, data.x), dtype=torch.float32)
    encodings = plan.encodings(graph, REAL_BITS)
    schemes = {name: encoding.scheme for name, encoding in encodings.items()}
    for done in range(rounds):
        quants = least_error_quants(graph, plan)
        scales = LearnedScales(schemes, quants, is_held=True)
        tops = {name: int(scheme.levels()[-1]) for name, scheme in schemes.items()}
        graph = graph.with_ops(_clipped(graph, quants, tops))
        twin = IntegerTwin(graph, encodings, scales, None, find_policy(_ANY_POLICY))
        fit(twin, x, data, replace(course, seed=course.seed + done), watcher)
        if done == rounds - 1:
            return twin.graph()
        graph = twin.twin.graph()
    raise AssertionError("no rounds")


def _clipped(graph: Graph, quants: Mapping[str, Quant], tops: Mapping[str, int]) -> dict[str, Op]:
    """Return the ops of layers with weights within scale x largest level."""
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        if node.name in quants and isinstance(node.op, (Conv2d, Linear)):
            real = node.op.weight.real()
            end = tops[node.name] * quants[node.name].spread(real.shape)[0]
            weight = node.op.weight.with_real(np.clip(real, -end, end))
            ops[node.name] = replace(node.op, weight=weight)
    return ops


def frozen_in_parts(
    graph: Graph, data: Data, plan: WeightPlan, course: Course, rounds: int, watcher: Watcher
) -> Graph:
    """Return `graph` with weights that are powers of two, frozen a part at a time (INQ).

    Of each layer the largest 1 - 2^-r of the weights become levels in round r, all in the last;
    after every round but that the others are trained (Zhou et al., arXiv 1702.03044, section 2).

    Args:
        graph: Float.
        data: With labels.
        plan: Of scheme power_of_two.
        course: Of one round; each has a seed of its own.
        rounds: At least 1.
        watcher: Told of every epoch.
    """
    graph = fused(graph)
    x = torch.tensor(stacked(graph, data.x), dtype=torch.float32)
    encodings = _of_inq(graph, plan.encodings(graph, REAL_BITS))
    for done in range(1, rounds):
        twin = Twin(graph)
        for name, op in _real_layers(graph).items():
            scheme = encodings[name].scheme
            matrix = op.weight.matrix.astype(np.float64)
            quant = scheme.quant(matrix)
            level = quant.decode(scheme.codes(matrix, quant)).reshape(op.weight.shape)
            twin.hold(name, "weight", level, _largest(np.abs(op.weight.real()), 1 - 0.5**done))
        fit(twin, x, data, replace(course, seed=course.seed + done - 1), watcher)
        graph = twin.graph()
    ops = {node.name: with_integer_weights(node.op, encodings[node.name]) for node in graph.nodes}
    return validate(graph.with_ops(ops))


def _real_layers(graph: Graph) -> dict[str, Conv2d | Linear]:
    return {
        node.name: node.op
        for node in graph.nodes
        if isinstance(node.op, (Conv2d, Linear)) and node.op.weight.quant is None
    }


def _of_inq(graph: Graph, encodings: Mapping[str, LayerEncoding]) -> dict[str, LayerEncoding]:
    """Return `encodings` whose largest level is 2^floor(log2(4 / 3 max |w|)), as INQ's.

    Arxiv 1702.03044, equation 2: what the weights are before anything is trained decides it.
    """
    found = dict(encodings)
    for name, op in _real_layers(graph).items():
        scheme = encodings[name].scheme
        top = float(scheme.levels()[-1])
        largest = top * np.asarray(scheme.quant(op.weight.matrix.astype(np.float64)).scale)
        ends = np.exp2(np.floor(np.log2(4.0 / 3.0 * largest)))
        scale = tuple(cast("list[float]", (ends / top).tolist()))
        found[name] = replace(encodings[name], scheme=scaled(scheme, scale))
    return found


def _largest(magnitudes: FloatArray, share: float) -> FloatArray:
    """Return where the largest are, 1.0 for round(share * n) of them, else 0.0."""
    order = np.argsort(-magnitudes, axis=None, kind="stable")
    chosen = np.zeros(magnitudes.size)
    chosen[order[: round(share * magnitudes.size)]] = 1.0
    return chosen.reshape(magnitudes.shape)
