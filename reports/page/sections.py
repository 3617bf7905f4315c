"""The sections of the page, in their order.

A section ID has a Jinja partial `templates/sections/ID.html` and a script `scripts/ID.js`, whose
contract stands on top of `scripts/core.js`. It is left out, with its entry in the navigation,
where the study has nothing for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from reports.page.crossings import has_curves

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.records import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the page.

    Attributes:
        id: Of its element, its partial and its script.
        title: Its heading.
        short: Its entry in the navigation.
        about: The whole study, or the one result that is chosen, whose picker stays in sight.
        needs: Whether a study has what it shows.
    """

    id: str
    title: str
    short: str
    about: Literal["study", "result"]
    needs: Callable[[Study], bool]


def has_results(study: Study) -> bool:
    """Return whether anything ran."""
    return bool(study.comparison.results)


def has_points(study: Study) -> bool:
    """Return whether a sweep has a point with figures."""
    return study.points is not None and any(p.latency_s is not None for p in study.points.points)


def has_front(study: Study) -> bool:
    """Return whether there is anything to choose from."""
    return len(study.comparison.results) > 1 or has_points(study)


def has_details(study: Study) -> bool:
    """Return whether a result has what the instruments need."""
    return any(result.detail is not None for result in study.comparison.results)


def has_baseline(study: Study) -> bool:
    """Return whether a result is compared with another one."""
    comparison = study.comparison
    return any(comparison.baseline_of(r) not in (None, r) for r in comparison.results)


def always(_: Study) -> bool:
    """Return true."""
    return True


SECTIONS: Final[tuple[Section, ...]] = (
    Section(id="overview", title="Overview", short="Overview", about="study", needs=always),
    Section(
        id="costs",
        title="Latency, energy and memory",
        short="Costs",
        about="study",
        needs=has_results,
    ),
    Section(id="pareto", title="Trade-offs", short="Pareto", about="study", needs=has_front),
    Section(id="sweep", title="The sweep", short="Sweep", about="study", needs=has_points),
    Section(
        id="crossover",
        title="From where on it pays",
        short="Crossover",
        about="study",
        needs=has_curves,
    ),
    Section(
        id="layers",
        title="Where it goes, layer by layer",
        short="Layers",
        about="result",
        needs=has_results,
    ),
    Section(
        id="waterfall",
        title="From the baseline to here",
        short="Waterfall",
        about="result",
        needs=has_baseline,
    ),
    Section(id="whatif", title="What if", short="What if", about="result", needs=has_details),
    Section(
        id="tornado",
        title="What the latency hangs on",
        short="Sensitivity",
        about="result",
        needs=has_details,
    ),
    Section(id="roofline", title="Roofline", short="Roofline", about="result", needs=has_results),
    Section(
        id="memory",
        title="Memory over time",
        short="Memory",
        about="result",
        needs=has_details,
    ),
    Section(
        id="provenance",
        title="Where the numbers come from",
        short="Provenance",
        about="result",
        needs=has_results,
    ),
)


def sections_of(study: Study) -> tuple[Section, ...]:
    """Return the sections that the study fills, those about one result last."""
    shown = [section for section in SECTIONS if section.needs(study)]
    return tuple(sorted(shown, key=lambda section: section.about == "result"))
