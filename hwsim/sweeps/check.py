"""Check values before any work: what no profile can have is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ProfileError
from hwsim.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwsim.records.points import Value
    from hwsim.sweeps.plan import Plan


def check_values(plan: Plan) -> None:
    """Load a profile for the smallest and the largest number under each key, and for each text.

    Bounds of the schema are intervals: what both ends keep, all numbers between them keep. Where a
    device takes all values, what others do not have is a refusal of their points.

    Raises:
        ProfileError: An unknown key, or a value that it cannot have, on every device.
    """
    found: dict[int, dict[int, Mapping[str, Value]]] = {}
    for place in plan.places:
        found.setdefault(place.device, {})[id(place.laid)] = place.laid
    errors: list[ProfileError] = []
    for device, laid in found.items():
        name = plan.spec.devices[device]
        try:
            if isinstance(name, str):
                for own in _extremes(list(laid.values())):
                    load_profile(name, own)
        except ProfileError as error:
            errors.append(error)
        else:
            return
    if errors:
        raise errors[0]


def _extremes(laid: list[Mapping[str, Value]]) -> Iterator[Mapping[str, Value]]:
    """Yield points that have, for each key, each text, and the ends of each kind of number."""
    wanted: dict[tuple[str, object, object], Mapping[str, Value]] = {}
    ends: dict[tuple[str, type], tuple[Mapping[str, Value], Mapping[str, Value]]] = {}
    for own in laid:
        for key, value in own.items():
            if isinstance(value, (bool, str)):
                wanted.setdefault((key, type(value), value), own)
                continue
            low, high = ends.get((key, type(value)), (own, own))
            ends[key, type(value)] = (
                own if value < low[key] else low,  # pyright: ignore[reportOperatorIssue]
                own if value > high[key] else high,  # pyright: ignore[reportOperatorIssue]
            )
    every = [*wanted.values(), *(own for pair in ends.values() for own in pair)]
    yield from {id(own): own for own in every}.values()
