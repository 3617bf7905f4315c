"""What compressors work with beside the graph: data, a teacher, a price, and who watches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array
    from hwsim.data import Data
    from hwsim.graph import Graph

Price: TypeAlias = "Callable[[Graph], float]"
"""What a graph costs on some device, lower is better: seconds, joules or bytes."""


class Watcher(Protocol):
    """Sees long training go on, and keeps what is finished of it.

    Trainings of one recipe follow one another in a fixed order: the state that is kept belongs to
    the training that is under way.
    """

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        """Take note that `done` of `total` passes are over, the last with this mean loss."""
        ...

    def keep(self, state: Mapping[str, Array]) -> None:
        """Keep the state of the training under way; it replaces what was kept of it before."""
        ...

    def kept(self) -> Mapping[str, Array] | None:
        """Return the state of this training if an earlier run was stopped within it."""
        ...


class Unwatched:
    """Keeps and says nothing."""

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        """See `Watcher.on_epoch`."""

    def keep(self, state: Mapping[str, Array]) -> None:
        """See `Watcher.keep`."""

    def kept(self) -> Mapping[str, Array] | None:
        """See `Watcher.kept`."""
        return None


UNWATCHED = Unwatched()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """What a step may use beside the graph it is given.

    Attributes:
        data: Calibration inputs, or training data with labels.
        original: The graph before the recipe's first step; teachers are it, unless another is
            given.
        teacher: Another graph to learn from.
        price: What a graph costs on the device at hand; None where none is.
        watcher: Told how training goes.
    """

    data: Data | None = None
    original: Graph | None = None
    teacher: Graph | None = None
    price: Price | None = None
    watcher: Watcher = UNWATCHED

    def inputs(self, graph: Graph, step: str) -> Data:
        """Return the data, labels or not.

        Raises:
            RecipeError: There is none.
        """
        if self.data is None:
            raise RecipeError(
                f"{graph.name}: {step} expected inputs to calibrate on, got none; give --data or, "
                "where data judges, --train-data"
            )
        return self.data

    def labelled(self, graph: Graph, step: str) -> Data:
        """Return the data, which has labels.

        Raises:
            RecipeError: There is none, or it has none.
        """
        if self.data is None or self.data.y is None:
            got = "no data" if self.data is None else f"no y in {self.data.name}"
            raise RecipeError(
                f"{graph.name}: {step} expected inputs with labels, got {got}; "
                "give some with x and y (--train-data; in compress, --data)"
            )
        return self.data

    def priced(self, graph: Graph, step: str) -> Price:
        """Return the price.

        Raises:
            RecipeError: No device is at hand.
        """
        if self.price is None:
            raise RecipeError(
                f"{graph.name}: {step} expected a device whose price it can ask, got none; "
                "give --device, or price=... in Python"
            )
        return self.price
