"""An explanation as people read it, one chapter per recipe and device: what all pages show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwsim.explain import largest, lost_of
from reports.explanation.causes import CAUSES_NAMED, label_of
from reports.explanation.cleaned import comparison_of, made_visible, stands_in
from reports.explanation.facts import Fact, facts_of
from reports.explanation.fit import misfit_of, storage_of, trust_of
from reports.explanation.layers import LayerLine, layer_lines
from reports.explanation.proposals import Proposal, proposals
from reports.explanation.waterfall import Waterfall, main_cause, waterfall
from reports.labels import device_label, short_recipes
from reports.units import SECONDS, times, with_unit

if TYPE_CHECKING:
    from hwsim.records import Attribution, Cause, Explanation, Refusal

UNKNOWN = "-"
WORTH_A_LINE = 0.01
"""Share of the latency by which densities alone must be off to be told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """All that is said of one recipe on one device.

    Attributes:
        attribution: What it tells; names are visible, overrides short.
        device: With its overrides.
        recipe: Short.
        baseline: Short.
        promised: `8.40x`; `-` where nothing is multiplied.
        got: `1.00x`.
        main: What held it back most; None where nothing did.
        facts: Latency, energy, memory and accuracy, before and after.
        waterfall: Of the whole model.
        layers: All, in order of execution.
        proposals: What would pay.
        remarks: Sentences of context: another baseline, what densities alone would predict.
        misfit: The memory that is missing; empty where the model fits.
        trust: How far the latency may be off.
        storage: What the bytes of weights and code are called: `flash`, where there is one.
        shares: Causes that took most of the lost time, with their share of it: `85 %`.
    """

    attribution: Attribution
    device: str
    recipe: str
    baseline: str
    promised: str
    got: str
    main: Cause | None
    facts: tuple[Fact, ...]
    waterfall: Waterfall
    layers: tuple[LayerLine, ...]
    proposals: tuple[Proposal, ...]
    remarks: tuple[str, ...]
    misfit: str
    trust: str
    storage: str
    shares: tuple[tuple[Cause, str], ...]

    @property
    def title(self) -> str:
        """What is explained, in one line."""
        return f"{self.recipe} on {self.device}"

    @property
    def is_calibrated(self) -> bool:
        """Whether held-out evidence backs the figures."""
        return self.attribution.result.is_calibrated

    @property
    def cause(self) -> str:
        """What held it back most, by its name; empty where nothing did."""
        return "" if self.main is None else label_of(self.main)

    @property
    def fit(self) -> str:
        """Mark of a table: it fits the device's memory, or not."""
        return "DOES NOT FIT" if self.misfit else "fits"

    @property
    def lost(self) -> str:
        """The causes of the lost time by their names; empty where nothing is lost."""
        return ", ".join(f"{label_of(cause)} {share}" for cause, share in self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A whole explanation.

    Attributes:
        model: Its name.
        chapters: In the order asked for.
        refusals: What could not run.
        spelled: Short recipes that were cut, with what they stand for.
        short: Label of each recipe.
        causes: Those that some chapter names, in their order.
        shown: The records, names visible.
    """

    model: str
    chapters: tuple[Chapter, ...]
    refusals: tuple[Refusal, ...]
    spelled: dict[str, str]
    short: dict[str, str]
    causes: tuple[Cause, ...]
    shown: Explanation


def story_of(explanation: Explanation) -> Story:
    """Return what pages show of an explanation."""
    shown = made_visible(explanation)
    short = short_recipes(comparison_of(shown))
    chapters = tuple(_chapter(shown, each, short) for each in shown.attributions)
    cells = [*(each.result for each in shown.attributions), *shown.refusals]
    bars = {bar.cause for chapter in chapters for bar in chapter.waterfall.bars}
    lost = {cause for chapter in chapters for line in chapter.layers for cause in line.causes}
    return Story(
        model=cells[0].model if cells else "",
        chapters=chapters,
        refusals=shown.refusals,
        spelled={label: name for name, label in short.items() if name != label},
        short=short,
        causes=tuple(cause for cause in CAUSES_NAMED if cause in bars | lost),
        shown=shown,
    )


def _chapter(shown: Explanation, each: Attribution, short: dict[str, str]) -> Chapter:
    promised, main = each.promised_speedup, main_cause(each)
    baseline, recipe = short[each.baseline.recipe], short[each.result.recipe]
    return Chapter(
        attribution=each,
        device=device_label(each.result),
        recipe=recipe,
        baseline=baseline,
        promised=UNKNOWN if promised is None else times(promised),
        got=times(each.speedup),
        main=main,
        facts=facts_of(each),
        waterfall=waterfall(each, baseline, recipe),
        layers=layer_lines(each),
        proposals=proposals(each),
        remarks=tuple(_remarks(shown, each, baseline)),
        misfit=misfit_of(each.result),
        trust=trust_of(each.result),
        storage=storage_of(each.result),
        shares=_shares(each),
    )


def _shares(each: Attribution) -> tuple[tuple[Cause, str], ...]:
    lost_s = lost_of(each.bars_s)
    if main_cause(each) is None:
        return ()
    return tuple((cause, f"{100 * share:.0f} %") for cause, share in largest(lost_s).items())


def _remarks(shown: Explanation, each: Attribution, baseline: str) -> list[str]:
    found: list[str] = []
    if stands_in(shown, each):
        found.append(
            f"The device refuses {shown.baseline!r}, so the baseline is {baseline!r}: the recipe "
            "without the steps that make it sparse."
        )
    elif shown.baseline is None and each.baseline.recipe != "none":
        found.append(
            f"Baseline {baseline!r}: the recipe without what makes it sparse (see --baseline)."
        )
    if not each.baseline.fits and each.result.fits:
        found.append(f"It fits the device; the baseline {baseline!r} does not.")
    counted_s, even_s = each.result.latency_s, each.by_density_s
    if even_s is not None and abs(even_s - counted_s) >= WORTH_A_LINE * counted_s:
        difference = 100 * (even_s - counted_s) / counted_s
        found.append(
            f"Counted weight by weight: {with_unit(counted_s, SECONDS)}. From densities alone, "
            f"as if zeros were spread evenly: {with_unit(even_s, SECONDS)} ({difference:+.1f} %)."
        )
    return found
