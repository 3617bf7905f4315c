"""How pages spell figures, and lay tables out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_BYTES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_CLOCK = (("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3))


def size(count: int) -> str:
    """Return bytes in the largest unit that they fill."""
    for unit, extent in _BYTES:
        if count >= extent:
            return f"{count / extent:.4g} {unit}"
    return f"{count} B"


def clock(hertz: float) -> str:
    """Return a clock in the largest unit that it fills."""
    for unit, extent in _CLOCK:
        if hertz >= extent:
            return f"{hertz / extent:.4g} {unit}"
    return f"{hertz:g} Hz"


def share(value: float | None) -> str:
    """Return a share in percent."""
    return "-" if value is None else f"{value:.1%}"


def text(value: object) -> str:
    """Return text that a cell of a table can hold."""
    return " ".join(str(value).split()).replace("|", "\\|")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; nothing where there are no rows."""
    lines = [f"| {' | '.join(cells)} |\n" for cells in rows]
    if not lines:
        return ""
    rule = "|" + "---|" * len(heads)
    return f"| {' | '.join(heads)} |\n{rule}\n{''.join(lines)}\n"
