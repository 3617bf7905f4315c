"""Which settings of pruning do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from compressors.pruning.criteria import CRITERIA
from compressors.pruning.groups import PARTINGS
from compressors.pruning.masking import OBS
from hwsim.formats.find import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compressors.pruning.criteria import CriterionName
    from compressors.pruning.quota import Scope
    from compressors.pruning.schedule import ScheduleName

SHRINKING = ("filter", "head", "layer")
"""Structures that really go, with all that depends on them."""

_DEFAULT_FORMAT = "bitmask"


class Settings(Protocol):
    """Those of `Prune` that depend on each other; see there."""

    structure: str
    sparsity: float | None
    threshold: float | None
    ratios: str
    scope: Scope
    criterion: CriterionName
    round_to: int
    format: str
    schedule: ScheduleName
    steps: int


def refusal(settings: Settings) -> str | None:
    """Return the first pair of settings that does not go together, as `got; what would do`."""
    is_pattern = pattern_of(settings.structure) is not None
    rules = (_amount(settings, is_pattern), _scope(settings, is_pattern), _storage(settings))
    for reasons in (*rules, _criterion(settings, is_pattern), _schedule(settings)):
        for reason in reasons:
            return reason
    return None


def _amount(settings: Settings, is_pattern: bool) -> Iterator[str]:
    asked = [name for name in ("sparsity", "threshold") if getattr(settings, name) is not None] + (
        ["ratios"] if settings.ratios else []
    )
    if is_pattern and asked:
        yield f"{asked[0]}; the pattern says it"
    elif not asked and not is_pattern:
        yield "no sparsity; such as sparsity=0.5"
    elif "threshold" in asked:
        if len(asked) > 1:
            other = next(name for name in asked if name != "threshold")
            yield f"{other} and threshold; one of them"
        if settings.structure != "unstructured" or settings.criterion != "l1":
            got = "threshold" if settings.criterion == "l1" else f"criterion={settings.criterion}"
            yield f"{got}; a threshold is of magnitudes: structure=unstructured,criterion=l1 does"
    if settings.structure == "layer" and settings.ratios:
        yield "ratios; a block stays or goes, sparsity does"


def _scope(settings: Settings, is_pattern: bool) -> Iterator[str]:
    if settings.scope == "local":
        return
    got = f"scope={settings.scope}"
    if is_pattern:
        yield f"{got}; N:M holds in each group"
    if settings.structure == "layer":
        yield f"{got}; blocks always compete with all others"
    if settings.criterion == OBS:
        yield f"{got} with criterion=obs; it chooses within each layer, scope=local does"
    if settings.scope == "lamp":
        criterion = CRITERIA.get(settings.criterion)
        if settings.structure in SHRINKING:
            yield f"{got}; LAMP scores weights that become zero, scope=global does"
        if criterion is None or not criterion.is_magnitude:
            yield f"{got} with criterion={settings.criterion}; LAMP is of magnitudes, l2 does"
    if settings.criterion == "movement" and settings.structure != "unstructured":
        yield f"{got} with criterion=movement; scores of both signs have no scale, scope=local does"


def _storage(settings: Settings) -> Iterator[str]:
    if settings.format != _DEFAULT_FORMAT and settings.structure not in PARTINGS:
        is_smaller = settings.structure in SHRINKING
        reason = "what is left keeps the format it has" if is_smaller else "it has its own"
        yield f"format={settings.format}; {reason}"
    if settings.structure != "filter" and settings.round_to != 1:
        yield "round_to; structure=filter does"


def _criterion(settings: Settings, is_pattern: bool) -> Iterator[str]:
    got = f"criterion={settings.criterion}"
    if settings.criterion == OBS:
        if settings.structure != "unstructured" and not is_pattern:
            yield f"{got}; it takes single weights: structure=unstructured or N:M does"
        return
    unit = CRITERIA[settings.criterion].unit
    if unit == "filter" and settings.structure not in ("filter", "row"):
        yield f"{got}; it scores filters: structure=filter or row does"
    if unit == "block" and settings.structure != "layer":
        yield f"{got}; it scores residual blocks: structure=layer does"


def _schedule(settings: Settings) -> Iterator[str]:
    if settings.schedule == "one_shot":
        if settings.steps != 1:
            yield f"steps={settings.steps}; schedule=iterative or cubic does"
        return
    got = f"schedule={settings.schedule}"
    if settings.steps == 1:
        yield f"{got} with steps=1; such as steps=5"
    if settings.sparsity is None and not settings.ratios:
        yield f"{got}; only a sparsity can grow from step to step"
