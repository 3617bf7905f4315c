"""What all figures share: plain data, which the page hands to plotly.js."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

from reports.labels import device_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.records import Result


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
NAME: Final = 24
"""Characters of a label on an axis."""


def colours(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name; the same names in the same order get the same colours."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(dict.fromkeys(names))}


def layout(height: int) -> Figure:
    """Return what all figures look like."""
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


def log_axis(title: str, values: Sequence[float]) -> Figure:
    """Return a logarithmic axis that shows all of `values`."""
    axis: Figure = {"title": {"text": title}, "type": "log", "gridcolor": GRID, "tickformat": "~g"}
    known = [value for value in values if value > 0]
    if known:
        # Bars have no zero to stand on here; a third of a decade keeps the smallest visible.
        axis["range"] = [math.log10(min(known)) - 0.35, math.log10(max(known)) + 0.1]
    return axis | ({"dtick": 1} if spans(known, 100) else {})


def spans(values: Sequence[float], ratio: float) -> bool:
    """Return whether the largest positive value is `ratio` times the smallest."""
    known = [value for value in values if value > 0]
    return bool(known) and max(known) >= ratio * min(known)


def identity(result: Result) -> str:
    """Return model, device and recipe as lines of a label that appears under the mouse."""
    names = (result.model, device_label(result), result.recipe)
    return "<br>".join(plain(name) for name in names)


def plain(text: str) -> str:
    """Return `text` so that plotly, which reads a little HTML in labels, shows it as it is."""
    return escape(text, quote=False)
