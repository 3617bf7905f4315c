"""What compressors work with beside the graph: data, a teacher, a price, and who watches."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """Sees a recipe and its trainings go on, and keeps what is finished of them.

    A step may train several times, in a fixed order: each training calls `kept` once, when it
    begins, and `keep` after every pass, with the state that belongs to it. A training that was
    finished is given its last state, and is over at once.
    """

    def step(self, spec: str, graph: Graph, bench: Workbench, make: Callable[[], Graph]) -> Graph:
        """Return what a step of a recipe makes: `make()`, or the same, kept by an earlier run.

        Args:
            spec: The step with its settings.
            graph: What it is given.
            bench: What it may use.
            make: Takes the step.
        """
        ...

    def on_epoch(self, done: int, total: int, loss: float) -> None:
        """Take note that `done` of `total` passes are over, the last with this mean loss."""
        ...

    def keep(self, state: Mapping[str, Array]) -> None:
        """Keep the state of the training under way; it replaces what was kept of it before."""
        ...

    def kept(self) -> Mapping[str, Array] | None:
        """Return the state that an earlier run kept of the training that begins here, if any."""
        ...


class Unwatched:
    """Keeps and says nothing."""

    def step(self, spec: str, graph: Graph, bench: Workbench, make: Callable[[], Graph]) -> Graph:
        """See `Watcher.step`."""
        del spec, graph, bench
        return make()

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
        real: The graph as it was last before a step made integers of some of it; None where the
            recipe began with integers.
    """

    data: Data | None = None
    original: Graph | None = None
    teacher: Graph | None = None
    price: Price | None = None
    watcher: Watcher = UNWATCHED
    real: Graph | None = None

    def before(self, graph: Graph) -> Workbench:
        """Return the bench of a step that is given `graph`, which it keeps if all of it is real."""
        return replace(self, real=graph) if _is_real(graph) else self

    def reals(self, graph: Graph, step: str) -> Graph:
        """Return the graph as it was before some of it became integers.

        Raises:
            RecipeError: It never was, or it still is, of floats.
        """
        if self.real is None or _is_real(graph):
            got = "no integers yet" if _is_real(graph) else "nothing before the integers"
            raise RecipeError(
                f"{graph.name}: {step} expected integers, and the graph of floats before them in "
                f"the same recipe, got {got}; such as quantize|{step}"
            )
        return self.real

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


def _is_real(graph: Graph) -> bool:
    """Return whether no tensor and no constant is of integers."""
    weights = (weight for node in graph.nodes for weight in node.op.constants)
    types = graph.tensors.values()
    return all(type_.quant is None for type_ in types) and all(w.quant is None for w in weights)
