"""Memory: how far the planned RAM and flash of a program are from what was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from hwsim.errors import HwsimError, MeasurementError
from hwsim.evidence.design import profile_of
from hwsim.evidence.errors import errors_of
from hwsim.evidence.measurement import FOLDER, read_measurements
from hwsim.evidence.networks import network
from hwsim.lower import lower
from hwsim.profile import known_devices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hwsim.arrays import FloatArray
    from hwsim.evidence.errors import Errors
    from hwsim.evidence.measurement import Measurement

TABLES = ("edgemark.csv", "mlperf_tiny_flash.csv", "stm32_modelzoo.csv")
"""Shipped tables that state RAM or flash."""

# A second constant wants more rows than the four networks of one benchmark.
_FEWEST_ROWS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one row published of one memory, and what of it is planned.

    Attributes:
        topology: What is left out together.
        measured: Bytes.
        planned: Bytes of tensors and scratch, or of weights, without the runtime's own.
        steps: Kernel executions.
        shipped: Bytes as the profile says, the runtime's own included.
        per_step: Bytes per kernel execution, as the profile says.
    """

    topology: str
    measured: float
    planned: int
    steps: int
    shipped: int
    per_step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """What a runtime takes of a memory beside tensors or weights: bytes, and bytes per step."""

    constant: float
    per_step: float

    def predict(self, demand: Demand) -> float:
        """Return bytes."""
        return demand.planned + self.constant + self.per_step * demand.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryErrors:
    """Relative errors of one memory.

    Attributes:
        held_out: The runtime's own bytes were fitted on rows of other topologies.
        in_sample: As the profile is shipped.
        overhead: What all rows together say of the runtime's own bytes.
    """

    held_out: Errors | None
    in_sample: Errors
    overhead: Overhead


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Errors of the RAM and the flash of a profile; None where nobody published them."""

    profile: str
    ram: MemoryErrors | None
    flash: MemoryErrors | None


def memory_errors(profiles: Iterable[str], paths: Sequence[Path] | None = None) -> list[Memory]:
    """Return the errors of each of these profiles that has rows with RAM or flash.

    Args:
        profiles: Names; those that are not shipped are passed over.
        paths: Tables; `TABLES` where None.

    Raises:
        MeasurementError: A row cannot be read or lowered.
    """
    tables = paths or [FOLDER / name for name in TABLES]
    rows = [(row, table.parent) for table in tables for row in read_measurements(table)]
    found: list[Memory] = []
    for name in sorted(set(profiles) & set(known_devices())):
        ram: list[Demand] = []
        flash: list[Demand] = []
        for row, folder in rows:
            if row.profile == name and (row.ram_bytes or row.flash_bytes):
                _collect(row, folder, ram, flash)
        if ram or flash:
            found.append(Memory(profile=name, ram=_errors(ram), flash=_errors(flash)))
    return found


def _collect(row: Measurement, folder: Path, ram: list[Demand], flash: list[Demand]) -> None:
    try:
        profile = profile_of(row.profile, row.overrides)
        program = lower(network(row.network, row.types, folder), profile)
    except HwsimError as error:
        raise MeasurementError(f"{row.where}: {error}") from error
    steps = sum(step.workload.output_elements > 0 for step in program.steps)
    runtime, footprint = profile.runtime, program.footprint
    for demands, measured, shipped, constant, per_step in (
        (
            ram,
            row.ram_bytes,
            footprint.peak_ram_bytes,
            runtime.arena_bytes,
            runtime.arena_bytes_per_step,
        ),
        (
            flash,
            row.flash_bytes,
            footprint.flash_bytes,
            runtime.code_bytes,
            runtime.code_bytes_per_step,
        ),
    ):
        if measured is not None:
            demands.append(
                Demand(
                    topology=row.topology,
                    measured=measured,
                    planned=shipped - constant - per_step * steps,
                    steps=steps,
                    shipped=shipped,
                    per_step=per_step,
                )
            )


def overhead(demands: Sequence[Demand]) -> Overhead:
    """Return the non-negative bytes that give the least squared relative error.

    Bytes per step are free where there are six rows and more, and the profile's elsewhere.
    """
    # scipy takes a third of a second to import.
    from scipy.optimize import nnls  # pyright: ignore[reportUnknownVariableType]

    measured = np.array([d.measured for d in demands])
    planned = np.array([d.planned for d in demands])
    steps = np.array([d.steps for d in demands])
    is_free = len(demands) >= _FEWEST_ROWS
    given = 0 if is_free else demands[0].per_step
    columns = np.stack([np.ones(len(demands)), steps if is_free else np.zeros(len(demands))])
    target = 1.0 - (planned + given * steps) / measured
    constant, per_step = cast("FloatArray", nnls((columns / measured).T, target)[0]).tolist()
    return Overhead(constant=constant, per_step=per_step + given)


def _errors(demands: Sequence[Demand]) -> MemoryErrors | None:
    if not demands:
        return None
    held_out: list[tuple[float, float]] = []
    for demand in demands:
        kept = [other for other in demands if other.topology != demand.topology]
        if kept:
            held_out.append((overhead(kept).predict(demand), demand.measured))
    in_sample = errors_of([(demand.shipped, demand.measured) for demand in demands])
    assert in_sample is not None  # There are rows.
    return MemoryErrors(
        held_out=errors_of(held_out), in_sample=in_sample, overhead=overhead(demands)
    )
