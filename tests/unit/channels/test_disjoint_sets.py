"""Sets joined all at once are those joined pair by pair."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hwsim.channels.disjoint_sets import DisjointSets, roots_of

pairs = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(pairs=pairs)
def test_sets_joined_at_once_are_those_joined_one_by_one(pairs: list[tuple[int, int]]) -> None:
    sets = DisjointSets(20)
    for a, b in pairs:
        sets.join(a, b)
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    got = roots_of(20, left, right).tolist()
    assert got == [sets.find(number) for number in range(20)]
