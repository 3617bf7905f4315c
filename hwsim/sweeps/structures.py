"""Structures: points that count alike on a device, so that one count prices them all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, cast

from hwsim.errors import ProfileError
from hwsim.profile.scaled import expanded, is_scale
from hwsim.repricing import structure_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.profile import DeviceProfile, ProfileText
    from hwsim.records.points import Value

Laid: TypeAlias = "Mapping[str, Value]"
"""Dotted keys and the values laid over a profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Points whose profiles differ in numbers that only price.

    Attributes:
        fixed: What all of them lay over the profile alike.
        priced: Values of the points by dotted key, each as long as `places`.
        places: Which of the points given they are.
        refused: Why they mean no profile; None where they may.
    """

    fixed: Laid
    priced: Mapping[str, tuple[float, ...]]
    places: tuple[int, ...]
    refused: str | None = None

    @property
    def largest(self) -> Laid:
        """What makes one profile for all: every price at its largest.

        A price of zero would drop out of the bill, which others need.
        """
        return {**self.fixed, **{key: max(values) for key, values in self.priced.items()}}


def structures_of(
    device: ProfileText, laid: Sequence[Laid], apart: frozenset[str] = frozenset()
) -> list[Structure]:
    """Return the structures of points on a device, in the order of their first points.

    Args:
        device: What its profile's file says.
        laid: What each point lays over it.
        apart: Keys to be taken as part of the structure, whatever they are.

    Raises:
        ProfileError: The device has no sound profile.
    """
    meant, refused = _without_scales(device, laid)
    probes = {
        key: value for own in meant.values() for key, value in own.items() if _is_number(value)
    }
    prices = {
        key
        for key, value in probes.items()
        if key not in apart and _only_prices(device, key, value)
    }
    found: dict[object, list[int]] = {}
    for place, own in meant.items():
        found.setdefault(_sort(own, prices), []).append(place)
    return [
        *(_structure(meant, tuple(places), prices) for places in found.values()),
        *(
            Structure(fixed={}, priced={}, places=tuple(places), refused=reason)
            for reason, places in refused.items()
        ),
    ]


def _without_scales(
    device: ProfileText, laid: Sequence[Laid]
) -> tuple[dict[int, Laid], dict[str, list[int]]]:
    """Return what points mean by place, and the places of those that mean nothing by reason."""
    meant: dict[int, Laid] = {}
    refused: dict[str, list[int]] = {}
    for place, own in enumerate(laid):
        try:
            meant[place] = without_scales(device, own)
        except ProfileError as error:
            refused.setdefault(str(error), []).append(place)
    return meant, refused


def without_scales(device: ProfileText, own: Laid) -> Laid:
    """Return the ordinary keys that `own` means, its factors (`scale.clock`) written out.

    Raises:
        ProfileError: See `hwsim.profile.scaled.expanded`.
    """
    scales = {key: value for key, value in own.items() if is_scale(key)}
    if not scales:
        return own
    plain = {key: value for key, value in own.items() if key not in scales}
    # A factor is of what the point's profile has: of the profile's own numbers, unless the point
    # changes one of those.
    fed = tuple((key, type(value), value) for key, value in plain.items() if _feeds(key, scales))
    meant = expanded(_profile(device, fed), scales)
    return {**plain, **cast("Laid", meant)}


def _feeds(key: str, scales: Mapping[str, object]) -> bool:
    if key == "hardware.clock_hz":
        return "scale.clock" in scales
    return any(each != "scale.clock" for each in scales)


# By what a profile says, never by its name: files change while a process lives. By types too: 2 and
# 2.0 are equal, and a profile takes 2 cores, not 2.0.
@lru_cache(maxsize=1024, typed=True)
def _profile(device: ProfileText, laid: tuple[tuple[str, type, Value], ...]) -> DeviceProfile:
    return device.load({key: value for key, _, value in laid})


def _sort(own: Laid, prices: set[str]) -> object:
    """Return what is equal for points of one structure."""
    # 1 and True are equal, and 1 and 1.0 are; a profile tells them apart.
    return tuple(
        (key,) if key in prices and _is_number(value) else (key, repr(value))
        for key, value in own.items()
    )


def _structure(laid: Mapping[int, Laid], places: tuple[int, ...], prices: set[str]) -> Structure:
    first = laid[places[0]]
    free = {key for key, value in first.items() if key in prices and _is_number(value)}
    return Structure(
        fixed={key: value for key, value in first.items() if key not in free},
        priced={
            key: tuple(cast("float", laid[place][key]) for place in places)
            for key in first
            if key in free
        },
        places=places,
    )


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@lru_cache(maxsize=4096, typed=True)
def _only_prices(device: ProfileText, key: str, value: Value) -> bool:
    """Return whether a number under this key changes no count on this device.

    Any number tells: what only prices is blanked from a structure, whatever it is.
    """
    try:
        changed = device.load({key: value})
    except ProfileError:
        return False  # It needs another key beside it: each of its values is loaded as it is.
    return structure_of(changed) == _plain(device)


@lru_cache(maxsize=1024)
def _plain(device: ProfileText) -> str:
    return structure_of(device.load())
