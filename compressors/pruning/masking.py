"""Set weights to zero, one by one or in groups; shapes stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compressors.pruning.criteria import CRITERIA, scores_of
from compressors.pruning.followers import output_layers
from compressors.pruning.groups import Groups, groups_of
from compressors.pruning.masks import keep_largest_of_rows, keep_n_of_m
from compressors.pruning.obs import Portion, surgery
from compressors.pruning.scopes import Contest, survivors
from hwsim.errors import FormatError, RecipeError
from hwsim.formats import NM
from hwsim.ops import Conv2d

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compressors.pruning.criteria import Criterion, Study
    from compressors.pruning.groups import Parting
    from compressors.pruning.quota import Quota, Scope
    from compressors.pruning.schedule import Stage
    from hwsim.arrays import Array, FloatArray
    from hwsim.channels.layers import Layer
    from hwsim.formats import Block, Format
    from hwsim.graph import Graph
    from hwsim.tensor import Weight

OBS = "obs"
"""The one criterion that changes the weights that stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """How to set weights to zero.

    Attributes:
        structure: What stands or falls together.
        criterion: Name of what scores it.
        scope: Who competes with whom.
        quota: How much of which layers goes.
        threshold: Instead: magnitudes below go.
        format: How the weights are stored then.
        damping: For `obs`.
    """

    structure: Parting | Block | NM
    criterion: str
    scope: Scope
    quota: Quota
    threshold: float | None
    format: Format
    damping: float

    def to(self, study: Study, stage: Stage) -> Graph:
        """Return the graph of `study` with as many zeros as there are after `stage`.

        Raises:
            RecipeError: No layer has this structure, or the criterion does not fit the graph.
        """
        study = replace(study, layers=self.quota.choose(study.layers, study.graph.name))
        _require_zeros(study)
        if self.criterion == OBS:
            weights = surgery(study, self._shares(study, stage), self.damping)
        else:
            keeps = self._keeps(study, stage)
            weights = {name: study.layers[name].weight.masked(keeps[name]) for name in keeps}
        weights = {name: replace(weight, format=self.format) for name, weight in weights.items()}
        _require_room(study, weights)
        return study.graph.with_ops(
            {name: replace(study.layers[name], weight=weight) for name, weight in weights.items()}
        )

    def _shares(self, study: Study, stage: Stage) -> dict[str, Portion]:
        if isinstance(self.structure, NM):
            names = _patterned(study, self.structure)
            return {name: Portion(pattern=self.structure) for name in names}
        return {name: Portion(fraction=self.quota.fraction(name, stage)) for name in study.layers}

    def _keeps(self, study: Study, stage: Stage) -> Mapping[str, Array]:
        """Return where to keep weights, of their shapes; others stay as they are."""
        if self.threshold is not None:
            theta = self.threshold
            return {name: np.abs(op.weight.real()) >= theta for name, op in study.layers.items()}
        if isinstance(self.structure, NM):
            study = replace(study, layers=_patterned(study, self.structure))
            scores = scores_of(study, CRITERIA[self.criterion])
            return {
                name: _pattern_of(scores[name], study.layers[name], self.structure)
                for name in study.layers
            }
        return self._grouped(study, self.structure, stage)

    def _grouped(
        self, study: Study, structure: Parting | Block, stage: Stage
    ) -> Mapping[str, Array]:
        groups = cut_layers(study.graph, study.layers, structure)
        if not groups:
            expected = (
                "a convolution" if structure == "kernel" else "layers with others behind them"
            )
            raise RecipeError(
                f"{study.graph.name}: prune{{structure={structure}}} expected {expected}, "
                f"got {', '.join(study.layers)}; structure=unstructured would do"
            )
        study = replace(study, layers={name: study.layers[name] for name in groups})
        criterion = CRITERIA[self.criterion]
        scores = scores_of(study, criterion)
        worth = {
            name: _worth(criterion, own, scores[name], study.layers[name], study.p)
            for name, own in groups.items()
        }
        if criterion.name == "wanda" and structure == "unstructured" and self.scope == "local":
            # Sun et al., arXiv 2306.11695, section 3: weights of one output compete.
            return {
                name: keep_largest_of_rows(
                    own.reshape(study.layers[name].weight.matrix.shape),
                    self.quota.fraction(name, stage),
                ).reshape(study.layers[name].weight.shape)
                for name, own in worth.items()
            }
        contest = Contest(
            sparsity=self.quota.general(stage),
            scope=self.scope,
            is_relative=structure != "unstructured" or criterion.name == "wanda",
            fractions=self.quota.own(worth, stage),
        )
        keeps = survivors(worth, contest)
        return {
            name: groups[name].spread(keep).reshape(study.layers[name].weight.shape)
            for name, keep in keeps.items()
        }


