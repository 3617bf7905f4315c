"""Measurements: what others clocked on real devices, one row each, with its source."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from hwsim.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(str(files("device_profiles"))) / "measurements"
"""Where shipped measurements lie."""

COLUMNS = (
    "profile",
    "board",
    "set",
    "network",
    "topology",
    "types",
    "repeats",
    "latency_ms",
    "energy_uj",
    "ram_bytes",
    "flash_bytes",
    "source",
    "notes",
)
_REQUIRED = ("network", "source")
# Below a picosecond and beyond a day lie slips of the unit.
_LEAST, _MOST = 1e-9, 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One network on one device.

    Attributes:
        where: `file: row 3`, for messages.
        profile: The device profile that describes the system.
        board: What is left out together in a fit that is to predict another board.
        overrides: Dotted keys of the profile that differ there, in the order of the table.
        network: A table in `networks/`, a model's path, or the name of a synthetic graph.
        topology: What is left out together in a fit that is to predict another topology.
        types: Activation x weight bits (`8x8`, `16x8`) or `f32`.
        repeats: Executions of the network that the figures are of.
        latency_s: None where it was not measured, as of the next ones.
        energy_j: Of the same inference.
        ram_bytes: Peak.
        flash_bytes: Weights and code.
        source: Where it was published.
        notes: For people.
    """

    where: str
    profile: str
    board: str
    overrides: tuple[tuple[str, str], ...]
    network: str
    topology: str
    types: str
    repeats: int
    latency_s: float | None
    energy_j: float | None
    ram_bytes: float | None
    flash_bytes: float | None
    source: str
    notes: str

    @property
    def system(self) -> tuple[str, str]:
        """The profile, and the version that the row sets; empty where it sets none."""
        return self.profile, dict(self.overrides).get("runtime.version", "")


def read_measurements(path: Path) -> tuple[Measurement, ...]:
    """Return the rows of a table.

    Columns are `COLUMNS`; `network` and `source` are required, others may be empty or missing.
    `set` holds overrides as `key=value`, joined by `;`.

    Raises:
        MeasurementError: It cannot be read, has an unknown column, or a cell makes no sense.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise MeasurementError(f"{path}: not readable as a table: {error}") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise MeasurementError(f"{path.name}: not readable as CSV: {error}") from error
    names = list(reader.fieldnames or ())
    unknown = [name for name in names if name not in COLUMNS]
    twice = [name for name in COLUMNS if names.count(name) > 1]
    missing = [name for name in _REQUIRED if name not in names]
    if unknown or missing or twice or not rows:
        told = f"unknown column {unknown[0]!r}" if unknown else "no rows"
        told = f"column {twice[0]!r} stands twice" if twice else told
        told = f"no column {missing[0]!r}" if missing else told
        raise MeasurementError(f"{path.name}: {told}; expected columns {', '.join(COLUMNS)}")
    return tuple(_measurement(f"{path.name}: row {i + 2}", row) for i, row in enumerate(rows))


def _measurement(where: str, row: Mapping[str, str | None]) -> Measurement:
    if None in row:
        raise MeasurementError(f"{where}: expected {len(row) - 1} cells, got more")
    cells = {key: (value or "").strip() for key, value in row.items()}
    for key in _REQUIRED:
        if not cells[key]:
            raise MeasurementError(f"{where}: {key}: expected a text, got none")
    latency_ms, energy_uj = _figure(where, cells, "latency_ms"), _figure(where, cells, "energy_uj")
    return Measurement(
        where=where,
        profile=cells.get("profile", ""),
        board=cells.get("board") or cells.get("profile", ""),
        overrides=_overrides(where, cells.get("set", "")),
        network=cells["network"],
        topology=cells.get("topology") or cells["network"],
        types=cells.get("types") or "8x8",
        repeats=_repeats(where, cells),
        latency_s=None if latency_ms is None else latency_ms * 1e-3,
        energy_j=None if energy_uj is None else energy_uj * 1e-6,
        ram_bytes=_figure(where, cells, "ram_bytes"),
        flash_bytes=_figure(where, cells, "flash_bytes"),
        source=cells["source"],
        notes=cells.get("notes", ""),
    )


def _figure(where: str, cells: Mapping[str, str], column: str) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not _LEAST <= value <= _MOST:
        raise MeasurementError(
            f"{where}: {column}: expected a number above 0, {_LEAST:g} to {_MOST:g}, got {text!r}"
        )
    return value


def _repeats(where: str, cells: Mapping[str, str]) -> int:
    value = _figure(where, cells, "repeats") or 1.0
    if not value.is_integer():
        raise MeasurementError(
            f"{where}: repeats: expected a whole number, got {cells['repeats']!r}"
        )
    return int(value)


def _overrides(where: str, text: str) -> tuple[tuple[str, str], ...]:
    pairs = [part.strip().partition("=") for part in text.split(";") if part.strip()]
    for key, equals, value in pairs:
        if not key or not equals or not value.strip():
            raise MeasurementError(f"{where}: set: expected key=value; key=value, got {text!r}")
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)
