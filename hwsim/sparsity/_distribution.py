"""Distributions of whole numbers: sums of independent zeros, and the largest of several."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import FloatArray

# What lies further from the mean has a probability below 1e-30, by Chernoff's bound.
_DEVIATIONS, _BEYOND = 12.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distribution:
    """Probabilities of neighbouring whole numbers.

    Attributes:
        low: The first number.
        probabilities: Of `low`, `low` + 1, ...; they sum to 1.
    """

    low: int
    probabilities: FloatArray

    @property
    def high(self) -> int:
        """The last number."""
        return self.low + len(self.probabilities) - 1

    @property
    def numbers(self) -> FloatArray:
        """All of them."""
        return np.arange(self.low, self.high + 1, dtype=np.float64)

    @property
    def mean(self) -> float:
        """Expectation."""
        return float(self.numbers @ self.probabilities)

    def plus(self, other: Distribution) -> Distribution:
        """Return the distribution of the sum of two independent numbers."""
        both = np.convolve(self.probabilities, other.probabilities)
        return Distribution(low=self.low + other.low, probabilities=both)

    def rounded_up(self, step: int) -> Distribution:
        """Return the distribution of ceil(number / step)."""
        steps = -(-np.arange(self.low, self.high + 1) // step)
        sums = np.zeros(int(steps[-1] - steps[0]) + 1)
        np.add.at(sums, steps - steps[0], self.probabilities)
        return Distribution(low=int(steps[0]), probabilities=sums)


def binomial(n: int, p: float) -> Distribution:
    """Return how many of `n` independent events happen, each with probability `p`.

    P(x + 1) / P(x) = (n - x) / (x + 1) * p / (1 - p), summed as logarithms from the mode.
    """
    if n == 0 or p <= 0.0 or p >= 1.0:
        return Distribution(low=n if p >= 1.0 else 0, probabilities=np.ones(1))
    mode = min(n, int((n + 1) * p))
    reach = int(_DEVIATIONS * sqrt(n * p * (1.0 - p)) + _BEYOND)
    low, high = max(0, mode - reach), min(n, mode + reach)
    x = np.arange(low, high, dtype=np.float64)
    logarithms = np.zeros(high - low + 1)
    np.cumsum(np.log((n - x) / (x + 1.0)) + (log(p) - log(1.0 - p)), out=logarithms[1:])
    at_mode = lgamma(n + 1) - lgamma(mode + 1) - lgamma(n - mode + 1)
    at_mode += mode * log(p) + (n - mode) * log(1.0 - p)
    probabilities = np.exp(logarithms - logarithms[mode - low]) * exp(at_mode)
    return Distribution(low=low, probabilities=probabilities / probabilities.sum())


def expected_largest(kinds: Sequence[tuple[Distribution, int]]) -> float:
    """Return the expected largest of independent numbers from 0.

    E[max] = sum over x from 0 of 1 - product of P(each <= x): the order statistic, exactly.

    Args:
        kinds: Distributions, and how many numbers have each; at least one.
    """
    low = max(kind.low for kind, _ in kinds)
    high = max(kind.high for kind, _ in kinds)
    below = np.ones(high - low)
    for kind, count in kinds:
        at_most = np.minimum(np.cumsum(kind.probabilities), 1.0)[low - kind.low : -1]
        below[: len(at_most)] *= at_most**count
    return low + float(np.sum(1.0 - below))
