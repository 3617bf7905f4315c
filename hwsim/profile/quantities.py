"""The kinds of numbers that a profile holds, with the bounds beyond which lie slips of the pen."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

# No clock, rate, power or price comes near: beyond lie slips of the unit and of the keyboard.
_MOST = 1e12
_MOST_BYTES = 10**15

Positive: TypeAlias = Annotated[float, Field(ge=1e-9, le=_MOST, allow_inf_nan=False)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)]
Bytes: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_BYTES)]
Capacity: TypeAlias = Annotated[int, Field(gt=0, le=_MOST_BYTES)]
Extent: TypeAlias = Annotated[int, Field(ge=1, le=1 << 20)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]

Price: TypeAlias = NonNegative | Text
"""Cycles per unit of work: a number, or the name of one of `runtime.constants`."""
