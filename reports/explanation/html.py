"""HTML: one page with interactive charts that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from reports.explanation.causes import CAUSES_NAMED
from reports.explanation.charts import (
    TOTAL,
    drawn_layers,
    layers_figure,
    swatches,
    waterfall_figure,
)
from reports.explanation.cleaned import comparison_of
from reports.explanation.layers import unit_of_layers
from reports.explanation.story import story_of
from reports.html import PAGES, breakable
from reports.labels import profiles

if TYPE_CHECKING:
    from hwsim.records import Cause, Explanation
    from reports.charts import Figure
    from reports.explanation.story import Chapter


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
            total=TOTAL,
            breakable=breakable,
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


def causes_of(chapter: Chapter) -> tuple[Cause, ...]:
    """Return the causes that the chart of a chapter's layers shows."""
    present = {cause for line in drawn_layers(chapter) for cause in line.causes}
    return tuple(cause for cause in CAUSES_NAMED if cause in present and cause != "fewer_macs")
