"""k-means on a line: scikit-learn as the oracle, every partition of few points for the optimum."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans  # pyright: ignore[reportUnknownVariableType]

from compressors.sharing import Init, Points, cluster, nearest
from compressors.sharing.kmeans import start
from hwsim.arrays import Array, FloatArray

STARTS: tuple[Init, ...] = ("linear", "density", "random")
INITS: tuple[Init, ...] = (*STARTS, "optimal")

numbers = st.lists(st.integers(-9, 9), min_size=1, max_size=12).map(
    lambda drawn: np.array(drawn, np.float32)
)


def inertia(values: Array, centroids: FloatArray) -> float:
    """Return the sum of squared distances to the nearest centroid, every pair looked at."""
    distances = np.abs(values.reshape(-1, 1) - centroids)
    return float((distances.min(axis=1) ** 2).sum())


def oracle(values: Array, count: int, starts: Any, tries: int) -> float:
    kmeans: Any = KMeans(count, init=starts, n_init=tries, tol=0, max_iter=2000, random_state=0)  # pyright: ignore
    return float(kmeans.fit(values.reshape(-1, 1)).inertia_)


@pytest.mark.oracle
@pytest.mark.parametrize("count", [2, 5, 16])
@pytest.mark.parametrize("init", STARTS)
def test_as_good_as_scikit_learn_from_the_same_start(init: Init, count: int) -> None:
    values = np.random.default_rng(3).standard_normal(3000)
    points = Points.of(values)
    theirs = oracle(values, count, start(points, count, init, 0)[:, None], 1)
    # Where a cluster is empty, it moves one point more or less at a time than scikit-learn.
    assert inertia(values, cluster(points, count, init)) <= 1.01 * theirs


@pytest.mark.oracle
@pytest.mark.parametrize("count", [2, 5, 16])
def test_the_optimum_is_below_the_best_of_many(count: int) -> None:
    values = np.random.default_rng(4).laplace(size=3000)
    best = inertia(values, cluster(Points.of(values), count, "optimal"))
    assert best <= oracle(values, count, "k-means++", 20) * (1 + 1e-9)


@given(values=numbers, count=st.integers(1, 5))
def test_the_optimum_is_that_of_every_partition(values: Array, count: int) -> None:
    ordered = np.sort(values.astype(float))
    inner = combinations(range(1, len(ordered)), min(count, len(ordered)) - 1)
    partitions = [(0, *cuts, len(ordered)) for cuts in inner]
    costs = [
        sum(float(((ordered[a:b] - ordered[a:b].mean()) ** 2).sum()) for a, b in pairwise(ends))
        for ends in partitions
    ]
    found = cluster(Points.of(values), count, "optimal")
    assert inertia(values, found) == pytest.approx(min(costs), abs=1e-9)


@given(values=numbers, count=st.integers(1, 5), init=st.sampled_from(INITS))
def test_centroids_are_means_of_what_is_nearest(values: Array, count: int, init: Init) -> None:
    centroids = cluster(Points.of(values), count, init)
    own = nearest(values, centroids)
    assert len(centroids) == min(count, len(np.unique(values)))
    for index, centroid in enumerate(centroids):
        assert values[own == index].mean() == pytest.approx(centroid)
    assert inertia(values, centroids) == pytest.approx(((values - centroids[own]) ** 2).sum())


@given(values=numbers, count=st.integers(1, 5), init=st.sampled_from(STARTS))
def test_iterations_only_improve(values: Array, count: int, init: Init) -> None:
    points = Points.of(values)
    if len(points.values) > count:
        first = inertia(values, start(points, count, init, 0))
        assert inertia(values, cluster(points, count, init)) <= first + 1e-9


@pytest.mark.parametrize("init", ["linear", "optimal"])
def test_sixteen_weights_by_hand(init: Init) -> None:
    # As in Deep Compression (arXiv 1510.00149), figure 3.
    low, middle = [-0.98, -1.08, -0.91, -1.03], [0.09, 0.05, -0.14, 0.0, 0.0]
    high, highest = [1.48, 1.53, 1.49], [2.09, 2.12, 1.92, 1.87]
    points = Points.of(np.array([*high, *low, *highest, *middle]))
    np.testing.assert_allclose(cluster(points, 4, init), [-1.0, 0.0, 1.5, 2.0], atol=1e-12)


def test_starts_by_hand() -> None:
    points = Points.of(np.array([0, 1, 1, 1, 2, 2, 10, 20]))
    np.testing.assert_array_equal(start(points, 3, "linear", 0), [0, 10, 20])
    # Of 8 numbers the 1.33th, the 4th and the 6.67th, counted from the left.
    np.testing.assert_array_equal(start(points, 3, "density", 0), [1, 1, 10])
    drawn = start(points, 3, "random", 0)
    assert set(drawn) <= {0, 1, 2, 10, 20}
    assert len(set(drawn)) == 3


def test_an_empty_cluster_moves_to_what_is_worst_off() -> None:
    # From 0, 50 and 100 nothing is nearest to 50.
    values = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
    np.testing.assert_allclose(cluster(Points.of(values), 3, "linear"), [0.5, 2.5, 100.0])


def test_seeds_draw() -> None:
    points = Points.of(np.random.default_rng(0).standard_normal(500))
    first, again, other = (cluster(points, 8, "random", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
