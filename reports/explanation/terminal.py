"""Terminal: a sentence, the bars as text, the layers that lose most, and what would pay."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from reports.explanation.causes import CAUSES_NAMED
from reports.explanation.cleaned import comparison_of
from reports.explanation.folding import folded_at
from reports.explanation.layers import LOST, unit_of_layers, worst
from reports.explanation.story import story_of
from reports.labels import cut_labels, digests, shorten
from reports.layout import TextColumn, lines, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from hwsim.records import Explanation
    from reports.explanation.layers import LayerLine
    from reports.explanation.story import Chapter, Story
    from reports.explanation.waterfall import Bar, Waterfall

FILLS: Final = {"total": "█", "saves": "░", "adds": "▓"}
STYLES: Final = {"total": "", "saves": "blue", "adds": "yellow"}
"""Blue and yellow are told apart by colour-blind readers too; the signs say the same."""
LABEL: Final = (24, 40)
"""Least and most characters of the name of a bar; between them two fifths of the width."""
LONGEST_BAR: Final = 60
NAME: Final = (12, 40)
"""Least and most characters of a layer's name."""
INDENT: Final = 2


@dataclass(frozen=True, slots=True)
class Terminal:
    """Plain text; `page` is what a coloured console prints.

    Attributes:
        width: Characters of a line.
        layers: The most that are shown of one result.
    """

    name: ClassVar[str] = "terminal"
    width: int = 100
    layers: int = 10

    def render(self, explanation: Explanation) -> str:
        """Return the whole report, ending in a line break."""
        console = Console(file=io.StringIO(), width=self.width, color_system=None)
        with console.capture() as capture:
            console.print(page(explanation, self.width, self.layers))
        return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")[:-1])


def page(explanation: Explanation, width: int, layers: int) -> Group:
    """Return everything, for `rich.console.Console.print`."""
    story = story_of(explanation)
    parts: list[RenderableType] = [Text(story.model, style="bold"), Text("")]
    if len(story.chapters) > 1:
        parts += [*_overview(story, width), Text("")]
    for chapter in story.chapters:
        parts += _chapter(chapter, width, layers)
    refused = [
        Text.assemble((f"{story.short[r.recipe]} on {r.device}", "bold"), f": {r.reason}")
        for r in story.refusals
    ]
    parts += _list("Refused", refused)
    bars = {bar.cause for chapter in story.chapters for bar in chapter.waterfall.bars}
    named = [CAUSES_NAMED[cause] for cause in story.causes if cause in bars]
    meanings = [Text.assemble((each.label, "bold"), f": {each.meaning}") for each in named]
    parts += _list("Causes", [Text(LOST), *meanings] if story.chapters else [])
    spelled = [Text(f"{label}  =  {name}") for label, name in story.spelled.items()]
    parts += _list("Recipes", spelled)
    profiles = [Text(shorten(line, width - 2)) for line in digests(comparison_of(story.shown))]
    parts += _list("Profiles", profiles)
    return Group(*parts, Text(f"hwsim {story.shown.version}", style="dim"))


def _overview(story: Story, width: int) -> list[Text]:
    chapters = story.chapters
    misfits = tuple(chapter.fit for chapter in chapters)
    fits = TextColumn("fits", ("memory",), misfits, is_number=False)
    figures = (
        fits,
        TextColumn("promised", ("promised",), tuple(c.promised for c in chapters)),
        TextColumn("got", ("got",), tuple(c.got for c in chapters)),
        TextColumn(
            "main cause", ("main cause",), tuple(c.cause or "-" for c in chapters), is_number=False
        ),
    )
    room = max(NAME[0], width - width_of(figures) - 1 - INDENT)
    cut = cut_labels({c.recipe: c.recipe for c in chapters}, min(room, NAME[1]))
    names = tuple(" " * INDENT + cut[chapter.recipe] for chapter in chapters)
    first = TextColumn("recipe", ("  recipe",), names, is_number=False)
    devices = [chapter.device for chapter in chapters]
    heads = {i: each for i, each in enumerate(devices) if i == 0 or devices[i - 1] != each}
    table = (first, *figures)
    made = lines(table, heads, lambda column, _row: "bold" if column.title == "got" else "")
    said: list[Text] = []
    row = 0
    for i, line in enumerate(made):
        said.append(line)
        # Header and rule first; devices have lines of their own.
        if i > 1 and line.plain.startswith(" "):
            room = width - 2 * INDENT
            said += [
                Text(f"{'':{2 * INDENT}}{part}", style="dim")
                for part in folded_at(
                    f"{chapters[row].attribution.verdict} {chapters[row].trust}", room
                )
            ]
            row += 1
    return said


def _chapter(chapter: Chapter, width: int, layers: int) -> list[RenderableType]:
    title = Text(chapter.title, style="bold cyan")
    parts: list[RenderableType] = [title]
    if chapter.misfit:
        parts.append(Text(chapter.misfit, style="bold red"))
    parts.append(Text(chapter.attribution.verdict))
    parts.append(Text(chapter.trust, style="" if chapter.is_calibrated else "yellow"))
    parts += [Text(remark) for remark in chapter.remarks]
    facts = ", ".join(f"{fact.title} {fact.before} -> {fact.after}" for fact in chapter.facts[1:])
    parts += [Text(f"Beside latency: {facts}.", style="dim"), Text("")]
    parts += [*_bars(chapter.waterfall, width), Text("")]
    shown = worst(chapter.layers, chapter.attribution, layers)
    if layers and shown:
        parts += _layers(shown, chapter, width)
    if chapter.proposals:
        parts += _advice(chapter, width)
    return parts


