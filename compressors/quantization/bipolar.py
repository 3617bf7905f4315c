"""Let layers read signs: what XNOR networks multiply.

A binary layer reads beta sign(x) in place of x (Rastegari et al., XNOR-Net, arXiv 1603.05279,
section 3.2), where x is what the layer before made, its batch norm included (their order: norm,
sign, convolution). beta is one number per tensor, observed on calibration inputs: the paper
computes a map K of betas at run time, one per position; beta is its mean.

Networks that were trained with a ReLU between layers have no signs there: every x is positive. The
ReLU goes, sign takes its place, and x is written as a + beta sign, the two levels of least squared
error; a, seen through the layer's weights, joins its bias (exactly so but where an image is padded:
there a lies in the padding, too). Tensors without negative values whose ReLU must stay, because
others read them, are compared with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.scales import activation_scale
from hwsim.graph import Node, validate
from hwsim.numerics import Quant
from hwsim.ops import (
    Add,
    AveragePool2d,
    Constant,
    Conv2d,
    Conv2dTranspose,
    Linear,
    MaxPool2d,
    Mul,
    Quantize,
    Reshape,
    Sub,
    Transpose,
)
from hwsim.ops._activation import Fused, apply_fused
from hwsim.reference import as_reals, stacked
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from collections.abc import Collection

    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph

_CLAMPING = (Add, AveragePool2d, Conv2d, Conv2dTranspose, Linear, MaxPool2d, Mul, Sub)
_MOVES = (MaxPool2d, Reshape, Transpose)
"""Ops that a clamp may be moved behind: the largest of clamped numbers is the largest, clamped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The two reals that a tensor's signs stand for: offset - beta and offset + beta.

    Attributes:
        threshold: From which on the sign is +1.
        offset: Their mean.
        beta: Half of what lies between them, > 0.
    """

    threshold: float
    offset: float
    beta: float

    @property
    def quant(self) -> Quant:
        """The encoding of the signs; the offset is the reader's."""
        return Quant(scale=(self.beta,), bits=1, is_bipolar=True)


def sign_layers(graph: Graph) -> tuple[str, ...]:
    """Return the layers that may read signs: all but the first, the last, and depthwise ones.

    The first and the last stay wider in the paper (section 4); a depthwise kernel has too few
    weights for signs to tell anything.
    """
    layers = [node for node in graph.nodes if node.op.weight is not None]
    return tuple(
        node.name
        for node in layers[1:-1]
        if isinstance(node.op, Linear) or (isinstance(node.op, Conv2d) and not node.op.is_depthwise)
    )


def with_signs(graph: Graph, x: Array, layers: Collection[str]) -> Graph:
    """Return `graph` with a Quantize before each of `layers` that makes the signs it reads.

    The signs' tensors have their bipolar encoding; all else stays real. `hwsim.reference.trace`
    takes the signs, so that ranges observed on the result are those of the binary network.

    Args:
        graph: Of floats, batch norms folded and activations fused.
        x: Calibration inputs [samples, ...].
        layers: Names of convolutions and linear layers, such as `sign_layers` gives.
    """
    clamps: dict[str, Fused] = {}
    for tensor in dict.fromkeys(n.inputs[0] for n in graph.nodes if n.name in layers):
        graph, clamps[tensor] = _unclamped(graph, tensor, layers)
    return validate(_Signer(graph, layers, clamps).run(x))


def levels_of(real: FloatArray, clamp: Fused = "none") -> Levels:
    """Return the levels of a tensor that was clamped, given its values before.

    Args:
        real: Any shape.
        clamp: The activation that sign replaces.
    """
    x = apply_fused(clamp, real)
    is_signed = bool((real < 0).any())
    if clamp == "none" and is_signed:
        return Levels(threshold=0.0, offset=0.0, beta=activation_scale(float(np.abs(x).mean())))
    threshold = 0.0 if is_signed else float(np.float32(x.mean()))
    above = real >= threshold
    if above.all():  # All alike: both levels cannot be met, the upper one is.
        beta = activation_scale(float(x.mean()))
        return Levels(threshold=threshold, offset=float(x.mean()) - beta, beta=beta)
    high, low = float(x[above].mean()) if above.any() else 0.0, float(x[~above].mean())
    return Levels(
        threshold=threshold, offset=(high + low) / 2, beta=activation_scale((high - low) / 2)
    )


