"""Which results no other result beats on both accuracy and latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Result


def front(gains_and_costs: Sequence[tuple[float, float]]) -> list[bool]:
    """Return for each (gain, cost) whether it is on the Pareto front; equal points both are.

    A point is off the front when another has no less gain and no more cost, and differs.
    """
    order = sorted(
        range(len(gains_and_costs)), key=lambda i: (gains_and_costs[i][1], -gains_and_costs[i][0])
    )
    is_on_front = [False] * len(gains_and_costs)
    last: tuple[float, float] | None = None
    for i in order:
        # By rising cost, a point is on the front when it gains more than all cheaper ones.
        if last is None or gains_and_costs[i][0] > last[0] or gains_and_costs[i] == last:
            is_on_front[i] = True
            last = gains_and_costs[i]
    return is_on_front


def front_of(results: Sequence[Result]) -> list[bool]:
    """Return for each result whether it is on the front of accuracy against latency of its device.

    Models do not compete with each other: they may solve different tasks. Nor does what does not
    fit the device, or has no known accuracy.
    """
    is_on_front = [False] * len(results)
    for members in _groups(results):
        points = [
            (accuracy.top1, results[i].latency_s)
            for i in members
            if (accuracy := results[i].accuracy) is not None
        ]
        for i, value in zip(members, front(points), strict=True):
            is_on_front[i] = value
    return is_on_front


def rivals_of(results: Sequence[Result]) -> list[int]:
    """Return for each result how many compete for its front, itself included; 0 if it does not."""
    rivals = [0] * len(results)
    for members in _groups(results):
        for i in members:
            rivals[i] = len(members)
    return rivals


def _groups(results: Sequence[Result]) -> list[list[int]]:
    groups: dict[tuple[str, str, tuple[str, ...], int], list[int]] = {}
    for i, result in enumerate(results):
        if result.accuracy is not None and result.fits:
            place = (result.model, result.device, result.overrides, result.batch)
            groups.setdefault(place, []).append(i)
    return list(groups.values())
