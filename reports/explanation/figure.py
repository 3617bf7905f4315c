"""What the page's figures share: plain data, which the page hands to plotly.js."""

from __future__ import annotations

from html import escape
from typing import Final, TypeAlias

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


def plain(text: str) -> str:
    """Return `text` so that plotly, which reads a little HTML in labels, shows it as it is."""
    return escape(text, quote=False)
