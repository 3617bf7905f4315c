"""Train all networks of a family at once, in weights that they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from compressors.supernet import Supernet, cropped, initial
from compressors.training.feed import Feed
from compressors.training.loop import descend
from compressors.training.operators import FORWARD
from compressors.training.twin import weights_of
from compressors.workbench import UNWATCHED
from hwsim.errors import RecipeError
from hwsim.reference import stacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from compressors.supernet import Architecture, Family
    from compressors.training.loop import Course
    from compressors.workbench import Watcher
    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph

# Statistics of batch norms are those of each batch, and taken anew for every network afterwards.
_STATISTICS = ("mean", "variance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandwich:
    """Which networks learn from a batch (Yu and Huang, arXiv 1903.05134, section 3.2).

    The largest learns from the labels, all others from what it says.

    Attributes:
        largest: Its weights hold those of all others.
        smallest: Always learns too.
        draw: Another network of the family, drawn evenly.
        drawn: How many of these learn from each batch.
        shift: Images are moved by up to so many pixels along each axis, one draw per batch.
    """

    largest: Architecture
    smallest: Architecture
    draw: Callable[[np.random.Generator], Architecture]
    drawn: int = 2
    shift: int = 0


class SharedTwin(nn.Module):
    """The trainable twin of every network of a family."""

    def __init__(self, family: Family, largest: Architecture, seed: int) -> None:
        """Start from weights drawn by `seed`."""
        super().__init__()
        constants: dict[str, Array] = {}
        draw = initial(seed)

        def kept(name: str, shape: tuple[int, ...]) -> Array:
            constants[name] = draw(name, shape)
            return constants[name]

        self._largest = family.graph(largest, kept)
        self._places = {
            name: i for i, name in enumerate(n for n in constants if not n.endswith(_STATISTICS))
        }
        self._values = nn.ParameterList(torch.tensor(constants[name]) for name in self._places)
        self.batches: Tensor
        # Networks of a batch are drawn by its number, so that a training can go on.
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self._shaped = cache(partial(_shaped, family))

    def constant(self, node: str, key: str, shape: tuple[int, ...]) -> Tensor:
        """Return the part of a shared constant that a network of the family uses."""
        if key in _STATISTICS:
            return torch.zeros(shape)
        return cropped(self._values[self._places[f"{node}.{key}"]], shape)

    def forward(self, architecture: Architecture, x: Tensor) -> Tensor:
        """Return logits [samples, classes] for x [samples, *shape of the input]."""
        graph = self._shaped(architecture)
        values = {graph.inputs[0]: x}
        for node in graph.nodes:
            feed = Feed(
                inputs=tuple(values[tensor] for tensor in node.inputs),
                weights={
                    key: self.constant(node.name, key, weight.shape)
                    for key, weight in weights_of(node.op).items()
                },
                samples=len(x),
                training=True,
            )
            values[node.outputs[0]] = FORWARD[type(node.op)](node.op, feed)
        return values[graph.outputs[0]].flatten(1)

    def constants(self) -> dict[str, Array]:
        """Return the shared constants by name, statistics of 0."""
        shapes = {
            f"{node.name}.{key}": weight.shape
            for node in self._largest.nodes
            for key, weight in weights_of(node.op).items()
        }
        return {
            name: self._values[self._places[name]].detach().numpy().copy()
            if name in self._places
            else np.zeros(shape, np.float32)
            for name, shape in shapes.items()
        }


def train_supernet(
    family: Family,
    sandwich: Sandwich,
    data: Data,
    course: Course,
    calibration_samples: int,
    watcher: Watcher = UNWATCHED,
) -> Supernet:
    """Return the family with weights that serve all its networks.

    Equal seeds give equal weights; torch's global random state is neither read nor changed.

    Args:
        family: What networks have in common.
        sandwich: Which of them learn from a batch.
        data: With labels 0..classes - 1.
        course: How long, how fast.
        calibration_samples: The first so many inputs give batch norms their statistics.
        watcher: Told of every epoch.

    Raises:
        RecipeError: Labels are missing or no classes of the family, or the training diverged.
        DataError: The inputs are not of the family's shape.
    """
    module = SharedTwin(family, sandwich.largest, course.seed)
    graph = _shaped(family, sandwich.largest)
    x = torch.tensor(stacked(graph, data.x), dtype=torch.float32)
    y = _labels(data, family.classes)

    def loss(batch: Tensor) -> Tensor:
        rng = np.random.default_rng((course.seed, int(module.batches)))
        module.batches += 1
        images = shifted(x[batch], family, sandwich.shift, rng)
        logits = module(sandwich.largest, images)
        total = functional.cross_entropy(logits, y[batch])
        taught = logits.detach().softmax(dim=1)
        others = [sandwich.draw(rng) for _ in range(sandwich.drawn)]
        for other in (sandwich.smallest, *others):
            total = total + functional.cross_entropy(module(other, images), taught)
        return total

    descend(module, loss, len(x), course, watcher, graph.name)
    return Supernet(family=family, constants=module.constants(), x=data.x[:calibration_samples])


def _shaped(family: Family, architecture: Architecture) -> Graph:
    """Return a network for its shapes alone, all constants 0."""
    return family.graph(architecture, lambda _, shape: np.zeros(shape))


def _labels(data: Data, classes: int) -> Tensor:
    if data.y is None:
        raise RecipeError(f"supernet: training expected labels, got none; add y to {data.name}")
    low, high = int(data.y.min()), int(data.y.max())
    if low < 0 or high >= classes:
        raise RecipeError(
            f"supernet: training expected labels 0..{classes - 1}, got {low}..{high} in {data.name}"
        )
    return torch.tensor(data.y, dtype=torch.int64)


def shifted(images: Tensor, family: Family, most: int, rng: np.random.Generator) -> Tensor:
    """Return images [samples, 1, ...] moved by up to `most` pixels, zeros behind them."""
    if most == 0:
        return images
    down, right = (int(rng.integers(2 * most + 1)) for _ in range(2))
    rows = 2 if family.layout == "channels_last" else 3
    height, width = images.shape[rows], images.shape[rows + 1]
    sides = [most] * 4
    padded = functional.pad(images, sides if rows == 3 else [0, 0, *sides])
    return padded.narrow(rows, down, height).narrow(rows + 1, right, width)
