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
from compressors.training.parameters import Parameter, PartlyHeld, parameter_of
from compressors.workbench import UNWATCHED
from hwsim.errors import RecipeError
from hwsim.ops import BatchNorm, Constant, Softmax
from hwsim.reference import stacked
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from compressors.training.loop import Course
    from compressors.training.network import Network
    from compressors.workbench import Watcher
    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.op import Op


class Twin(nn.Module):
    """A float graph as a torch module of the same numbers.

    Weights, biases and the gains of norms are trained as `parameters` says; statistics, constants
    and integer weights that are decoded are not.
    """

    def __init__(self, graph: Graph) -> None:
        """Copy the constants of `graph`.

        Raises:
            RecipeError: It holds integers that are no decoded weights.
        """
        super().__init__()
        _require_reals(graph)
        self._graph = graph
        # Names of submodules by node and field; torch allows no dots in them.
        self._names: dict[str, dict[str, str]] = {}
        for i, node in enumerate(graph.nodes):
            self._names[node.name] = {key: f"node{i}_{key}" for key in weights_of(node.op)}
            for key, weight in weights_of(node.op).items():
                held = _is_held(node.op, key)
                self.add_module(self._names[node.name][key], parameter_of(weight, held))

    def parameter(self, node: str, key: str) -> Parameter:
        """Return what is trained of the constant `key`, a field of the op of `node`."""
        return cast("Parameter", getattr(self, self._names[node][key]))

    def hold(self, node: str, key: str, values: Array, where: Array) -> None:
        """Fix some entries of a constant at `values`, of its shape, and train only the others."""
        held = torch.tensor(values, dtype=torch.float32), torch.tensor(where, dtype=torch.bool)
        self.add_module(self._names[node][key], PartlyHeld(self.parameter(node, key), *held))

    def constants(self, node: str) -> dict[str, Tensor]:
        """Return the constants of `node` as they are now, by field; pruned entries exactly 0."""
        return {key: self.parameter(node, key)() for key in self._names[node]}

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
        return self.tensors((name,), x)[name]

    def tensors(self, names: tuple[str, ...], x: Tensor) -> dict[str, Tensor]:
        """Return several tensors of one pass, by name; see `tensor`."""
        values = {self._graph.inputs[0]: x}
        for node in self._graph.nodes:
            if all(name in values for name in names):
                break
            feed = Feed(
                inputs=tuple(values[tensor] for tensor in node.inputs),
                weights=self.constants(node.name),
                samples=x.shape[0],
                training=self.training,
            )
            values[node.outputs[0]] = FORWARD[type(node.op)](node.op, feed)
        return {name: values[name] for name in names}

    def graph(self) -> Graph:
        """Return the graph with the values as they are now; formats stay."""
        ops: dict[str, Op] = {}
        for node in self._graph.nodes:
            values = self.constants(node.name)
            trained = {
                key: weight.with_real(_array(values[key]))
                for key, weight in weights_of(node.op).items()
                if weight.quant is None
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
    fit(twin, x, data, course, watcher)
    return twin.graph()


def fit(
    network: Network,
    x: Tensor,
    data: Data,
    course: Course,
    watcher: Watcher,
    penalty: Callable[[], Tensor] | None = None,
) -> None:
    """Train `network` on cross entropy of its logits.

    Args:
        network: A module; changed in place.
        x: The inputs of `data` as it takes them, [samples, *shape].
        data: With labels.
        course: How long, how fast.
        watcher: Told of every epoch.
        penalty: What joins the loss of every batch.

    Raises:
        RecipeError: Labels are missing or no classes of it, or the training diverged.
    """
    name = network.graph().name
    y = labels_of(network, x, data, name)

    def loss(batch: Tensor) -> Tensor:
        entropy = functional.cross_entropy(network.logits(x[batch]), y[batch])
        return entropy if penalty is None else entropy + penalty()

    descend(cast("nn.Module", network), loss, len(x), course, watcher, name)


def labels_of(network: Network, x: Tensor, data: Data, name: str) -> Tensor:
    """Return the labels int64 [samples], checked against the classes `network` tells apart."""
    if data.y is None:
        raise RecipeError(f"{name}: training expected labels, got none; add y to {data.name}")
    with torch.no_grad():
        classes = network.eval().logits(x[:1]).shape[1]
    low, high = int(data.y.min()), int(data.y.max())
    if low < 0 or high >= classes:
        raise RecipeError(
            f"{name}: training expected labels 0..{classes - 1}, got {low}..{high} in {data.name}; "
            f"the network tells {classes} classes apart"
        )
    return torch.tensor(data.y, dtype=torch.int64)


def _require_reals(graph: Graph) -> None:
    integer = [str(t) for t in graph.tensors.values() if t.quant is not None]
    unknown = [node.op.kind for node in graph.nodes if type(node.op) not in FORWARD]
    dynamic = [
        f"int{weight.bits} weights beside inputs quantized as they come"
        for node in graph.nodes
        for weight in node.op.constants
        if weight.quant is not None and not weight.is_decoded
    ]
    for got in (*integer, *unknown, *dynamic):
        raise RecipeError(
            f"{graph.name}: training expected a float graph, got {got}; "
            "train or finetune before quantize"
        )


def weights_of(op: Op) -> dict[str, Weight]:
    """Return the constants of `op` by field name."""
    found = {field.name: getattr(op, field.name) for field in fields(cast("Any", op))}
    return {key: value for key, value in found.items() if isinstance(value, Weight)}


def _is_held(op: Op, key: str) -> bool:
    """Return whether training leaves the constant alone: scalars, embeddings, statistics."""
    return isinstance(op, Constant) or (isinstance(op, BatchNorm) and key in ("mean", "variance"))


def _array(values: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(values.detach().cpu(), dtype=np.float64)
