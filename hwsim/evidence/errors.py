"""How far predictions are from measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_RATIO = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Relative errors |predicted / measured - 1| of some rows.

    Attributes:
        n: Rows.
        mape: Mean.
        median: Median.
        p90: Nine of ten predictions are off by no more than the factor 1 + this, up or down; of
            fewer than ten, all are.
        within_10: Share within 10 %.
        within_20: Share within 20 %.
        spearman: Rank correlation; None below three rows.
    """

    n: int
    mape: float
    median: float
    p90: float
    within_10: float
    within_20: float
    spearman: float | None


def errors_of(pairs: Sequence[tuple[float, float]]) -> Errors | None:
    """Return the errors of (predicted, measured) pairs; None where there are none."""
    if not pairs:
        return None
    predicted, measured = np.array(pairs).T
    # What is predicted to take no time at all is off by any factor; this one is finite.
    ratio = np.maximum(predicted / measured, _LEAST_RATIO)
    error = np.abs(ratio - 1.0)
    return Errors(
        n=len(pairs),
        mape=float(error.mean()),
        median=float(np.median(error)),
        p90=float(np.quantile(np.maximum(ratio, 1.0 / ratio) - 1.0, 0.9, method="higher")),
        within_10=float((error <= 0.1).mean()),
        within_20=float((error <= 0.2).mean()),
        spearman=_spearman(predicted, measured) if len(pairs) > 2 else None,
    )


def _spearman(predicted: np.ndarray, measured: np.ndarray) -> float | None:
    """Return Pearson's correlation of the ranks, ties sharing their mean rank."""
    from scipy.stats import rankdata  # pyright: ignore[reportUnknownVariableType]

    ranks = rankdata(predicted), rankdata(measured)
    if min(float(rank.std()) for rank in ranks) == 0:
        return None
    return float(np.corrcoef(*ranks)[0, 1])
