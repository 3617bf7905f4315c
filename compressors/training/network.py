"""What a module in training must offer, whether it computes with reals or with integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from torch import Tensor

    from hwsim.graph import Graph


class Network(Protocol):
    """A graph as a torch module."""

    def logits(self, x: Tensor) -> Tensor:
        """Return [samples, classes]: the first output, before a softmax that makes it."""
        ...

    def tensor(self, name: str, x: Tensor) -> Tensor:
        """Return the tensor `name` of the graph, [samples, *shape], for x [samples, *shape]."""
        ...

    def graph(self) -> Graph:
        """Return the graph with the values as they are now."""
        ...

    def eval(self) -> Self:
        """Leave training mode."""
        ...
