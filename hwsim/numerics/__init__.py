"""Integer numerics: what a code means, how a runtime rounds, and which runtime rounds how."""

from hwsim.numerics.accumulator import Accumulator
from hwsim.numerics.policy import POLICIES, Numerics, find_policy
from hwsim.numerics.quant import Quant
from hwsim.numerics.rounding import ROUNDINGS, Requantizer, Rounding, find_rounding

__all__ = [
    "POLICIES",
    "ROUNDINGS",
    "Accumulator",
    "Numerics",
    "Quant",
    "Requantizer",
    "Rounding",
    "find_policy",
    "find_rounding",
]
