"""Integer ops without integer arithmetic of their own: decode, compute in reals, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.numerics.rounding import round_away
from hwsim.ops._ort import decode_float32, encode_float32

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array
    from hwsim.numerics import Quant
    from hwsim.op import Kernel, Op, Site

# Beyond all 8-bit codes, and far from the limits of float32.
_LARGEST = 1e9


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
    """Return the integer function that computes `op` in float64 between its encodings.

    ONNX Runtime's are float32, and so is what it computes between them.
    """
    inputs, outputs = quants_of(site, op)
    if site.numerics.quantize == "ort":
        return _float32_island(op, inputs, outputs)

    def run(*codes: Array) -> tuple[Array, ...]:
        reals = (quant.decode(code) for quant, code in zip(inputs, codes, strict=True))
        results = op.reference(*reals)
        return tuple(quant.encode(real) for quant, real in zip(outputs, results, strict=True))

    return run


def _float32_island(op: Op, inputs: list[Quant], outputs: list[Quant]) -> Kernel:
    def run(*codes: Array) -> tuple[Array, ...]:
        pairs = zip(inputs, codes, strict=True)
        # Of float32 operands, float64 gives what float32 rounds once.
        results = op.reference(*(decode_float32(c, q).astype(np.float64) for q, c in pairs))
        return tuple(encode_float32(r, q) for q, r in zip(outputs, results, strict=True))

    return run


def table_lookup(
    op: Op,
    site: Site,
    entries: Callable[[Array], Array] | None = None,
    *,
    is_cut: bool = False,
) -> Kernel:
    """Return an elementwise integer function of one operand of at most 8 bits as a table.

    Entries are float32: TFLite rounds halves away from zero, XNNPACK to even.

    Args:
        op: Whose reference is tabled.
        site: Where it stands.
        entries: Function of float32 that the runtime tables instead, of at most 8 bits.
        is_cut: Whether steps are cut towards zero instead.
    """
    inputs, outputs = quants_of(site, op)
    (quant,), (made,) = inputs, outputs
    if quant.bits > 8 or site.numerics.quantize == "ort":
        return float_island(op, site)
    centred = np.arange(quant.low, quant.high + 1) - quant.zero_point[0]
    real = centred.astype(np.float32) * np.float32(quant.scale[0])
    if entries is None:
        values = op.reference(real[None].astype(np.float64))[0][0].astype(np.float32)
    else:
        values = entries(real)
    # No number, such as the root of a negative one, is held as 0, and infinity as a large one.
    values = np.nan_to_num(values, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
    steps = values * (np.float32(1) / np.float32(made.scale[0]))
    steps = np.clip(steps, -_LARGEST, _LARGEST)
    if is_cut:
        whole = np.trunc(steps)
    else:
        whole = np.rint(steps) if site.numerics.quantize == "xnnpack" else round_away(steps)
    codes = whole.astype(np.int64) + made.zero_point[0]
    table = np.clip(codes, made.low, made.high).astype(made.dtype)

    def run(x: Array) -> tuple[Array, ...]:
        return (table[x.astype(np.int64) - quant.low],)

    return run
