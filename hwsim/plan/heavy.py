"""What heavy instructions share: encodings as bytes, folded biases, what ends a sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwsim.kernels.micro.epilogue import constants
from hwsim.kernels.micro.rounding import FORMS, Places, away_channels, find_form
from hwsim.ops._activation import clamped_target
from hwsim.ops._product import encodings, scales_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.kernels.micro.isa import Isa
    from hwsim.numerics import Rounding
    from hwsim.numerics.rounding import Multipliers
    from hwsim.op import Site
    from hwsim.ops.conv2d import Conv2d
    from hwsim.ops.linear import Linear


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class End:
    """From sums of byte times weight to bytes.

    Attributes:
        input_zero: The byte that stands for 0.
        bias: int64 [out], the input's zero point folded in; to be wrapped at 32 bits.
        rounding: Its name.
        form: Place in `FORMS` of its formula.
        multipliers: Of the channels, or one of all.
        limits: Zero point, lowest and highest byte of the output.
    """

    input_zero: int
    bias: IntArray
    rounding: str
    form: int
    multipliers: Multipliers
    limits: tuple[int, int, int]


def end_of(op: Conv2d | Linear, site: Site, rounding: Rounding) -> End | None:
    """Return the end of a heavy op at `site`; None where it has no compiled form."""
    weight, bias = op.weight, op.bias
    quants = (site.inputs[0].quant, weight.quant, site.outputs[0].quant)
    if not site.numerics.accumulator.is_default:
        return None
    if any(q is None or q.bits > 8 or q.group is not None for q in quants):
        return None
    x, w, y = encodings(site, op.kind, weight)
    multipliers = rounding.multipliers(*scales_of(op.kind, x, w, y))
    # LiteRT takes unsigned channels through a kernel that rounds all of them alike.
    is_lanes = rounding.name == "half_up_twice_lanes"
    name = "gemmlowp" if is_lanes and not y.signed else rounding.name
    form = find_form(name, multipliers.values, multipliers.exponents)
    target = clamped_target(op.activation, y, site.numerics.quantize)
    limits = (target.zero_point - y.low, target.low - y.low, target.high - y.low)
    zero = x.zero_point[0] - x.low
    # Bytes must hold them; what files hold beside is not meant to be run.
    if form is None or not all(0 <= value <= 255 for value in (zero, *limits)):
        return None
    folded = -zero * weight.centred.astype(np.int64).sum(axis=1)
    if bias is not None:
        folded = folded + bias.codes.astype(np.int64)
    return End(
        input_zero=zero,
        bias=folded,
        rounding=name,
        form=form,
        multipliers=multipliers,
        limits=limits,
    )


def end_constants(end: End, bias: IntArray, places: IntArray, isa: Isa) -> Array:
    """Return the constants of `micro.epilogue.Epilogue` for a few vectors: int32.

    Args:
        end: Of all channels.
        bias: int64 [out], to be wrapped at 32 bits.
        places: The channel that each place holds, negative where there is none.
        isa: Instruction set.
    """

    def placed(per_channel: Array) -> Array:
        spread = np.broadcast_to(per_channel, bias.shape)
        return np.where(places < 0, np.zeros(1, spread.dtype), spread[np.maximum(places, 0)])

    values, exponents = placed(end.multipliers.values), placed(end.multipliers.exponents)
    held = Places(
        rounding=end.rounding,
        values=values,
        exponents=exponents.astype(np.int64),
        is_away=placed(away_channels(end.rounding, len(bias))),
        lanes=isa.lanes,
    )
    return constants(end.limits, placed(bias), FORMS[end.form].fields(held))


def narrow_parts(weights: IntArray) -> tuple[IntArray, ...] | None:
    """Return weights of up to 9 bits as parts that each fit int8 and add up to them.

    None where two parts do not do: at 255.
    """
    if weights.min() >= -128 and weights.max() <= 127:
        return (weights,)
    if weights.max() > 254:
        return None
    lower = weights >> 1
    return (lower, weights - lower)
