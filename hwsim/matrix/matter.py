"""Matter: what a matrix is asked of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.matrix.job import Job
from hwsim.matrix.structures import prunings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.data import Data
    from hwsim.graph import Graph
    from hwsim.matrix.job import Cell
    from hwsim.matrix.structures import Pruning
    from hwsim.row import Recipe, Target


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What a matrix is asked of.

    Attributes:
        graph: The model as it is.
        base: Applied to the dense model, and after each pruning.
        pruned: Returns the recipe that prunes as a text says, with `base` behind it.
        targets: The devices.
        structures: See `hwsim.matrix.structures.spelled`.
        sparsities: See `hwsim.matrix.structures.rising`.
        data: Labelled samples, for accuracies.
        training_data: What recipes may calibrate and train on.
        tolerance: Accuracy that may be lost and still count as equal, 0..1.
    """

    graph: Graph
    base: Recipe
    pruned: Callable[[str], Recipe]
    targets: tuple[Target, ...]
    structures: tuple[str, ...]
    sparsities: tuple[float, ...]
    data: Data | None = None
    training_data: Data | None = None
    tolerance: float = 0.01

    def job(self, pruning: Pruning | None, targets: Sequence[Target]) -> Job:
        """Return the job of one rung on some devices; of the dense model without a pruning."""
        return Job(
            graph=self.graph,
            pruning=pruning,
            recipe=self.base if pruning is None else self.pruned(pruning.spec),
            profiles=tuple(target.profile for target in targets),
            data=self.data,
            training_data=self.training_data,
        )

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the profiles."""
        return tuple(target.profile.name for target in self.targets)

    def rungs(self, structure: str, dense: Cell) -> tuple[Pruning, ...]:
        """Return the rungs of a structure on a device, by the dense model's cell there."""
        return prunings(structure, self.sparsities, dense.priced[0].channel_tile)
