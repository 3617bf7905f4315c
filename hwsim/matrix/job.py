"""One rung: prune once, price on every device in every format that its kernels take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from hwsim.cost import count, price
from hwsim.errors import FormatError, RecipeError, UnsupportedError
from hwsim.evaluation import measure
from hwsim.formats import Dense
from hwsim.formats.find import pattern_of
from hwsim.lower import lower
from hwsim.matrix.backing import finds_zeros, zeros_backed
from hwsim.matrix.dead import is_dead
from hwsim.matrix.storage import sparse_formats, sparse_layers, stored_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.data import Data
    from hwsim.formats import Format
    from hwsim.graph import Graph
    from hwsim.matrix.structures import Pruning
    from hwsim.profile import DeviceProfile
    from hwsim.program import Program, Step
    from hwsim.records import Accuracy, Estimate
    from hwsim.row import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """One model in one format on one device.

    Attributes:
        format: How the weights that were pruned are stored.
        latency_s: Of one inference.
        macs_effective: Whose weight is not zero.
        flash_bytes: See `Footprint`.
        executed_as: How those layers run, in words.
        is_backed: See `Estimate`; kernels that find zeros must have fitted prices, too.
        channel_tile: What the kernels that take most of the time round output channels up to.
    """

    format: str
    latency_s: float
    macs_effective: int
    flash_bytes: int
    executed_as: str
    is_backed: bool
    channel_tile: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rung on one device.

    Attributes:
        priced: One for each format; empty where it is refused.
        accuracy: None where no labelled data was given.
        refusal: Why it is refused.
        is_dead: Whether so much is pruned that no output depends on the input.
    """

    priced: tuple[Priced, ...] = ()
    accuracy: Accuracy | None = None
    refusal: str = ""
    is_dead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One rung of one structure on some devices: what one worker does.

    Attributes:
        graph: The model as it is.
        pruning: What goes; None for the dense model.
        recipe: Prunes, and compresses further.
        profiles: The devices.
        data: Labelled samples that judge it.
        training_data: What the recipe may calibrate and train on.
    """

    graph: Graph
    pruning: Pruning | None
    recipe: Recipe
    profiles: tuple[DeviceProfile, ...]
    data: Data | None
    training_data: Data | None

    @property
    def label(self) -> str:
        """For a person who waits."""
        if self.pruning is None:
            return "dense"
        return f"{self.pruning.structure} {self.pruning.sparsity:.0%}"

    def cells(self) -> tuple[Cell, ...]:
        """Return one cell per device; what does not depend on the device is done once."""
        try:
            graph = self.recipe.apply(self.graph, self.training_data)
        except (RecipeError, UnsupportedError, FormatError) as error:
            return (Cell(refusal=str(error)),) * len(self.profiles)
        variants = _Variants(graph, self.pruning)
        dead = is_dead(graph)
        # Devices that round alike share one run over the data.
        measured = cache(partial(measure, graph, self.data))
        made: list[Cell] = []
        for profile in self.profiles:
            try:
                priced = variants.on(profile)
                if any(own.latency_s <= 0.0 for own in priced):
                    made.append(Cell(refusal=f"{graph.name} takes no time on {profile.name}"))
                    continue
                made.append(
                    Cell(
                        priced=priced,
                        accuracy=measured(profile.numerics.resolve()).accuracy,
                        is_dead=dead,
                    )
                )
            except UnsupportedError as error:
                made.append(Cell(refusal=str(error)))
        return tuple(made)


class _Variants:
    """A pruned graph in every format; each is packed once for all devices."""

    def __init__(self, graph: Graph, pruning: Pruning | None) -> None:
        self._graph = graph
        self._layers = () if pruning is None else sparse_layers(graph)
        self._pattern = None if pruning is None else pattern_of(pruning.structure)
        self._stored: Callable[[Format], Graph | None] = cache(
            partial(stored_as, graph, self._layers)
        )

    def on(self, profile: DeviceProfile) -> tuple[Priced, ...]:
        """Return the prices in each format in which some kernel finds the zeros.

        Where none does, that of dense storage, zeros included.

        Raises:
            UnsupportedError: The device cannot run the model.
        """
        if not self._layers:
            return (self._priced(lower(self._graph, profile), Dense()),)
        candidates = sparse_formats(profile, self._pattern)
        found = [self._native(each, profile) for each in candidates]
        known = tuple(each for each in found if each is not None)
        dense = self._stored(Dense())
        assert dense is not None  # Any weight can lie dense.
        program = lower(dense, profile)
        if known and not any(map(finds_zeros, self._own(program))):
            return known
        return (*known, self._priced(program, Dense()))

    def _native(self, format_: Format, profile: DeviceProfile) -> Priced | None:
        """Return the price; None where no kernel finds the zeros, or they do not fit."""
        graph = self._stored(format_)
        if graph is None:
            return None
        program = lower(graph, profile)
        if not any(map(finds_zeros, self._own(program))):
            return None
        return self._priced(program, format_)

    def _own(self, program: Program) -> list[Step]:
        return [step for step in program.steps if step.node.name in self._layers]

    def _ways(self, program: Program) -> str:
        """Return how the layers that were pruned run: `native`, or `3 native, 18 dense_fallback`.

        Where there are none (filters are gone, nothing is stored otherwise), how all that multiply
        do. What was stored sparse runs as a dense fallback where its zeros are multiplied, whoever
        stored it dense at last.
        """
        if not self._layers:
            ways = Counter(step.executed_as for step in program.steps if step.workload.macs)
        else:
            ways = Counter(_way(step) for step in self._own(program))
        if len(ways) <= 1:
            return next(iter(ways), "")
        return ", ".join(f"{n} {way}" for way, n in ways.most_common())

    def _priced(self, program: Program, format_: Format) -> Priced:
        costs = price(program, count(program))
        return Priced(
            format=format_.name,
            latency_s=costs.latency_s,
            macs_effective=costs.macs_effective,
            flash_bytes=costs.footprint.flash_bytes,
            executed_as=self._ways(program),
            is_backed=costs.is_backed and zeros_backed(program.steps, program.profile),
            channel_tile=_channel_tile(costs),
        )


def _way(step: Step) -> str:
    is_dense = step.executed_as == "native" and not finds_zeros(step)
    return "dense_fallback" if is_dense else step.executed_as


def _channel_tile(costs: Estimate) -> int:
    """Return the multiple of output channels that most of the time is spent in.

    Channels of depthwise layers are those of the layer before them.
    """
    seconds: Counter[int] = Counter()
    for step in costs.steps:
        if step.counts.macs and not step.op.startswith("depthwise"):
            seconds[step.channel_tile[1]] += step.latency_s  # pyright: ignore[reportArgumentType]
    return max(seconds, key=lambda tile: seconds[tile], default=1)
