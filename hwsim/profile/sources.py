"""Hold a profile to its word: every number has a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwsim.profile.schema import DeviceProfile

KINDS = ("datasheet", "measured", "fitted", "assumed")
"""How a number may be known; a source reads `kind: where or which rule`."""


def unsourced(profile: DeviceProfile) -> list[str]:
    """Return what is wrong with the profile's sources, one line each; empty when all is well."""
    numbers = [
        path
        for section in ("hardware", "runtime", "numerics")
        for path in _numbers(section, getattr(profile, section).model_dump(exclude_unset=True))
    ]
    wrong = [
        f"{path}: this number has no source; add it under sources, as 'assumed: rule' at least"
        for path in numbers
        if not any(_covers(key, path) for key in profile.sources)
    ]
    for key, text in profile.sources.items():
        kind, _, rest = text.partition(":")
        if kind not in KINDS or not rest.strip():
            wrong.append(f"sources.{key}: expected '{'|'.join(KINDS)}: where', got {text!r}")
        if not any(_covers(key, path) for path in numbers):
            wrong.append(f"sources.{key}: there is no number under this key")
    return wrong


def _covers(key: str, path: str) -> bool:
    return path == key or path.startswith(key + ".")


def _numbers(path: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from _numbers(f"{path}.{key}", item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path
