"""What each step of a recipe did, as a table for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

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
        table.add_column(heading, justify="right")
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
