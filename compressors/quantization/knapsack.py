"""Choose one option per item, the least loss within a budget: exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import FloatArray, IntArray

# Sums of floats in another order differ by so much of the largest; bounds allow for it.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """The options of one item.

    Attributes:
        losses: Of each option.
        costs: Of each option, in the unit of the budget.
    """

    losses: FloatArray
    costs: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _States:
    """Choices for the first items that no other choice dominates, by ascending cost.

    Attributes:
        costs: Of each, ascending.
        losses: Of each, descending.
        parents: Which state of the item before it each extends.
        options: Which option of the last item each takes.
    """

    costs: FloatArray
    losses: FloatArray
    parents: IntArray
    options: IntArray


def choose(items: Sequence[Item], budget: float) -> tuple[int, ...] | None:
    """Return the option of each item, or None where even the cheapest exceed the budget.

    The sum of losses is the least of all choices whose costs sum to at most `budget`; of equal
    losses the cheaper choice is taken. This is the multiple-choice knapsack, solved by dynamic
    programming over choices that are not dominated; those whose linear relaxation cannot beat a
    known choice are cut (Kellerer, Pferschy and Pisinger, "Knapsack Problems", 2004, chapter 11).

    Args:
        items: Options of each, at least one; any real losses and costs.
        budget: Of all costs together.
    """
    cheapest = np.array([item.costs.min() for item in items])
    ahead = np.append(np.cumsum(cheapest[::-1])[::-1], 0.0)
    room = budget + _SLACK * max(1.0, abs(budget))
    if ahead[0] > room:
        return None
    bounds = [_Relaxation.of(items[k:]) for k in range(len(items) + 1)]
    best = bounds[0].reached(room)
    best += _SLACK * max(1.0, abs(best))
    first = np.zeros(1, np.int64)
    states = [_States(costs=np.zeros(1), losses=np.zeros(1), parents=first, options=first)]
    for k, item in enumerate(items):
        grown = _grown(states[-1], item)
        hope = grown.losses + bounds[k + 1].least(room - grown.costs)
        fits = (grown.costs + ahead[k + 1] <= room) & (hope <= best)
        states.append(_undominated(grown, fits))
    return _traced(states)


def _grown(states: _States, item: Item) -> _States:
    """Return every state with every option, by ascending cost, then loss."""
    costs = np.add.outer(states.costs, item.costs).ravel()
    losses = np.add.outer(states.losses, item.losses).ravel()
    options = np.tile(np.arange(len(item.costs)), len(states.costs))
    parents = np.repeat(np.arange(len(states.costs)), len(item.costs))
    order = np.lexsort((losses, costs))
    return _States(
        costs=costs[order], losses=losses[order], parents=parents[order], options=options[order]
    )


def _undominated(states: _States, fits: np.ndarray) -> _States:
    """Return the states that `fits` of lower loss than every cheaper one."""
    kept = np.flatnonzero(fits)
    least = np.minimum.accumulate(states.losses[kept])
    kept = kept[np.append(True, states.losses[kept][1:] < least[:-1])[: len(kept)]]
    return _States(
        costs=states.costs[kept],
        losses=states.losses[kept],
        parents=states.parents[kept],
        options=states.options[kept],
    )


def _traced(states: list[_States]) -> tuple[int, ...]:
    """Return the options of the last state of the last item, which has the least loss."""
    at = len(states[-1].losses) - 1
    options: list[int] = []
    for state in reversed(states[1:]):
        options.append(int(state.options[at]))
        at = int(state.parents[at])
    return tuple(reversed(options))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Relaxation:
    """The least loss of some items where options may be mixed: convex and piecewise linear.

    Attributes:
        costs: Of its corners, ascending; at each corner no option is mixed.
        losses: Of its corners, descending.
    """

    costs: FloatArray
    losses: FloatArray

    @classmethod
    def of(cls, items: Sequence[Item]) -> _Relaxation:
        """Return that of `items`: the steps of their hulls, the steepest first."""
        hulls = [_hull(item) for item in items]
        cost = sum(float(hull.costs[0]) for hull in hulls)
        loss = sum(float(hull.losses[0]) for hull in hulls)
        rises = np.concatenate([np.zeros(0), *(np.diff(hull.costs) for hull in hulls)])
        falls = np.concatenate([np.zeros(0), *(np.diff(hull.losses) for hull in hulls)])
        order = np.argsort(falls / rises, kind="stable")
        return cls(
            costs=cost + np.append(0.0, np.cumsum(rises[order])),
            losses=loss + np.append(0.0, np.cumsum(falls[order])),
        )

    def least(self, budgets: FloatArray) -> FloatArray:
        """Return the least loss within each budget, a lower bound of that without mixing."""
        return np.interp(budgets, self.costs, self.losses)

    def reached(self, budget: float) -> float:
        """Return the loss of the last corner within the budget, which needs no mixing."""
        return float(self.losses[np.searchsorted(self.costs, budget, side="right") - 1])


def _hull(item: Item) -> _Relaxation:
    """Return the lower convex hull of one item's options, without those that cost more for more."""
    costs: list[float] = []
    losses: list[float] = []
    for i in np.lexsort((item.losses, item.costs)).tolist():
        cost, loss = float(item.costs[i]), float(item.losses[i])
        if losses and loss >= losses[-1]:
            continue
        while len(costs) > 1 and (loss - losses[-2]) * (costs[-1] - costs[-2]) <= (
            losses[-1] - losses[-2]
        ) * (cost - costs[-2]):
            costs.pop()
            losses.pop()
        costs.append(cost)
        losses.append(loss)
    return _Relaxation(costs=np.array(costs), losses=np.array(losses))
