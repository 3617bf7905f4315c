"""Markdown: the verdict, the bars and the layers that lose most, for pull requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from reports.explanation.causes import CAUSES_NAMED
from reports.explanation.cleaned import comparison_of
from reports.explanation.layers import LOST, unit_of_layers, worst
from reports.explanation.story import story_of
from reports.labels import profiles
from reports.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwsim.records import Explanation
    from reports.explanation.story import Chapter, Story


@dataclass(frozen=True, slots=True)
class Markdown:
    """Tables and sentences.

    Attributes:
        layers: The most that are shown of one result.
    """

    name: ClassVar[str] = "md"
    layers: int = 10

    def render(self, explanation: Explanation) -> str:
        """Return the whole report, ending in a line break."""
        story = story_of(explanation)
        lines = [f"## {escape(story.model)}", ""]
        if len(story.chapters) > 1:
            lines += _overview(story)
        for chapter in story.chapters:
            lines += _chapter(chapter, self.layers)
        refused = [
            f"- {escape(f'{r.recipe} on {r.device}')}: {escape(r.reason)}" for r in story.refusals
        ]
        lines += _list("Refused", refused)
        named = [CAUSES_NAMED[cause] for cause in story.causes]
        lines += _list("Causes", [f"- **{each.label}**: {each.meaning}" for each in named])
        spelled = [f"- {escape(k)} = {escape(name)}" for k, name in story.spelled.items()]
        lines += _list("Recipes", spelled)
        known = profiles(comparison_of(story.shown))
        lines += _list("Profiles", [f"- {escape(text)}" for text in known])
        return "\n".join([*lines, f"hwsim {escape(story.shown.version)}"]) + "\n"


def _overview(story: Story) -> list[str]:
    rows = [
        (
            escape(c.device),
            escape(c.recipe),
            f"**{c.fit}**" if c.misfit else c.fit,
            c.promised,
            f"**{c.got}**",
            c.cause or "-",
            escape(f"{c.attribution.verdict} {c.trust}"),
        )
        for c in story.chapters
    ]
    titles = ("device", "recipe", "memory", "promised", "got", "main cause", "verdict")
    return _table(titles, "lllrrll", rows)


def _chapter(chapter: Chapter, layers: int) -> list[str]:
    drop = chapter.waterfall
    lines = [f"### {escape(chapter.title)}", ""]
    lines += [f"**{escape(chapter.misfit)}**", ""] if chapter.misfit else []
    lines += [f"**{escape(chapter.attribution.verdict)}**", "", escape(chapter.trust), ""]
    bars = [
        (f"**{escape(bar.label)}**" if bar.kind == "total" else bar.label, bar.text, bar.percent)
        for bar in drop.bars
    ]
    lines += _table(("", f"time [{drop.unit.symbol}]", "share [%]"), "lrr", bars)
    lines += [text for remark in chapter.remarks for text in (escape(remark), "")]
    shown = worst(chapter.layers, chapter.attribution, layers)
    if shown:
        unit = unit_of_layers(chapter.attribution).symbol
        titles = ("layer that loses", f"before [{unit}]", f"after [{unit}]", f"lost [{unit}]")
        rows = [
            (
                escape(line.layer.name),
                line.before,
                line.after,
                line.lost,
                line.promised,
                line.got,
                escape(line.why),
            )
            for line in shown
        ]
        lines += [LOST, "", *_table((*titles, "promised", "got", "why"), "lrrrrrl", rows)]
    if chapter.proposals:
        units = (chapter.storage, "top-1 [%]", "change [points]", "memory")
        titles = ("what would pay", "latency", "faster", "energy", *units)
        advice = [
            (
                escape(p.change)
                + (f" ({escape(p.recipe)})" if p.recipe and p.recipe not in p.change else ""),
                p.latency,
                p.faster,
                p.energy,
                p.flash,
                p.top1,
                p.top1_change,
                p.fit or "fits",
            )
            for p in chapter.proposals
        ]
        lines += _table(titles, "lrrrrrrl", advice)
    return lines


def _table(titles: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; `sides` has an l or r per column."""
    rules = ["---:" if side == "r" else "---" for side in sides]
    return [*(f"| {' | '.join(cells)} |" for cells in (titles, rules, *rows)), ""]


def _list(title: str, items: list[str]) -> list[str]:
    return [f"**{title}**", "", *items, ""] if items else []
