"""JSON: every bar in seconds, nothing merged or rounded. Keys are a contract: add, never rename."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.records import CAUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.records import Advice, Attribution, Cause, Explanation, LayerAttribution, Result


@dataclass(frozen=True, slots=True)
class Json:
    """The whole explanation."""

    name: ClassVar[str] = "json"

    def render(self, explanation: Explanation) -> str:
        """Return the whole report, ending in a line break.

        Raises:
            ValueError: A figure is NaN or infinite; JSON has no word for either.
        """
        document = {
            "hwsim_version": explanation.version,
            "baseline": explanation.baseline,
            "attributions": [_attribution(each) for each in explanation.attributions],
            "refusals": [asdict(refusal) for refusal in explanation.refusals],
        }
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _attribution(each: Attribution) -> dict[str, object]:
    return {
        "model": each.result.model,
        "recipe": each.result.recipe,
        "device": each.result.device,
        "overrides": list(each.result.overrides),
        "verdict": each.verdict,
        "promised_speedup": each.promised_speedup,
        "speedup": each.speedup,
        "by_density_s": each.by_density_s,
        "bars_s": _bars(each.bars_s),
        "baseline": _result(each.baseline),
        "result": _result(each.result),
        "layers": [_layer(layer) for layer in each.layers],
        "advice": [_advice(advice) for advice in each.advice],
    }


def _bars(bars_s: Mapping[Cause, float]) -> dict[Cause, float]:
    """Return every cause in the order of a waterfall, those that add nothing too."""
    return {cause: bars_s.get(cause, 0.0) for cause in CAUSES}


def _result(result: Result) -> dict[str, object]:
    return {
        "recipe": result.recipe,
        "device_class": result.device_class,
        "runtime": result.runtime,
        "numerics": result.numerics,
        "profile_sha256": result.profile_sha256,
        "calibrated": result.is_calibrated,
        "latency_s": result.latency_s,
        "latency_low_s": result.estimate.latency_low_s,
        "latency_high_s": result.estimate.latency_high_s,
        "energy_j": result.energy_j,
        "peak_ram_bytes": result.peak_ram_bytes,
        "flash_bytes": result.flash_bytes,
        "fits": result.fits,
        "accuracy": None if result.accuracy is None else asdict(result.accuracy),
        "macs": result.estimate.macs,
        "macs_effective": result.estimate.macs_effective,
    }


def _layer(layer: LayerAttribution) -> dict[str, object]:
    return {
        "name": layer.name,
        "op": layer.op,
        "before_s": layer.before_s,
        "after_s": layer.after_s,
        "promised": layer.promised,
        "bars_s": _bars(layer.bars_s),
        "words": layer.words,
    }


def _advice(advice: Advice) -> dict[str, object]:
    accuracy = None if advice.accuracy is None else asdict(advice.accuracy)
    return {
        "change": advice.change,
        "recipe": advice.recipe,
        "layer": advice.layer,
        "latency_s": advice.latency_s,
        "energy_j": advice.energy_j,
        "flash_bytes": advice.flash_bytes,
        "fits": advice.fits,
        "accuracy": accuracy,
    }