def _require_zeros(study: Study) -> None:
    """Refuse signs: no code of theirs means zero."""
    for name, op in study.layers.items():
        if op.weight.quant is not None and op.weight.quant.is_bipolar:
            raise RecipeError(
                f"{study.graph.name}/{name}: prune expected weights that can be zero, got signs "
                "(scheme=binary); exclude the layer, or take scheme=ternary behind prune"
            )


def _require_room(study: Study, weights: Mapping[str, Weight]) -> None:
    """Refuse a format of few values for weights of many; others hold any zeros."""
    for name, weight in weights.items():
        try:
            _ = weight.packed if weight.format.shares_values else None
        except FormatError as error:
            raise RecipeError(
                f"{study.graph.name}/{name}: prune cannot store it: {error}; leave out format"
            ) from error


def cut_layers(
    graph: Graph, layers: Mapping[str, Layer], structure: Parting | Block
) -> dict[str, Groups]:
    """Return how `structure` cuts those of `layers` that it applies to.

    Rows of layers that make outputs of `graph` stay: they are classes, not features.
    """
    kept = output_layers(graph) if structure == "row" else frozenset[str]()
    cut = {name: groups_of(op, structure) for name, op in layers.items() if name not in kept}
    return {name: groups for name, groups in cut.items() if groups is not None}


def _worth(
    criterion: Criterion, groups: Groups, scores: FloatArray, op: Layer, p: float
) -> FloatArray:
    """Return the score of each group; -inf where all its weights are zero already."""
    if criterion.unit == "filter":
        worth = scores
    elif criterion.name == "random":
        # A sum of many draws would favour no layer, and large groups.
        worth = groups.firsts(scores)
    else:
        worth, exponent = groups.totals(scores), criterion.exponent(p)
        worth = worth if exponent == 1.0 else worth ** (1.0 / exponent)
    present = op.weight.nonzero
    if present.all():
        return worth
    if groups.of is not None:
        present = groups.totals(present.astype(np.float64))
    return np.where(present.reshape(-1) == 0, -np.inf, worth)


def _pattern_of(scores: FloatArray, op: Layer, pattern: NM) -> Array:
    shape = op.weight.matrix.shape
    worth = np.where(op.weight.nonzero, scores.reshape(shape), -np.inf)
    return keep_n_of_m(worth, pattern.n, pattern.m).reshape(op.weight.shape)


def _patterned(study: Study, pattern: NM) -> dict[str, Layer]:
    """Return the layers that can follow the pattern.

    Raises:
        RecipeError: There are none.
    """
    found = {
        name: op
        for name, op in study.layers.items()
        if not (isinstance(op, Conv2d) and op.is_depthwise)
        and op.weight.matrix.shape[1] > pattern.n
    }
    if not found:
        raise RecipeError(
            f"{study.graph.name}: prune{{structure={pattern.name}}} expected a layer, not "
            f"depthwise, of rows longer than {pattern.n}, got {', '.join(study.layers)}; "
            "structure=unstructured would do"
        )
    return found
