"""Spreads: how much the latency hangs on each number of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.profile.sources import covering
from hwsim.records import SPREAD_SHARE, Spread
from hwsim.repricing.bill import CORES, EFFICIENCY, MEMORY_EFFICIENCY
from hwsim.repricing.reprice import priced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Bill

_UNSAID = "assumed: what the schema has where a profile says nothing"


def spreads_of(bill: Bill, sources: Mapping[str, str]) -> tuple[Spread, ...]:
    """Return the latency with each number 10 % smaller and larger, the widest spread first.

    Cores come whole and are left out, as are numbers without effect. An efficiency ends at 1. What
    follows from the geometry of an accelerator is moved too, as if it were a number of its own.

    Args:
        bill: From `bill_of`.
        sources: Of the profile: texts by dotted key, or a prefix of it.
    """
    keys = [key for key in bill.prices if key != CORES]
    points = 2 * len(keys)
    arrays = {key: np.full(points, bill.prices[key]) for key in keys}
    for at, key in enumerate(keys):
        arrays[key][at] *= 1.0 - SPREAD_SHARE
        arrays[key][at + len(keys)] *= 1.0 + SPREAD_SHARE
        if key in (EFFICIENCY, MEMORY_EFFICIENCY):
            arrays[key][at + len(keys)] = min(1.0, arrays[key][at + len(keys)])
    low, high = priced(bill, arrays, points).latency_s.reshape(2, -1)
    (base,) = priced(bill, {}, 1).latency_s
    found = [
        Spread(
            key=key,
            value=bill.prices[key],
            source=_source_of(sources, key),
            low_s=float(low[at]),
            high_s=float(high[at]),
        )
        for at, key in enumerate(keys)
        if max(abs(low[at] - base), abs(high[at] - base)) > _LEAST * base
    ]
    return tuple(sorted(found, key=lambda one: abs(one.high_s - one.low_s), reverse=True))


# Rounding of the sums; below it nothing has an effect.
_LEAST = 1e-12


def _source_of(sources: Mapping[str, str], key: str) -> str:
    found = covering(key, sources)
    return _UNSAID if found is None else sources[found]
