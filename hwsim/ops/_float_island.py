"""Integer ops without integer arithmetic of their own: decode, compute in reals, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError

if TYPE_CHECKING:
    from hwsim.arrays import Array
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Op, Site


def quants_of(site: Site, op: Op) -> tuple[list[Quant], list[Quant]]:
    """Return the encodings of inputs and outputs.

    Raises:
        UnsupportedError: Some are integers and some are float32.
    """
    inputs = [type_.quant for type_ in site.inputs if type_.quant is not None]
    outputs = [type_.quant for type_ in site.outputs if type_.quant is not None]
    if len(inputs) < len(site.inputs) or len(outputs) < len(site.outputs):
        types = ", ".join(str(type_) for type_ in (*site.inputs, *site.outputs))
        raise UnsupportedError(
            f"{site.name}: {op.kind} needs all its tensors integer or all float32, got {types}; "
            "quantize and dequantize ops convert"
        )
    return inputs, outputs


def float_island(op: Op, site: Site) -> Kernel:
    """Return the integer function that computes `op` in float64 between its encodings."""
    inputs, outputs = quants_of(site, op)

    def run(*codes: Array) -> tuple[Array, ...]:
        reals = (quant.decode(code) for quant, code in zip(inputs, codes, strict=True))
        results = op.reference(*reals)
        return tuple(quant.encode(real) for quant, real in zip(outputs, results, strict=True))

    return run


def table_lookup(op: Op, site: Site) -> Kernel:
    """Return an elementwise integer function of one operand of at most 8 bits as a table."""
    inputs, outputs = quants_of(site, op)
    (quant,) = inputs
    if quant.bits > 8:
        return float_island(op, site)
    codes = np.arange(quant.low, quant.high + 1)
    table = outputs[0].encode(op.reference(quant.decode(codes[None]))[0][0])

    def run(x: Array) -> tuple[Array, ...]:
        return (table[x.astype(np.int64) - quant.low],)

    return run
