"""The grid on which a layer's integer weights lie, and layers of codes chosen on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from compressors.quantization.schemes import Uniform
from hwsim.errors import FormatError, RecipeError

if TYPE_CHECKING:
    from compressors.quantization.layers import Product
    from compressors.quantization.schemes import Clip, Granularity
    from hwsim.arrays import IntArray
    from hwsim.numerics import Quant


def grid(op: Product, bits: int, granularity: Granularity, group: int, clip: Clip) -> Quant:
    """Return the symmetric encoding of the weights of `op`; its code -high - 1 stays unused.

    Args:
        op: Of real weights.
        bits: Of a code, 2..8.
        granularity: What shares a scale, where no groups do.
        group: Neighbours in a row that share a scale; 0: none. Rows that are no longer than a
            group have one scale.
        clip: Whether scales hold the largest weight, or are of least squared error.
    """
    real = op.weight.real().reshape(op.weight.matrix.shape)
    is_grouped = 0 < group < real[0].size
    scheme = Uniform(
        bits=bits, granularity=granularity, group=group if is_grouped else None, clip=clip
    )
    return scheme.quant(real)


def decoded(op: Product, codes: IntArray, quant: Quant, where: str) -> Product:
    """Return `op` between reals, multiplying what integer `codes` mean.

    Args:
        op: Of real weights.
        codes: As many as weights, in their order.
        quant: Their encoding.
        where: Graph, node and step, for messages.

    Raises:
        RecipeError: The weights' storage format does not hold such codes.
    """
    weight = replace(
        op.weight,
        codes=codes.reshape(op.weight.shape).astype(quant.dtype),
        quant=quant,
        is_decoded=True,
    )
    try:
        _ = weight.packed
    except FormatError as error:
        raise RecipeError(
            f"{where}: chooses codes that the format of its weights cannot hold ({error}); leave "
            "out the step that shares values, or exclude the layer"
        ) from error
    return replace(op, weight=weight)
