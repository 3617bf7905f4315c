"""What the page's scripts read: the study as JSON, packed, and no larger than a budget."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from reports.facts import facts
from reports.labels import device_label, short_recipes
from reports.page.beside import beside_of, words
from reports.page.crossings import plain
from reports.page.thinning import by_turns, columns_of, thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.records import Comparison, Result, StepEstimate, Study
    from reports.facts import Facts
    from reports.page.crossings import Curve

MOST_BYTES: Final = 3_000_000
"""Of the packed layers and details together; packed plotly weighs 1.9 MB beside them.

Points have a limit of their own (`thinning.MOST_POINTS`)."""
DIGITS: Final = 9
"""Significant digits of a layer's terms; the figures of whole results keep all."""


def packed(study: Study, full: Comparison, curves: Sequence[Curve] = ()) -> str:
    """Return the island's text: deflated JSON in base64, in which no name can end the element.

    Raises:
        ValueError: A figure is NaN or infinite; JSON has no word for either.
    """
    return deflated(_text(island(study, full, curves)))


def deflated(text: str) -> str:
    """Return the text deflated and in base64, as `scripts/start.js` reads it."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def unpacked(text: str) -> dict[str, Any]:
    """Return what `packed` packed."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def island(study: Study, full: Comparison, curves: Sequence[Curve]) -> dict[str, object]:
    """Return what the scripts read; `scripts/core.js` says what each key means.

    Args:
        study: Names made visible and overrides shortened.
        full: Its comparison with overrides as they were given.
        curves: Of the study.
    """
    comparison = study.comparison
    beside = beside_of(full)
    results = [
        _result(comparison, known, result) | {"set": own["set"], "bars": None}
        for known, result, own in zip(facts(comparison), comparison.results, beside, strict=True)
    ]
    kept = _kept(comparison, [own["bars"] for own in beside])
    for i, whole in kept.items():
        results[i] |= whole
    points = None if study.points is None else thinned(study.points)
    return {
        "title": study.title,
        "version": comparison.version,
        "baseline": comparison.baseline,
        "results": results,
        "whole": len(kept),
        "refusals": [asdict(r) | {"label": device_label(r)} for r in comparison.refusals],
        "short": short_recipes(comparison),
        "points": None if points is None else columns_of(points),
        "curves": plain(curves),
        **words(),
    }


def _result(comparison: Comparison, known: Facts, result: Result) -> dict[str, object]:
    baseline = comparison.baseline_of(result)
    at = next((i for i, r in enumerate(comparison.results) if r is baseline), None)
    return {
        **asdict(known),
        "label": device_label(result),
        "batch": result.batch,
        "baseline": at,
        "steps": None,
        "detail": None,
    }


def _kept(comparison: Comparison, bars: Sequence[object]) -> dict[int, dict[str, object]]:
    """Return layers, details and waterfalls by result, as many as the budget has room for.

    The first result of each model and device comes before the second one of any.
    """
    kept: dict[int, dict[str, object]] = {}
    room = MOST_BYTES
    for i in by_turns(comparison):
        result = comparison.results[i]
        whole: dict[str, object] = {
            "steps": list(map(_step, result.estimate.steps)),
            "detail": result.detail,
            "bars": bars[i],
        }
        text = _text(whole)
        # In base64 four letters stand for three bytes.
        room -= len(zlib.compress(text.encode(), 9)) * 4 // 3
        if room < 0 and kept:
            break
        kept[i] = whole
    return dict(sorted(kept.items()))


def _step(step: StepEstimate) -> dict[str, object]:
    return {
        "name": step.name,
        "op": step.op,
        "kernel": step.kernel,
        "types": step.types,
        "executed_as": step.executed_as,
        "reason": step.reason,
        "format": step.format,
        "layout": step.layout,
        "channels": step.channels,
        "channel_tile": step.channel_tile,
        "latency_s": _rounded(step.latency_s),
        "terms": {name: _rounded(value) for name, value in step.terms_s.items()},
        "energy_j": _rounded(step.energy_j),
        "energy_terms": {name: _rounded(value) for name, value in step.energy_terms_j.items()},
        "counts": step.counts,
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS - 1}e}") if math.isfinite(value) else value


def _text(document: object) -> str:
    return json.dumps(
        document, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def _plain(record: object) -> object:
    """Return what JSON has a word for: fields of a record, entries of a mapping."""
    if is_dataclass(record):
        return {each.name: getattr(record, each.name) for each in fields(record)}
    if isinstance(record, Mapping):
        return dict(record)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise TypeError(f"no JSON for {type(record).__name__}")
