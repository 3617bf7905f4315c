"""All criteria: what a weight, a filter or a block is worth. A new one is one line in CRITERIA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressors.pruning.criteria._criterion import Criterion, CriterionName, Study, scores_of
from compressors.pruning.criteria.activations import activation_mean, apoz, wanda
from compressors.pruning.criteria.filters import bn_scale, geometric_median
from compressors.pruning.criteria.gradients import fisher, movement, taylor, taylor_activation
from compressors.pruning.criteria.magnitude import l1, l2, lp, random
from compressors.pruning.criteria.similarity import cosine

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLE = (
    Criterion(name="l1", needs="none", unit="weight", score=l1),
    Criterion(name="l2", needs="none", unit="weight", score=l2),
    Criterion(name="lp", needs="none", unit="weight", score=lp),
    Criterion(name="random", needs="none", unit="weight", score=random),
    Criterion(name="wanda", needs="calibration", unit="weight", score=wanda),
    Criterion(name="taylor", needs="labelled", unit="weight", score=taylor),
    Criterion(name="fisher", needs="labelled", unit="weight", score=fisher),
    Criterion(name="movement", needs="labelled", unit="weight", score=movement),
    Criterion(name="geometric_median", needs="none", unit="filter", score=geometric_median),
    Criterion(name="bn_scale", needs="none", unit="filter", score=bn_scale),
    Criterion(name="activation_mean", needs="calibration", unit="filter", score=activation_mean),
    Criterion(name="apoz", needs="calibration", unit="filter", score=apoz),
    Criterion(name="taylor_activation", needs="labelled", unit="filter", score=taylor_activation),
    Criterion(name="cosine", needs="calibration", unit="block", score=cosine),
)
CRITERIA: Mapping[str, Criterion] = {criterion.name: criterion for criterion in _TABLE}

__all__ = ["CRITERIA", "Criterion", "CriterionName", "Study", "scores_of"]
