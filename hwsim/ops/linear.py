"""Fully connected layer over the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.op import Workload
from hwsim.ops._accumulate import prepare_sums
from hwsim.ops._activation import apply_fused, clamped_target
from hwsim.ops._dynamic import bind_dynamic, is_dynamic
from hwsim.ops._grouped import grouped_product, has_groups, prepare_grouped, require_groups
from hwsim.ops._product import bind_product, encodings, folded_bias, scales_of
from hwsim.ops._wide import is_wide_layer, prepare_wide

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.formats import Product
    from hwsim.numerics import Numerics, Rounding
    from hwsim.op import Kernel, Site
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """y[..., o] = bias[o] + sum_i x[..., i] * weight[o, i].

    Attributes:
        weight: [out, in].
        bias: [out], or None.
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "linear"
    shares_encoding: ClassVar[bool] = False
    weight: Weight
    bias: Weight | None = None
    activation: Fused = "none"

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    def rounding(self, numerics: Numerics) -> Rounding:
        """Return how `numerics` rounds the sums of such a layer."""
        return numerics.linear

    def patches(self, x: Array, fill: int) -> Array:
        """Return what each output sees, in one group; there is no padding to fill."""
        del fill
        return x[..., None, :]

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        out, features = self.weight.shape
        if not x or x[-1] != features:
            raise GraphError(
                f"linear with weight {list(self.weight.shape)} expects [..., {features}], "
                f"got {list(x)}"
            )
        if self.bias is not None and self.bias.shape != (out,):
            raise GraphError(f"linear expects a bias of [{out}], got {list(self.bias.shape)}")
        return ((*x[:-1], out),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        real = inputs[0] @ self.weight.real().T
        if self.bias is not None:
            real = real + self.bias.real()
        return (apply_fused(self.activation, real),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        if is_dynamic(site, self.weight):
            return self._prepare_dynamic(site)
        if has_groups(self.weight):
            return prepare_grouped(self, site)
        if is_wide_layer(site, self.weight):
            return prepare_wide(self, site)
        if not site.numerics.accumulator.is_default:
            return prepare_sums(self, site)
        x_quant, w_quant, y_quant = encodings(site, self.kind, self.weight)
        bias = folded_bias(self.weight, self.bias, x_quant.zero_point[0])
        product = bind_product(self.weight, bias, x_quant)
        requantize = self.rounding(site.numerics).bind(
            *scales_of(self.kind, x_quant, w_quant, y_quant),
            clamped_target(self.activation, y_quant, site.numerics.quantize),
        )

        def run(x: Array) -> tuple[Array, ...]:
            codes = requantize(product(x.reshape(-1, x.shape[-1])))
            return (codes.reshape(*x.shape[:-1], -1),)

        return run

    def _prepare_dynamic(self, site: Site) -> Kernel:
        if self.weight.is_decoded:
            return self.reference
        product = self._dynamic_product(site)

        def multiply(codes: IntArray) -> Array:
            accumulators = product(codes.reshape(-1, codes.shape[-1]))
            return accumulators.reshape(*codes.shape[:-1], -1)

        layer = bind_dynamic(site, self.weight, self.bias, multiply, is_per_position=True)

        def run(x: Array) -> tuple[Array, ...]:
            return (apply_fused(self.activation, layer(x)),)

        return run

    def _dynamic_product(self, site: Site) -> Product:
        if has_groups(self.weight):
            require_groups(site, self.kind)
            return grouped_product(self.weight)
        return bind_product(self.weight, np.zeros(self.weight.shape[0], np.int32))

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        (x,), (y,) = inputs, outputs
        out, features = self.weight.shape
        return Workload(
            kind=self.kind,
            rows=out,
            columns=y.elements // out,
            depth=features,
            output_elements=y.elements,
            input_elements=x.elements,
        )
