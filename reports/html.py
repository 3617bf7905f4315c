"""HTML: one page with interactive charts that needs no network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # pyright: ignore[reportUnknownVariableType]

from reports import charts
from reports.labels import device_label, device_labels, profiles, recipes, short_recipes
from reports.notes import notes
from reports.overrides import shortened
from reports.summary import sections
from reports.visible import cleaned

if TYPE_CHECKING:
    from hwsim.records import Comparison, Result
    from reports.charts import Figure

PAGES: Final = Environment(
    loader=PackageLoader("reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class Html:
    """See `Report`."""

    name: ClassVar[str] = "html"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`."""
        full = cleaned(comparison)
        comparison = shortened(full)
        names = recipes(comparison)
        short = short_recipes(comparison)
        return PAGES.get_template("page.html").render(
            version=comparison.version,
            sections=sections(comparison),
            notes=notes(full),
            breakable=breakable,
            profiles=profiles(comparison),
            short=short,
            spelled={name: label for name, label in short.items() if name != label},
            colours=charts.colours(names),
            counts=_counts(comparison),
            figures=figures(comparison),
            choices=[_choice(result) for result in comparison.results],
            judged=judged(comparison),
            plotly=str(get_plotlyjs()),
        )


def figures(comparison: Comparison) -> dict[str, Figure]:
    """Return every figure of the page under the name that the page's script looks for."""
    if not comparison.results:
        return {}
    drawn = {
        "latency": charts.latency(comparison),
        "energy": charts.energy(comparison),
        "ram": charts.ram(comparison),
        "flash": charts.flash(comparison),
    }
    steps = [step for result in comparison.results for step in result.estimate.steps]
    terms = sorted({term for step in steps for term in (*step.terms_s, *step.energy_terms_j)})
    palette = charts.colours(terms)
    for i, result in enumerate(comparison.results):
        for quantity in ("latency", "energy"):
            figure = charts.breakdown(result.estimate.steps, quantity, palette)
            drawn[f"breakdown-{i}-{quantity}"] = figure
    for i, device in enumerate(judged(comparison)):
        drawn[f"tradeoff-{i}"] = charts.tradeoff(comparison, device)
    return drawn


def breakable(name: str) -> Markup:
    """Return `name` escaped, with chances to break behind its underscores."""
    return Markup("<wbr>").join(part for part in re.findall(r"[^_]*_|[^_]+", name))


def judged(comparison: Comparison) -> tuple[str, ...]:
    """Return the devices on which some accuracy is known."""
    known = {device_label(r) for r in comparison.results if r.accuracy is not None}
    return tuple(device for device in device_labels(comparison) if device in known)


def _choice(result: Result) -> str:
    return f"{result.model} · {device_label(result)} · {result.recipe}"


def _counts(comparison: Comparison) -> str:
    results = comparison.results
    parts = (
        (len({result.model for result in results}), "model"),
        (len(recipes(comparison)), "recipe"),
        (len(device_labels(comparison)), "device"),
        (len(results), "result"),
        (len(comparison.refusals), "refusal"),
    )
    return " · ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts)
