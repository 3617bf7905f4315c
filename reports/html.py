"""HTML: one page with interactive charts that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from hwsim.records import Study
from reports.page import render

if TYPE_CHECKING:
    from hwsim.records import Comparison

TITLE: Final = "What it costs, and why"


@dataclass(frozen=True, slots=True)
class Html:
    """See `Report`: the page of a study in which nothing was swept."""

    name: ClassVar[str] = "html"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`.

        Raises:
            ValueError: A figure is NaN or infinite.
        """
        return render(Study(title=TITLE, comparison=comparison))
