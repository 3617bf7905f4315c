"""Check values before any work: what no profile can have is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import ProfileError
from hwsim.profile import ProfileText

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwsim.records.points import Value
    from hwsim.sweeps.plan import Plan


def check_values(plan: Plan) -> None:
    """Load profiles for the smallest and the largest number under each key, and for each text.

    Where one of them is a profile, points that are none are refused one by one, as are those that a
    device cannot run.

    Raises:
        ProfileError: An unknown key, or values that it cannot have, at all of these points on every
            device.
    """
    found: dict[int, dict[int, Mapping[str, Value]]] = {}
    for place in plan.places:
        found.setdefault(place.device, {})[id(place.laid)] = place.laid
    first: ProfileError | None = None
    for device, laid in found.items():
        given = plan.devices[device]
        if not isinstance(given, ProfileText):
            return
        for own in _extremes(list(laid.values())):
            try:
                given.load(own)
            except ProfileError as error:
                first = first or error
            else:
                return
    if first is not None:
        raise first


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