def _unclamped(graph: Graph, tensor: str, layers: Collection[str]) -> tuple[Graph, Fused]:
    """Return `graph` without the clamp that made `tensor`, and which it was.

    It stays where others than `layers` read what it makes.
    """
    below = {name for name in layers if tensor in _inputs(graph, name)}
    while tensor not in graph.outputs and tensor in graph.producers:
        if not {node.name for node in graph.consumers[tensor]} <= below:
            break
        maker = graph.producers[tensor]
        activation = maker.op.activation if isinstance(maker.op, _CLAMPING) else "none"
        if isinstance(maker.op, _CLAMPING) and activation != "none":
            return graph.with_ops({maker.name: replace(maker.op, activation="none")}), activation
        if not isinstance(maker.op, _MOVES):
            break
        tensor, below = maker.inputs[0], {maker.name}
    return graph, "none"


def _inputs(graph: Graph, name: str) -> tuple[str, ...]:
    return next(node.inputs for node in graph.nodes if node.name == name)


class _Signer:
    """Runs a graph of reals and puts signs before layers as it meets them."""

    def __init__(self, graph: Graph, layers: Collection[str], clamps: dict[str, Fused]) -> None:
        self._graph, self._layers, self._clamps = graph, layers, clamps
        self._nodes: list[Node] = []
        self._tensors = dict(graph.tensors)
        self._values: dict[str, FloatArray] = {}
        self._signs: dict[str, tuple[str, Levels]] = {}

    def run(self, x: Array) -> Graph:
        """Return the graph with signs, whose levels are those of the samples `x`."""
        graph, given = self._graph, self._graph.inputs[0]
        self._values[given] = as_reals(stacked(graph, x), graph.tensors[given])
        readers = {tensor: len(nodes) for tensor, nodes in graph.consumers.items()}
        for node in graph.nodes:
            made = self._signed(node) if node.name in self._layers else node
            self._nodes.append(made)
            results = made.op.reference(*(self._values[tensor] for tensor in made.inputs))
            for tensor, value in zip(made.outputs, results, strict=True):
                shape = (len(x), *value.shape[1:])  # A constant comes as one sample.
                self._values[tensor] = np.broadcast_to(value, shape)
            for tensor in dict.fromkeys(node.inputs):
                readers[tensor] -= 1
                if readers[tensor] == 0:
                    self._values.pop(tensor)
        return replace(graph, nodes=tuple(self._nodes), tensors=self._tensors)

    def _signed(self, node: Node) -> Node:
        """Return the layer `node` as a reader of signs, which are made if need be."""
        source = node.inputs[0]
        if source not in self._signs:
            self._signs[source] = self._made_signs(source)
        signs, levels = self._signs[source]
        op = node.op
        assert isinstance(op, (Conv2d, Linear))
        if levels.offset != 0.0:
            total = levels.offset * op.weight.real().reshape(op.weight.shape[0], -1).sum(axis=1)
            bias = total if op.bias is None else op.bias.real() + total
            op = replace(op, bias=Weight(codes=bias.astype(np.float32)))
        return replace(node, op=op, inputs=(signs, *node.inputs[1:]))

    def _made_signs(self, source: str) -> tuple[str, Levels]:
        """Add the nodes that make the signs of `source`, and return their tensor and levels."""
        real = self._values[source]
        levels = levels_of(real, self._clamps[source])
        read, name = source, f"{source}/signs"
        if levels.threshold != 0.0:
            read = self._less(source, levels.threshold)
            real = real - levels.threshold
        self._add(name, Quantize(), (read,), self._tensors[source].shape, levels.quant)
        self._values[name] = levels.quant.decode(levels.quant.encode(real))
        return name, levels

    def _less(self, source: str, threshold: float) -> str:
        """Add what takes `threshold` off a tensor, and return the result."""
        number, name = f"{source}/threshold", f"{source}/less"
        value = Weight(codes=np.array([threshold], np.float32))
        self._add(number, Constant(value=value), (), (1,))
        self._add(name, Sub(), (source, number), self._tensors[source].shape)
        return name

    def _add(
        self,
        name: str,
        op: Quantize | Constant | Sub,
        inputs: tuple[str, ...],
        shape: tuple[int, ...],
        quant: Quant | None = None,
    ) -> None:
        self._nodes.append(Node(name=name, op=op, inputs=inputs, outputs=(name,)))
        self._tensors[name] = TensorType(shape=shape, quant=quant)
