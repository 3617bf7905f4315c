"""Bias correction: give every channel the mean back that integer weights have shifted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from compressors._compressor import Compressor, DataNeed
from compressors._settings import Policy
from compressors.quantization.layers import one_input
from compressors.quantization.means import channel_means, with_bias_shift
from hwsim.channels.layers import Layer, layers_of
from hwsim.errors import RecipeError
from hwsim.fusion import fused, without_batch_norm
from hwsim.numerics import find_policy
from hwsim.op import Site
from hwsim.reference import as_reals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.workbench import Workbench
    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph, Node
    from hwsim.numerics import Numerics
    from hwsim.op import Kernel, Op


class CorrectBias(Compressor):
    """Shift biases so that sums keep their means on calibration inputs, layer after layer.

    Empirical bias correction (Nagel et al., arXiv 1906.04721, section 4.2 and appendix D): b moves
    by E[W x] - E[W_q x_q] per output channel, x_q being what the integers of the layers before
    make, corrected already. Stands behind steps that make integers: `quantize|correct_bias`,
    `gptq|correct_bias|quantize`. What counts as right is the graph as it was before the first of
    them, so that weights pruned since are made up for too. Layers without a bias get one.

    Attributes:
        calibration_samples: The first so many inputs are used.
        numerics: Rounding policy by which integers are run.
    """

    name: ClassVar[str] = "correct_bias"
    data_need: ClassVar[DataNeed] = "calibration"
    calibration_samples: int = Field(default=128, ge=1)
    numerics: Policy = "tflite-ref"

    def compress(self, graph: Graph, bench: Workbench) -> Graph:
        """See `Compressor.compress`."""
        real = without_batch_norm(fused(bench.reals(graph, self.name)))
        data = bench.inputs(graph, self.name)
        x = one_input(real, data, self.calibration_samples, self.name)
        _require_alike(graph, real)
        return _corrected(graph, x, channel_means(real, x), find_policy(self.numerics))


def _require_alike(graph: Graph, real: Graph) -> None:
    """Refuse a graph whose layers are no longer those of the graph of reals."""
    shapes = {name: op.weight.shape for name, op in layers_of(real).items()}
    for node in graph.nodes:
        if isinstance(node.op, Layer) and shapes.get(node.name) != node.op.weight.shape:
            before = shapes.get(node.name)
            raise RecipeError(
                f"{graph.name}/{node.name}: correct_bias expected a layer of weights "
                f"{list(node.op.weight.shape)} in the graph before it became integers, got "
                f"{'none' if before is None else list(before)}; put correct_bias right behind "
                "the step that makes integers"
            )


def _corrected(
    graph: Graph, x: Array, means: Mapping[str, FloatArray], numerics: Numerics
) -> Graph:
    """Return `graph` with biases by which every layer makes sums of these means.

    Args:
        graph: With integer weights, or integers throughout.
        x: [samples, *shape of the input], reals or codes.
        means: Wanted sums per output channel, [out], by node.
        numerics: By which integers are run.
    """
    input_type = graph.tensors[graph.inputs[0]]
    reals = as_reals(x, input_type)
    values = {
        graph.inputs[0]: reals if input_type.quant is None else input_type.quant.encode(reals)
    }
    readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
    ops: dict[str, Op] = {}
    for node in graph.nodes:
        op = node.op
        if isinstance(op, Layer):
            operand = graph.tensors[node.inputs[0]]
            seen = as_reals(values[node.inputs[0]], operand)
            sums = replace(op, activation="none").reference(seen)[0]
            shift = means[node.name] - sums.reshape(-1, sums.shape[-1]).mean(axis=0)
            op = with_bias_shift(op, shift, operand, f"{graph.name}/{node.name}: correct_bias")
            ops[node.name] = op
        results = _kernel(graph, replace(node, op=op), numerics)(
            *(values[tensor] for tensor in node.inputs)
        )
        for tensor, value in zip(node.outputs, results, strict=True):
            # A constant comes as one sample.
            values[tensor] = np.broadcast_to(value, (len(x), *value.shape[1:]))
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor] -= 1
            if readers[tensor] == 0:
                del values[tensor]
    return graph.with_ops(ops)


def _kernel(graph: Graph, node: Node, numerics: Numerics) -> Kernel:
    """Return what `node` computes: in reals where all that it meets is real, else in integers."""
    types = (*graph.input_types(node), *graph.output_types(node))
    weight = node.op.weight
    is_real = all(type_.quant is None for type_ in types) and (
        weight is None or weight.quant is None or weight.is_decoded
    )
    site = Site(
        name=f"{graph.name}/{node.name}",
        inputs=graph.input_types(node),
        outputs=graph.output_types(node),
        numerics=numerics,
    )
    return node.op.reference if is_real else node.op.prepare(site)
