"""The range that loses least information, as TensorRT calibrates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressors.quantization.observers._histogram import Histogram

if TYPE_CHECKING:
    from compressors.quantization.observers._observer import Range
    from hwsim.arrays import FloatArray, IntArray

# Bins per level, and how many ends are tried: 2048 bins for 128 levels, as TensorRT has.
_BINS_PER_LEVEL = 16
_ENDS = 240


class Entropy:
    """The end T of |x| of least Kullback-Leibler divergence of the quantized histogram.

    For each T, P is the histogram of |x| below T with what lies beyond added to its last bin, and Q
    the same bins, without what lies beyond, merged into as many levels as codes have and spread
    evenly over those bins of each level that P has something in; T of least sum P log(P / Q) is
    taken (Migacz, "8-bit Inference with TensorRT", GTC 2017). The first bin, of a ReLU's zeros,
    which any encoding holds, counts at most as the fullest other one; else it would decide alone.
    """

    def __init__(self, seen: Range, levels: int) -> None:
        """Expect values within `seen`; |x| has `levels` codes."""
        self._seen, self._levels = seen, levels
        largest = max(abs(seen[0]), abs(seen[1]))
        self._histogram = Histogram((0.0, largest), _BINS_PER_LEVEL * levels)

    def see(self, values: FloatArray) -> None:
        """See `Observer.see`."""
        self._histogram.see(np.abs(values))

    def range(self) -> Range:
        """See `Observer.range`; neither end lies beyond what was seen."""
        counts = self._histogram.counts.copy()
        counts[0] = min(counts[0], counts[1:].max())
        bins = np.unique(np.linspace(self._levels, counts.size, _ENDS).astype(int))
        losses = [divergence(counts, int(end), self._levels) for end in bins]
        # Of equal losses, the widest range.
        best = len(losses) - 1 - int(np.argmin(losses[::-1]))
        end = float(bins[best] * self._histogram.width)
        return max(self._seen[0], -end), min(self._seen[1], end)


def divergence(counts: IntArray, end: int, levels: int) -> float:
    """Return KL(P || Q) in nats for `counts` clipped to the first `end` bins; see `Entropy`."""
    inside = counts[:end].astype(np.float64)
    p = inside.copy()
    p[-1] += counts[end:].sum()
    taken = p > 0
    level = np.arange(end) * levels // end
    totals = np.bincount(level, inside, levels)
    shares = np.maximum(np.bincount(level, taken, levels), 1.0)
    q = np.where(taken, (totals / shares)[level], 0.0)
    if p.sum() == 0 or q.sum() == 0:
        return 0.0 if p.sum() == 0 else np.inf
    p, q = p[taken] / p.sum(), q[taken] / q.sum()
    return float((p * np.log(p / q)).sum()) if (q > 0).all() else np.inf
