"""Products of a constant matrix with patches: what convolutions and linear layers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.formats import Dense, Signs

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.formats import Product
    from hwsim.numerics import Quant
    from hwsim.op import Site
    from hwsim.tensor import Weight


def encodings(site: Site, kind: str, weight: Weight) -> tuple[Quant, Quant, Quant]:
    """Return the encodings of input, weight and output of a heavy op at `site`.

    Raises:
        UnsupportedError: One of them is float32 or wider than 8 bits, or weights have a scale per
            group.
    """
    x, w, y = site.inputs[0].quant, weight.quant, site.outputs[0].quant
    if x is None or w is None or y is None:
        raise UnsupportedError(
            f"{site.name}: integer {kind} needs integer input, weight and output, got input "
            f"{site.inputs[0].dtype}, weight {'float32' if w is None else f'int{w.bits}'}, "
            f"output {site.outputs[0].dtype}; quantize the whole graph"
        )
    for what, quant in (("input", x), ("weight", w), ("output", y)):
        # 16-bit activations round and accumulate in ways of their own.
        if quant.bits > 8:
            raise UnsupportedError(
                f"{site.name}: integer {kind} takes at most 8 bits, got {what} of {quant.bits}"
            )
    if w.group is not None:
        raise UnsupportedError(
            f"{site.name}: integer {kind} takes weights with one scale per channel, got one per "
            f"group of {w.group}"
        )
    return x, w, y


def scales_of(kind: str, x: Quant, w: Quant, y: Quant) -> tuple[float, Array, float]:
    """Return the scales of input, weight and output that a rounding is bound with.

    TFLite's convolutions multiply those of unsigned inputs and their weights in float32 before all
    else, its linear layers do not; where multipliers are float32 it makes no difference.
    """
    weight = np.asarray(w.scale)
    if x.signed or kind == "linear":
        return x.scale[0], weight, y.scale[0]
    return 1.0, np.float32(x.scale[0]) * weight.astype(np.float32), y.scale[0]


def require_default(site: Site, what: str) -> None:
    """Refuse `what`, whose sums are 32 bits wide or more here, in another register.

    Raises:
        UnsupportedError: The runtime has another.
    """
    if not site.numerics.accumulator.is_default:
        raise UnsupportedError(
            f"{site.name}: {what} sums in a register of its own, got numerics.accumulator of "
            f"{site.numerics.accumulator}; only layers of at most 8 bits run with that"
        )


def folded_bias(weight: Weight, bias: Weight | None, input_zero_point: int) -> IntArray:
    """Return bias - zero_point * sum(weights) per row, as int32 that wraps.

    Padding inserts the input's zero point, so this one constant serves every position.
    """
    folded = -input_zero_point * weight.centred.astype(np.int64).sum(axis=1)
    if bias is not None:
        folded = folded + bias.codes.astype(np.int64)
    return folded.astype(np.int32)


def bind_product(weight: Weight, bias: IntArray, activations: Quant | None = None) -> Product:
    """Return the accumulators' function, multiplying in the weight's own format.

    Signs times signs are counted: see `kernels.xnor`.

    Args:
        weight: Integer codes.
        bias: int32 [rows], the input's zero point folded in.
        activations: What is multiplied; None where it is quantized as it arrives.
    """
    symmetric = weight.quant is not None and weight.quant.is_symmetric
    # A weight with a zero point has no zeros to skip: it is multiplied dense, once centred.
    if isinstance(weight.format, Signs) and activations is not None and activations.is_bipolar:
        multiply = weight.format.bind_signs(weight.packed)
    elif symmetric:
        multiply = weight.format.bind(weight.packed)
    else:
        multiply = Dense().bind(Dense().pack(weight.centred, 16))

    def product(patches: IntArray) -> IntArray:
        accumulators = multiply(patches)
        accumulators += bias
        return accumulators

    return product
