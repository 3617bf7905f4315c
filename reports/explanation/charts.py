"""Draw a waterfall, and the causes layer by layer; the page paints them light or dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reports.explanation.causes import CAUSES_NAMED, label_of
from reports.explanation.figure import COLOURS, plain
from reports.explanation.layers import unit_of_layers
from reports.labels import shorten
from reports.units import SECONDS, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.records import Cause
    from reports.explanation.figure import Figure
    from reports.explanation.layers import LayerLine
    from reports.explanation.story import Chapter
    from reports.explanation.waterfall import Bar, Waterfall

TOTAL: Final = "#7d8894"
REST: Final = "#a9b3bd"
"""Of totals, and of the small causes together: grey, as they are no cause."""
LEFT: Final = (
    "A bar from the end above it to the right adds time, one to the left saves it; "
    "the signs of the figures say the same."
)
NEGATIVE: Final = (
    "What lies left of zero is time saved beyond the promise: a layer takes what lies right of "
    "zero less what lies left."
)
"""How to read segments that save, one sentence per chart."""
NAME: Final = 28
SHORT: Final = 20
"""Characters of a label on an axis, and where there is little room."""
ROW: Final = 30
MARGIN: Final = 64
"""Pixels per bar, and for the axis below."""
SOLID: Final[tuple[Cause, ...]] = (
    "memory_bound",
    "tiles",
    "overhead",
    "index",
    "activations",
    "dense_fallback",
    "numbers",
    "imbalance",
)
"""The causes met most often, in the order of `COLOURS`; the others are striped."""
STRIPES: Final = {"shape": "/", "size": 7, "solidity": 0.35}
GAP: Final = 0.35
HALF: Final = (1 - GAP) / 2
"""Room between two bars, and half the height of one, in rows."""
MOST_LAYERS: Final = 40
A_FEW: Final = 8
"""Layers above `MOST_LAYERS` that are not worth leaving out; the table has them all."""


def colour_of(cause: Cause) -> tuple[str, bool]:
    """Return a colour, and whether it is striped: eight colours are all that can be told apart."""
    if cause in SOLID:
        return COLOURS[SOLID.index(cause)], False
    striped = [other for other in CAUSES_NAMED if other not in SOLID]
    return COLOURS[striped.index(cause)], True


def waterfall_figure(drop: Waterfall) -> Figure:
    """Return the bars from the baseline down to what was promised, and up to what came."""
    base = drop.unit.base
    bars = drop.bars
    looks = [_look(bar) for bar in bars]
    striped = ["/" if is_striped else "" for _, is_striped in looks]
    trace: Figure = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(bars))),
        "base": [bar.start_s / base for bar in bars],
        "x": [bar.seconds / base for bar in bars],
        "customdata": [_hover(bar) for bar in bars],
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {
            "color": [colour for colour, _ in looks],
            "pattern": STRIPES | {"shape": striped},
        },
    }
    ends = [min(0.0, *(bar.end_s for bar in bars)), drop.longest_s]
    names, short = ([_name(bar, most) for bar in bars] for most in (NAME, SHORT))
    axis: Figure = {"range": [end / base for end in ends]}
    layout = _layout(names, f"latency [{drop.unit.symbol}]", axis)
    layout |= {"bargap": GAP, "meta": short, "shapes": _connectors(bars, base)}
    return {"data": [trace, _figures(bars, base)], "layout": layout}


def _look(bar: Bar) -> tuple[str, bool]:
    """Return the colour of a bar and whether it is striped: a cause's, as in the layers' chart."""
    if bar.kind == "total":
        return TOTAL, False
    return (REST, False) if bar.cause is None else colour_of(bar.cause)


def _connectors(bars: Sequence[Bar], base: float) -> list[Figure]:
    """Return a dotted line from the end of each bar to the next one."""
    line: Figure = {"type": "line", "line": {"width": 1, "dash": "dot", "color": TOTAL}}
    ends = [bar.end_s / base for bar in bars[:-1]]
    return [
        line | {"x0": end, "x1": end, "y0": row + HALF, "y1": row + 1 - HALF}
        for row, end in enumerate(ends)
    ]


def _figures(bars: Sequence[Bar], base: float) -> Figure:
    """Return the figures right of all bars; plotly's own stand left of those that save.

    The page makes room for them, and takes those of `meta` where it has little.
    """
    return {
        "type": "scatter",
        "mode": "text",
        "y": list(range(len(bars))),
        "x": [max(bar.start_s, bar.end_s) / base for bar in bars],
        "text": [f" {bar.text} ({bar.percent} %)" for bar in bars],
        "meta": [f" {bar.text}" for bar in bars],
        "textposition": "middle right",
        "hoverinfo": "skip",
    }


def layers_figure(chapter: Chapter, lines: Sequence[LayerLine]) -> Figure:
    """Return each layer's time as promised, and what its causes add or save.

    Args:
        chapter: Whose layers they are.
        lines: Those to draw, in order of execution.
    """
    unit = unit_of_layers(chapter.attribution)
    present = {cause for line in lines for cause in line.causes}
    promised = [_promised_s(line) / unit.base for line in lines]
    hovers = [_layer_hover(line, "as promised", _promised_s(line)) for line in lines]
    data: list[object] = [_trace("as promised", promised, hovers, {"color": TOTAL})]
    for cause in CAUSES_NAMED:
        if cause == "fewer_macs" or cause not in present:
            continue
        seconds = [line.layer.bars_s.get(cause, 0.0) for line in lines]
        label, (colour, is_striped) = label_of(cause), colour_of(cause)
        hovers = [
            _layer_hover(line, label, each) for line, each in zip(lines, seconds, strict=True)
        ]
        marker: Figure = {"color": colour}
        if is_striped:
            marker["pattern"] = STRIPES
        data.append(_trace(label, [each / unit.base for each in seconds], hovers, marker))
    data.append(_before(lines, unit.base))
    names = [plain(f"{line.number}. {shorten(line.layer.name, NAME)}") for line in lines]
    layout = _layout(names, f"latency [{unit.symbol}]", {})
    return {"data": data, "layout": layout | {"barmode": "relative", "bargap": GAP}}


def drawn_layers(chapter: Chapter) -> tuple[LayerLine, ...]:
    """Return the layers that take longest, in order of execution; all, if they are not many."""

    def longer_s(line: LayerLine) -> float:
        return max(line.layer.after_s, line.layer.before_s)

    timed = [line for line in chapter.layers if longer_s(line) > 0]
    few = len(timed) <= MOST_LAYERS + A_FEW
    ranked = sorted(timed, key=lambda line: -longer_s(line))[: None if few else MOST_LAYERS]
    kept = {line.number for line in ranked}
    return tuple(line for line in chapter.layers if line.number in kept)


def _promised_s(line: LayerLine) -> float:
    return line.layer.before_s + line.layer.bars_s.get("fewer_macs", 0.0)


def _trace(name: str, lengths: list[float], hovers: list[str], marker: Figure) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(range(len(lengths))),
        "x": lengths,
        "marker": marker,
        "customdata": hovers,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _before(lines: Sequence[LayerLine], base: float) -> Figure:
    """Return marks where the baseline's layers end."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "before",
        "y": list(range(len(lines))),
        "x": [line.layer.before_s / base for line in lines],
        "marker": {"symbol": "line-ns", "size": 18, "line": {"width": 2}},
        "customdata": [_layer_hover(line, "before", line.layer.before_s) for line in lines],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _layout(names: list[str], title: str, axis: Figure) -> Figure:
    rows = len(names)
    return {
        "height": MARGIN + ROW * rows,
        "margin": {"l": 8, "r": 8, "t": 6, "b": 52},
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "showlegend": False,
        "hoverlabel": {"align": "left"},
        "xaxis": {"title": {"text": title}, "zeroline": True, "fixedrange": True} | axis,
        "yaxis": {
            "tickvals": list(range(rows)),
            "ticktext": names,
            "range": [rows - 0.5, -0.5],
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
    }


def _name(bar: Bar, most: int) -> str:
    name = plain(shorten(bar.label, most))
    return f"<b>{name}</b>" if bar.kind == "total" else name


def _hover(bar: Bar) -> str:
    words = "" if bar.cause is None else f"<br>{CAUSES_NAMED[bar.cause].meaning}"
    sign = "+" if bar.kind == "adds" else "-" if bar.kind == "saves" else ""
    return f"{plain(bar.label)}: {sign}{with_unit(abs(bar.seconds), SECONDS)}{words}"


def _layer_hover(line: LayerLine, label: str, seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    figure = f"{label}: {sign}{with_unit(abs(seconds), SECONDS)}"
    return f"{plain(line.layer.name)} ({plain(line.layer.op)})<br>{figure}"


def swatches(causes: Sequence[Cause]) -> Mapping[Cause, str]:
    """Return what a style sheet paints for each cause."""
    return {cause: _swatch(*colour_of(cause)) for cause in causes}


def _swatch(colour: str, is_striped: bool) -> str:
    if not is_striped:
        return colour
    return f"repeating-linear-gradient(135deg,{colour} 0 3px,var(--card) 3px 5px)"
