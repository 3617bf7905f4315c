"""Ways of rounding weights to whole steps of their scale.

The names are the field's; the mean error is of steps spread evenly, in steps:

* nearest_even: ties to the even neighbour (IEEE 754; NumPy's and torch's): unbiased.
* half_up: floor(x + 1/2), which integers compute as (2 x + 1) >> 1; `max_plus_one` is another name
  of it. Ties alone are biased, by +1/2 each.
* half_away: ties away from zero (C's `round`, TFLite's): unbiased where signs balance.
* floor: cut downwards, as an arithmetic shift does: bias -1/2 step, of a whole layer's outputs too.
* truncate: cut towards zero: bias -1/2 step for positive weights, +1/2 for negative ones: weights
  shrink.
* stochastic: floor(x + u), u uniform on [0, 1): unbiased whatever x is, of variance f (1 - f) for a
  fraction f (Gupta et al., "Deep Learning with Limited Numerical Precision", arXiv 1502.02551,
  section 3.1). The u of an element follows from the seed and its place alone.

Whole numbers stay what they are under each, zero among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.arrays import FloatArray

RoundingName: TypeAlias = Literal[
    "nearest_even", "half_up", "max_plus_one", "half_away", "floor", "truncate", "stochastic"
]


class Round(Protocol):
    """Round steps to whole numbers."""

    def __call__(self, steps: FloatArray, /) -> FloatArray:
        """Return whole numbers of the shape of `steps`."""
        ...


def nearest_even(steps: FloatArray) -> FloatArray:
    """Return the nearest whole numbers, ties to even."""
    return np.rint(steps)


def half_up(steps: FloatArray) -> FloatArray:
    """Return the nearest whole numbers, ties up."""
    below = np.floor(steps)
    # Not floor(steps + 0.5): the sum would round 0.5 - 2^-54 up.
    return below + (steps - below >= 0.5)


def half_away(steps: FloatArray) -> FloatArray:
    """Return the nearest whole numbers, ties away from zero."""
    return np.sign(steps) * half_up(np.abs(steps))


def floor(steps: FloatArray) -> FloatArray:
    """Return the whole numbers at or below."""
    return np.floor(steps)


def truncate(steps: FloatArray) -> FloatArray:
    """Return the whole numbers at or next to these, towards zero."""
    return np.trunc(steps)


@dataclass(frozen=True, slots=True)
class Stochastic:
    """Round up with the probability of the fraction, by a counter-based generator.

    Attributes:
        seed: Key of Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
        stream: Second half of the key: layers that differ in it draw apart from each other.
    """

    seed: int = 0
    stream: int = 0

    def __call__(self, steps: FloatArray) -> FloatArray:
        """See `Round`; the u of an element follows from its place in row-major order."""
        generator = np.random.Generator(np.random.Philox(key=[self.seed, self.stream]))
        return np.floor(steps + generator.random(steps.shape))


_BY_NAME: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "nearest_even": nearest_even,
    "half_up": half_up,
    "max_plus_one": half_up,
    "half_away": half_away,
    "floor": floor,
    "truncate": truncate,
}


def find_rounding(name: RoundingName, seed: int = 0, stream: int = 0) -> Round:
    """Return the rounding of that name; `seed` and `stream` are of the stochastic one."""
    return Stochastic(seed, stream) if name == "stochastic" else _BY_NAME[name]
