"""Draw the terms of each step of one result, stacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.charts.figure import ALERT, GRID, NAME, layout, plain
from reports.labels import shorten
from reports.units import JOULES, SECONDS, unit_for, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.records import StepEstimate
    from reports.charts.figure import Figure
    from reports.units import Ladder


def breakdown(steps: Sequence[StepEstimate], quantity: str, palette: Mapping[str, str]) -> Figure:
    """Return the terms of each step, stacked; `quantity` is `latency` or `energy`."""
    ladder = SECONDS if quantity == "latency" else JOULES
    parts = [step.terms_s if quantity == "latency" else step.energy_terms_j for step in steps]
    totals = [sum(part.values()) for part in parts]
    unit = unit_for([max(totals, default=0.0)], ladder)
    names = [plain(f"{i}. {shorten(step.name, NAME)}") for i, step in enumerate(steps, 1)]
    present = [term for term in palette if any(term in part for part in parts)]
    data: list[object] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": plain(term.replace("_", " ")),
            "y": names,
            "x": [part.get(term, 0.0) / unit.base for part in parts],
            "text": [
                _hover(step, term, part, ladder) for step, part in zip(steps, parts, strict=True)
            ],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": palette[term]},
        }
        for term in present
    ]
    drawn = layout(130 + 26 * len(steps))
    drawn |= {
        "barmode": "stack",
        "xaxis": {"title": {"text": f"{quantity} [{unit.symbol}]"}, "gridcolor": GRID},
        "yaxis": {"autorange": "reversed", "automargin": True, "type": "category"},
        "annotations": [
            _tag(name, total / unit.base, step.executed_as.replace("_", " "))
            for name, total, step in zip(names, totals, steps, strict=True)
            if step.executed_as != "native"
        ],
    }
    return {"data": data, "layout": drawn}


def _tag(name: str, x: float, text: str) -> Figure:
    return {
        "x": x,
        "y": name,
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "xshift": 4,
        "font": {"size": 11, "color": ALERT},
    }


def _hover(step: StepEstimate, term: str, part: Mapping[str, float], ladder: Ladder) -> str:
    how = f"{step.executed_as.replace('_', ' ')} by {step.kernel}"
    figures = f"{with_unit(part.get(term, 0.0), ladder)} of {with_unit(sum(part.values()), ladder)}"
    lines = [
        f"{step.name} ({step.op})",
        f"{term.replace('_', ' ')}: {figures}",
        f"{how}: {step.reason}" if step.reason else how,
    ]
    return "<br>".join(plain(line) for line in lines)
