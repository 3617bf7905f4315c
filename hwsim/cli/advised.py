"""What explain adds to an attribution: what densities alone would say, and what would pay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from compressors.alternatives import alternatives, trains, without_training
from hwsim.activations import activations_of
from hwsim.advice import advise, channel_multiple, native_formats
from hwsim.cost import count, count_by_density, price
from hwsim.evaluation import measure
from hwsim.lower import lower
from hwsim.row import latency_on

if TYPE_CHECKING:
    from compressors import Recipe
    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.profile import DeviceProfile
    from hwsim.records import Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """A model under a recipe, on a device that runs it.

    Attributes:
        original: The model as it is.
        recipe: What compressed it.
        graph: What the recipe made.
        device: Where it runs.
        data: Samples that judge it.
        training_data: What recipes may calibrate on.
    """

    original: Graph
    recipe: Recipe
    graph: Graph
    device: DeviceProfile
    data: Data | None
    training_data: Data | None

    def by_density_s(self) -> float | None:
        """Return the latency of zeros that are spread evenly.

        None where the places of zeros make no difference.
        """
        program = lower(self.graph, self.device)
        seen = activations_of(program, self.data)
        evenly = count_by_density(program, seen)
        return None if evenly == count(program, seen) else price(program, evenly).latency_s

    def advice(self, most: int) -> tuple[Advice, ...]:
        """Return at most `most` changes that pay, the fastest first."""
        if not most:
            return ()
        device = self.device
        recipes = alternatives(self.recipe, native_formats(device), channel_multiple(device))
        builds = {
            spec: partial(
                without_training(recipe).apply,
                self.original,
                self.training_data,
                price=latency_on(device),
            )
            for spec, recipe in recipes.items()
        }
        numerics = device.numerics.resolve()
        return advise(
            self.graph,
            device,
            alternatives=builds,
            accuracy_of=lambda changed: measure(changed, self.data, numerics).accuracy,
            most=most,
            activations=self.data,
            untrained=[spec for spec, recipe in recipes.items() if trains(recipe)],
        )
