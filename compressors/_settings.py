"""Kinds of settings that several compressors take."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from compressors.quantization.plan import REAL_BITS
from hwsim.errors import UnsupportedError
from hwsim.numerics import find_policy


def _known_policy(value: str) -> str:
    try:
        find_policy(value)
    except UnsupportedError as error:
        raise ValueError(str(error)) from error
    return value


def _known_width(value: int) -> int:
    if value not in (*range(1, 17), REAL_BITS):
        raise ValueError(f"expected 1..16 or 32 (float32), got {value}")
    return value


Policy: TypeAlias = Annotated[str, AfterValidator(_known_policy)]
"""Name of a rounding policy of integers."""

ActivationBits: TypeAlias = Annotated[int, AfterValidator(_known_width)]
"""Bits of an activation; those of float32 where it stays a real."""
