"""What a criterion is, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from hwsim.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from compressors._compressor import DataNeed
    from compressors.workbench import Workbench
    from hwsim.arrays import FloatArray
    from hwsim.channels.layers import Layer
    from hwsim.data import Data
    from hwsim.graph import Graph

CriterionName: TypeAlias = Literal[
    "l1",
    "l2",
    "lp",
    "random",
    "wanda",
    "taylor",
    "fisher",
    "movement",
    "obs",
    "geometric_median",
    "bn_scale",
    "activation_mean",
    "apoz",
    "taylor_activation",
    "cosine",
]
"""Those of `CRITERIA`, and `obs`, which also changes the weights that stay."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """What is scored, and by what.

    Attributes:
        graph: As it is now.
        layers: Those to score, by name of the node.
        bench: Data, and who watches training.
        samples: At most so many of the data are looked at; training sees all.
        p: Exponent of `lp`.
        epochs: Passes over the data that `movement` watches.
        learning_rate: Of these.
        batch_size: Samples per gradient.
        seed: Of what is random.
    """

    graph: Graph
    layers: Mapping[str, Layer]
    bench: Workbench
    samples: int = 256
    p: float = 2.0
    epochs: int = 1
    learning_rate: float = 0.01
    batch_size: int = 64
    seed: int = 0

    def inputs(self) -> Data:
        """Return the first samples.

        Raises:
            RecipeError: There are none.
        """
        return self.bench.inputs(self.graph, "prune").head(self.samples)

    def labelled(self) -> Data:
        """Return the first samples, which have labels.

        Raises:
            RecipeError: There are none.
        """
        return self.bench.labelled(self.graph, "prune").head(self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """How to score what may be pruned; what has the highest score stays.

    Attributes:
        name: As recipes spell it.
        needs: What the score is made of beside the graph.
        unit: What has a score: a single `weight`, a whole `filter` or a residual `block`.
        score: By name of the layer, for weights: in the shape of the weight, such that the sum over
            several weights ranks them as a group; for filters: [out]. By name of the block: [].
    """

    name: str
    needs: DataNeed
    unit: Literal["weight", "filter", "block"]
    score: Callable[[Study], Mapping[str, FloatArray]]

    def exponent(self, p: float) -> float:
        """Return q where the norm of a group is the q-th root of its sum; 1 where it is no norm."""
        return {"l2": 2.0, "lp": p}.get(self.name, 1.0)

    @property
    def is_magnitude(self) -> bool:
        """Whether a weight's score depends on its magnitude alone."""
        return self.name in ("l1", "l2", "lp")


def scores_of(study: Study, criterion: Criterion) -> Mapping[str, FloatArray]:
    """Return the scores of `criterion`, all of them numbers that can be compared.

    Raises:
        RecipeError: One is NaN, as gradients are where the network's outputs overflow.
    """
    scores = criterion.score(study)
    for name, own in scores.items():
        if np.isnan(own).any():
            raise RecipeError(
                f"{study.graph.name}/{name}: prune expected scores that are numbers, got NaN from "
                f"criterion={criterion.name}; scale inputs and weights, or take criterion=l1"
            )
    return scores
