"""The bars between a baseline's latency and a result's, in figures that add up as printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from hwsim.records import CAUSES
from reports.explanation.causes import label_of
from reports.units import SECONDS, unit_for

if TYPE_CHECKING:
    from hwsim.records import Attribution, Cause
    from reports.units import Unit

SMALL: Final = 0.005
"""Share of the longer latency below which causes are told together."""
RESOLUTION: Final = 1e-3
"""The last digit printed is at most this share of the longest bar."""

Kind: TypeAlias = Literal["total", "saves", "adds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        label: What it is.
        cause: None for totals and for the rest.
        kind: A total stands on zero; a change hangs between two totals.
        seconds: Height of a total, or the change.
        start_s: Where it begins.
        text: The seconds, in the waterfall's unit; a change has a sign.
        percent: Share of the baseline, likewise.
    """

    label: str
    cause: Cause | None
    kind: Kind
    seconds: float
    start_s: float
    text: str
    percent: str

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.start_s + self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Baseline, what was promised, causes in their order, result.

    Attributes:
        unit: Of all texts.
        bars: The texts of changes are differences of rounded totals: they add up as printed.
    """

    unit: Unit
    bars: tuple[Bar, ...]

    @property
    def longest_s(self) -> float:
        """Where the bar ends that reaches farthest."""
        return max(max(bar.start_s, bar.end_s) for bar in self.bars)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Running totals, and how all of them are rounded."""

    totals_s: list[float]
    unit: Unit
    decimals: int

    def total(self, label: str, i: int) -> Bar:
        """Return the total `i`."""
        return Bar(
            label=label,
            cause=None,
            kind="total",
            seconds=self.totals_s[i],
            start_s=0.0,
            text=f"{self._rounded(i):,.{self.decimals}f}",
            percent=f"{self._percent(i):.1f}",
        )

    def change(self, cause: Cause | None, seconds: float, i: int) -> Bar:
        """Return the change that leads from total `i` to the next."""
        return Bar(
            label=label_of(cause),
            cause=cause,
            kind="saves" if seconds < 0 else "adds",
            seconds=seconds,
            start_s=self.totals_s[i],
            text=f"{self._rounded(i + 1) - self._rounded(i):+,.{self.decimals}f}",
            percent=f"{self._percent(i + 1) - self._percent(i):+.1f}",
        )

    def is_flat(self, i: int) -> bool:
        """Return whether nothing would be read of the change behind total `i`."""
        return self._rounded(i) == self._rounded(i + 1) and self._percent(i) == self._percent(i + 1)

    def _rounded(self, i: int) -> float:
        return round(self.totals_s[i] / self.unit.base, self.decimals)

    def _percent(self, i: int) -> float:
        return round(100 * self.totals_s[i] / self.totals_s[0], 1)


def waterfall(attribution: Attribution, baseline: str, result: str) -> Waterfall:
    """Return the bars of a whole model; `baseline` and `result` are what they are called."""
    before_s, after_s = attribution.baseline.latency_s, attribution.result.latency_s
    changes = _changes(attribution)
    totals_s = [before_s]
    for _, seconds in changes[:-1]:
        totals_s.append(totals_s[-1] + seconds)
    # The sum of the bars is the result's latency, but for the last bits of a sum of floats.
    totals_s += [after_s] * bool(changes)
    unit = unit_for([max(before_s, after_s)], SECONDS)
    decimals = math.ceil(-math.log10(RESOLUTION * max(totals_s) / unit.base))
    scale = _Scale(totals_s, unit, max(0, decimals))
    bars = [scale.total(baseline, 0)]
    for i, (cause, seconds) in enumerate(changes):
        if cause is None and scale.is_flat(i):
            continue
        bars.append(scale.change(cause, seconds, i))
        if cause == "fewer_macs":
            bars.append(scale.total("as promised", i + 1))
    return Waterfall(unit=unit, bars=(*bars, scale.total(result, -1)))


def main_cause(attribution: Attribution) -> Cause | None:
    """Return the cause that adds most to what was promised; None where nothing adds."""
    bars: dict[Cause, float] = {
        c: s for c, s in attribution.bars_s.items() if c != "fewer_macs" and s > 0
    }
    first = max(bars, key=lambda cause: bars[cause], default=None)
    if first is None or bars[first] < SMALL * attribution.baseline.latency_s:
        return None
    return first


def _changes(attribution: Attribution) -> list[tuple[Cause | None, float]]:
    """Return the causes in their order and the small ones as one, without what is nothing."""
    longest_s = max(attribution.baseline.latency_s, attribution.result.latency_s)
    bars: list[tuple[Cause | None, float]] = [
        (cause, attribution.bars_s.get(cause, 0.0)) for cause in CAUSES
    ]
    large: list[tuple[Cause | None, float]] = [
        (cause, seconds) for cause, seconds in bars if abs(seconds) >= SMALL * longest_s
    ]
    rest_s = sum(seconds for _, seconds in bars if abs(seconds) < SMALL * longest_s)
    return [*large, (None, rest_s)] if rest_s else large
