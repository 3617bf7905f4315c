"""Gradients of the loss with respect to weights and activations, as pruning scores them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from compressors.training.feed import Feed
from compressors.training.loop import descend
from compressors.training.operators import FORWARD
from compressors.training.twin import Twin, labels_of
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor

    from compressors.training.loop import Course
    from compressors.workbench import Watcher
    from hwsim.arrays import FloatArray
    from hwsim.data import Data
    from hwsim.graph import Graph


class _Seen(Twin):
    """A twin that shows the weights it multiplies and the tensors it makes.

    Attributes:
        on_weight: Called with a node's name and its weight; what it returns is used instead.
        on_tensor: Called with a tensor's name and values.
    """

    def __init__(self, graph: Graph) -> None:
        """Show nothing yet."""
        super().__init__(graph)
        self.shown = graph
        self.on_weight: Callable[[str, Tensor], Tensor] = lambda _, weight: weight
        self.on_tensor: Callable[[str, Tensor], None] = lambda _, values: None

    def constants(self, node: str) -> dict[str, Tensor]:
        """See `Twin.constants`."""
        found = super().constants(node)
        if "weight" in found:
            found["weight"] = self.on_weight(node, found["weight"])
        return found

    def tensor(self, name: str, x: Tensor) -> Tensor:
        """See `Twin.tensor`."""
        values = {self.shown.inputs[0]: x}
        for node in self.shown.nodes:
            if name in values:
                break
            feed = Feed(
                inputs=tuple(values[tensor] for tensor in node.inputs),
                weights=self.constants(node.name),
                samples=x.shape[0],
                training=self.training,
            )
            values[node.outputs[0]] = FORWARD[type(node.op)](node.op, feed)
            self.on_tensor(node.outputs[0], values[node.outputs[0]])
        return values[name]


def squared_gradients(
    graph: Graph, data: Data, layers: Collection[str], batch_size: int
) -> dict[str, FloatArray]:
    """Return the square of each weight's gradient of the mean loss of a batch, over batches.

    Args:
        graph: Float; batch norms use their running statistics.
        data: With labels.
        layers: Names of the nodes.
        batch_size: Samples per gradient; with 1, the result is the diagonal of the empirical
            Fisher matrix.

    Raises:
        RecipeError: The graph holds integers, or labels are no classes of it.
    """
    twin, x, y = _prepared(graph, data)
    leaves = {name: twin.parameter(name, "weight")().detach().requires_grad_() for name in layers}
    twin.on_weight = lambda name, weight: leaves.get(name, weight)
    sums = {name: torch.zeros_like(leaf, dtype=torch.float64) for name, leaf in leaves.items()}
    batches = _batches(len(x), batch_size)
    for batch in batches:
        loss = functional.cross_entropy(twin.logits(x[batch]), y[batch])
        # A layer that the logits do not depend on changes no loss: its gradient is 0.
        gradients = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
        for name, gradient in zip(leaves, gradients, strict=True):
            sums[name] += gradient.double().square()
    return {name: (total / len(batches)).numpy() for name, total in sums.items()}


def activation_changes(
    graph: Graph, data: Data, tensors: Collection[str], batch_size: int
) -> dict[str, FloatArray]:
    """Return |sum over positions of a dL/da| per channel of each tensor, the mean over samples.

    Args:
        graph: Float.
        data: With labels.
        tensors: Names; channels are on the last axis.
        batch_size: Samples at a time; the result does not depend on it, up to rounding.

    Raises:
        RecipeError: As `squared_gradients`.
    """
    twin, x, y = _prepared(graph, data)
    made: dict[str, Tensor] = {}

    def keep(name: str, values: Tensor) -> None:
        if name in tensors:
            made[name] = values

    twin.on_tensor = keep
    sums: dict[str, FloatArray] = {}
    for batch in _batches(len(x), batch_size):
        # Summed, not averaged: each sample's loss has its own gradient.
        loss = functional.cross_entropy(twin.logits(x[batch]), y[batch], reduction="sum")
        gradients = torch.autograd.grad(loss, list(made.values()), materialize_grads=True)
        for (name, values), gradient in zip(made.items(), gradients, strict=True):
            products = (values.detach() * gradient).double()
            changes = products.reshape(len(batch), -1, values.shape[-1]).sum(dim=1).abs()
            sums[name] = sums.get(name, 0.0) + changes.sum(dim=0).numpy()
    return {name: total / len(x) for name, total in sums.items()}


def movements(
    graph: Graph, data: Data, layers: Collection[str], course: Course, watcher: Watcher
) -> dict[str, FloatArray]:
    """Return - sum of w dL/dw over the steps of a training, whose result is dropped.

    Args:
        graph: Float; left as it is.
        data: With labels.
        layers: Names of the nodes.
        course: How long, how fast.
        watcher: Told of every epoch.

    Raises:
        RecipeError: As `squared_gradients`, or the training diverged.
    """
    twin, x, y = _prepared(graph, data)
    for name in layers:
        moved = torch.zeros_like(twin.parameter(name, "weight")(), dtype=torch.float64)
        # A buffer: a training that is taken up again goes on counting.
        twin.register_buffer(_moved(graph, name), moved)

    def watch(name: str, weight: Tensor) -> Tensor:
        if name not in layers or not weight.requires_grad or not twin.training:
            return weight
        # A view of its own: hooks on a parameter would pile up from step to step.
        used = weight.view_as(weight)
        total = twin.get_buffer(_moved(graph, name))

        def count(gradient: Tensor) -> None:
            total.sub_((weight.detach() * gradient).double())

        used.register_hook(count)  # pyright: ignore[reportUnknownMemberType]
        return used

    twin.on_weight = watch

    def loss(batch: Tensor) -> Tensor:
        return functional.cross_entropy(twin.logits(x[batch]), y[batch])

    descend(twin, loss, len(x), course, watcher, graph.name)
    return {name: twin.get_buffer(_moved(graph, name)).numpy().copy() for name in layers}


def _moved(graph: Graph, name: str) -> str:
    """Return the name of the buffer of a node; torch allows no dots in it."""
    return f"moved{[node.name for node in graph.nodes].index(name)}"


def _prepared(graph: Graph, data: Data) -> tuple[_Seen, Tensor, Tensor]:
    twin = _Seen(graph)
    x = torch.tensor(stacked(graph, data.x), dtype=torch.float32)
    return twin, x, labels_of(twin, x, data, graph.name)


def _batches(samples: int, batch_size: int) -> tuple[Tensor, ...]:
    return torch.arange(samples).tensor_split(int(np.ceil(samples / batch_size)))
