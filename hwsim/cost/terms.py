"""Terms: which count is multiplied by which of a kernel's prices, and what of it cores share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from hwsim.records.pricing import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.profile import Hardware
    from hwsim.records import Counts

Sharing: TypeAlias = Literal["compute", "memory"]
"""Cores split multiplications better than they split moving elements through one memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a kernel's time.

    Attributes:
        name: In estimates.
        counted: Field of `Counts`.
        price: Field of `Cycles`.
        sharing: How cores share it.
    """

    name: str
    counted: str
    price: str
    sharing: Sharing

    def units(self, counts: Counts, hardware: Hardware) -> float:
        """Return how often a step pays the price: its count, as far as one core does it."""
        is_compute = self.sharing == "compute"
        share = hardware.compute_share if is_compute else hardware.memory_share
        count: int = getattr(counts, self.counted)
        return count * share


def _term(name: str, counted: str, price: str, sharing: Sharing = "compute") -> Term:
    return Term(name=name, counted=counted, price=price, sharing=sharing)


TERMS = (
    _term("mac", "macs_executed", "per_mac"),
    _term("tile_padding", "macs_padding", "per_mac"),
    _term("imbalance", "macs_idle", "per_mac"),
    _term("gated", "macs_gated", "per_mac"),
    _term("check", "checks", "per_check"),
    _term("index", "nonzeros", "per_nonzero"),
    _term("decode", "decodes", "per_decode"),
    _term("im2col", "taps", "per_tap", "memory"),
    _term("input", "inputs", "per_input", "memory"),
    _term("output", "outputs", "per_output", "memory"),
    _term("weights", "weight_bytes", "per_weight_byte", "memory"),
    _term("transform", "transforms", "per_transform", "memory"),
    _term("position", "positions", "per_position", "memory"),
)
"""All that cores share; calls, forks, layouts and transfers are priced apart."""


def hidden_terms(cycles: Mapping[str, float]) -> tuple[str, ...]:
    """Return the terms of all stages but the slowest, which hides them in a pipelined kernel."""
    slowest = max(STAGES, key=lambda stage: sum(cycles[term] for term in stage))
    return tuple(term for stage in STAGES if stage is not slowest for term in stage)
