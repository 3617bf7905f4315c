"""A change that might pay: built, lowered, counted and priced before anybody is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from hwsim.errors import FormatError, RecipeError, UnsupportedError
from hwsim.evaluation import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records import Estimate

Kind: TypeAlias = Literal["channels", "format", "width", "recipe"]
"""What changes: how many channels there are, how weights lie, their bits, or the recipe."""

REFUSALS = (FormatError, RecipeError, UnsupportedError)
"""A candidate that meets one of these cannot be had, and is no advice."""

# Of one layer among others, less than 1 part in 1000 of the latency is not worth a look.
_LEAST = 0.001
# Nobody retrains a network for less, or writes another file.
_WORTH, _WORTH_FLASH = 0.01, 0.05
# As fast: within 0.5 %.
_AS_FAST = 0.005
# Names that a sentence has room for.
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A change that has not been built yet.

    Attributes:
        kind: Of change.
        change: In words, without what it saves.
        build: Returns the changed graph.
        recipe: Spec string of the whole recipe; empty where the compressed graph is changed.
        layer: The layer that changes; None for several.
        is_trained: Whether the graph is what the recipe makes; if not, training was left out, which
            leaves the price and not the accuracy as they will be.
    """

    kind: Kind
    change: str
    build: Callable[[], Graph]
    recipe: str = ""
    layer: str | None = None
    is_trained: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Priced:
    """A candidate, built and priced.

    Attributes:
        candidate: What was built.
        graph: What came of it.
        estimate: What that costs.
    """

    candidate: Candidate
    graph: Graph
    estimate: Estimate

    @cached_property
    def latency_s(self) -> float:
        """Seconds of one inference."""
        return self.estimate.latency_s

    @property
    def flash_bytes(self) -> int:
        """See `Footprint`."""
        return self.estimate.footprint.flash_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The compressed model as it is, and the device that it runs on.

    Attributes:
        graph: Compressed.
        device: Where.
        activations: Inputs that show which activations are zero; None: none count as zero.
        estimate: What it costs there.
    """

    graph: Graph
    device: DeviceProfile
    activations: Data | None
    estimate: Estimate

    @classmethod
    def of(cls, graph: Graph, device: DeviceProfile, activations: Data | None) -> Present:
        """Return `graph` with its price; errors are those of `hwsim.evaluation.estimate`."""
        return cls(
            graph=graph,
            device=device,
            activations=activations,
            estimate=estimate(graph, device, activations),
        )

    def estimated(self, graph: Graph) -> Estimate:
        """Return what another graph costs there; errors likewise."""
        return estimate(graph, self.device, self.activations)

    def without_activations(self) -> Present:
        """Return the same where no activation counts as zero; this very one if that costs alike."""
        if self.activations is None:
            return self
        other = Present.of(self.graph, self.device, None)
        return self if other.estimate == self.estimate else other

    def price(self, candidate: Candidate) -> Priced | None:
        """Return `candidate` with its price; None where it cannot be built or run."""
        try:
            graph = candidate.build()
            priced = self.estimated(graph)
        except REFUSALS:
            return None
        if candidate.kind == "recipe" and _widths(graph) != _widths(self.graph):
            candidate = replace(candidate, kind="width")
        return Priced(candidate=candidate, graph=graph, estimate=priced)

    def is_paid(self, priced: Priced) -> bool:
        """Return whether it is 1 % faster, or as fast (within 0.5 %) and 5 % smaller in flash.

        A model that fits must fit then, too.
        """
        footprint = self.estimate.footprint
        if footprint.fits and not priced.estimate.footprint.fits:
            return False
        latency_s = self.estimate.latency_s
        is_smaller = priced.flash_bytes < (1 - _WORTH_FLASH) * footprint.flash_bytes
        is_as_fast = priced.latency_s <= (1 + _AS_FAST) * latency_s
        return priced.latency_s < (1 - _WORTH) * latency_s or (is_smaller and is_as_fast)

    def is_faster(self, priced: Priced) -> bool:
        """Return whether it is faster by 1 part in 1000 at least."""
        return priced.latency_s < (1 - _LEAST) * self.estimate.latency_s

    def saved(self, priced: Priced) -> str:
        """Return in words what makes it pay: `saves 18 %`, or what it saves of the flash."""
        saved = 1 - priced.latency_s / self.estimate.latency_s
        if saved > _WORTH:
            return f"saves {_percent(saved)}"
        speed = "as fast" if saved <= _AS_FAST else f"{_percent(saved)} faster"
        flash_bytes = self.estimate.footprint.flash_bytes
        smaller = 1 - priced.flash_bytes / flash_bytes if flash_bytes else 0.0
        is_flash = self.device.device_class not in ("cpu", "gpu", "accelerator")
        stored = "flash" if is_flash else "weights and code"
        return f"{speed}, and saves {_percent(smaller)} of the {stored}"


def listed(names: Sequence[str]) -> str:
    """Return `a, b, c and 9 more`: as many names as a sentence has room for."""
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[: _MOST_NAMES - 1])} and {len(names) - _MOST_NAMES + 1} more"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _widths(graph: Graph) -> frozenset[int]:
    """Return the bits of all weights."""
    weights = [node.op.weight for node in graph.nodes]
    return frozenset(weight.bits for weight in weights if weight is not None)
