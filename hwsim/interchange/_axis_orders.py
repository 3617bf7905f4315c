"""In which order the axes of a tensor lie, and when a reshape moves no element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from hwsim.arrays import Shape

Order: TypeAlias = tuple[int, ...]
"""Axis i of a tensor in the graph is axis order[i] of the model that is read."""

NHWC: Order = (0, 2, 3, 1)


def identity(rank: int) -> Order:
    """Return the model's own order."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """Return the order of an image, a signal or a row of features whose axis 1 is channels."""
    return (0, *range(2, rank), 1)


def last(order: Order, axis: int) -> Order:
    """Return `order` with `axis` moved behind the others."""
    return (*(other for other in order if other != axis), axis)


def reshaped_order(old: Shape, order: Order, new: Shape) -> Order | None:
    """Return an order in which the elements of `old`, as they lie, have the shape `new`.

    Args:
        old: The model's shape before.
        order: How its axes lie.
        new: The model's shape after, of as many elements.

    Returns:
        None if there is none: elements must move.
    """
    stored = long_axes(old, order)
    result: list[int] = []
    for before, after in sorted(_groups(old, new), key=lambda group: stored.index(group[0][0])):
        start = stored.index(before[0])
        if stored[start : start + len(before)] != before:
            return None
        result += after
    for axis, extent in enumerate(new):
        if extent == 1:
            later = [other for other in result if other > axis]
            place = result.index(min(later)) if later else len(result)
            result.insert(place if axis else 0, axis)
    return tuple(result)


def long_axes(shape: Shape, order: Order) -> list[int]:
    """Return the axes that have more than one element, as they lie."""
    return [axis for axis in order if shape[axis] > 1]


def _groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Return the shortest runs of long axes of `old` and `new` that hold the same elements."""
    left, right = long_axes(old, identity(len(old))), long_axes(new, identity(len(new)))
    groups: list[tuple[list[int], list[int]]] = []
    while left:
        before, after = [left.pop(0)], [right.pop(0)]
        while (a := math.prod(old[i] for i in before)) != (b := math.prod(new[i] for i in after)):
            if a < b:
                before.append(left.pop(0))
            else:
                after.append(right.pop(0))
        groups.append((before, after))
    return groups
