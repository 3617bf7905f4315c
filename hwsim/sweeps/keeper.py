"""What a sweep needs of a place that keeps its points; `hwsim.store.Store` is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hwsim.records import Point, Points, Result


class Keeper(Protocol):
    """Keeps points as they finish, so that nothing is computed twice."""

    def begin(self, spec: str, axes: tuple[str, ...], keys: Iterable[str] = ()) -> None:
        """Take note of what is asked for, before anything is kept.

        Args:
            spec: Text of the sweep, for people.
            axes: Their names, in the order asked for.
            keys: Of all points, in the order asked for.
        """
        ...

    def finished(self) -> frozenset[str]:
        """Return the keys of the points that are kept."""
        ...

    def told(self) -> frozenset[str]:
        """Return the keys of the points whose results are kept in full."""
        ...

    def keep(self, points: Sequence[Point], results: Mapping[str, Result]) -> None:
        """Keep these, results by the keys of their points; keys that are there stay as they are."""
        ...

    def points(self) -> Points:
        """Return what is kept of the points asked for."""
        ...
