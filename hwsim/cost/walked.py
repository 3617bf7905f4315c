"""Walked: what the lanes of a kernel issue where it multiplies only the weights that it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.sparsity.lanes import issued_vectors
from hwsim.sparsity.pattern import pack
from hwsim.sparsity.schedule import schedule

if TYPE_CHECKING:
    from hwsim.arrays import IntArray
    from hwsim.profile import KernelRule
    from hwsim.program import Step
    from hwsim.tensor import Weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What lanes do for one output position; whole numbers.

    Attributes:
        walked: Weights that are issued, the zeros among them that the kernel does not know of.
        busy: Slots of lanes at work: rounded up to what a lane issues at a time.
        issued: Slots of all lanes, those that wait for others included.
        checks: Weights, or vectors of them, looked at; once per tile of positions.
    """

    walked: int
    busy: int
    issued: int
    checks: int = 0


def is_walking(step: Step) -> bool:
    """Return whether the kernel of a step issues only the weights that it finds, in lockstep."""
    if step.weight is None or step.rule is None or step.rule.accelerator is not None:
        return False
    return step.is_walked or step.rule.finds_zeros


def lanes_of(weight: Weight, step: Step, rule: KernelRule) -> Lanes:
    """Return what the lanes do with the real pattern of `weight`.

    `tile.m` lanes take one output channel each and start a group of channels together, so each
    waits for the fullest of its group; a lane issues `tile.k` stored weights at a time, or the
    vectors that have a non-zero lane. Workers take whole groups and wait at the end.
    """
    steps, walked = _steps(weight, step, rule)
    return Lanes(
        walked=walked,
        busy=int(steps.sum()),
        issued=issued_slots(steps, rule),
        checks=checks_of(weight, step, rule),
    )


def issued_slots(steps: IntArray, rule: KernelRule) -> int:
    """Return the slots of all lanes, given the [rows] slots of each row."""
    tile = rule.tile.m
    lanes = np.zeros(-(-len(steps) // tile) * tile, np.int64)
    lanes[: len(steps)] = steps
    fullest = lanes.reshape(-1, tile).max(axis=1)
    if rule.workers == 1:
        return int(fullest.sum()) * tile
    return schedule(fullest, rule.workers, rule.scheduling, rule.chunk).cycles * rule.workers * tile


def checks_of(weight: Weight, step: Step, rule: KernelRule) -> int:
    """Return how many weights, or vectors, a kernel that looks for zeros looks at."""
    if rule.zeros != "check":
        return 0
    rows, k = weight.matrix.shape
    if rule.skips_vectors is not None:
        return rows * -(-k // rule.skips_vectors)
    return int(stored_per_row(weight, step).sum())


def stored_per_row(weight: Weight, step: Step) -> IntArray:
    """Return int64 [rows], how many weights of each output channel lie there."""
    if step.is_walked:
        return weight.format.stored_per_row(weight.packed)
    rows, k = weight.matrix.shape
    return np.ones(rows, np.int64) * k


def _steps(weight: Weight, step: Step, rule: KernelRule) -> tuple[IntArray, int]:
    """Return the [rows] slots of each output channel, and the weights issued in them."""
    if rule.skips_vectors is not None:
        vectors = issued_vectors(weight.nonzero, rule.skips_vectors)
        return vectors * rule.skips_vectors, weight.nonzeros
    is_checked = rule.zeros == "check"
    walked: IntArray = pack(weight.nonzero).per_row if is_checked else stored_per_row(weight, step)
    return -(-walked // rule.tile.k) * rule.tile.k, int(walked.sum())
