"""The knapsack of options: against every choice."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compressors.quantization.knapsack import Item, choose


def item(options: list[tuple[float, float]]) -> Item:
    """Return the item of (loss, cost) pairs."""
    return Item(losses=np.array([o[0] for o in options]), costs=np.array([o[1] for o in options]))


def sums(items: list[Item], places: tuple[int, ...]) -> tuple[float, float]:
    return (
        sum(float(i.losses[p]) for i, p in zip(items, places, strict=True)),
        sum(float(i.costs[p]) for i, p in zip(items, places, strict=True)),
    )


# Few values, so that losses and costs tie; quarters, so that sums are exact.
quarters = st.integers(-8, 24).map(lambda n: n / 4)
some_items = st.lists(
    st.lists(st.tuples(quarters, quarters), min_size=1, max_size=4).map(item),
    min_size=1,
    max_size=5,
)


@given(items=some_items, budget=quarters)
def test_choice_is_the_best_of_all(items: list[Item], budget: float) -> None:
    every = product(*(range(len(i.losses)) for i in items))
    within = [sums(items, places) for places in every if sums(items, places)[1] <= budget]
    chosen = choose(items, budget)
    assert (chosen is None) == (not within)
    if chosen is not None:
        # Least loss, and of equal losses the least cost.
        assert sums(items, chosen) == min(within)


def test_a_greedy_choice_would_be_worse() -> None:
    # The steepest step, 10 for 6, leaves room for nothing; two of 8 for 5 are better.
    items = [item([(10, 0), (0, 6)]), item([(8, 0), (0, 5)]), item([(8, 0), (0, 5)])]
    assert choose(items, 10.0) == (0, 1, 1)


def test_a_budget_that_is_met_exactly_is_kept() -> None:
    # 0.1 + 0.1 + 0.1 is 0.30000000000000004 in floats.
    assert choose([item([(1.0, 0.0), (0.0, 0.1)])] * 3, 0.3) == (1, 1, 1)


def test_many_items_take_no_time() -> None:
    rng = np.random.default_rng(0)
    items = [
        Item(
            losses=np.sort(rng.exponential(size=6))[::-1],
            costs=np.arange(6.0) * rng.integers(1_000_000),
        )
        for _ in range(60)
    ]
    half = 0.5 * sum(float(i.costs[-1]) for i in items)
    chosen = choose(items, half)
    assert chosen is not None
    assert sums(items, chosen)[1] <= half
