"""The logistic function and the hyperbolic tangent of 16-bit codes, as TFLite computes them.

Both interpolate one table of sigma(i / 24) in steps of 2^-16; tanh(x) = 2 sigma(2x) - 1. Formulas
of TensorFlow Lite's reference kernels for int16.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.ops._fixed16 import logistic_table, tanh_table

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel

_ENTRIES = 256
_STEPS_PER_UNIT = 24


def _sigma(step: FloatArray) -> FloatArray:
    return 65536 / (1 + np.exp(-step / _STEPS_PER_UNIT))


def _table() -> IntArray:
    """Return sigma at each step, raised by half of what a chord lacks in the middle of its step.

    So the interpolation errs to both sides. The last entry stands for 1.
    """
    step = np.arange(_ENTRIES, dtype=np.float64)
    chord = (_sigma(step) + _sigma(step + 1)) / 2
    table = np.rint(_sigma(step) + (_sigma(step + 0.5) - chord) / 2).astype(np.int64)
    table[-1] = 65535
    return table


_TABLE = _table()
# Arguments are brought to steps of 1 / (3 * 2^12): 2^9 of them are a step of the table.
_UNIT = 3 * 4096
_LARGEST_MULTIPLIER = 32767 / 2
_LARGEST_SHIFT = 30
# Steps of Q3.12, which fixed-point functions take.
_FIXED_STEP = 2.0**-12

OUTPUT_SCALE = 1 / 32768
"""What TFLite prescribes for both results, with zero point 0."""


def bind_logistic(x: Quant, formula: str) -> Kernel:
    """Return the function of codes of `x` to those of scale 1/32768; see `Wide.sigmoid`."""
    if formula == "fixed" and x.scale[0] == _FIXED_STEP:
        return _of_table(logistic_table(), 1)
    multiplier, shift = _multiplier(x.scale[0], largest_power=0)

    def run(codes: Array) -> tuple[Array, ...]:
        scaled = _scaled(codes, multiplier, shift)
        curve = _interpolated(np.abs(scaled), bits=9, end=0x7FFF << 10)
        both = np.where(scaled >= 0, curve + 512, (1 << 25) - curve + 511)
        return ((both >> 10).astype(np.int16),)

    return run


def bind_tanh(x: Quant, formula: str) -> Kernel:
    """Return the function of codes of `x` to those of scale 1/32768; see `Wide.sigmoid`."""
    if formula == "fixed" and x.scale[0] in (_FIXED_STEP, 2 * _FIXED_STEP):
        return _of_table(tanh_table(3), round(x.scale[0] / _FIXED_STEP))
    multiplier, shift = _multiplier(x.scale[0], largest_power=1)

    def run(codes: Array) -> tuple[Array, ...]:
        scaled = _scaled(codes, multiplier, shift)
        # Twice the argument: half a step of the table.
        curve = _interpolated(np.abs(scaled), bits=8, end=0xFFFF << 8)
        both = np.where(scaled >= 0, curve - (1 << 23) + 128, -curve + (1 << 23) + 127)
        return ((both >> 8).astype(np.int16),)

    return run


def _of_table(table: IntArray, factor: int) -> Kernel:
    def run(codes: Array) -> tuple[Array, ...]:
        argument = np.clip(codes.astype(np.int64) * factor, -(1 << 15), (1 << 15) - 1)
        return (table[argument + (1 << 15)],)

    return run


def _multiplier(scale: float, largest_power: int) -> tuple[int, int]:
    """Return (multiplier, right shift) that bring a code to steps of 1 / (3 * 2^12).

    Scales of 2^-12, up to 2^largest_power of them, are exact; others keep 14 to 15 bits, cut off.
    """
    fraction, exponent = math.frexp(scale)
    power = exponent - 1 + 12
    if fraction == 0.5 and 0 <= power <= largest_power:
        return 3 << power, 0
    real, shift = scale * _UNIT, 0
    while real <= _LARGEST_MULTIPLIER and shift <= _LARGEST_SHIFT:
        real, shift = real * 2, shift + 1
    return int(real), shift


def _scaled(codes: Array, multiplier: int, shift: int) -> IntArray:
    half = 1 << (shift - 1) if shift > 0 else 0
    return (codes.astype(np.int64) * multiplier + half) >> shift


def _interpolated(magnitude: IntArray, bits: int, end: int) -> IntArray:
    """Return the table between entries, in 2^bits parts; `end` beyond it."""
    index = np.minimum(magnitude >> bits, _ENTRIES - 1)
    below, above = _TABLE[index], _TABLE[np.minimum(index + 1, _ENTRIES - 1)]
    between = (below << bits) + (magnitude & ((1 << bits) - 1)) * (above - below)
    return np.where(index >= _ENTRIES - 1, end, between)
