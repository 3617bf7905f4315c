"""CSV: one row per result, base units in the headers, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, ClassVar

from reports.facts import Facts, facts

if TYPE_CHECKING:
    from hwsim.records import Comparison


@dataclass(frozen=True, slots=True)
class Csv:
    """See `Report`. What is not known is an empty cell."""

    name: ClassVar[str] = "csv"

    def render(self, comparison: Comparison) -> str:
        """See `Report.render`."""
        text = io.StringIO()
        columns = [field.name for field in fields(Facts)]
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        for known in facts(comparison):
            writer.writerow({**asdict(known), "overrides": "; ".join(known.overrides)})
        return text.getvalue()
