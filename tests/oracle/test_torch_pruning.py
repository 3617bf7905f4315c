"""Torch-Pruning finds the same coupled channels, and prunes modules to the same networks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import hwsim
from examples.digits import DigitsNet
from hwsim.channels.find import Channels, find_channels
from hwsim.channels.removal import without
from hwsim.graph import Graph, Node
from hwsim.ops import BatchNorm, Conv2d, Linear
from hwsim.reference import trace
from tests.graphs import samples

tp: Any = pytest.importorskip("torch_pruning", reason="torch-pruning is not installed")
pytestmark = pytest.mark.oracle

SIZE = 8
Member = tuple[str, str, int]
"""A module, `out` or `in`, and a channel of it."""


class Residual(nn.Module):
    """An identity block, then one with a strided projection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.a1, self.n1 = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.a2 = nn.Conv2d(6, 6, 3, padding=1)
        self.b1, self.b2 = nn.Conv2d(6, 8, 3, 2, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.shortcut = nn.Conv2d(6, 8, 1, 2)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = torch.relu(x + self.a2(torch.relu(self.n1(self.a1(x)))))
        x = torch.relu(self.b2(torch.relu(self.b1(x))) + self.shortcut(x))
        return self.head(x.mean((2, 3)))


class Separable(nn.Module):
    """Depthwise and pointwise convolutions; flattened at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.deep1, self.n1 = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.BatchNorm2d(6)
        self.point1 = nn.Conv2d(6, 8, 1)
        self.deep2 = nn.Conv2d(8, 8, 3, 2, padding=1, groups=8)
        self.point2, self.n2 = nn.Conv2d(8, 5, 1), nn.BatchNorm2d(5)
        self.head = nn.Linear(5 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = self.point1(torch.relu(self.n1(self.deep1(x))))
        x = self.n2(self.point2(self.deep2(nn.functional.relu6(x))))
        return self.head(torch.flatten(x, 1))


class DenselyConnected(nn.Module):
    """Every layer reads what all before it made."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 3, padding=1)
        self.n1, self.d1 = nn.BatchNorm2d(5), nn.Conv2d(5, 4, 3, padding=1)
        self.n2, self.d2 = nn.BatchNorm2d(9), nn.Conv2d(9, 4, 3, padding=1)
        self.n3, self.mix = nn.BatchNorm2d(13), nn.Conv2d(13, 6, 1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = torch.cat([x, self.d1(torch.relu(self.n1(x)))], 1)
        x = torch.cat([x, self.d2(torch.relu(self.n2(x)))], 1)
        x = nn.functional.avg_pool2d(self.mix(torch.relu(self.n3(x))), 2)
        return self.head(x.mean((2, 3)))


class Grouped(nn.Module):
    """A convolution of two groups between plain ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.groups = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 12, 3, groups=2)
        self.norm, self.last = nn.BatchNorm2d(12), nn.Conv2d(12, 6, 1)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.groups(torch.relu(self.first(x)))))
        return self.head(self.last(x).mean((2, 3)))


class Gated(nn.Module):
    """Squeeze and excitation, and a hidden layer of a transformer's kind."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.down, self.up = nn.Linear(8, 4), nn.Linear(4, 8)
        self.hidden, self.narrow, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.silu(self.conv(x))
        gate = torch.sigmoid(self.up(torch.relu(self.down(x.mean((2, 3))))))
        x = (x * gate[:, :, None, None]).mean((2, 3))
        return self.head(x + self.narrow(nn.functional.gelu(self.hidden(x))))


NETS: tuple[Callable[[], nn.Module], ...] = (
    Residual,
    Separable,
    DenselyConnected,
    Grouped,
    Gated,
    DigitsNet,
)
nets = pytest.mark.parametrize("build", NETS, ids=lambda build: build.__name__)


def example(net: nn.Module) -> Tensor:
    channels = next(m.in_channels for m in net.modules() if isinstance(m, nn.Conv2d))
    return torch.zeros(1, channels, SIZE, SIZE)


def made(build: Callable[[], nn.Module]) -> tuple[nn.Module, Graph]:
    """Return a module with norms that do something, and its graph."""
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net = build().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                assert values is not None
                nn.init.uniform_(values, 0.5, 1.5)
    return net, hwsim.load((net, (example(net),)))


def members(net: nn.Module, graph: Graph, channels: Channels, number: int) -> set[Member]:
    """Return the filters, columns and norms that `number` is, in the order of torch."""
    found: set[Member] = set()
    for node in graph.nodes:
        if not isinstance(node.op, (Conv2d, Linear, BatchNorm)):
            continue
        made_at = np.flatnonzero(channels.of[node.outputs[0]] == number)
        found |= {(node.name, "out", int(i)) for i in made_at}
        passes_on = isinstance(node.op, BatchNorm) or (
            isinstance(node.op, Conv2d) and node.op.is_depthwise
        )
        if not passes_on:
            read_at = np.flatnonzero(channels.of[node.inputs[0]] == number)
            found |= {(node.name, "in", flat_in_torch(graph, node, int(i))) for i in read_at}
    return found


def flat_in_torch(graph: Graph, node: Node, position: int) -> int:
    """Return the column of a linear layer where the module has it: channels lie outermost."""
    maker = graph.producers[node.inputs[0]]
    shape = graph.tensors[maker.inputs[0]].shape if maker.op.kind == "reshape" else ()
    if len(shape) != 4:
        return position
    place, channel = divmod(position, shape[3])
    return channel * shape[1] * shape[2] + place


def group_of(net: nn.Module, layer: str, at: list[int]) -> Any:
    """Return the group of Torch-Pruning that `at` of a layer's filters belong to."""
    graph = tp.DependencyGraph().build_dependency(net, example(net))
    module = net.get_submodule(layer)
    is_linear = isinstance(module, nn.Linear)
    prune = tp.prune_linear_out_channels if is_linear else tp.prune_conv_out_channels
    return graph.get_pruning_group(module, prune, at)


def members_of(net: nn.Module, group: Any) -> set[Member]:
    untyped: Any = net
    names: dict[nn.Module, str] = {module: name for name, module in untyped.named_modules()}
    return {
        (names[step.target.module], step.handler.__name__.split("_")[1], i)
        for step, indices in group
        if step.target.module in names
        for i in indices
    }


@nets
def test_groups_and_pruned_networks_are_the_same(build: Callable[[], nn.Module]) -> None:
    net, graph = made(build)
    pruned = copy.deepcopy(net)
    groups = 0
    layers = [n for n in graph.nodes if isinstance(n.op, (Conv2d, Linear))]
    for place, layer in enumerate(layers):
        channels = find_channels(graph)
        own = channels.of[layer.outputs[0]]
        number = int(own[place % len(own)])
        if number in channels.fixed:
            continue
        groups += 1
        at = np.flatnonzero(own == number).tolist()
        group = group_of(pruned, layer.name, at)
        assert members_of(pruned, group) == members(pruned, graph, channels, number)
        group.prune()
        graph = without(graph, channels, frozenset([number]))
    assert groups >= len(layers) - 3
    again = hwsim.load((pruned, (example(pruned),)))
    assert again.tensors == graph.tensors
    x = samples(graph, 2)
    want, got = trace(again, x), trace(graph, x)
    for name in want:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-9, atol=1e-9)
