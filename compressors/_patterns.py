"""Choose nodes by shell patterns."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(name: str, patterns: str) -> bool:
    """Return whether one of the shell patterns, separated by `;`, fits `name`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns.split(";"))


def is_chosen(name: str, layers: str, exclude: str) -> bool:
    """Return whether a pattern of `layers` fits `name`, and none of `exclude`."""
    return matches(name, layers) and not matches(name, exclude)
