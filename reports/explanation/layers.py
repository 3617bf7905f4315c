"""The layers of one attribution as people read them, and those that lose most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.explanation.causes import label_of
from reports.units import SECONDS, Unit, times, unit_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Attribution, Cause, LayerAttribution

UNKNOWN: Final = "-"
LEAST: Final = 0.001
"""Share of the result's latency that a layer must lose to be told of."""
NAMED: Final = 0.05
"""Share of what a layer gained or lost that a cause must have to be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLine:
    """One layer.

    Attributes:
        number: From 1, in order of execution.
        layer: The record.
        lost_s: Time beyond what the MACs that are left would take at the baseline's pace.
        before: Latency in the baseline, in the table's unit; `-` where there was none.
        after: Likewise, in the result.
        lost: Likewise, of `lost_s`.
        promised: `8.40x`; `-` where nothing is multiplied.
        got: `1.00x`; `-` where the layer is in one of the two only.
        causes: What added to it or saved, the largest first.
    """

    number: int
    layer: LayerAttribution
    lost_s: float
    before: str
    after: str
    lost: str
    promised: str
    got: str
    causes: tuple[Cause, ...]

    @property
    def cause(self) -> str:
        """What held it back most; empty where nothing did."""
        for cause in self.causes:
            if cause != "fewer_macs" and self.layer.bars_s[cause] > 0 and self.lost_s > 0:
                return label_of(cause)
        return ""


def unit_of_layers(attribution: Attribution) -> Unit:
    """Return the unit of all layers of a result."""
    longest_s = max((max(each.before_s, each.after_s) for each in attribution.layers), default=0.0)
    return unit_for([longest_s], SECONDS)


def layer_lines(attribution: Attribution) -> tuple[LayerLine, ...]:
    """Return every layer, in order of execution."""
    unit = unit_of_layers(attribution)
    return tuple(_line(i, each, unit) for i, each in enumerate(attribution.layers, 1))


def worst(lines: Sequence[LayerLine], attribution: Attribution, most: int) -> tuple[LayerLine, ...]:
    """Return at most `most` layers, those that lose most first."""
    least_s = LEAST * attribution.result.latency_s
    ranked = sorted(lines, key=lambda line: (-line.lost_s, line.number))
    return tuple(line for line in ranked if line.lost_s >= least_s)[:most]


def _line(number: int, layer: LayerAttribution, unit: Unit) -> LayerLine:
    left = 1.0 if layer.promised is None else layer.promised
    lost_s = layer.after_s - layer.before_s * left
    has_both = layer.before_s > 0 and layer.after_s > 0
    return LayerLine(
        number=number,
        layer=layer,
        lost_s=lost_s,
        before=unit.text(layer.before_s) if layer.before_s > 0 else UNKNOWN,
        after=unit.text(layer.after_s) if layer.after_s > 0 else UNKNOWN,
        lost=unit.text(lost_s),
        promised=times(1 / layer.promised) if layer.promised else UNKNOWN,
        got=times(layer.before_s / layer.after_s) if has_both else UNKNOWN,
        causes=_causes(layer),
    )


def _causes(layer: LayerAttribution) -> tuple[Cause, ...]:
    total_s = sum(abs(seconds) for seconds in layer.bars_s.values())
    ranked = sorted(layer.bars_s, key=lambda cause: -abs(layer.bars_s[cause]))
    return tuple(cause for cause in ranked if abs(layer.bars_s[cause]) > NAMED * total_s)
