"""Layers whose sums may be wider than the register that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from hwsim.errors import UnsupportedError
from hwsim.kernels.accumulate import accumulate, accumulate_pairs
from hwsim.ops._activation import clamped_target
from hwsim.ops._product import encodings, scales_of

if TYPE_CHECKING:
    from hwsim.arrays import Array, IntArray
    from hwsim.numerics import Accumulator, Numerics, Quant, Rounding
    from hwsim.op import Kernel, Site
    from hwsim.ops._activation import Fused
    from hwsim.tensor import Weight

# What two products of a byte and a signed byte, added in 16 bits, may reach.
_PAIR_HIGH = (1 << 15) - 1
_INT32 = np.iinfo(np.int32)


class Layer(Protocol):
    """What sums products of activations and a constant matrix: a convolution, a linear layer."""

    kind: ClassVar[str]

    @property
    def weight(self) -> Weight:
        """See `Op.weight`."""
        ...

    @property
    def bias(self) -> Weight | None:
        """[out], or None."""
        ...

    @property
    def activation(self) -> Fused:
        """Clamp fused into the output."""
        ...

    def rounding(self, numerics: Numerics) -> Rounding:
        """Return how `numerics` rounds the sums of such a layer."""
        ...

    def patches(self, x: Array, fill: int) -> Array:
        """Return what each output sees, [samples, batch, ..., groups, depth], `fill` around."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """Sums of products in one register.

    Attributes:
        accumulator: The register.
        quant: Of the activations that are multiplied.
        weights: [groups, rows, depth] codes less their zero point.
        bias: [groups, rows] int64.
    """

    accumulator: Accumulator
    quant: Quant
    weights: IntArray
    bias: IntArray

    @property
    def _centre(self) -> int:
        """The code that is multiplied as 0: pairs take bytes, and fold the zero point."""
        return self.quant.low if self.accumulator.saturates_pairs else self.quant.zero_point[0]

    @property
    def _folded(self) -> IntArray:
        totals = self.weights.astype(np.int64).sum(axis=2)
        return self.bias + (self._centre - self.quant.zero_point[0]) * totals

    @property
    def can_overflow(self) -> bool:
        """Whether some activations might: no sum of magnitudes reaches the end else."""
        magnitudes = np.abs(self.weights.astype(np.int64))
        reach = max(abs(end - self._centre) for end in (self.quant.low, self.quant.high))
        totals = reach * magnitudes.sum(axis=2) + np.abs(self._folded)
        if totals.max(initial=0) > self.accumulator.high:
            return True
        if not self.accumulator.saturates_pairs:
            return False
        even = np.pad(magnitudes, ((0, 0), (0, 0), (0, magnitudes.shape[2] % 2)))
        pairs = even.reshape(*even.shape[:2], -1, 2).sum(axis=3)
        return bool(reach * pairs.max(initial=0) > _PAIR_HIGH)

    def __call__(self, patches: Array) -> tuple[IntArray, int]:
        """Return int64 sums [..., groups * rows], and how many overflowed.

        Args:
            patches: [..., groups, depth] codes.
        """
        x = (patches.astype(np.int16) - np.int16(self._centre)).reshape(-1, *patches.shape[-2:])
        out = np.empty((len(x), *self.weights.shape[:2]), np.int64)
        register = self.accumulator
        run = accumulate_pairs if register.saturates_pairs else accumulate
        overflowed = run(
            x, self.weights, self._folded, register.low, register.high,
            register.overflow == "saturate", out,
        )  # fmt: skip
        return out.reshape(*patches.shape[:-2], -1), overflowed


def sums_of(layer: Layer, site: Site) -> Sums:
    """Return the sums of `layer` at `site`.

    Raises:
        UnsupportedError: Its types have no integer form, or its register cannot multiply them.
    """
    x, w, _ = encodings(site, layer.kind, layer.weight)
    require_pairs(site, layer.kind, w)
    depth = layer.weight.matrix.shape[1]
    # As many groups as a patch has; the rows of one lie together.
    groups = layer.patches(np.zeros((1, *site.inputs[0].shape), np.int8), 0).shape[-2]
    weights = np.ascontiguousarray(layer.weight.centred.reshape(groups, -1, depth), np.int16)
    bias = np.zeros(weights.shape[:2], np.int64)
    if layer.bias is not None:
        bias = layer.bias.codes.astype(np.int64).reshape(bias.shape)
    return Sums(accumulator=site.numerics.accumulator, quant=x, weights=weights, bias=bias)


def require_pairs(site: Site, kind: str, weight: Quant) -> None:
    """Refuse weights that are not signed bytes where they are multiplied in pairs.

    Raises:
        UnsupportedError: They are not.
    """
    is_signed_byte = weight.signed and weight.bits <= 8 and weight.is_symmetric
    if site.numerics.accumulator.saturates_pairs and not is_signed_byte:
        raise UnsupportedError(
            f"{site.name}: pairs of products in 16 bits take signed weights with zero point 0, got "
            f"{kind} with weights of {weight.bits} bits, "
            f"{'signed' if weight.signed else 'unsigned'}, zero points {set(weight.zero_point)}"
        )


def prepare_sums(layer: Layer, site: Site) -> Kernel:
    """Return the integer function of `layer` whose sums overflow as the runtime's do.

    Raises:
        UnsupportedError: See `sums_of`.
    """
    x, w, y = encodings(site, layer.kind, layer.weight)
    sums = sums_of(layer, site)
    requantize = layer.rounding(site.numerics).bind(
        *scales_of(layer.kind, x, w, y),
        clamped_target(layer.activation, y, site.numerics.quantize),
    )

    def run(codes: Array) -> tuple[Array, ...]:
        totals, _ = sums(layer.patches(codes, x.zero_point[0]))
        return (requantize(narrowed(totals)),)

    return run


def narrowed(totals: IntArray) -> IntArray:
    """Return sums as a rounding takes them: int32, those of wider registers held to it."""
    return np.clip(totals, _INT32.min, _INT32.max).astype(np.int32)
