"""Report: what a calibration found, in lines and as a table."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hwsim.calibrate.judge import errors_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hwsim.calibrate.calibration import Calibration
    from hwsim.calibrate.judge import Judged
    from hwsim.calibrate.session import Session
    from hwsim.evidence.errors import Errors


def report_of(made: Calibration, session: Session) -> tuple[str, ...]:
    """Return what was found, line by line."""
    profile = made.tree
    constants = len(profile["runtime"]["constants"])
    runtime = f"{profile['runtime']['name']} {profile['runtime']['version']}"
    fitted = (
        f"{constants} constants of {len(made.kernels)} kernels, fitted to {len(made.training)} "
        f"layers at {session.rate_hz / 1e9:.2f} GHz; {len(session.crowded)} graphs were never "
        f"undisturbed and count at their least disturbed, {len(session.disturbed)} are left out"
    )
    inference_s = session.inference_cycles / session.rate_hz
    return (
        f"{profile['name']}: {runtime} on {profile['hardware']['core']}",
        fitted,
        f"an inference costs {inference_s * 1e6:.2f} us beside its layers",
        "",
        _HEADING,
        *_lines(made),
        "",
        f"{'whole network':28s}{'measured':>12s}{'predicted':>12s}{'error':>9s}",
        *(_network(row) for row in made.networks),
        *(f"not priced: {line}" for line in made.unpriced),
        *_crossover_lines(made),
    )


def _crossover_lines(made: Calibration) -> Iterator[str]:
    """Yield a table, where sparse formats were measured."""
    if not made.crossovers:
        return
    yield ""
    yield f"{'faster than dense from':52s}{'format':>10s}{'measured':>10s}{'predicted':>11s}"
    for row in made.crossovers:
        known = (row.measured, row.predicted)
        measured, predicted = ("never" if c is None else f"{c:.2f}" for c in known)
        yield f"{row.shape:52s}{row.format:>10s}{measured:>10s}{predicted:>11s}"


_HEADING = (
    f"{'layers held out':28s}{'n':>5s}{'MAPE':>8s}{'median':>8s}{'<10 %':>7s}{'<20 %':>7s}"
    f"{'rank':>7s}"
)


def _lines(made: Calibration) -> Iterator[str]:
    yield _line("all", errors_in(made.held_out))
    for types in sorted({row.types for row in made.held_out}):
        yield _line(types, errors_in([row for row in made.held_out if row.types == types]))
    for kind in sorted({row.kind for row in made.held_out}):
        yield _line(f"  {kind}", errors_in([row for row in made.held_out if row.kind == kind]))
    yield _line("fitted to (in sample)", errors_in(made.training))
    yield _line("MAC counting", made.macs)
    yield _line("roofline", made.roofline)


def _line(name: str, errors: Errors | None) -> str:
    if errors is None:
        return f"{name:28s}{0:5d}"
    rank = "-" if errors.spearman is None else f"{errors.spearman:.3f}"
    return (
        f"{name:28s}{errors.n:5d}{errors.mape:8.1%}{errors.median:8.1%}{errors.within_10:7.0%}"
        f"{errors.within_20:7.0%}{rank:>7s}"
    )


def _network(row: Judged) -> str:
    name = f"{row.name} {row.types}"
    return (
        f"{name:28s}{row.measured_s * 1e3:9.3f} ms{row.predicted_s * 1e3:9.3f} ms{row.error:+9.1%}"
    )


def table_of(made: Calibration) -> str:
    """Return every layer and network as CSV: `part,kind,name,types,measured_us,predicted_us`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("part", "kind", "name", "types", "measured_us", "predicted_us"))
    parts: tuple[tuple[str, Sequence[Judged]], ...] = (
        ("training", made.training),
        ("held_out", made.held_out),
        ("ladder", made.ladders),
        ("network", made.networks),
    )
    for part, rows in parts:
        for row in rows:
            times = (f"{seconds * 1e6:.3f}" for seconds in (row.measured_s, row.predicted_s))
            writer.writerow((part, row.kind, row.name, row.types, *times))
    return file.getvalue()
