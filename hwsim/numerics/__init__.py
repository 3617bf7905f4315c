"""Integer numerics: what a code means, how a runtime rounds, and which runtime rounds how."""

from hwsim.numerics.policy import POLICIES, Numerics, find_policy
from hwsim.numerics.quant import Quant
from hwsim.numerics.rounding import Requantizer, Rounding

__all__ = ["POLICIES", "Numerics", "Quant", "Requantizer", "Rounding", "find_policy"]
