"""CSV: one row per layer and one per model, a column per cause in seconds, for spreadsheets."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from hwsim.records import CAUSES
from reports.explanation.cleaned import made_visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwsim.records import Attribution, Cause, Explanation, Refusal, Result

COLUMNS: Final = (
    "model",
    "device",
    "overrides",
    "recipe",
    "baseline",
    "layer",
    "op",
    "before_s",
    "after_s",
    "promised",
    *(f"{cause}_s" for cause in CAUSES),
    "words",
    "fits",
    "calibrated",
    "refused",
)
"""The row of a whole model has no layer and no op; `promised` is the share of MACs left;
`fits` and `calibrated` are said of whole models."""


@dataclass(frozen=True, slots=True)
class Csv:
    """What is not known is an empty cell; refusals come last."""

    name: ClassVar[str] = "csv"

    def render(self, explanation: Explanation) -> str:
        """Return the whole report, ending in a line break."""
        shown = made_visible(explanation)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for each in shown.attributions:
            writer.writerows(_rows(each))
        for refusal in shown.refusals:
            writer.writerow({**_place(refusal), "refused": refusal.reason})
        return text.getvalue()


def _rows(each: Attribution) -> Iterator[dict[str, object]]:
    place = {**_place(each.result), "baseline": each.baseline.recipe}
    promised = each.promised_speedup
    yield {
        **place,
        "before_s": each.baseline.latency_s,
        "after_s": each.result.latency_s,
        "promised": "" if promised is None else 1 / promised,
        **_bars(each.bars_s),
        "words": each.verdict,
        "fits": each.result.fits,
        "calibrated": each.result.is_calibrated,
    }
    for layer in each.layers:
        yield {
            **place,
            "layer": layer.name,
            "op": layer.op,
            "before_s": layer.before_s,
            "after_s": layer.after_s,
            "promised": "" if layer.promised is None else layer.promised,
            **_bars(layer.bars_s),
            "words": layer.words,
        }


def _place(cell: Result | Refusal) -> dict[str, object]:
    return {
        "model": cell.model,
        "device": cell.device,
        "overrides": "; ".join(cell.overrides),
        "recipe": cell.recipe,
    }


def _bars(bars_s: Mapping[Cause, float]) -> dict[str, float]:
    return {f"{cause}_s": bars_s.get(cause, 0.0) for cause in CAUSES}
