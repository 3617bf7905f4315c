"""Attribute: part the latency between a model and its compressed form by cause, exactly.

The whole promised what its effective MACs did: with R of one left, `fewer_macs` is (R - 1) of the
baseline's latency. Layers promised their own share r each (`hwsim.explain.bars`), and layers that
multiply nothing promised nothing. `placement` is the difference,

    sum of the layers' own (r - 1) b  -  (R - 1) sum of b  =  sum of (r - R) b,

which costs time where the layers that were cut most take less of the time than of the MACs. Every
other bar of the whole is the sum of the layers' bars.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hwsim.errors import UnsupportedError
from hwsim.explain.bars import bars_of
from hwsim.explain.layers import layers_of
from hwsim.explain.verdict import verdict_of
from hwsim.explain.words import words_of
from hwsim.records import CAUSES, Attribution, LayerAttribution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.explain.layers import Layer
    from hwsim.records import Advice, Cause, Result


def attribute(
    baseline: Result,
    result: Result,
    *,
    by_density_s: float | None = None,
    advice: Sequence[Advice] = (),
) -> Attribution:
    """Return where the speed-up of `result` over `baseline` went.

    The bars of each layer add up to its change of latency, and the bars of the whole to the
    whole's, to 1e-9 of the larger latency; causes that add nothing are left out.

    Args:
        baseline: The model as it was.
        result: The compressed one, on the same device under the same overrides.
        by_density_s: Latency that the densities alone would predict, to be kept in the record.
        advice: Changes that were priced, likewise.

    Raises:
        UnsupportedError: The results are of two devices, or a term of them has no cause.
    """
    _require_one_device(baseline, result)
    matched = layers_of(baseline.estimate.steps, result.estimate.steps)
    layers = tuple(_layer(layer, result.device_class) for layer in matched)
    bars = _total(baseline, result, layers)
    return Attribution(
        baseline=baseline,
        result=result,
        bars_s=bars,
        layers=layers,
        verdict=verdict_of(baseline, result, bars),
        advice=tuple(advice),
        by_density_s=by_density_s,
    )


def _require_one_device(baseline: Result, result: Result) -> None:
    places = [f"{one.device} [{', '.join(one.overrides)}]" for one in (baseline, result)]
    if places[0] != places[1]:
        raise UnsupportedError(
            f"explain: expected two results of one device, got {places[0]} and {places[1]}; "
            "evaluate both on the same one"
        )


def _layer(layer: Layer, device_class: str) -> LayerAttribution:
    bars = bars_of(layer)
    has_macs = any(step.counts.macs for step in (*layer.before.steps, *layer.after.steps))
    return LayerAttribution(
        name=layer.name,
        op=layer.main.op,
        before_s=layer.before.seconds,
        after_s=layer.after.seconds,
        promised=layer.left if has_macs else None,
        bars_s=_in_order(bars),
        words=words_of(layer, bars, device_class),
    )


def _total(
    baseline: Result, result: Result, layers: Sequence[LayerAttribution]
) -> dict[Cause, float]:
    total: dict[Cause, float] = {
        cause: math.fsum(layer.bars_s.get(cause, 0.0) for layer in layers) for cause in CAUSES
    }
    before_s = math.fsum(layer.before_s for layer in layers)
    effective = baseline.estimate.macs_effective
    if effective:
        promised_s = (result.estimate.macs_effective / effective - 1) * before_s
        # Equal cuts everywhere leave a difference of rounding only.
        total["placement"] = total["fewer_macs"] - promised_s
        if abs(total["placement"]) < 1e-12 * before_s:
            total["placement"] = 0.0
        total["fewer_macs"] = promised_s
    return _in_order(total)


def _in_order(bars: Mapping[Cause, float]) -> dict[Cause, float]:
    """Return the bars in the order of a waterfall, without those of no length."""
    return {cause: bars[cause] for cause in CAUSES if bars.get(cause)}
