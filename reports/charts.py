"""Draw a comparison as plotly figures: plain data, which the page hands to plotly.js."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

from reports.labels import device_label, recipes, short_recipes, shorten
from reports.pareto import front_of
from reports.units import BYTES, JOULES, SECONDS, unit_for, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hwsim.records import Comparison, Result, StepEstimate
    from reports.units import Ladder

Figure: TypeAlias = dict[str, object]
"""`data` and `layout`, as plotly.js takes them."""

# Okabe and Ito's colours, told apart by colour-blind readers too; black and grey are for text.
COLOURS: Final = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#8f7ee7",
    "#b5a800",
)
INK: Final = "#1c2733"
MUTED: Final = "#5b6875"
GRID: Final = "#e4e9ee"
ALERT: Final = "#b3261e"
SYMBOLS: Final = ("circle", "diamond", "square", "triangle-up", "star", "x")
NAME: Final = 24
"""Characters of a label on an axis."""


def colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name; the same names in the same order get the same colours."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(dict.fromkeys(names))}


def latency(comparison: Comparison) -> Figure:
    """Return latency per recipe and device, with its interval."""
    return _bars(comparison, lambda result: result.latency_s, SECONDS, "latency", _interval)


def energy(comparison: Comparison) -> Figure:
    """Return energy per recipe and device."""
    return _bars(comparison, lambda result: result.energy_j, JOULES, "energy", None)


def ram(comparison: Comparison) -> Figure:
    """Return peak RAM as a share of what the device has."""
    return _shares(
        comparison,
        "RAM",
        lambda result: result.peak_ram_bytes,
        lambda result: result.estimate.footprint.ram_capacity_bytes,
    )


def flash(comparison: Comparison) -> Figure:
    """Return flash as a share of what the device has."""
    return _shares(
        comparison,
        "flash",
        lambda result: result.flash_bytes,
        lambda result: result.estimate.footprint.flash_capacity_bytes,
    )


def breakdown(steps: Sequence[StepEstimate], quantity: str, palette: Mapping[str, str]) -> Figure:
    """Return the terms of each step, stacked; `quantity` is `latency` or `energy`."""
    ladder = SECONDS if quantity == "latency" else JOULES
    parts = [step.terms_s if quantity == "latency" else step.energy_terms_j for step in steps]
    totals = [sum(part.values()) for part in parts]
    unit = unit_for([max(totals, default=0.0)], ladder)
    names = [_plain(f"{i}. {shorten(step.name, NAME)}") for i, step in enumerate(steps, 1)]
    present = [term for term in palette if any(term in part for part in parts)]
    data: list[object] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": _plain(term.replace("_", " ")),
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
    layout = _layout(130 + 26 * len(steps))
    layout |= {
        "barmode": "stack",
        "xaxis": {"title": {"text": f"{quantity} [{unit.symbol}]"}, "gridcolor": GRID},
        "yaxis": {"autorange": "reversed", "automargin": True, "type": "category"},
        "annotations": [
            _tag(name, total / unit.base, step.executed_as.replace("_", " "))
            for name, total, step in zip(names, totals, steps, strict=True)
            if step.executed_as != "native"
        ],
    }
    return {"data": data, "layout": layout}


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
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [result.latency_s / unit.base for result in best],
        "y": [_percent(result) for result in best],
        "line": {"color": MUTED, "dash": "dot", "shape": "hv", "width": 1.5},
        "hoverinfo": "skip",
    }
    layout = _layout(380)
    layout |= {
        "xaxis": {
            "title": {"text": f"latency [{unit.symbol}]"},
            "type": "log" if _spans([result.latency_s for result, _ in entries], 10) else "linear",
            "gridcolor": GRID,
            "tickformat": "~g",
        },
        "yaxis": {"title": {"text": "top-1 [%]"}, "gridcolor": GRID, "automargin": True},
        "hovermode": "closest",
    }
    return {"data": [line, *_points(comparison, entries, unit.base)], "layout": layout}


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
            "name": _plain(short[result.recipe])
            + (f" · {_plain(shorten(result.model, NAME))}" if len(models) > 1 else ""),
            "x": [result.latency_s / base],
            "y": [_percent(result)],
            "text": [_judgement(result, is_on_front)],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "size": 13 if is_on_front else 10,
                "symbol": SYMBOLS[models.index(result.model) % len(SYMBOLS)]
                + ("" if is_on_front else "-open"),
                "color": palette[result.recipe],
                "line": {"width": 2, "color": INK if is_on_front else palette[result.recipe]},
            },
        }
        for result, is_on_front in entries
    ]


def _judgement(result: Result, is_on_front: bool) -> str:
    figures = f"{with_unit(result.latency_s, SECONDS)}, {_percent(result):.1f} %"
    return f"{_identity(result)}<br>{figures}{', on the front' if is_on_front else ''}"


def _percent(result: Result) -> float:
    return 100 * result.accuracy.top1 if result.accuracy is not None else math.nan


def _bars(
    comparison: Comparison,
    value: Callable[[Result], float],
    ladder: Ladder,
    title: str,
    spread: Callable[[Result], tuple[float, float]] | None,
) -> Figure:
    unit = unit_for([value(result) for result in comparison.results], ladder)
    heights = [value(result) / unit.base for result in comparison.results]
    data = _groups(
        comparison,
        lambda result: value(result) / unit.base,
        lambda result: with_unit(value(result), ladder),
    )
    if spread is not None:
        for bar, results in zip(data, _by_recipe(comparison), strict=True):
            below, above = zip(*(spread(result) for result in results), strict=True)
            bar["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": [each / unit.base for each in above],
                "arrayminus": [each / unit.base for each in below],
                "color": INK,
                "thickness": 1.2,
                "width": 3,
            }
        heights += [
            end / unit.base
            for result in comparison.results
            for end in (result.estimate.latency_low_s, result.estimate.latency_high_s)
        ]
    layout = _grouped_layout(comparison)
    layout["xaxis"] = _log_axis(f"{title} [{unit.symbol}]", heights)
    return {"data": data, "layout": layout}


def _shares(
    comparison: Comparison,
    title: str,
    need: Callable[[Result], int],
    room: Callable[[Result], int],
) -> Figure:
    def share(result: Result) -> float:
        return 100 * need(result) / room(result) if room(result) else 0.0

    data = _groups(
        comparison,
        share,
        lambda result: (
            f"{with_unit(need(result), BYTES)} of {with_unit(room(result), BYTES)}"
            + (", shared with the other" if result.estimate.footprint.is_shared else "")
        ),
    )
    layout = _grouped_layout(comparison)
    layout["xaxis"] = _log_axis(
        f"{title} [% of capacity]", [100.0, *map(share, comparison.results)]
    )
    full = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 100, "x1": 100}
    layout["shapes"] = [full | {"line": {"color": ALERT, "width": 1.5, "dash": "dash"}}]
    return {"data": data, "layout": layout}


def _by_recipe(comparison: Comparison) -> list[list[Result]]:
    return [
        [result for result in comparison.results if result.recipe == recipe]
        for recipe in recipes(comparison)
    ]


def _groups(
    comparison: Comparison, height: Callable[[Result], float], words: Callable[[Result], str]
) -> list[dict[str, object]]:
    """Return one trace per recipe; bars stand in groups per model and device."""
    names = recipes(comparison)
    palette, short = colours(names), short_recipes(comparison)
    groups = _places(comparison)
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": _plain(short[recipe]),
            "y": [groups.index(_place(result)) for result in results],
            "x": [height(result) for result in results],
            "text": [f"{_identity(result)}<br>{words(result)}" for result in results],
            "textposition": "none",
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": palette[recipe]},
        }
        for recipe, results in zip(names, _by_recipe(comparison), strict=True)
    ]


def _interval(result: Result) -> tuple[float, float]:
    estimate = result.estimate
    return (
        max(0.0, result.latency_s - estimate.latency_low_s),
        max(0.0, estimate.latency_high_s - result.latency_s),
    )


def _layout(height: int) -> Figure:
    return {
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 12, "b": 48},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
        },
        "hoverlabel": {"align": "left"},
    }


def _grouped_layout(comparison: Comparison) -> Figure:
    places = _places(comparison)
    is_many = len({model for model, _ in places}) > 1
    # Numbers with labels, because two names may be shortened to the same text.
    axis = {
        "tickvals": list(range(len(places))),
        "ticktext": [_label(model if is_many else "", device) for model, device in places],
        "autorange": "reversed",
        "automargin": True,
        "zeroline": False,
        "showgrid": False,
    }
    bars = len(recipes(comparison))
    height = 130 + len(places) * max(44, 15 * bars + 14)
    return _layout(height) | {"barmode": "group", "bargap": 0.25, "yaxis": axis}


def _places(comparison: Comparison) -> list[tuple[str, str]]:
    """Return each model and device that has a result, those of a model together."""
    models = list(dict.fromkeys(result.model for result in comparison.results))
    places = dict.fromkeys(map(_place, comparison.results))
    return sorted(places, key=lambda place: models.index(place[0]))


def _place(result: Result) -> tuple[str, str]:
    return result.model, device_label(result)


def _label(model: str, device: str) -> str:
    lines = [_plain(shorten(part, NAME)) for part in device.split(" [", 1)]
    label = "<br>[".join(lines)
    small = f'<br><span style="color:{MUTED}">{_plain(shorten(model, NAME))}</span>'
    return label + (small if model else "")


def _log_axis(title: str, values: Sequence[float]) -> Figure:
    axis: Figure = {"title": {"text": title}, "type": "log", "gridcolor": GRID, "tickformat": "~g"}
    known = [value for value in values if value > 0]
    if known:
        # Bars have no zero to stand on here; a third of a decade keeps the smallest visible.
        axis["range"] = [math.log10(min(known)) - 0.35, math.log10(max(known)) + 0.1]
    return axis | ({"dtick": 1} if _spans(known, 100) else {})


def _spans(values: Sequence[float], ratio: float) -> bool:
    known = [value for value in values if value > 0]
    return bool(known) and max(known) >= ratio * min(known)


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
    return "<br>".join(_plain(line) for line in lines)


def _identity(result: Result) -> str:
    names = (result.model, device_label(result), result.recipe)
    return "<br>".join(_plain(name) for name in names)


def _plain(text: str) -> str:
    """Return `text` so that plotly, which reads a little HTML in labels, shows it as it is."""
    return escape(text, quote=False)
