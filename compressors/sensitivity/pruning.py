"""How much each layer can lose: prune one at a time, and look at the accuracy."""

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from compressors._finite import require_finite
from compressors.prune import Prune
from compressors.pruning.groups import PARTINGS, block_of, structure_of
from compressors.pruning.heads import find_heads
from compressors.pruning.masking import cut_layers
from compressors.pruning.shrinking import coupled_layers
from compressors.workbench import Workbench
from hwsim.channels.find import find_channels
from hwsim.channels.layers import layers_of
from hwsim.errors import DataError, RecipeError
from hwsim.execute import accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compressors.pruning.criteria import CriterionName
    from hwsim.data import Data
    from hwsim.graph import Graph

RATIOS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Fractions that are tried where none are given."""


def scan_pruning(
    graph: Graph,
    judge: Data,
    ratios: Sequence[float] = RATIOS,
    *,
    structure: str = "unstructured",
    criterion: CriterionName = "l1",
    data: Data | None = None,
    numerics: str = "tflite-ref",
) -> pd.DataFrame:
    """Return what pruning each layer alone does to the accuracy.

    As Li et al., "Pruning Filters for Efficient ConvNets", arXiv 1608.08710, section 3.2, do:
    nothing is trained afterwards, the other layers stay as they are.

    Args:
        graph: Left as it is.
        judge: Labelled samples that the accuracy is measured on.
        ratios: Fractions to prune each layer by, 0 <= ratio < 1.
        structure: As in `Prune`; not N:M or layer, which have no ratio per layer.
        criterion: As in `Prune`.
        data: For criteria that look at some.
        numerics: Rounding policy of integer graphs.

    Returns:
        One row per layer and ratio, in that order: `layer`, its name as `Prune` takes it (several,
        separated by `;`, where their filters stand or fall together; an attention for heads),
        `ratio`, `sparsity` (share of the weights other than 0 that are 0 or gone now), `top1`, and
        `drop`: how much less than the top-1 of `graph` that is. Layers that have no such
        structure, or whose filters all must stay, are left out.

    Raises:
        RecipeError: A setting is unknown or does not fit, or no layer can be pruned so.
        DataError: `judge` has no labels, or does not fit.
    """
    if judge.y is None:
        raise DataError(f"{judge.name}: expected labels to judge by, got none; add y")
    require_finite(graph, "sensitivity", "mend the model first")
    whole = accuracy(graph, judge, numerics).top1
    bench = Workbench(data=data, original=graph)
    rows: list[dict[str, Any]] = []
    for layer in _candidates(graph, structure):
        for ratio in ratios:
            step = _step(layer, ratio, structure, criterion)
            pruned = step.compress(graph, bench)
            top1 = accuracy(pruned, judge, numerics).top1
            rows.append(
                {
                    "layer": layer,
                    "ratio": ratio,
                    "sparsity": 1.0 - _nonzero(pruned) / _nonzero(graph),
                    "top1": top1,
                    "drop": whole - top1,
                }
            )
    return pd.DataFrame(rows)


def ratios_within(frame: pd.DataFrame, max_drop: float) -> str:
    """Return the setting `ratios` of `Prune` that lets each layer alone cost at most `max_drop`.

    Each layer has its largest ratio up to which no smaller one costs more; layers that can lose
    nothing are left out. Together the layers may cost more than `max_drop`: train afterwards.

    Args:
        frame: As `scan_pruning` returns it.
        max_drop: Of top-1, such as 0.01 for a point.

    Raises:
        RecipeError: No layer can lose anything.
    """
    chosen: list[str] = []
    for layer, rows in frame.groupby("layer", sort=False):
        within = 0.0
        for ratio, drop in sorted(zip(rows["ratio"], rows["drop"], strict=True)):
            if drop > max_drop:
                break
            within = float(ratio)
        if within > 0.0:
            chosen += [f"{name}={within:g}" for name in str(layer).split(";")]
    if not chosen:
        raise RecipeError(
            f"sensitivity: expected some layer that costs at most {max_drop:g} of top-1, the "
            f"least is {frame['drop'].min():g}; a larger drop, or smaller ratios"
        )
    return ";".join(chosen)


def _candidates(graph: Graph, structure: str) -> list[str]:
    """Return what can be pruned by itself, as patterns of names.

    Raises:
        RecipeError: Nothing can.
    """
    if structure == "filter":
        groups = coupled_layers(graph, find_channels(graph))
    elif structure == "head":
        groups = tuple((heads.name,) for heads in find_heads(graph))
    elif structure in PARTINGS or block_of(structure) is not None:
        cut = cut_layers(graph, layers_of(graph), structure_of(structure))
        groups = tuple((name,) for name in cut)
    else:
        known = ", ".join((*PARTINGS, "filter", "head"))
        raise RecipeError(
            f"{graph.name}: sensitivity expected structure={known} or blockRxC, which have a ratio "
            f"per layer, got {structure!r}"
        )
    if not groups:
        raise RecipeError(
            f"{graph.name}: sensitivity expected layers with structure={structure}, found none"
        )
    return [";".join(map(_pattern, names)) for names in groups]


def _pattern(name: str) -> str:
    """Return a shell pattern of `name` that can stand between others."""
    return escape(name).replace(";", "?")


def _step(layer: str, ratio: float, structure: str, criterion: CriterionName) -> Prune:
    """Return the step that prunes `layer` alone.

    Raises:
        RecipeError: A setting is unknown or does not fit.
    """
    ratios = ";".join(f"{name}={ratio}" for name in layer.split(";"))
    try:
        return Prune(structure=structure, criterion=criterion, ratios=ratios)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RecipeError(f"sensitivity: {reason}") from error


def _nonzero(graph: Graph) -> int:
    return sum(int(op.weight.nonzero.sum()) for op in layers_of(graph).values())
