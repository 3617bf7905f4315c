"""LSTM of 8-bit activations and weights, gates and cell state of 16 bits, as LiteRT computes it.

Sums become Q3.12 with gemmlowp's rounding, those of the input first; gates are Q0.15, by gemmlowp's
fixed-point functions; the cell state has steps of a power of two. Formulas of TensorFlow Lite's
8x8_16 kernel, which all of LiteRT's paths use; its effective scales are float32 products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.numerics.rounding import Gemmlowp, Target
from hwsim.op import Op
from hwsim.ops._fixed16 import logistic_table, tanh_table
from hwsim.ops._float_island import quants_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Site
    from hwsim.tensor import Weight

_LOW, _HIGH = -(1 << 15), (1 << 15) - 1
_GATE_STEP = 2.0**-12
_EXPONENTS = range(-15, -8)
_INT32 = Target(zero_point=0, low=-(1 << 31), high=(1 << 31) - 1, dtype=np.dtype(np.int32))


class Cells(Op, Protocol):
    """What an LSTM's integers depend on; see `Lstm`."""

    @property
    def input_weight(self) -> Weight:
        """[gates * cells, features]."""
        ...

    @property
    def recurrent_weight(self) -> Weight:
        """[gates * cells, cells]."""
        ...

    @property
    def bias(self) -> Weight:
        """[gates * cells]."""
        ...

    @property
    def time_major(self) -> bool:
        """Whether time is the first axis."""
        ...

    @property
    def cell_clip(self) -> float:
        """Largest cell state; 0 for none."""
        ...

    @property
    def cell_exponent(self) -> int:
        """The cell state has steps of 2^cell_exponent."""
        ...

    @property
    def cells(self) -> int:
        """Width of the state."""
        ...

    @property
    def gates(self) -> int:
        """4, or 3 without an input gate of its own."""
        ...


def bind_lstm(op: Cells, site: Site) -> Kernel:
    """Return the integer function of `op` at `site`.

    Raises:
        UnsupportedError: The policy has no such LSTM, or the types are others.
    """
    (x,), (y,) = quants_of(site, op)
    _require_types(op, site, x, y)
    drive = _gate_sums(op.input_weight, x, op.bias)
    feed = _gate_sums(op.recurrent_weight, y, None)
    step = _step(op, y)

    def run(codes: Array) -> tuple[Array, ...]:
        sequence = codes.swapaxes(1, 2) if op.time_major else codes
        driven = drive(sequence)
        hidden = np.full((*sequence.shape[:2], op.cells), y.zero_point[0], np.int64)
        cell = np.zeros(hidden.shape, np.int64)
        made = np.empty((*sequence.shape[:3], op.cells), y.dtype)
        for t in range(sequence.shape[2]):
            gates = np.clip(driven[:, :, t] + feed(hidden), _LOW, _HIGH)
            cell, hidden = step(gates, cell)
            made[:, :, t] = hidden
        return (np.ascontiguousarray(made.swapaxes(1, 2)) if op.time_major else made,)

    return run


def _require_types(op: Cells, site: Site, x: Quant, y: Quant) -> None:
    if site.numerics.lstm is None:
        raise UnsupportedError(
            f"{site.name}: policy {site.numerics.name!r} has no LSTM of 8-bit codes; "
            "dequantize before it"
        )
    weights = (op.input_weight.quant, op.recurrent_weight.quant)
    is_narrow = all(q is not None and q.bits <= 8 and q.is_symmetric for q in weights)
    if not (x.signed and y.signed and x.bits == y.bits == 8 and is_narrow):
        raise UnsupportedError(
            f"{site.name}: integer lstm needs int8 activations and symmetric weights of at most 8 "
            f"bits, got {site.inputs[0].dtype} and {site.outputs[0].dtype}"
        )
    if op.bias.quant is None or op.cell_exponent not in _EXPONENTS:
        raise UnsupportedError(
            f"{site.name}: integer lstm needs an int32 bias and a cell_exponent of "
            f"{_EXPONENTS[0]}..{_EXPONENTS[-1]}, got {op.cell_exponent}"
        )


def _gate_sums(weight: Weight, x: Quant, bias: Weight | None) -> Callable[[IntArray], IntArray]:
    """Return codes [..., features] times `weight`, in Q3.12 held to 16 bits: int64 [..., rows]."""
    scales = np.ones(1) if weight.quant is None else np.asarray(weight.quant.scale)
    effective = scales.astype(np.float32) * np.float32(x.scale[0]) / np.float32(_GATE_STEP)
    requantize = Gemmlowp().bind(1.0, effective.astype(np.float64), 1.0, _INT32)
    matrix = weight.centred.astype(np.float64).T
    offset = np.zeros(1, np.int64) if bias is None else bias.codes.astype(np.int64)

    def sums(codes: IntArray) -> IntArray:
        # float64 sums of 8-bit products are exact up to a depth of 2^37.
        total = (codes.astype(np.float64) - x.zero_point[0]) @ matrix
        fixed = requantize((total.astype(np.int64) + offset).astype(np.int32))
        return np.clip(fixed.astype(np.int64), _LOW, _HIGH)

    return sums


def _step(op: Cells, y: Quant) -> Callable[[IntArray, IntArray], tuple[IntArray, IntArray]]:
    """Return the function of gates before activation and cell state to cell state and codes."""
    sigma, candidates = logistic_table().astype(np.int64), tanh_table(3).astype(np.int64)
    outputs = tanh_table(15 + op.cell_exponent).astype(np.int64)
    clip = int(min(op.cell_clip / 2.0**op.cell_exponent, _HIGH))
    # Two Q0.15 in steps of the output, in float32.
    hidden_scale = np.float32(2.0**-15 / np.float32(y.scale[0]) * 2.0**-15)
    rescale = Gemmlowp().bind(float(hidden_scale), np.ones(1), 1.0, _INT32)

    def step(gates: IntArray, cell: IntArray) -> tuple[IntArray, IntArray]:
        parts = np.split(gates - _LOW, op.gates, axis=-1)
        forget, candidate, output = sigma[parts[-3]], candidates[parts[-2]], sigma[parts[-1]]
        enter = sigma[parts[0]] if op.gates == 4 else _HIGH - forget
        kept = _divided(forget * cell, 15)
        entered = _wrapped(_divided(enter * candidate, 30 + op.cell_exponent))
        cell = np.clip(kept + entered, _LOW, _HIGH)
        if clip > 0:
            cell = np.clip(cell, -clip, clip)
        product = (output * outputs[cell - _LOW]).astype(np.int32)
        hidden = rescale(product).astype(np.int64) + y.zero_point[0]
        return cell, np.clip(hidden, y.low, y.high)

    return step


def _divided(x: IntArray, bits: int) -> IntArray:
    """Return x / 2^bits, halves away from zero."""
    return (x + (1 << (bits - 1)) - (x < 0)) >> bits


def _wrapped(x: IntArray) -> IntArray:
    """Return `x` in 16 bits that wrap."""
    return x.astype(np.int16).astype(np.int64)
