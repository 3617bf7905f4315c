"""What steps did to a model, and what layers mind, as tables for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from rich.markup import escape
from rich.table import Table

from reports.units import BYTES, COUNTS, unit_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def steps_table(steps: pd.DataFrame) -> Table:
    """Return the table of a journal's `steps`; accuracy only where something judged."""
    rows = cast("list[dict[str, Any]]", steps.to_dict("records"))
    size = unit_for(_column(rows, "storage_bytes"), BYTES)
    work = unit_for(_column(rows, "macs_effective", "macs"), COUNTS)
    is_judged = any(not math.isnan(row["top1"]) for row in rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("step", overflow="fold")
    for heading in (
        f"constants [{size.symbol}]",
        "zeros [%]",
        "bits",
        f"MACs [{work.symbol}]" if work.symbol else "MACs",
        *(["top-1 [%]"] if is_judged else []),
    ):
        # Without it, [k] would be taken for a colour.
        table.add_column(escape(heading), justify="right")
    for row in rows:
        effective, macs = work.text(row["macs_effective"]), work.text(row["macs"])
        table.add_row(
            row["step"],
            size.text(row["storage_bytes"]),
            f"{100 * row['sparsity']:.1f}",
            f"{row['bits']:.3g}",
            macs if effective == macs else f"{effective} / {macs}",
            *([f"{100 * row['top1']:.2f}"] if is_judged else []),
        )
    return table


def _column(rows: Iterable[dict[str, Any]], *keys: str) -> list[float]:
    return [float(row[key]) for row in rows for key in keys]


def drops_table(frame: pd.DataFrame, tried: str, dropped: str) -> Table:
    """Return a table of accuracy lost, in points: a row per layer, a column per value of `tried`.

    Args:
        frame: One row per layer and value, from `compressors.sensitivity`.
        tried: Its column of values: `ratio` or `bits`.
        dropped: Its column of lost top-1.
    """
    wide = frame.pivot_table(index="layer", columns=tried, values=dropped, sort=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.title = f"points of top-1 lost, by {tried}"
    table.add_column("layer", overflow="fold")
    for value in wide.columns:
        table.add_column(f"{value:g}", justify="right")
    for layer, row in zip(wide.index, wide.to_numpy(), strict=True):
        table.add_row(str(layer), *(f"{100 * float(drop):.2f}" for drop in row))
    return table
