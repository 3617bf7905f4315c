"""Observe the ranges of activations: run calibration inputs, keep what the observer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np

from hwsim.errors import DataError
from hwsim.reference import trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import Array, FloatArray
    from hwsim.graph import Graph

ObserverName: TypeAlias = Literal["minmax", "percentile"]
Range: TypeAlias = tuple[float, float]

# Samples are run in parts whose largest tensor, in float64, stays below this; gathered image
# patches take several times as much.
_PART_BYTES = 1 << 24


class Observer(Protocol):
    """Sees all values of one tensor, part by part."""

    def see(self, values: FloatArray) -> None:
        """Take in `values` of any shape."""
        ...

    def range(self) -> Range:
        """Return (low, high) of what was seen; 0 need not lie between."""
        ...


class MinMax:
    """The smallest and the largest value (Krishnamoorthi, arXiv 1806.08342, section 2)."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._low, self._high = np.inf, -np.inf

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))

    def range(self) -> Range:
        """See `Observer.range`."""
        return self._low, self._high


class Percentile:
    """The values that leave 100 - percent of all above, and as many below; exact.

    As `np.percentile(all, [100 - percent, percent])`, which interpolates linearly, but only the
    two tails are kept (McKinstry et al., arXiv 1809.04191, section 3, use 99.99).
    """

    def __init__(self, percent: float, total: int) -> None:
        """Expect `total` values."""
        # Rank of the upper value among `total` sorted ones, counted from the largest.
        self._rank = (total - 1) * (1.0 - percent / 100.0)
        self._keep = min(int(self._rank) + 2, total)
        self._lowest = self._highest = np.empty(0)

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._lowest = self._tail(np.append(self._lowest, values))
        self._highest = -self._tail(-np.append(self._highest, values))

    def _tail(self, values: FloatArray) -> FloatArray:
        """Return the smallest of `values`, as many as the rank needs."""
        if values.size <= self._keep:
            return values
        return np.partition(values, self._keep - 1)[: self._keep]

    def range(self) -> Range:
        """See `Observer.range`."""
        at = np.arange(self._lowest.size)
        low = float(np.interp(self._rank, at, np.sort(self._lowest)))
        return low, -float(np.interp(self._rank, at, np.sort(-self._highest)))


def observe(
    graph: Graph, x: Array, make_observer: Callable[[int], Observer]
) -> Mapping[str, Range]:
    """Return the range of every tensor of `graph` over the samples `x`, widened to hold 0.

    Args:
        graph: With one input.
        x: [samples, ...], as in `reference.trace`.
        make_observer: Given how many values a tensor will show.

    Raises:
        DataError: `x` does not fit, or some activation is infinite or NaN.
    """
    largest = max(type_.elements for type_ in graph.tensors.values())
    part = max(1, _PART_BYTES // (8 * largest))
    observers = {
        name: make_observer(len(x) * type_.elements) for name, type_ in graph.tensors.items()
    }

    def visit(tensor: str, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise DataError(
                f"{graph.name}: tensor {tensor!r} is infinite or NaN on the calibration inputs; "
                "expected finite activations"
            )
        observers[tensor].see(values)

    for first in range(0, len(x), part):
        trace(graph, x[first : first + part], visit)
    ranges = {name: observer.range() for name, observer in observers.items()}
    return {name: (min(low, 0.0), max(high, 0.0)) for name, (low, high) in ranges.items()}
