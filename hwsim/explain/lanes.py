"""Lanes: those of a walking kernel that have no channel do not wait, they are rounded up to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hwsim.records import StepEstimate

BROADCAST: Final = "broadcast to all"
"""What the reason of a step says where an activation takes a cycle of every lane, dense or not."""


def empty_lanes(step: StepEstimate) -> int:
    """Return the lanes without an output channel, in the last group of those that run together.

    Only of kernels that walk what is not zero: elsewhere they are counted as padding already.
    """
    counts = step.counts
    multiplied = counts.macs_executed + counts.macs_gated
    is_broadcast = BROADCAST in step.reason
    if counts.transforms or (
        not is_broadcast and multiplied >= counts.macs and step.format == "dense"
    ):
        return 0
    return -step.channels[1] % step.channel_tile[1]


def with_empty_lanes_padded(step: StepEstimate) -> StepEstimate:
    """Return the step with the slots of empty lanes as padding, not as idle ones.

    Counts have idle slots of both kinds together. The last group is taken to need as many slots as
    others do on average, which is exact where there is one group.
    """
    empty, counts = empty_lanes(step), step.counts
    idle_s = step.terms_s.get("imbalance", 0.0)
    if not empty or not counts.macs_idle or not idle_s:
        return step
    lanes = step.channels[1] + empty
    moved = min(counts.macs_idle, counts.macs_issued * empty // lanes)
    moved_s = idle_s * moved / counts.macs_idle
    padding_s = step.terms_s.get("tile_padding", 0.0)
    return replace(
        step,
        terms_s={
            **step.terms_s,
            "imbalance": idle_s - moved_s,
            "tile_padding": padding_s + moved_s,
        },
        counts=replace(
            counts, macs_padding=counts.macs_padding + moved, macs_idle=counts.macs_idle - moved
        ),
    )
