"""Re-price: many points of one bill at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.records.pricing import LEAST_BACKED, MEASURED_TOO, UNCALIBRATED_FACTOR
from hwsim.repricing.bill import (
    CLOCK,
    CORES,
    CYCLE,
    EFFICIENCY,
    MEMORY_EFFICIENCY,
    PER_CYCLE,
    STATIC,
)
from hwsim.repricing.table import Table, table_of
from hwsim.repricing.values import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array, FloatArray
    from hwsim.records import Bill

_PJ = 1e-12
# Numbers that one chunk of points may hold at a time: 16 MiB.
MOST_NUMBERS = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """What a program costs at each point.

    Attributes:
        latency_s: float64 [points].
        energy_j: float64 [points].
        latency_low_s: float64 [points], lower end of the interval.
        latency_high_s: float64 [points], upper end.
        is_calibrated: bool [points], whether held-out evidence backs the figures.
    """

    latency_s: Array
    energy_j: Array
    latency_low_s: Array
    latency_high_s: Array
    is_calibrated: Array


def reprice(bill: Bill, values: Mapping[str, Array | float]) -> Prices:
    """Return what the program of `bill` costs where numbers of its profile are others.

    As `price` of the program under a profile with these overrides, to rounding. What is overridden
    here counts as overridden even where the value is the profile's own: the evidence speaks of the
    profile's numbers, at any clock and with as many cores as asked for.

    Args:
        bill: From `bill_of`.
        values: Arrays of [points] by dotted keys of `price_keys(bill)`; a single number stands for
            all points. What is not named keeps the profile's number. Without values: one point.

    Raises:
        ProfileError: A key is none of the bill's, or a value is one that no profile may have.
    """
    arrays, points = checked(bill, values)
    return priced(bill, arrays, points)


def priced(bill: Bill, arrays: Mapping[str, FloatArray], points: int) -> Prices:
    """Return what `reprice` does of values that need no check, all of them [points]."""
    table = table_of(bill)
    has_evidence = bill.held_out_p90 is not None and not set(arrays) - set(MEASURED_TOO)
    rows = len(table.units) + (3 + len(table.stages) + len(table.moved)) * len(table.compute)
    chunk = max(1, MOST_NUMBERS // max(1, rows))
    found = np.empty((3, points))
    for start in range(0, points, chunk):
        part = slice(start, start + chunk)
        here = {key: array[part] for key, array in arrays.items()}
        found[:, part] = _chunk(bill, table, here, min(chunk, points - start))
    latency_s, energy_j, known = found
    backed = np.full(points, has_evidence)
    if has_evidence and bill.fitted:
        backed = known >= LEAST_BACKED
    factor = np.where(backed, 1.0 + (bill.held_out_p90 or 0.0), UNCALIBRATED_FACTOR)
    return Prices(
        latency_s=latency_s.copy(),
        energy_j=energy_j.copy(),
        latency_low_s=latency_s / factor,
        latency_high_s=latency_s * factor,
        is_calibrated=backed,
    )


def _chunk(bill: Bill, table: Table, values: Mapping[str, FloatArray], points: int) -> FloatArray:
    """Return [3, points]: seconds, joules, and the share of the time that fitted prices take."""

    def number(key: str) -> FloatArray | float:
        return values[key] if key in values else bill.prices[key]

    scale = 1.0 if bill.scale is None else number(bill.scale)
    units = _units(bill, table, values, points)
    is_fitted = np.array([unit.key in bill.fitted for unit in table.units])
    cycles, known = _cycles(table, units, is_fitted)
    if bill.launch is not None and table.launches:
        waited = np.maximum(cycles, scale * number(bill.launch) * table.launches)
        known = known + (waited - cycles) * (bill.launch in bill.fitted)
        cycles = waited
    if bill.inference is not None and table.launches:
        begun = scale * number(bill.inference)
        cycles, known = cycles + begun, known + begun * (bill.inference in bill.fitted)
    latency_s = cycles / number(CLOCK)
    picojoules = sum((number(key) * count for key, count in table.energy), np.zeros(points))
    picojoules = picojoules + number(CYCLE) * cycles
    known = np.divide(known, cycles, out=np.ones(points), where=cycles > 0)
    return np.stack([latency_s, picojoules * _PJ + number(STATIC) * latency_s, known])


def _units(bill: Bill, table: Table, values: Mapping[str, FloatArray], points: int) -> FloatArray:
    """Return [units, points]: cycles of one count, as far as one core does it."""

    def number(key: str) -> FloatArray | float:
        return values[key] if key in values else bill.prices[key]

    beyond = number(CORES) - 1.0
    compute = number(EFFICIENCY)
    memory = number(MEMORY_EFFICIENCY) if MEMORY_EFFICIENCY in bill.prices else compute
    shares = {
        "compute": 1.0 / (1.0 + beyond * compute),
        "memory": 1.0 / (1.0 + beyond * memory),
        "alone": 1.0,
        "forked": beyond > 0,
    }
    scale = 1.0 if bill.scale is None else number(bill.scale)
    found = np.empty((len(table.units), points))
    for row, unit in zip(found, table.units, strict=True):
        price = number(unit.key)
        if unit.key.endswith(PER_CYCLE):
            price = 1.0 / price
        row[:] = price * shares[unit.sharing] * (scale if unit.is_scaled else 1.0)
    return found


def _cycles(table: Table, units: FloatArray, is_fitted: Array) -> tuple[FloatArray, FloatArray]:
    """Return [points] cycles of all steps, and those of them that fitted prices take.

    Launches and the start of the inference are not in them.
    """
    fitted = units * is_fitted[:, None]
    cycles, known = table.plain @ units, table.plain @ fitted
    if not len(table.compute):
        return cycles, known
    compute, known_compute = table.compute @ units, table.compute @ fitted
    slowest = np.zeros_like(compute)
    for stage in table.stages:
        needed = stage @ units
        excess = np.maximum(0.0, needed - slowest)
        share = np.divide(excess, needed, out=np.zeros_like(needed), where=needed > 0)
        known_compute += (stage @ fitted) * share
        slowest = np.maximum(slowest, needed)
    compute += slowest
    waited, known_waited = compute.copy(), known_compute
    longest = np.zeros_like(compute)
    for moved in table.moved:
        needed = moved @ units
        excess = np.maximum(0.0, needed - compute)
        # Of several memories the slowest one alone is waited for, the first of equal ones.
        is_slower = needed > longest
        own = np.where(needed > 0, (moved @ fitted) / np.where(needed > 0, needed, 1.0), 0.0)
        known_waited = np.where(is_slower, known_compute + excess * own, known_waited)
        longest = np.maximum(longest, needed)
    waited = np.maximum(compute, longest)
    return cycles + waited.sum(axis=0), known + known_waited.sum(axis=0)
