"""Linear layers whose weights have a scale per group of neighbours (blockwise quantization).

The products of each group are summed in int32; the sums, times their group's scale, are added in
float32, group by group: y = s_x * sum_g s_w[o, g] * sum_(i in g) (q_x - z_x) (q_w - z_w). What the
scales mean is ONNX's DequantizeLinear with a block_size and MatMulNBits; the order of sums is that
of XNNPACK's blockwise kernels (qd8-f32-qb4w). Not compared bit by bit with either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.ops._activation import clamped_target
from hwsim.ops._product import require_default

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsim.arrays import Array, IntArray
    from hwsim.op import Kernel, Site
    from hwsim.ops._layer import Layer
    from hwsim.tensor import Weight


def has_groups(weight: Weight) -> bool:
    """Return whether neighbours of a row have scales of their own."""
    return weight.quant is not None and weight.quant.group is not None


def require_groups(site: Site, kind: str) -> None:
    """Refuse weights with a scale per group where the runtime has no arithmetic for them.

    Raises:
        UnsupportedError: It has none, or none for this kind of layer.
    """
    if site.numerics.blocks is None or kind != "linear":
        raise UnsupportedError(
            f"{site.name}: policy {site.numerics.name!r} has no {kind} of weights with a scale per "
            "group; quantize per channel, or the weights only"
        )


def grouped_product(weight: Weight) -> Callable[[IntArray], Array]:
    """Return the function of codes [p, in], zero point taken off, to float32 [p, out]."""
    quant = weight.quant
    size = 1 if quant is None or quant.group is None else quant.group
    rows, columns = weight.matrix.shape
    groups = -(-columns // size)
    scales = np.asarray(() if quant is None else quant.scale, np.float32).reshape(rows, groups)
    # float64 holds every int32 sum of at most 2^15 products of 8-bit codes.
    parts = np.pad(weight.centred.astype(np.float64), ((0, 0), (0, groups * size - columns)))
    parts = parts.reshape(rows, groups, size).transpose(1, 2, 0)

    def product(codes: IntArray) -> Array:
        padded = np.pad(codes.astype(np.float64), ((0, 0), (0, groups * size - columns)))
        total = np.zeros((len(codes), rows), np.float32)
        for group in range(groups):
            sums = padded[:, group * size : (group + 1) * size] @ parts[group]
            total += sums.astype(np.float32) * scales[:, group]
        return total

    return product


def prepare_grouped(layer: Layer, site: Site) -> Kernel:
    """Return the integer function of a layer whose weights have a scale per group.

    The bias is added in reals; the result is encoded with float32's quotient, halves to even.

    Raises:
        UnsupportedError: The policy has none, or the encodings are not of at most 8 bits.
    """
    require_groups(site, layer.kind)
    require_default(site, f"{layer.kind} of weights with a scale per group")
    x, y = site.inputs[0].quant, site.outputs[0].quant
    if x is None or y is None or max(x.bits, y.bits) > 8:
        raise UnsupportedError(
            f"{site.name}: {layer.kind} of weights with a scale per group needs activations of at "
            f"most 8 bits, or all float32, got {site.inputs[0].dtype} and {site.outputs[0].dtype}"
        )
    product = grouped_product(layer.weight)
    bias = np.float32(0) if layer.bias is None else layer.bias.real().astype(np.float32)
    target = clamped_target(layer.activation, y, site.numerics.quantize)
    inverse = np.float32(1) / np.float32(y.scale[0])

    def run(codes: Array) -> tuple[Array, ...]:
        centred = codes.reshape(-1, codes.shape[-1]).astype(np.int16) - x.zero_point[0]
        real = product(centred) * np.float32(x.scale[0]) + bias
        made = np.clip(np.rint(real * inverse) + target.zero_point, target.low, target.high)
        return (made.astype(target.dtype).reshape(*codes.shape[:-1], -1),)

    return run
