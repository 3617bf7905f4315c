"""Small tables in plain HTML, which notebooks show for a record; figures as people read them.

`reports` renders whole pages; here is only what fits a cell, so that records need nothing above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hwsim.records.comparison import Comparison, Refusal, Result

LISTED: Final = 50
"""Rows of a table; the rest is counted."""
SECONDS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
JOULES: Final = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"), (1e-12, "pJ"))
BYTES: Final = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def html_of_result(result: Result) -> str:
    """Return one result as a table of two columns."""
    rows = [("model", result.model), ("recipe", result.recipe), *_cells(result)]
    body = "".join(f"<tr>{_cell('th', name)}{_cell('td', text)}</tr>" for name, text in rows)
    return f"<table><tbody>{body}</tbody></table>"


def html_of_comparison(comparison: Comparison) -> str:
    """Return a row per result, and below them what was refused."""
    rows = [_row(comparison, result) for result in comparison.results[:LISTED]]
    heads = list(rows[0]) if rows else []
    head = "".join(_cell("th", name) for name in heads)
    body = "".join(
        f"<tr>{''.join(_cell('td', text) for text in row.values())}</tr>" for row in rows
    )
    more = len(comparison.results) - len(rows)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        + (f"<p>and {more:,} more</p>" if more else "")
        + _refused(comparison.refusals)
    )


def _row(comparison: Comparison, result: Result) -> dict[str, str]:
    row = {"model": result.model, "recipe": result.recipe, **dict(_cells(result))}
    if comparison.baseline is not None:
        baseline = comparison.baseline_of(result)
        before_s = 0.0 if baseline is None else baseline.latency_s
        is_known = before_s > 0 and result.latency_s > 0
        row["speed-up"] = f"{before_s / result.latency_s:.2f}x" if is_known else "-"
    return row


def _cells(result: Result) -> list[tuple[str, str]]:
    estimate, accuracy = result.estimate, result.accuracy
    settings = (*result.overrides, *(() if result.batch == 1 else (f"batch {result.batch}",)))
    overrides = f" [{', '.join(settings)}]" if settings else ""
    samples = "" if result.batch == 1 else f" of {result.batch:,} samples"
    ends = (
        f"{_scaled(estimate.latency_low_s, SECONDS)} to {_scaled(estimate.latency_high_s, SECONDS)}"
    )
    return [
        ("device", result.device + overrides),
        ("latency", f"{_scaled(result.latency_s, SECONDS)}{samples} ({ends})"),
        ("energy", _scaled(result.energy_j, JOULES) + samples),
        ("peak RAM", _scaled(result.peak_ram_bytes, BYTES)),
        ("flash", _scaled(result.flash_bytes, BYTES)),
        ("fits", "yes" if result.fits else "NO"),
        ("top-1", "-" if accuracy is None else f"{accuracy.top1:.1%} of {accuracy.n:,}"),
        ("trust", "calibrated" if result.is_calibrated else "uncalibrated"),
    ]


def _refused(refusals: Sequence[Refusal]) -> str:
    items = "".join(
        f"<li>{escape(f'{each.model}, {each.recipe}, on {each.device}: {each.reason}')}</li>"
        for each in refusals[:LISTED]
    )
    return f"<p>Refused ({len(refusals):,}):</p><ul>{items}</ul>" if refusals else ""


def _cell(kind: str, text: str) -> str:
    return f"<{kind}>{escape(text)}</{kind}>"


def _scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    """Return a figure in the largest unit of which it is at least one: `1.83 ms`."""
    if not math.isfinite(value):
        return str(value)
    base, symbol = next((each for each in units if value >= each[0]), units[-1])
    return f"{_figure(value / base)} {symbol}"


def _figure(value: float) -> str:
    """Return three significant digits, without an exponent; whole digits are kept."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"
