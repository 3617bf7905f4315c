"""Train a float graph: its twin in torch, the loop, and the way back."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from compressors.training.loop import descend
from compressors.training.operators import FORWARD, Feed
from compressors.workbench import UNWATCHED
from hwsim.errors import RecipeError
from hwsim.ops import BatchNorm, Constant, Softmax
from hwsim.reference import stacked
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from torch import Tensor

    from compressors.training.loop import Course
    from compressors.workbench import Watcher
    from hwsim.data import Data
    from hwsim.graph import Graph, Node
    from hwsim.op import Op


class Twin(nn.Module):
    """A float graph as a torch module of the same numbers.

    Weights, biases and the gains of norms are parameters; statistics and constants are buffers.
    A weight of two axes or more keeps its zeros: those entries are pruned.
    """

    def __init__(self, graph: Graph) -> None:
        """Copy the constants of `graph`.

        Raises:
            RecipeError: It holds integers.
        """
        super().__init__()
        integer = [str(t) for t in graph.tensors.values() if t.quant is not None]
        unknown = [node.op.kind for node in graph.nodes if type(node.op) not in FORWARD]
        if integer or unknown:
            raise RecipeError(
                f"{graph.name}: training expected a float graph, got {[*integer, *unknown][0]}; "
                "train or finetune before quantize"
            )
        self._graph = graph
        # Names of attributes by node and field; torch allows no dots in them.
        self._attributes: dict[str, dict[str, str]] = {}
        for i, node in enumerate(graph.nodes):
            names = {key: f"node{i}_{key}" for key in _weights(node.op)}
            self._attributes[node.name] = names
            for key, weight in _weights(node.op).items():
                self._register(names[key], weight, _is_frozen(node.op, key))

    def _register(self, name: str, weight: Weight, frozen: bool) -> None:
        values = torch.tensor(weight.codes, dtype=torch.float32)
        if frozen:
            self.register_buffer(name, values)
            return
        self.register_parameter(name, nn.Parameter(values))
        if values.ndim >= 2 and bool((values == 0).any()):
            self.register_buffer(f"{name}_kept", (values != 0).float())

    def _weights_of(self, node: Node) -> dict[str, Tensor]:
        """Return the tensors of `node` by field, pruned entries exactly 0."""
        found: dict[str, Tensor] = {}
        for key, name in self._attributes[node.name].items():
            values = cast("Tensor", getattr(self, name))
            kept = cast("Tensor | None", getattr(self, f"{name}_kept", None))
            # The product also keeps gradients from pruned entries.
            found[key] = values if kept is None else values * kept
        return found

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
        values = {self._graph.inputs[0]: x}
        for node in self._graph.nodes:
            if name in values:
                break
            feed = Feed(
                inputs=tuple(values[tensor] for tensor in node.inputs),
                weights=self._weights_of(node),
                samples=x.shape[0],
                training=self.training,
            )
            values[node.outputs[0]] = FORWARD[type(node.op)](node.op, feed)
        return values[name]

    def graph(self) -> Graph:
        """Return the graph with the values as they are now; formats stay."""
        ops: dict[str, Op] = {}
        for node in self._graph.nodes:
            trained = {
                key: weight.with_real(_array(self._weights_of(node)[key]))
                for key, weight in _weights(node.op).items()
            }
            if trained:
                ops[node.name] = replace(cast("Any", node.op), **trained)
        return self._graph.with_ops(ops)


def train(graph: Graph, data: Data, course: Course, watcher: Watcher = UNWATCHED) -> Graph:
    """Return `graph` trained on cross entropy of its logits.

    Equal seeds give equal graphs; torch's global random state is neither read nor changed.

    Args:
        graph: Float; left as it is.
        data: With labels.
        course: How long, how fast.
        watcher: Told of every epoch.

    Raises:
        RecipeError: The graph holds integers, labels are missing or no classes of it, or the
            training diverged.
    """
    twin = Twin(graph)
    x = torch.tensor(stacked(graph, data.x), dtype=torch.float32)
    y = labels_of(twin, x, data, graph.name)

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(twin.logits(x[batch]), y[batch])

    descend(twin, loss, len(x), course, watcher, graph.name)
    return twin.graph()


def labels_of(twin: Twin, x: Tensor, data: Data, name: str) -> Tensor:
    """Return the labels int64 [samples], checked against the classes that `twin` tells apart."""
    if data.y is None:
        raise RecipeError(f"{name}: training expected labels, got none; add y to {data.name}")
    with torch.no_grad():
        classes = twin.eval().logits(x[:1]).shape[1]
    low, high = int(data.y.min()), int(data.y.max())
    if low < 0 or high >= classes:
        raise RecipeError(
            f"{name}: training expected labels 0..{classes - 1}, got {low}..{high} in {data.name}; "
            f"the network tells {classes} classes apart"
        )
    return torch.tensor(data.y, dtype=torch.int64)


def _weights(op: Op) -> dict[str, Weight]:
    """Return the constants of `op` by field name."""
    found = {field.name: getattr(op, field.name) for field in fields(cast("Any", op))}
    return {key: value for key, value in found.items() if isinstance(value, Weight)}


def _is_frozen(op: Op, key: str) -> bool:
    """Return whether training leaves the constant alone: scalars, embeddings, statistics."""
    return isinstance(op, Constant) or (isinstance(op, BatchNorm) and key in ("mean", "variance"))


def _array(values: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(values.detach().cpu(), dtype=np.float64)
