"""One point of a bill, term by term, rule by rule: what `reprice` does in one go.

The slow twin of `hwsim.repricing.reprice` and of the page's script; nothing but the bill is looked
at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.records.pricing import STAGES
from hwsim.repricing.bill import (
    CLOCK,
    CORES,
    CYCLE,
    EFFICIENCY,
    MEMORY_EFFICIENCY,
    PER_CYCLE,
    STATIC,
)
from hwsim.repricing.values import checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from hwsim.records import Bill, StepBill

    Terms: TypeAlias = dict[str, float]

_PJ = 1e-12


def step_terms(bill: Bill, values: Mapping[str, float]) -> tuple[Terms, ...]:
    """Return the seconds of each step by named term, those above 0; as `price` does.

    Args:
        bill: From `bill_of`.
        values: Numbers by dotted key; what is not named keeps the profile's.

    Raises:
        ProfileError: As `reprice`.
    """
    numbers = numbers_of(bill, values)
    cycles = [_step_cycles(step, bill, numbers) for step in bill.steps]
    _wait_for_launches(bill, numbers, cycles)
    _start_inference(bill, numbers, cycles)
    return tuple(
        {term: value / numbers[CLOCK] for term, value in terms.items() if value > 0}
        for terms in cycles
    )


def energy_terms(bill: Bill, values: Mapping[str, float]) -> tuple[Terms, ...]:
    """Return the joules of each step by named term, those above 0; arguments as `step_terms`.

    Raises:
        ProfileError: As `reprice`.
    """
    numbers = numbers_of(bill, values)
    found: list[Terms] = []
    for step, terms_s in zip(bill.steps, step_terms(bill, values), strict=True):
        latency_s = sum(terms_s.values())
        terms = {
            f"traffic:{moved.memory}": numbers[moved.energy] * moved.moved_bytes * _PJ
            for moved in step.transfers
        }
        if step.mac_energy is not None:
            terms["mac"] = numbers[step.mac_energy] * step.macs_multiplied * _PJ
        terms["cycles"] = numbers[CYCLE] * latency_s * numbers[CLOCK] * _PJ
        terms["static"] = numbers[STATIC] * latency_s
        found.append({term: joules for term, joules in terms.items() if joules > 0})
    return tuple(found)


def numbers_of(bill: Bill, values: Mapping[str, float]) -> dict[str, float]:
    """Return all numbers of the bill, those of `values` laid over it.

    Raises:
        ProfileError: As `reprice`.
    """
    arrays, _ = checked(bill, values)
    return {**bill.prices, **{key: float(array[0]) for key, array in arrays.items()}}


def _step_cycles(step: StepBill, bill: Bill, numbers: Mapping[str, float]) -> Terms:
    """Return the cycles of one step by term, but for launches and the start of the inference."""
    shares, scale = _shares(numbers), _scale(bill, numbers)
    cycles: Terms = {
        charge.term: scale * numbers[charge.price] * (charge.count * shares[charge.sharing])
        for charge in step.charges
    }
    outside = {term: cycles.pop(term) for term in ("layout", "fork") if term in cycles}
    if numbers[CORES] == 1:
        outside.pop("fork", None)
    if step.is_pipelined:
        cycles = _slowest_stage(cycles)
    elif "call" in cycles:
        # The time to fill a pipeline runs beside its transfers; other calls do not.
        outside["call"] = cycles.pop("call")
    for key, lines in step.gathers.items():
        memory = key.removeprefix("hardware.memories.").removesuffix(".latency_cycles")
        cycles[f"gather:{memory}"] = lines * numbers[key] * shares["memory"]
    transfers = {
        f"traffic:{moved.memory}": _transfer_cycles(moved.moved_bytes, moved.price, numbers)
        for moved in step.transfers
        if moved.price is not None
    }
    if step.overlaps and transfers:
        # max(compute, slowest memory), as compute and what it does not hide.
        slowest = max(transfers, key=lambda term: transfers[term])
        transfers = {slowest: max(0.0, transfers[slowest] - sum(cycles.values()))}
    return cycles | transfers | outside


def _shares(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return what is left of a core's cycles where all share them, by how they do."""
    beyond, compute = numbers[CORES] - 1.0, numbers[EFFICIENCY]
    memory = numbers.get(MEMORY_EFFICIENCY, compute)
    return {
        "compute": 1.0 / (1.0 + beyond * compute),
        "memory": 1.0 / (1.0 + beyond * memory),
        "alone": 1.0,
    }


def _scale(bill: Bill, numbers: Mapping[str, float]) -> float:
    """Return the factor of the runtime's version on kernels' cycles."""
    return 1.0 if bill.scale is None else numbers[bill.scale]


def _slowest_stage(cycles: Terms) -> Terms:
    """Return the terms of a pipelined kernel: what each stage adds to the slowest before it."""
    kept, slowest = dict(cycles), 0.0
    for stage in STAGES:
        needed = sum(cycles.get(term, 0.0) for term in stage)
        share = max(0.0, needed - slowest) / needed if needed else 0.0
        kept |= {term: cycles[term] * share for term in stage if term in cycles}
        slowest = max(slowest, needed)
    return kept


def _transfer_cycles(moved_bytes: int, price: str, numbers: Mapping[str, float]) -> float:
    if price.endswith(PER_CYCLE):
        return moved_bytes / numbers[price]
    return moved_bytes * numbers[price]


def _wait_for_launches(bill: Bill, numbers: Mapping[str, float], cycles: list[Terms]) -> None:
    """Spread over the launches what the host takes longer for them than the device for all."""
    launched = _launched(bill, cycles)
    if bill.launch is None or not launched:
        return
    interval = numbers[bill.launch] * _scale(bill, numbers)
    needed = sum(sum(terms.values()) for terms in cycles)
    for terms in launched:
        terms["launch"] = max(0.0, interval * len(launched) - needed) / len(launched)


def _start_inference(bill: Bill, numbers: Mapping[str, float], cycles: list[Terms]) -> None:
    """Spread what an inference costs beside its kernels over the steps that do something."""
    launched = _launched(bill, cycles)
    if bill.inference is None:
        return
    for terms in launched:
        terms["inference"] = numbers[bill.inference] * _scale(bill, numbers) / len(launched)


def _launched(bill: Bill, cycles: list[Terms]) -> list[Terms]:
    return [terms for step, terms in zip(bill.steps, cycles, strict=True) if step.is_launched]
