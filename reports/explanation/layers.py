"""The layers of one attribution as people read them, and those that lose most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.explanation.causes import label_of
from reports.explanation.units import readable_unit
from reports.units import SECONDS, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Attribution, Cause, LayerAttribution
    from reports.units import Unit

UNKNOWN: Final = "-"
LEAST: Final = 0.001
"""Share of the result's latency that a layer must lose to be told of."""
NAMED: Final = 0.05
"""Share of what a layer gained or lost that a cause must have to be named."""
LOST: Final = (
    "Lost: time beyond what the MACs that are left would take, summed over the causes that add; "
    "what others save is not taken off."
)
NO_MACS: Final = "no MACs"
NONE_LEFT: Final = "∞"
TOLD: Final = 0.01
"""Share of the longest layer from which on a layer has a say in the table's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLine:
    """One layer.

    Attributes:
        number: From 1, in order of execution.
        layer: The record.
        lost_s: Time beyond what the MACs that are left would take at the baseline's pace: the
            causes that add, what others save not taken off.
        before: Latency in the baseline, in the table's unit; `-` where there was none.
        after: Likewise, in the result.
        lost: Likewise, of `lost_s`.
        promised: `8.40x`; `no MACs` where nothing is multiplied, `∞` where no MAC is left.
        got: `1.00x`; `∞` where the layer is gone, `-` where the baseline has none.
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
        main = self.main
        return "" if main is None else label_of(main)

    @property
    def main(self) -> Cause | None:
        """Cause that added most; None where none did, or none to speak of."""
        bars_s = self.layer.bars_s
        added_s: dict[Cause, float] = {
            cause: s for cause, s in bars_s.items() if s > 0 and cause != "fewer_macs"
        }
        if not added_s:
            return None
        worst = max(added_s, key=lambda cause: added_s[cause])
        # A sentence speaks of that cause, however small it is beside what is saved.
        return worst if worst in self.causes or self.layer.words else None

    @property
    def why(self) -> str:
        """The cause by its name, and the sentence on it."""
        return ": ".join(part for part in (self.cause, self.layer.words) if part)


def unit_of_layers(attribution: Attribution) -> Unit:
    """Return the unit of all layers of a result: what they take and what they lost is read in it.

    What is too little to be told of has no say.
    """
    taken_s = [seconds for each in attribution.layers for seconds in (each.before_s, each.after_s)]
    longest_s = max(taken_s, default=0.0)
    least_s = LEAST * attribution.result.latency_s
    lost_s = [seconds for seconds in map(_lost_s, attribution.layers) if seconds >= least_s]
    long_s = [seconds for seconds in taken_s if seconds >= TOLD * longest_s]
    units = [readable_unit([longest_s, *column], SECONDS) for column in (long_s, lost_s)]
    return min(units, key=lambda unit: unit.base)


def layer_lines(attribution: Attribution) -> tuple[LayerLine, ...]:
    """Return every layer, in order of execution."""
    unit = unit_of_layers(attribution)
    return tuple(_line(i, each, unit) for i, each in enumerate(attribution.layers, 1))


def worst(lines: Sequence[LayerLine], attribution: Attribution, most: int) -> tuple[LayerLine, ...]:
    """Return at most `most` layers, those that lose most first, then those that take longest."""
    least_s = LEAST * attribution.result.latency_s
    ranked = sorted(lines, key=lambda line: (-line.lost_s, -line.layer.after_s, line.number))
    return tuple(line for line in ranked if line.lost_s >= least_s)[:most]


def _line(number: int, layer: LayerAttribution, unit: Unit) -> LayerLine:
    lost_s = _lost_s(layer)
    return LayerLine(
        number=number,
        layer=layer,
        lost_s=lost_s,
        before=unit.text(layer.before_s) if layer.before_s > 0 else UNKNOWN,
        after=unit.text(layer.after_s) if layer.after_s > 0 else UNKNOWN,
        lost=unit.text(lost_s),
        promised=_promised(layer),
        got=_got(layer),
        causes=_causes(layer),
    )


def _lost_s(layer: LayerAttribution) -> float:
    return sum(s for cause, s in layer.bars_s.items() if s > 0 and cause != "fewer_macs")


def _promised(layer: LayerAttribution) -> str:
    if layer.promised is None:
        return NO_MACS
    return times(1 / layer.promised) if layer.promised else NONE_LEFT


def _got(layer: LayerAttribution) -> str:
    if not layer.before_s > 0:
        return UNKNOWN
    return times(layer.before_s / layer.after_s) if layer.after_s > 0 else NONE_LEFT


def _causes(layer: LayerAttribution) -> tuple[Cause, ...]:
    total_s = sum(abs(seconds) for seconds in layer.bars_s.values())
    ranked = sorted(layer.bars_s, key=lambda cause: -abs(layer.bars_s[cause]))
    return tuple(cause for cause in ranked if abs(layer.bars_s[cause]) > NAMED * total_s)
