"""What all sections of a profile have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all sections: strict types, no unknown keys, never changed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
