"""The sections of the page, in their order.

A section ID has a Jinja partial `templates/sections/ID.html` and a script `scripts/ID.js`, whose
contract stands on top of `scripts/core.js`. It is left out, with its entry in the navigation,
where the study has nothing for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hwsim.records import Study
    from reports.page.crossings import Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page shows.

    Attributes:
        study: As it is shown.
        curves: Along the numeric axes of its points.
    """

    study: Study
    curves: Sequence[Curve]


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
    needs: Callable[[Shown], bool]


def has_results(shown: Shown) -> bool:
    """Return whether anything ran."""
    return bool(shown.study.comparison.results)


def has_points(shown: Shown) -> bool:
    """Return whether a sweep has a point with figures."""
    points = shown.study.points
    return points is not None and any(p.latency_s is not None for p in points.points)


def has_curves(shown: Shown) -> bool:
    """Return whether a curve has two points or more."""
    return bool(shown.curves)


def has_front(shown: Shown) -> bool:
    """Return whether there is anything to choose from."""
    return len(shown.study.comparison.results) > 1 or has_points(shown)


def has_details(shown: Shown) -> bool:
    """Return whether a result has what the instruments need."""
    return any(result.detail is not None for result in shown.study.comparison.results)


def has_baseline(shown: Shown) -> bool:
    """Return whether a result is compared with another one."""
    comparison = shown.study.comparison
    return any(comparison.baseline_of(r) not in (None, r) for r in comparison.results)


def always(_: Shown) -> bool:
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


def sections_of(shown: Shown) -> tuple[Section, ...]:
    """Return the sections that the study fills, those about one result last."""
    filled = [section for section in SECTIONS if section.needs(shown)]
    return tuple(sorted(filled, key=lambda section: section.about == "result"))
