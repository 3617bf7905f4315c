"""From which sparsity on a ladder is below one: brackets, edges, and a slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.matrix import crossover

RATIOS = st.floats(0.01, 5.0).filter(lambda ratio: abs(ratio - 1.0) > 1e-6)
LADDERS = st.lists(st.integers(1, 99), min_size=1, max_size=9, unique=True).flatmap(
    lambda percents: st.tuples(
        st.just([p / 100 for p in sorted(percents)]),
        st.lists(
            st.lists(RATIOS, min_size=len(percents), max_size=len(percents)),
            min_size=1,
            max_size=3,
        ),
    )
)
Ladder = tuple[list[float], list[list[float]]]


def twin(sparsities: list[float], ratios: list[float]) -> float | None:
    """Look at a thousand points between each two rungs, from above."""
    if ratios[-1] >= 1:
        return None
    fine = np.interp(range(1000 * len(sparsities)), *_at(sparsities))
    for s in sorted(fine, reverse=True):
        if np.interp(s, sparsities, ratios) >= 1:
            return float(s)
    return 0.0


def _at(sparsities: list[float]) -> tuple[list[int], list[float]]:
    last = 1000 * len(sparsities) - 1
    places = np.linspace(0, last, len(sparsities)).astype(int).tolist()
    return places, sparsities


@given(LADDERS)
def test_it_is_what_looking_at_every_point_finds(ladder: Ladder) -> None:
    sparsities, ratios = ladder
    found, looked = crossover(sparsities, ratios[:1]), twin(sparsities, ratios[0])
    if looked is None or looked == 0.0:
        assert found == looked
    else:
        # Neighbours of the twin are this far apart.
        assert found == pytest.approx(looked, abs=1.1 * max(np.diff(sparsities)) / 1000)


@given(LADDERS)
def test_it_lies_between_the_last_rung_that_does_not_pay_and_the_next(ladder: Ladder) -> None:
    sparsities, ratios = ladder
    best = [min(own) for own in zip(*ratios, strict=True)]
    found = crossover(sparsities, ratios)
    slow = [s for s, ratio in zip(sparsities, best, strict=True) if ratio >= 1]
    if best[-1] >= 1:
        assert found is None
    elif not slow:
        assert found == 0.0
    else:
        assert found is not None
        above = min(s for s in sparsities if s > slow[-1])
        assert slow[-1] <= found <= above


@given(LADDERS)
def test_another_format_never_makes_it_later(ladder: Ladder) -> None:
    sparsities, ratios = ladder
    alone = crossover(sparsities, ratios[:1])
    together = crossover(sparsities, ratios)
    if alone is not None:
        assert together is not None
        assert together <= alone


@given(LADDERS, st.floats(0.0, 0.5))
def test_a_least_gain_is_a_slower_kernel(ladder: Ladder, least_gain: float) -> None:
    sparsities, ratios = ladder
    slower = [[(1 + least_gain) * ratio for ratio in own] for own in ratios]
    close = {min(abs(ratio - 1.0) for own in slower for ratio in own)}
    if min(close) > 1e-6:
        asked, moved = crossover(sparsities, ratios, least_gain), crossover(sparsities, slower)
        assert asked == (None if moved is None else pytest.approx(moved, abs=1e-9))


@given(LADDERS, st.floats(0.1, 0.999))
def test_a_faster_kernel_never_makes_it_later(ladder: Ladder, factor: float) -> None:
    sparsities, ratios = ladder
    before = crossover(sparsities, ratios)
    after = crossover(sparsities, [[factor * ratio for ratio in own] for own in ratios])
    if before is not None:
        assert after is not None
        assert after <= before + 1e-12


@pytest.mark.parametrize(
    ("sparsities", "ratios", "expected"),
    [
        ([0.5, 0.9], [[2.0, 0.5]], 0.5 + 0.4 * 2 / 3),
        ([0.5, 0.9], [[1.0, 0.5]], 0.5),
        ([0.5, 0.9], [[0.9, 0.5]], 0.0),
        ([0.5, 0.9], [[1.0, 1.0]], None),
        ([0.5, 0.9], [[0.5, 2.0]], None),
        ([0.5], [[0.6]], 0.0),
        ([0.5], [[1.0]], None),
        # It pays, does not, and pays again: what counts is from where on it always does.
        ([0.2, 0.4, 0.6], [[0.5, 1.5, 0.5]], 0.5),
        # The second format pays where the first does not yet.
        ([0.2, 0.4, 0.6], [[3.0, 2.0, 0.1], [1.5, 0.5, 0.9]], 0.3),
        # Both begin to pay between the same two rungs.
        ([0.2, 0.6], [[3.0, 0.5], [1.5, 0.5]], 0.4),
        # Sums of the same terms in another order are no speed-up.
        ([0.5, 0.9], [[1.0, 1.0 - 1e-12]], None),
    ],
)
def test_examples(
    sparsities: list[float], ratios: list[list[float]], expected: float | None
) -> None:
    found = crossover(sparsities, ratios)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))
