"""Points as files: texts for people and scripts, tables for spreadsheets and pandas."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pandas.api.types import is_object_dtype

from hwsim.errors import DataError, InterchangeError
from hwsim.frame import frame
from hwsim.whole_file import whole_file
from reports.page import render
from reports.points import as_json, as_markdown
from reports.visible import visible

if TYPE_CHECKING:
    import pandas as pd

    from hwsim.records import Points, Study


def require_parquet() -> None:
    """Raise DataError where what writes Parquet is not installed."""
    if find_spec("pyarrow") is None:
        raise DataError("--parquet: expected pyarrow, found none; pip install 'hwsim[parquet]'")


def texts_of(
    study: Study,
    points: Points,
    spec: str,
    asked: int | None,
    *,
    json: Path | None = None,
    html: Path | None = None,
    md: Path | None = None,
) -> dict[Path, str]:
    """Return the texts of the files that were asked for.

    Raises:
        InterchangeError: A figure is NaN or infinite.
    """
    texts: dict[Path, str] = {}
    try:
        if json is not None:
            texts[json] = as_json(study, points, spec=spec, asked=asked)
        if html is not None:
            texts[html] = render(study)
    except ValueError as error:
        raise InterchangeError(
            f"{study.title}: a figure is NaN or infinite, for which {json or html} has no word; "
            "give --csv"
        ) from error
    if md is not None:
        texts[md] = as_markdown(study, points, asked)
    return texts


def write_tables(points: Points, *, csv: Path | None = None, parquet: Path | None = None) -> None:
    """Write the points as CSV and Parquet, a column per figure and axis; each whole or not at all.

    Raises:
        InterchangeError: A file cannot be written.
    """
    if csv is None and parquet is None:
        return
    table = frame(points)
    if csv is not None:
        with whole_file(csv) as part:
            _shown(table).to_csv(part, index=False, lineterminator="\n")
    if parquet is not None:
        with whole_file(parquet) as part:
            _typed(table).to_parquet(part, engine="pyarrow", index=False)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with control characters of names and headings made visible."""
    return table.map(_visible).rename(columns=visible)


def _visible(value: object) -> object:
    return visible(value) if isinstance(value, str) else value


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns of one type each, as Parquet has them: text where they differ.

    Axes may mix types: a number of bits, or the name of a format.
    """
    typed = table.copy()
    for name in typed.columns:
        column = typed[name]
        if not is_object_dtype(column):
            continue
        kinds: set[type] = {type(value) for value in column.dropna()}
        if kinds <= {int, float}:
            # Whole numbers are objects where one is beyond 64 bits.
            typed[name] = column.astype("float64")
        elif len(kinds) > 1:
            typed[name] = column.map(str, na_action="ignore")
    return typed
