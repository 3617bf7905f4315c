"""The rank that empirical variational Bayes finds in a matrix: what noise would not explain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from compressors.factorization.svd import singular_values

if TYPE_CHECKING:
    from hwsim.arrays import FloatArray

# Variances tried between their bounds, and how often the surroundings of the best are searched
# again, each time a hundredth as wide: the energy may have several valleys, but wide ones.
_TRIED = 201
_REFINEMENTS = 4
# Squared singular values below this part of the largest are what float64 leaves of zeros.
_ROUNDING = 1e-24


def evbmf_rank(matrix: FloatArray) -> int:
    """Return how many singular values lie above what white noise of the likeliest variance makes.

    Nakajima, Sugiyama, Babacan and Tomioka, "Global Analytic Solution of Fully-observed
    Variational Bayesian Matrix Factorization", JMLR 14 (2013), theorem 2 (which values stay) and
    section 4 (the variance). 0 where noise would make all of them.

    Args:
        matrix: [rows, columns] of any shape.
    """
    squares = singular_values(matrix) ** 2
    short, long = sorted(matrix.shape)
    rounding = _ROUNDING * squares[0]
    if squares[-1] <= rounding:
        # Without any noise its variance has no likeliest value: all that is there is signal.
        return int((squares > rounding).sum())
    threshold = _threshold(short / long)
    variance = _noise_variance(squares / long, short / long, threshold)
    return int((squares > long * variance * threshold).sum())


def _threshold(aspect: float) -> float:
    """Return x = (1 + t) (1 + aspect / t), in units of columns x variance.

    t solves phi(t) + phi(t / aspect) = 0 with phi(z) = ln(1 + z) / z - 1/2, which falls in t.
    """
    low, high = 1e-12, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        ends = np.array([middle, middle / aspect])
        if (np.log1p(ends) / ends - 0.5).sum() > 0:
            low = middle
        else:
            high = middle
    return (1 + low) * (1 + aspect / low)


def _noise_variance(powers: FloatArray, aspect: float, threshold: float) -> float:
    """Return the variance of least free energy.

    Args:
        powers: Squared singular values over the number of columns, falling, > 0.
        aspect: Rows over columns, at most 1.
        threshold: See `_threshold`.
    """
    most = max(0, min(-(-len(powers) // (1 + aspect)) - 1, len(powers) - 1))
    noisy = powers[int(most) :]
    high = math.log(powers.mean())
    low = min(high, math.log(max(noisy[0] / threshold, noisy.mean())))
    for _ in range(_REFINEMENTS):
        tried: list[float] = np.linspace(low, high, _TRIED).tolist()
        energies = [_free_energy(powers / math.exp(log), aspect, threshold) for log in tried]
        best = int(np.argmin(energies))
        low, high = tried[max(best - 1, 0)], tried[min(best + 1, _TRIED - 1)]
    return math.exp((low + high) / 2)


def _free_energy(x: FloatArray, aspect: float, threshold: float) -> float:
    """Return the free energy of the noise's variance but for constants, in units of columns / 2.

    Args:
        x: Squared singular values over columns x variance.
        aspect: Rows over columns.
        threshold: From which on values count as signal.
    """
    signal = x[x > threshold]
    centre = signal - (1 + aspect)
    tau = 0.5 * (centre + np.sqrt(centre**2 - 4 * aspect))
    gain = np.log((tau + 1) / signal) + aspect * np.log(tau / aspect + 1) - tau
    noise = x[x <= threshold]
    return float((noise - np.log(noise)).sum() + (signal + gain).sum())
