"""Random weights of the layers of a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import InterchangeError
from hwsim.formats import Bitmask, Dense
from hwsim.numerics import Quant
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.arrays import Array, Shape
    from hwsim.interchange._topology_rows import Row

# What a table may ask for: a slip of the pen must not fill the memory.
_MAX_WEIGHTS = 1 << 28
_BLOCK = 1 << 20
# Where normal numbers are clipped, in standard deviations: the largest code.
_CLIP = 4.0
_ACTIVATION_SCALE = 0.05


def activation_quant(scale: float = _ACTIVATION_SCALE, zero_point: int = 0) -> Quant:
    """Return how integer tensors are encoded.

    Any positive scale would do: only shapes and zeros of such a model mean something.
    """
    return Quant(scale=(scale,), zero_point=(zero_point,), bits=8)


def drawn_weight(row: Row, shape: Shape) -> Weight:
    """Return random weights [out, ..., in] with the row's bits, none zero but those asked for.

    A share `sparsity` of zeros makes them lie as a bitmask; dead filters and columns lie dense, as
    in the files that have them.

    Args:
        row: Says bits, sparsity, and how many of the last filters and input channels are zero.
        shape: Output channels first, input channels (of a group) last.
    """
    codes, quant = _drawn(row, shape)
    zeros = round(row.share("sparsity") * codes.size)
    if zeros:
        positions = np.random.default_rng(row.seed).permutation(codes.size)[:zeros]
        codes.reshape(-1)[positions] = 0
    for column, axis in (("dead_outputs", 0), ("dead_inputs", -1)):
        dead = row.number(column, 0, least=0)
        if dead >= shape[axis]:
            raise row.error(column, f"fewer than all {shape[axis]}")
        np.moveaxis(codes, axis, 0)[shape[axis] - dead :] = 0
    return Weight(codes=codes, quant=quant, format=Bitmask() if zeros else Dense())


def drawn_constant(row: Row, shape: Shape) -> Weight:
    """Return random values of `shape`, encoded as the row's tensor."""
    codes, quant = _drawn(row, shape)
    return Weight(codes=codes, quant=None if quant is None else activation_quant())


def slopes(row: Row, channels: int) -> Weight:
    """Return a slope below zero for each of `channels`."""
    _check_size(row, (channels,))
    if row.is_float:
        return Weight(codes=np.full(channels, 0.25, np.float32))
    return Weight(codes=np.ones(channels, np.int8), quant=Quant(scale=(0.25,), bits=row.bits))


def ones_and_zeros(row: Row, channels: int) -> tuple[Weight, Weight]:
    """Return the constants [channels] of a normalisation that changes nothing."""
    _check_size(row, (channels,))
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    return Weight(codes=ones), Weight(codes=zeros)


def zero_bias(weight: Weight) -> Weight:
    """Return a bias of zeros for a layer of `weight`: float32, or 32-bit integers."""
    channels = weight.shape[0]
    if weight.quant is None:
        return Weight(codes=np.zeros(channels, np.float32))
    quant = Quant(scale=(_ACTIVATION_SCALE * weight.quant.scale[0],), bits=32)
    return Weight(codes=np.zeros(channels, np.int32), quant=quant)


def _drawn(row: Row, shape: Shape) -> tuple[Array, Quant | None]:
    """Return normal numbers in the row's bits, none of them zero, and their encoding.

    They repeat after a million: large networks have some hundred million.
    """
    _check_size(row, shape)
    size = math.prod(shape)
    codes: Array = np.random.default_rng(row.seed).standard_normal(min(size, _BLOCK), np.float32)
    quant = None
    if not row.is_float:
        high = (1 << (row.bits - 1)) - 1
        quant = Quant(scale=(_CLIP / high,), bits=row.bits)
        codes = np.clip(np.rint(codes / quant.scale[0]), -high, high).astype(np.int8)
    codes[codes == 0] = 1
    return np.resize(codes, shape), quant


def _check_size(row: Row, shape: Shape) -> None:
    if math.prod(shape) > _MAX_WEIGHTS:
        raise InterchangeError(
            f"{row.where}: weights {list(shape)} are more than {_MAX_WEIGHTS} numbers"
        )
