"""Draw accuracy against latency of the results on one device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from reports.charts.figure import GRID, INK, MUTED, NAME, colours, identity, layout, plain, spans
from reports.labels import device_label, recipes, short_recipes, shorten
from reports.pareto import front_of
from reports.units import SECONDS, unit_for, with_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Comparison, Result
    from reports.charts.figure import Figure

SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "star", "x")
"""One per model, or per recipe where there is one model."""
RING: Final = 8
"""What a mark shows of itself around the next one."""
NEAR: Final = 1.02
NEAR_POINTS: Final = 1.0
"""Results whose latencies are within this ratio and accuracies within these points coincide."""


def tradeoff(comparison: Comparison, device: str) -> Figure:
    """Return accuracy against latency of the results on one device, their front joined."""
    entries = [
        (result, is_on_front)
        for result, is_on_front in zip(
            comparison.results, front_of(comparison.results), strict=True
        )
        if device_label(result) == device and result.accuracy is not None
    ]
    unit = unit_for([result.latency_s for result, _ in entries], SECONDS)
    best = sorted((r for r, is_on_front in entries if is_on_front), key=lambda r: r.latency_s)
    models = dict.fromkeys(result.model for result in best)
    fronts = [_front([r for r in best if r.model == model], unit.base) for model in models]
    is_log = spans([result.latency_s for result, _ in entries], 10)
    drawn = layout(380)
    drawn |= {
        "xaxis": {
            "title": {"text": f"latency [{unit.symbol}]"},
            "type": "log" if is_log else "linear",
            # Plotly's word for labels at 1, 2 and 5; all nine digits run into each other.
            # From zero, lest differences that no estimate resolves look large.
            **({"dtick": "D2"} if is_log else {"rangemode": "tozero"}),
            "gridcolor": GRID,
            "tickformat": "~g",
        },
        "yaxis": {"title": {"text": "top-1 [%]"}, "gridcolor": GRID, "automargin": True},
        "hovermode": "closest",
    }
    return {"data": [*fronts, *_points(comparison, entries, unit.base)], "layout": drawn}


def _front(best: Sequence[Result], base: float) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [result.latency_s / base for result in best],
        "y": [_percent(result) for result in best],
        "line": {"color": MUTED, "dash": "dot", "shape": "hv", "width": 1.5},
        "hoverinfo": "skip",
    }


def _points(
    comparison: Comparison, entries: Sequence[tuple[Result, bool]], base: float
) -> list[object]:
    names = recipes(comparison)
    palette, short = colours(names), short_recipes(comparison)
    models = list(dict.fromkeys(result.model for result, _ in entries))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": plain(short[result.recipe])
            + (f" · {plain(shorten(result.model, NAME))}" if len(models) > 1 else ""),
            "x": [result.latency_s / base],
            "y": [_percent(result)],
            "text": [_judgement(result, is_on_front)],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "size": (13 if is_on_front else 10) + RING * _over(result, entries[i + 1 :]),
                "symbol": SYMBOLS[
                    (models.index(result.model) if len(models) > 1 else names.index(result.recipe))
                    % len(SYMBOLS)
                ]
                + ("" if is_on_front else "-open"),
                "color": palette[result.recipe],
                "line": {"width": 2, "color": INK if is_on_front else palette[result.recipe]},
            },
        }
        for i, (result, is_on_front) in enumerate(entries)
    ]


def _over(result: Result, later: Sequence[tuple[Result, bool]]) -> int:
    """Return how many marks are drawn over the result's, which must be larger to be seen."""
    return sum(
        abs(_percent(other) - _percent(result)) < NEAR_POINTS
        and not spans([result.latency_s, other.latency_s], NEAR)
        for other, _ in later
    )


def _judgement(result: Result, is_on_front: bool) -> str:
    figures = f"{with_unit(result.latency_s, SECONDS)}, {_percent(result):.1f} %"
    return f"{identity(result)}<br>{figures}{', on the front' if is_on_front else ''}"


def _percent(result: Result) -> float:
    return 100 * result.accuracy.top1 if result.accuracy is not None else math.nan
