"""JSON: the whole record in SI units, for scripts. Keys are a contract: add, do not rename."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from hwsim.records import Matrix


@dataclass(frozen=True, slots=True)
class Json:
    """Keys are the fields of `Matrix`, `Ladder` and `Rung`."""

    name: ClassVar[str] = "json"

    def render(self, matrix: Matrix) -> str:
        """Return the whole report, ending in a line break.

        Raises:
            ValueError: A figure is NaN or infinite; JSON has no word for either.
        """
        document = {"hwsim_version": matrix.version, **asdict(matrix)}
        del document["version"]
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
