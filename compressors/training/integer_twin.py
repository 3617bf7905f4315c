"""A graph in training that computes with the integers of its device, bit by bit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from compressors.quantization.integer_ops import as_integers, with_integer_weights
from compressors.training.activations import Made
from compressors.training.feed import Feed
from compressors.training.operators import FORWARD
from compressors.training.straight import straight
from compressors.training.twin import Twin, weights_of
from hwsim.channels.layers import Layer
from hwsim.graph import validate
from hwsim.op import Site
from hwsim.ops import Softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from compressors.quantization.integer_ops import LayerEncoding
    from compressors.training.activations import Activations
    from compressors.training.weight_scales import WeightScales
    from hwsim.arrays import IntArray
    from hwsim.graph import Graph, Node
    from hwsim.numerics import Numerics, Quant
    from hwsim.op import Op


class IntegerTwin(nn.Module):
    """A float graph as a torch module that computes what the integer graph will.

    In every pass the constants become codes as `quantize` makes them, the ops' own integer kernels
    run on codes, and torch sees the reals that these mean. Slopes are those of the float ops on the
    same operands (straight-through; Jacob et al., arXiv 1712.05877, section 3), so training knows
    the rounding of the device, not a model of it. Between reals only weights are integers.
    """

    def __init__(
        self,
        graph: Graph,
        encodings: Mapping[str, LayerEncoding],
        weights: WeightScales,
        activations: Activations | None,
        policy: Numerics,
    ) -> None:
        """Start from the values of `graph`.

        Args:
            graph: Float, without batch norms where activations are integers.
            encodings: Of every node's constants, but for the scales of weights.
            weights: How weights become codes; a module.
            activations: Encodings of activations, a module; None where they stay reals.
            policy: Whose rounding.
        """
        super().__init__()
        self._graph, self._encodings, self._policy = graph, encodings, policy
        self.twin = Twin(graph)
        self.weights, self.activations = weights, activations

    def forward(self, x: Tensor) -> Tensor:
        """Return the first output, [samples, *shape], for x [samples, *shape of the input]."""
        return self.tensor(self._graph.outputs[0], x)

    def logits(self, x: Tensor) -> Tensor:
        """Return [samples, classes]: the first output, before a softmax that makes it."""
        last = self._graph.producers.get(self._graph.outputs[0])
        if last is None or not isinstance(last.op, Softmax):
            return self(x).flatten(1)
        return last.op.beta * self.tensor(last.inputs[0], x).flatten(1)

    def tensor(self, name: str, x: Tensor) -> Tensor:
        """Return the tensor `name` of the graph, [samples, *shape], for x as in `forward`."""
        return self._run(x, name)[0][name]

    def codes(self, x: Tensor) -> dict[str, IntArray]:
        """Return the codes of every tensor, [samples, *shape], for x as in `forward`."""
        return self._run(x, "")[1]

    def penalty(self) -> Tensor:
        """Return what is added to the loss, a scalar."""
        return torch.zeros(()) if self.activations is None else self.activations.penalty()

    def graph(self) -> Graph:
        """Return the integer graph with the values as they are now."""
        quants = self._quants()
        real = self.twin.graph()
        nodes = tuple(replace(node, op=self._as_integers(node, quants)) for node in real.nodes)
        tensors = {
            name: replace(type_, quant=quants.get(name)) for name, type_ in real.tensors.items()
        }
        return validate(replace(real, nodes=nodes, tensors=tensors))

    def _quants(self) -> Mapping[str, Quant]:
        return {} if self.activations is None else self.activations.quants()

    def _as_integers(self, node: Node, quants: Mapping[str, Quant]) -> Op:
        """Return the op of `node`, whose constants are those of now, as integers."""
        encoding = replace(self._encodings[node.name], scheme=self.weights.scheme(node.name))
        if not quants:
            return with_integer_weights(node.op, encoding)
        scale = quants[node.inputs[0]].scale[0] if node.inputs else 1.0
        return as_integers(node.op, scale, quants[node.outputs[0]], encoding)

    def _run(self, x: Tensor, last: str) -> tuple[dict[str, Tensor], dict[str, IntArray]]:
        """Return all tensors up to `last`, as reals with gradients and as codes."""
        quants = self._quants()
        real: dict[str, Tensor] = {}
        codes: dict[str, IntArray] = {}
        given = self._graph.inputs[0]
        self._enter(given, x, quants, real, codes)
        for node in self.twin.graph().nodes:
            if last in real:
                break
            op = self._as_integers(node, quants)
            feed = Feed(
                inputs=tuple(real[tensor] for tensor in node.inputs),
                weights=self._constants(node, op),
                samples=x.shape[0],
                training=self.training,
            )
            v = FORWARD[type(op)](op, feed)
            output = node.outputs[0]
            if output not in quants:
                real[output] = v
                continue
            (made,) = op.prepare(self._site(node, quants))(*(codes[t] for t in node.inputs))
            # A constant comes as one sample.
            codes[output] = np.broadcast_to(made, (len(x), *made.shape[1:]))
            real[output] = self._passed(output, codes[output], v, quants[output])
        return real, codes

    def _enter(
        self,
        name: str,
        x: Tensor,
        quants: Mapping[str, Quant],
        real: dict[str, Tensor],
        codes: dict[str, IntArray],
    ) -> None:
        """Put the input, in whatever type it comes, where ops look for their operands."""
        if name not in quants:
            real[name] = x.float()
            return
        codes[name] = quants[name].encode(x.numpy())
        real[name] = self._passed(name, codes[name], x.float(), quants[name])

    def _passed(self, name: str, codes: IntArray, v: Tensor, quant: Quant) -> Tensor:
        real = torch.tensor(quant.decode(codes), dtype=torch.float32)
        assert self.activations is not None  # Else there are no codes.
        return self.activations.passed(Made(name=name, real=real, v=v, quant=quant))

    def _constants(self, node: Node, op: Op) -> dict[str, Tensor]:
        """Return what the constants of `op` mean, with the gradients of those of the twin."""
        values = self.twin.constants(node.name)
        for key, weight in weights_of(op).items():
            if weight.quant is None:
                continue
            made = torch.tensor(weight.real(), dtype=torch.float32)
            v = values[key]
            if key == "weight" and isinstance(op, Layer):
                values[key] = self.weights.passed(node.name, weight, made, v)
            else:
                values[key] = straight(made, v, torch.ones_like(v, dtype=torch.bool))
        return values

    def _site(self, node: Node, quants: Mapping[str, Quant]) -> Site:
        types = self._graph.tensors
        return Site(
            name=f"{self._graph.name}/{node.name}",
            inputs=tuple(replace(types[t], quant=quants[t]) for t in node.inputs),
            outputs=tuple(replace(types[t], quant=quants[t]) for t in node.outputs),
            numerics=self._policy,
        )
