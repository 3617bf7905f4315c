"""CSV: one row per result or refusal, base units in the headers, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Final

from reports.facts import Facts, facts
from reports.visible import cleaned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Comparison

REFUSED: Final = "refused"
"""Last column: the reason of a row that has no figures."""


@dataclass(frozen=True, slots=True)
class Csv:
    """See `Report`. What is not known is an empty cell; refusals come last."""

    name: ClassVar[str] = "csv"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`."""
        shown = cleaned(comparison)
        text = io.StringIO()
        columns = [*(field.name for field in fields(Facts)), REFUSED]
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        for known in facts(shown):
            writer.writerow({**asdict(known), "overrides": _joined(known.overrides)})
        for refusal in shown.refusals:
            row = asdict(refusal)
            row[REFUSED] = row.pop("reason")
            writer.writerow({**row, "overrides": _joined(refusal.overrides)})
        return text.getvalue()


def _joined(overrides: Sequence[str]) -> str:
    return "; ".join(overrides)
