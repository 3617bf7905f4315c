"""Put the page together: templates, styles, scripts, plotly and the study in one text."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from reports.breaking import breakable
from reports.labels import device_labels, profiles, recipes, short_recipes
from reports.notes import notes
from reports.overrides import shortened
from reports.page.crossings import curves_of
from reports.page.island import deflated, packed
from reports.page.sections import Shown, sections_of
from reports.page.thinning import trimmed
from reports.summary import sections
from reports.visible import cleaned, visible

if TYPE_CHECKING:
    from hwsim.records import Study

TEMPLATES: Final = Environment(
    loader=PackageLoader("reports.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
BEFORE: Final = (
    *("units", "core", "table", "figures", "scatter", "picker"),
    *("rows", "sources", "pricing", "knobs"),
)
"""Scripts that the sections' own rely on."""
AFTER: Final = ("start",)


def render(study: Study) -> str:
    """Return the page: one file that needs no network, ending in a line break.

    The text depends on the study alone: no clock, no path, no random identifier.

    Raises:
        ValueError: A figure is NaN or infinite.
    """
    full = trimmed(cleaned(study.comparison))
    comparison = shortened(full)
    shown = replace(study, title=visible(study.title), comparison=comparison)
    # Once, and of all results: it looks at every point.
    curves = curves_of(shown)
    parts = sections_of(Shown(study=shown, curves=curves))
    models = sections(comparison)
    short = short_recipes(comparison)
    return TEMPLATES.get_template("page.html").render(
        study=shown,
        comparison=comparison,
        parts=parts,
        counts=counts(study),
        left_out=len(study.comparison.results) - len(comparison.results),
        models=models,
        notes=notes(full, models),
        profiles=profiles(comparison),
        short=short,
        spelled={name: label for name, label in short.items() if name != label},
        breakable=breakable,
        island=packed(shown, full, curves),
        scripts=[script(name) for name in (*BEFORE, *(part.id for part in parts), *AFTER)],
        plotly=_plotly(),
    )


@cache
def _plotly() -> str:
    """Return plotly.js packed: plain, it would be most of the page."""
    return deflated(str(get_plotlyjs()))


def counts(study: Study) -> str:
    """Return how many of everything there are, in words."""
    comparison = study.comparison
    parts = (
        (len({each.model for each in comparison.results}), "model"),
        (len(recipes(comparison)), "recipe"),
        (len(device_labels(comparison)), "device"),
        (len(comparison.results), "result"),
        (len(comparison.refusals), "refusal"),
        (0 if study.points is None else len(study.points.points), "point"),
    )
    return " · ".join(
        f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in parts if n or word != "point"
    )


def script(name: str) -> str:
    """Return the script of that name."""
    return (files("reports.page") / "scripts" / f"{name}.js").read_text(encoding="utf-8")
