"""JSON: every point and every result in SI units. Keys are a contract: add, do not rename."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from reports.as_json import Json

if TYPE_CHECKING:
    from hwsim.records import Points, Study


def as_json(study: Study, points: Points, *, spec: str = "", asked: int | None = None) -> str:
    """Return what `evaluate --json` writes of the results in full, and the points beside.

    `profile_sha256` is of the profile with its overrides in results, before them in points.

    Args:
        study: Its results.
        points: Its points.
        spec: Text of the sweep.
        asked: Points of the whole sweep; None where nobody told.

    Raises:
        ValueError: A figure is NaN or infinite; JSON has no word for either.
    """
    document = {
        **json.loads(Json().render(study.comparison)),
        "title": study.title,
        "spec": spec,
        "asked": asked,
        "axes": list(points.axes),
        "points": [_named(asdict(point)) for point in points.points],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _named(fields: dict[str, object]) -> dict[str, object]:
    """Return a point's fields under the names that results have."""
    return {"calibrated" if name == "is_calibrated" else name: v for name, v in fields.items()}
