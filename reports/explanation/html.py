"""HTML: one page with interactive charts that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from reports.breaking import breakable
from reports.explanation.causes import CAUSES_NAMED
from reports.explanation.charts import (
    LEFT,
    NEGATIVE,
    TOTAL,
    drawn_layers,
    layers_figure,
    swatches,
    waterfall_figure,
)
from reports.explanation.cleaned import comparison_of
from reports.explanation.folding import breakable_at
from reports.explanation.layers import LOST, unit_of_layers
from reports.explanation.story import story_of
from reports.labels import profiles

if TYPE_CHECKING:
    from hwsim.records import Cause, Explanation
    from reports.explanation.figure import Figure
    from reports.explanation.story import Chapter

PAGES: Final = Environment(
    loader=PackageLoader("reports.explanation"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class Html:
    """The whole explanation."""

    name: ClassVar[str] = "html"

    def render(self, explanation: Explanation) -> str:
        """Return the whole page."""
        story = story_of(explanation)
        return PAGES.get_template("explanation.html").render(
            story=story,
            named=CAUSES_NAMED,
            swatches=swatches(list(CAUSES_NAMED)),
            causes_of=causes_of,
            units=[unit_of_layers(each.attribution).symbol for each in story.chapters],
            figures=figures(story.chapters),
            drawn=[len(drawn_layers(each)) for each in story.chapters],
            is_cut=[is_cut(each) for each in story.chapters],
            saves=[saves(each) for each in story.chapters],
            lost=LOST,
            signs=LEFT,
            negative=NEGATIVE,
            total=TOTAL,
            breakable=breakable,
            breakable_at=breakable_at,
            profiles=profiles(comparison_of(story.shown)),
            plotly=str(get_plotlyjs()),
        )


def figures(chapters: tuple[Chapter, ...]) -> dict[str, Figure]:
    """Return every figure of the page under the name that the page's script looks for."""
    drawn: dict[str, Figure] = {}
    for i, chapter in enumerate(chapters):
        drawn[f"waterfall-{i}"] = waterfall_figure(chapter.waterfall)
        drawn[f"layers-{i}"] = layers_figure(chapter, drawn_layers(chapter))
    return drawn


def is_cut(chapter: Chapter) -> bool:
    """Return whether layers that take time are not drawn."""
    timed = [each for each in chapter.layers if each.layer.before_s > 0 or each.layer.after_s > 0]
    return len(drawn_layers(chapter)) < len(timed)


def saves(chapter: Chapter) -> bool:
    """Return whether the chart of the layers has segments left of zero."""
    shown = set(causes_of(chapter))
    return any(
        seconds < 0 and cause in shown
        for line in drawn_layers(chapter)
        for cause, seconds in line.layer.bars_s.items()
    )


def causes_of(chapter: Chapter) -> tuple[Cause, ...]:
    """Return the causes that the chart of a chapter's layers shows."""
    present = {cause for line in drawn_layers(chapter) for cause in line.causes}
    return tuple(cause for cause in CAUSES_NAMED if cause in present and cause != "fewer_macs")
