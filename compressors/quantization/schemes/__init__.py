"""All schemes of integer weights. A new one is one file here and one entry in `make_scheme`.

What a scheme is, and how it is used by others, stands in `Scheme`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from compressors.quantization.rounding import Round, nearest_even
from compressors.quantization.schemes._scales import Clip, Granularity
from compressors.quantization.schemes._scheme import Scheme
from compressors.quantization.schemes.apot import APOT_BITS, Apot
from compressors.quantization.schemes.asymmetric import Asymmetric
from compressors.quantization.schemes.binary import Binary
from compressors.quantization.schemes.power_of_two import POWER_OF_TWO_BITS, PowerOfTwo
from compressors.quantization.schemes.ternary import Ternary
from compressors.quantization.schemes.uniform import Uniform

if TYPE_CHECKING:
    from collections.abc import Mapping

SchemeName: TypeAlias = Literal[
    "uniform", "asymmetric", "binary", "ternary", "power_of_two", "apot"
]

SCHEME_BITS: Mapping[SchemeName, tuple[int, int]] = {
    "uniform": (2, 16),
    "asymmetric": (2, 8),
    "binary": (1, 1),
    "ternary": (2, 2),
    "power_of_two": POWER_OF_TWO_BITS,
    "apot": APOT_BITS,
}
"""Fewest and most bits of a weight, as recipes count them: those of an index of its levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeSettings:
    """What `make_scheme` makes a scheme of.

    Attributes:
        name: Of the scheme.
        bits: Of a weight, within `SCHEME_BITS`.
        granularity: One scale per output channel, or per tensor.
        group: Weights of a row that share a scale instead; only of `uniform`.
        scale_bits: Width in which a group's scale is stored, 16 or 32.
        clip: Of schemes whose scale follows from the largest weight.
        round: Of schemes of equal steps.
        power_of_two_scales: Whether scales are powers of two.
    """

    name: SchemeName = "uniform"
    bits: int = 8
    granularity: Granularity = "channel"
    group: int | None = None
    scale_bits: int = 32
    clip: Clip = "max"
    round: Round = nearest_even
    power_of_two_scales: bool = False

    def check(self) -> None:
        """Refuse what the scheme cannot do.

        Raises:
            ValueError: One line: what it takes, what came.
        """
        low, high = SCHEME_BITS[self.name]
        if not low <= self.bits <= high:
            taken = str(low) if low == high else f"{low}..{high}"
            hint = "; binary takes 1" if self.name == "uniform" else ""
            raise ValueError(f"scheme={self.name} takes weights={taken}, got {self.bits}{hint}")
        if self.group is not None and self.name != "uniform":
            raise ValueError(f"group applies to scheme=uniform, got {self.name}")
        if self.clip != "max" and self.name not in ("uniform", "power_of_two", "apot"):
            raise ValueError(
                f"clip={self.clip} applies to schemes uniform, power_of_two and apot, got "
                f"{self.name}; leave it out"
            )
        if self.round is not nearest_even and self.name not in ("uniform", "asymmetric"):
            raise ValueError(
                f"rounding applies to schemes of equal steps, uniform and asymmetric, got "
                f"{self.name}, which takes the nearest level; leave it out"
            )
        if self.power_of_two_scales and self.scale_bits == 16:
            raise ValueError("power_of_two_scales takes scale_bits=32, got 16")


def make_scheme(settings: SchemeSettings) -> Scheme:
    """Return the scheme that `settings` describe.

    Raises:
        ValueError: They do not fit together; see `SchemeSettings.check`.
    """
    settings.check()
    granularity, clip = settings.granularity, settings.clip
    is_power = settings.power_of_two_scales
    match settings.name:
        case "uniform":
            return Uniform(
                bits=settings.bits,
                granularity=granularity,
                group=settings.group,
                scale_bits=settings.scale_bits,
                clip=clip,
                round=settings.round,
                power_of_two_scales=is_power,
            )
        case "asymmetric":
            return Asymmetric(
                bits=settings.bits,
                granularity=granularity,
                round=settings.round,
                power_of_two_scales=is_power,
            )
        case "binary":
            return Binary(granularity=granularity, power_of_two_scales=is_power)
        case "ternary":
            return Ternary(granularity=granularity, power_of_two_scales=is_power)
        case "power_of_two":
            return PowerOfTwo(
                index_bits=settings.bits,
                granularity=granularity,
                clip=clip,
                power_of_two_scales=is_power,
            )
        case "apot":
            return Apot(
                index_bits=settings.bits,
                granularity=granularity,
                clip=clip,
                power_of_two_scales=is_power,
            )


__all__ = [
    "SCHEME_BITS",
    "Apot",
    "Asymmetric",
    "Binary",
    "Clip",
    "Granularity",
    "PowerOfTwo",
    "Scheme",
    "SchemeName",
    "SchemeSettings",
    "Ternary",
    "Uniform",
    "make_scheme",
]
