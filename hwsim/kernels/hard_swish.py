"""Hard swish in 16-bit fixed point, as TFLite computes it, held in int64."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.jit import kernel

if TYPE_CHECKING:
    from hwsim.arrays import IntArray

# Codes are shifted left by as much as 16 bits hold of 9-bit differences.
_SHIFT = 7


@kernel
def _saturate(x: int) -> int:
    return min(max(x, -(1 << 15)), (1 << 15) - 1)


@kernel
def _multiply(a: int, b: int) -> int:
    """Return the rounded high half of twice the product: the product of two Q0.15."""
    return _saturate((a * b + (1 << 14)) >> 15)


@kernel
def _divide_by_power(x: int, bits: int) -> int:
    """Return x / 2^bits, halves away from zero."""
    if bits == 0:
        return x
    return (x + (1 << (bits - 1)) + (-1 if x < 0 else 0)) >> bits


@kernel
def _unit(x: int, mantissa: int, exponent: int) -> int:
    """Return relu6(x + 3) / 6 in Q0.15 for x in steps of the input's scale / 128.

    Args:
        x: 16 bits.
        mantissa: Of the multiplier that brings 3.0 to 2^15, 15 bits.
        exponent: Its exponent.
    """
    value = x
    if exponent > 0:
        value = _saturate(value << min(exponent - 1, 31))
    value = _multiply(value, mantissa)
    if exponent > 0:
        value = _saturate(value << 1)
    if exponent < 0:
        value = _divide_by_power(value, -exponent)
    return (value + (1 << 15)) >> 1


@kernel
def hard_swish_steps(centred: IntArray, unit: IntArray, output: IntArray, out: IntArray) -> None:
    """Set `out` to x * relu6(x + 3) / 6 in steps of the output's scale.

    Args:
        centred: Codes less their zero point, flat.
        unit: Mantissa and exponent of the multiplier to where 3.0 is 2^15.
        output: Mantissa and exponent, <= 0, of the input's scale / 128 over the output's.
        out: As many, int64.
    """
    for i in range(centred.shape[0]):
        x = int(centred[i]) << _SHIFT
        scaled = _multiply(x, output[0])
        product = _unit(x, unit[0], unit[1]) * scaled
        # Cut towards zero, to cancel the bias of the roundings before.
        cut = product >> 15 if product >= 0 else -((-product) >> 15)
        out[i] = _divide_by_power(cut, -output[1])