def _bars(drop: Waterfall, width: int) -> list[Text]:
    bars = drop.bars
    room = min(LABEL[1], max(LABEL[0], width * 2 // 5))
    totals = {f"{i}": bar.label for i, bar in enumerate(bars) if bar.kind == "total"}
    cut = cut_labels(totals, room)
    names = tuple(cut.get(f"{i}", bar.label) for i, bar in enumerate(bars))
    table = (
        TextColumn("bar", ("",), names, is_number=False),
        TextColumn("time", (f"[{drop.unit.symbol}]",), tuple(bar.text for bar in bars)),
        TextColumn("share", ("[%]",), tuple(bar.percent for bar in bars)),
    )
    room = max(1, min(LONGEST_BAR, width - width_of(table) - 1))
    drawn = tuple(_drawn(bar, drop.longest_s, room) for bar in bars)
    table = (*table, TextColumn("drawn", ("",), drawn, is_number=False))

    def style(column: TextColumn, row: int) -> str:
        if bars[row].kind == "total":
            return "bold" if column.title == "bar" else ""
        return STYLES[bars[row].kind] if column.title in ("time", "share", "drawn") else ""

    return lines(table, {}, style)


def _drawn(bar: Bar, longest_s: float, room: int) -> str:
    """Return the bar as text; every one is at least a character wide."""
    ends = sorted(round(end_s / longest_s * room) for end_s in (bar.start_s, bar.end_s))
    first = min(max(ends[0], 0), room - 1)
    return " " * first + FILLS[bar.kind] * max(1, ends[1] - first)


def _layers(shown: Sequence[LayerLine], chapter: Chapter, width: int) -> list[RenderableType]:
    unit = unit_of_layers(chapter.attribution).symbol
    united = (f"[{unit}]",)
    figures = (
        TextColumn("op", ("op",), tuple(line.layer.op for line in shown), is_number=False),
        TextColumn("before", ("before", *united), tuple(line.before for line in shown)),
        TextColumn("after", ("after", *united), tuple(line.after for line in shown)),
        TextColumn("lost", ("lost", *united), tuple(line.lost for line in shown)),
        TextColumn("promised", ("promised",), tuple(line.promised for line in shown)),
        TextColumn("got", ("got",), tuple(line.got for line in shown)),
    )
    digits = len(str(len(chapter.layers)))
    room = min(NAME[1], max(NAME[0], width - width_of(figures) - len(". ") - digits - 1))
    names = tuple(f"{line.number:>{digits}}. {shorten(line.layer.name, room)}" for line in shown)
    table = (TextColumn("layer", ("layer",), names, is_number=False), *figures)
    made = lines(table, {}, lambda column, _row: "bold" if column.title == "layer" else "")
    head, rows = made[: -len(shown)], made[-len(shown) :]
    parts: list[RenderableType] = [Text("Layers that lose most", style="bold"), *head]
    # Neighbours of the same fate share a sentence.
    sentences = [line.why for line in shown]
    for row, words, following in zip(rows, sentences, [*sentences[1:], ""], strict=True):
        parts.append(row)
        if words and words != following:
            parts.append(_indented(Text(words)))
    return [*parts, Text("")]


def _advice(chapter: Chapter, width: int) -> list[RenderableType]:
    proposals = chapter.proposals
    top1 = tuple(
        each.top1 if each.top1_change == "-" else f"{each.top1} ({each.top1_change})"
        for each in proposals
    )
    table = (
        TextColumn("faster", (f"{'':{INDENT}}faster",), tuple(each.faster for each in proposals)),
        TextColumn("latency", ("latency",), tuple(each.latency for each in proposals)),
        TextColumn("energy", ("energy",), tuple(each.energy for each in proposals)),
        TextColumn("flash", (chapter.storage,), tuple(each.flash for each in proposals)),
        TextColumn("top-1", ("top-1 [%]",), top1),
    )
    if proposals[0].fit:
        marks = tuple(each.fit for each in proposals)
        table = (*table, TextColumn("fits", ("memory",), marks, is_number=False))
    made = lines(table, {}, lambda column, _row: "bold" if column.title == "faster" else "")
    head, rows = made[: -len(proposals)], made[-len(proposals) :]
    parts: list[RenderableType] = [Text("What would pay", style="bold"), *head]
    for row, each in zip(rows, proposals, strict=True):
        own = "" if not each.recipe or each.recipe in each.change else f": {each.recipe}"
        told = folded_at(f"{each.change}{own}", width - INDENT)
        parts += [row, *(_indented(Text(line)) for line in told)]
    return [*parts, Text("")]


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, INDENT), expand=False)


def _list(title: str, items: Iterable[Text]) -> list[RenderableType]:
    padded = [_indented(item) for item in items]
    return [Text(title, style="bold"), *padded, Text("")] if padded else []
