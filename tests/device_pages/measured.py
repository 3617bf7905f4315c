"""What a page shows of the shipped measurements of its device, beside what was predicted."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hwsim.evidence.held_out import by_group
from hwsim.evidence.memory import memory_errors
from hwsim.evidence.validation import Family, family
from tests.device_pages.cells import share, table, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.evidence.design import Sample
    from hwsim.evidence.memory import MemoryErrors
    from hwsim.profile import DeviceProfile

HEAD = "## Measured and predicted\n"
# More lines than that nobody reads; the rows of a topology are then one line.
_MOST_ROWS = 30
_LONGEST = 60

Row: TypeAlias = "tuple[Sample, float | None]"
"""A measured row, and the seconds that a fit without its kin predicts; None where none can."""


@cache
def _rows(name: str) -> tuple[Family, tuple[Row, ...]]:
    of = family(name)
    predicted = {
        id(sample): seconds
        for sample, seconds in by_group(of.samples, of.plan, of.root.runtime.constants, of.anchor)
    }
    return of, tuple((sample, predicted.get(id(sample))) for sample in of.samples)


def rows_of(profile: DeviceProfile) -> tuple[Row, ...]:
    """Return the measured latencies of a profile; none where it is not fitted."""
    if profile.fit is None:
        return ()
    _, rows = _rows(profile.fit.family)
    return tuple(row for row in rows if row[0].measurement.profile == profile.name)


def measured(profile: DeviceProfile) -> str:
    """Return the section of measured and predicted figures; nothing where none are shipped."""
    rows = rows_of(profile)
    if not rows or profile.fit is None:
        return ""
    judge = "Measured" if profile.fit.against == "silicon" else "What the other simulator says"
    group = profile.fit.leave_out
    unseen = "the row" if group == "row" else f"the row's {group}"
    body = _each(rows) if len(rows) <= _MOST_ROWS else _by_topology(rows)
    return (
        f"{HEAD}\n{judge}, beside what a fit predicts that did not see "
        f"{unseen}. Files: {', '.join(profile.fit.measurements)}.\n\n"
        f"{body}{_memory(profile)}"
    )


def _each(rows: Sequence[Row]) -> str:
    return table(
        ("network", "types", "settings", "measured [ms]", "held out [ms]", "error"),
        [
            (
                f"`{_short(row.network)}`",
                row.types,
                _settings(sample),
                f"{sample.latency_s * 1e3:.4g}",
                "-" if seconds is None else f"{seconds * 1e3:.4g}",
                "-" if seconds is None else f"{seconds / sample.latency_s - 1.0:+.1%}",
            )
            for sample, seconds in rows
            for row in (sample.measurement,)
        ],
    )


def _by_topology(rows: Sequence[Row]) -> str:
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for sample, seconds in rows:
        row = sample.measurement
        error = float("nan") if seconds is None else seconds / sample.latency_s - 1.0
        groups.setdefault((row.topology, row.types), []).append((sample.latency_s, error))
    return table(
        ("topology", "types", "rows", "measured [ms]", "mean abs. error", "worst"),
        [_group(topology, types, found) for (topology, types), found in sorted(groups.items())],
    )


def _group(topology: str, types: str, found: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    seconds, errors = np.array(found).T
    known = errors[~np.isnan(errors)]
    span = f"{seconds.min() * 1e3:.4g}"
    if len(seconds) > 1:
        span += f" to {seconds.max() * 1e3:.4g}"
    return (
        f"`{_short(topology)}`",
        types,
        str(len(seconds)),
        span,
        share(float(np.abs(known).mean())) if len(known) else "-",
        f"{known[np.abs(known).argmax()]:+.1%}" if len(known) else "-",
    )


def _settings(sample: Sample) -> str:
    row = sample.measurement
    told = [f"{key.rpartition('.')[2]}={value}" for key, value in row.overrides]
    if row.repeats > 1:
        told.append(f"{row.repeats} runs")
    return text(", ".join(told)) or "-"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def _memory(profile: DeviceProfile) -> str:
    """Return how well RAM and flash are predicted, where they were published."""
    for found in memory_errors([profile.name]):
        kinds = (("Peak RAM", found.ram), ("Flash", found.flash))
        told = [_told(name, errors) for name, errors in kinds if errors is not None]
        return " ".join(told) + "\n\n"
    return ""


def _told(name: str, errors: MemoryErrors) -> str:
    shipped, held = errors.in_sample, errors.held_out
    unseen = "" if held is None else f", {held.mape:.1%} where other topologies give the overhead"
    return f"{name} of {shipped.n} rows is off by {shipped.mape:.1%} in the mean{unseen}."
