"""Reasons: why pruning disappoints on real devices, and the cause that each shows as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from hwsim.records import Cause

Pruning: TypeAlias = Literal["structured", "unstructured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one kind of pruning may not pay.

    Attributes:
        name: Of the reason.
        pruning: Filters and channels that go (`structured`), or single weights.
        causes: Bars that grow with it, the usual one first.
        sentence: What happens.
    """

    name: str
    pruning: Pruning
    causes: tuple[Cause, ...]
    sentence: str


REASONS: Final[tuple[Reason, ...]] = (
    Reason(
        name="hardware dependence",
        pruning="structured",
        causes=("tiles", "imbalance"),
        sentence="Lanes, tiles and units come in fixed numbers: 51 channels cost what 52 or 64 do, "
        "so latency falls in steps and some channels go for nothing.",
    ),
    Reason(
        name="memory layout",
        pruning="structured",
        causes=("layout",),
        sentence="A kernel for channel counts that pruning left may want another order of axes "
        "than its neighbours, and each tensor between them is rearranged.",
    ),
    Reason(
        name="graph optimization",
        pruning="structured",
        causes=("fusion",),
        sentence="A changed graph may keep ops apart that were merged before, or need new ones "
        "that select, pad or join channels; each is one more pass over its tensors.",
    ),
    Reason(
        name="special features",
        pruning="structured",
        causes=("kernel",),
        sentence="The fast kernel takes certain shapes only, such as channels in multiples of "
        "four or enough of them for Winograd; others fall back to a general one.",
    ),
    Reason(
        name="irregularity",
        pruning="unstructured",
        causes=("imbalance", "index"),
        sentence="Zeros do not fall evenly: lanes that run together wait for the fullest, and "
        "the place of every weight that is left must be found.",
    ),
    Reason(
        name="zero checks",
        pruning="unstructured",
        causes=("zero_checks",),
        sentence="A unit that looks for zeros at run time spends time on looking, and one that "
        "only gates its multiplier keeps the slot of every zero.",
    ),
    Reason(
        name="irregular memory access",
        pruning="unstructured",
        causes=("gathers",),
        sentence="Each stored weight asks for an activation of its own, at an address that "
        "nothing foretells: caches and wide loads help less than with dense rows.",
    ),
    Reason(
        name="missing sparse kernels",
        pruning="unstructured",
        causes=("dense_fallback", "unpacking"),
        sentence="Where no kernel takes the sparse format, zeros are stored and multiplied as "
        "before, or the weights are unpacked first; only the file is smaller.",
    ),
)
"""Four of each kind of pruning."""
