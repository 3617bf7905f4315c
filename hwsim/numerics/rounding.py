"""How a runtime brings an accumulator x back to codes: y = round(x * M), M = s_x s_w / s_y.

M is real; runtimes approximate the product in different ways, and the difference is visible in
the last bit. `fixed_point` has those that compute in integers, `float_product` those in reals.
"""

from __future__ import annotations

from hwsim.errors import UnsupportedError
from hwsim.numerics.fixed_point import (
    Gemmlowp,
    HalfUpTwice,
    HalfUpTwiceLanes,
    Int16x8,
    Rndnu,
    Single,
)
from hwsim.numerics.float_product import Float32Added, Float32Even, Float32Trunc, Float64Away
from hwsim.numerics.multiplier import fixed_point, gemmlowp_round, round_away
from hwsim.numerics.requantize import Multipliers, Requantizer, Rounding, Target

__all__ = [
    "ROUNDINGS",
    "Float32Added",
    "Float32Even",
    "Float32Trunc",
    "Float64Away",
    "Gemmlowp",
    "HalfUpTwice",
    "HalfUpTwiceLanes",
    "Int16x8",
    "Multipliers",
    "Requantizer",
    "Rndnu",
    "Rounding",
    "Single",
    "Target",
    "find_rounding",
    "fixed_point",
    "gemmlowp_round",
    "round_away",
]

ROUNDINGS: tuple[Rounding, ...] = (
    Gemmlowp(),
    HalfUpTwice(),
    HalfUpTwiceLanes(),
    Single(),
    Rndnu(),
    Int16x8(),
    Float32Even(),
    Float32Trunc(),
    Float64Away(),
)


def find_rounding(name: str) -> Rounding:
    """Return the rounding of that name.

    Raises:
        UnsupportedError: There is none.
    """
    for rounding in ROUNDINGS:
        if rounding.name == name:
            return rounding
    known = ", ".join(rounding.name for rounding in ROUNDINGS)
    raise UnsupportedError(f"no rounding {name!r}; known: {known}")
