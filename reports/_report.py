"""What a report must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from hwsim.records import Comparison


class Report(Protocol):
    """A frozen dataclass whose fields are its settings, and which turns records into text.

    The text depends on the records alone: no clock, no path, no random identifier.

    Attributes:
        name: Of the rendering, as the command line's option has it.
    """

    name: ClassVar[str]

    def render(self, comparison: Comparison) -> str:
        """Return the whole report, ending in a line break."""
        ...
