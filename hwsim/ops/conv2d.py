"""Two-dimensional convolution, grouped and depthwise ones included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.kernels.gemm import depthwise
from hwsim.kernels.patches import out_extent, pad_image, windows
from hwsim.op import Workload
from hwsim.ops._accumulate import prepare_sums
from hwsim.ops._activation import apply_fused, clamped_target
from hwsim.ops._dynamic import bind_dynamic, is_dynamic
from hwsim.ops._grouped import has_groups, require_groups
from hwsim.ops._product import bind_product, encodings, folded_bias, scales_of
from hwsim.ops._wide import is_wide_layer, prepare_wide

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.formats import Product
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.numerics import Numerics, Quant, Rounding
    from hwsim.op import Kernel, Site
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv2d:
    """y[b, i, j, o] = bias[o] + sum over taps and channels of x * weight[o].

    Attributes:
        weight: [out, kernel height, kernel width, in / groups].
        bias: [out], or None.
        stride: Vertical, horizontal.
        padding: ((top, bottom), (left, right)).
        dilation: Vertical, horizontal.
        groups: Input and output channels are split into this many independent parts; equal to
            the input channels in a depthwise convolution.
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "conv2d"
    shares_encoding: ClassVar[bool] = False
    weight: Weight
    bias: Weight | None = None
    stride: Pair = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1
    activation: Fused = "none"

    @property
    def constants(self) -> tuple[Weight, ...]:
        """See `Op.constants`."""
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    @property
    def kernel(self) -> Pair:
        """Height, width."""
        return self.weight.shape[1], self.weight.shape[2]

    @property
    def is_depthwise(self) -> bool:
        """Whether each output channel sees one input channel."""
        return self.groups > 1 and self.weight.shape[3] == 1

    def rounding(self, numerics: Numerics) -> Rounding:
        """Return how `numerics` rounds the sums of such a convolution."""
        if self.is_depthwise:
            return numerics.depthwise or numerics.conv
        return (numerics.grouped if self.groups > 1 else None) or numerics.conv

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        out, channels = self.weight.shape[0], self.weight.shape[3] * self.groups
        if len(x) != 4 or x[3] != channels or out % self.groups:
            raise GraphError(
                f"conv2d with weight {list(self.weight.shape)} and {self.groups} groups expects "
                f"[batch, height, width, {channels}], got {list(x)}"
            )
        if self.bias is not None and self.bias.shape != (out,):
            raise GraphError(f"conv2d expects a bias of [{out}], got {list(self.bias.shape)}")
        extents = [
            out_extent(x[i + 1], self.padding[i], self.kernel[i], self.stride[i], self.dilation[i])
            for i in range(2)
        ]
        if min(extents) < 1:
            raise GraphError(f"conv2d: a {self.kernel} kernel does not fit into {list(x)}")
        return ((x[0], extents[0], extents[1], out),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        patches = self.patches(inputs[0], 0)
        *positions, groups, depth = patches.shape
        weights = self.weight.real().reshape(groups, -1, depth)
        flat = patches.reshape(-1, groups, depth)
        out = np.matmul(flat.transpose(1, 0, 2), weights.transpose(0, 2, 1))
        real = out.transpose(1, 0, 2).reshape(*positions, -1)
        if self.bias is not None:
            real = real + self.bias.real()
        return (apply_fused(self.activation, real),)

    def patches(self, x: Array, fill: int) -> Array:
        """Return what each output sees: [samples, batch, i, j, groups, depth].

        Args:
            x: [samples, batch, height, width, channels].
            fill: What lies around an image.
        """
        images = pad_image(x.reshape(-1, *x.shape[2:]), self.padding, fill)
        view = windows(images, self.kernel, self.stride, self.dilation)
        grouped = view.reshape(*view.shape[:5], self.groups, -1).transpose(0, 1, 2, 5, 3, 4, 6)
        return grouped.reshape(*x.shape[:2], *view.shape[1:3], self.groups, -1)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        if is_dynamic(site, self.weight):
            return self.reference if self.weight.is_decoded else self._prepare_dynamic(site)
        if has_groups(self.weight):
            require_groups(site, self.kind)
        if is_wide_layer(site, self.weight):
            return prepare_wide(self, site)
        if not site.numerics.accumulator.is_default:
            return prepare_sums(self, site)
        x_quant, w_quant, y_quant = encodings(site, self.kind, self.weight)
        zero_point = x_quant.zero_point[0]
        accumulate = self._accumulator(folded_bias(self.weight, self.bias, zero_point), x_quant)
        requantize = self.rounding(site.numerics).bind(
            *scales_of(self.kind, x_quant, w_quant, y_quant),
            clamped_target(self.activation, y_quant, site.numerics.quantize),
        )

        def run(x: Array) -> tuple[Array, ...]:
            images = pad_image(x.reshape(-1, *x.shape[2:]), self.padding, zero_point)
            codes = requantize(accumulate(images))
            return (codes.reshape(x.shape[0], x.shape[1], *codes.shape[1:]),)

        return run

    def _prepare_dynamic(self, site: Site) -> Kernel:
        if has_groups(self.weight):
            require_groups(site, self.kind)
        accumulate = self._accumulator(np.zeros(self.weight.shape[0], np.int32))

        def multiply(codes: IntArray) -> IntArray:
            images = pad_image(codes.reshape(-1, *codes.shape[2:]), self.padding, 0)
            accumulators = accumulate(images)
            return accumulators.reshape(*codes.shape[:2], *accumulators.shape[1:])

        # TFLite gives each image one scale; XNNPACK runs 1 x 1 kernels as linear layers.
        is_pointwise = self.kernel == (1, 1) and self.stride == (1, 1) and self.groups == 1
        is_per_position = is_pointwise and site.numerics.dynamic == "xnnpack"
        layer = bind_dynamic(
            site, self.weight, self.bias, multiply, is_per_position=is_per_position
        )

        def run(x: Array) -> tuple[Array, ...]:
            return (apply_fused(self.activation, layer(x)),)

        return run

    def _accumulator(self, bias: IntArray, activations: Quant | None = None) -> Product:
        """Return the function of padded images [n, h, w, c] to int32 [n, i, j, out]."""
        if self.is_depthwise:
            return self._depthwise(bias)
        rows = self.weight.shape[0] // self.groups
        products = [
            bind_product(self.weight.take(part, axis=0), bias[part], activations)
            for part in np.arange(self.weight.shape[0]).reshape(self.groups, rows)
        ]
        depth = self.weight.shape[3]

        def accumulate(images: IntArray) -> IntArray:
            view = windows(images, self.kernel, self.stride, self.dilation)
            parts = [
                product(
                    view[..., g * depth : (g + 1) * depth].reshape(-1, self.weight.matrix.shape[1])
                )
                for g, product in enumerate(products)
            ]
            return np.concatenate(parts, axis=1).reshape(*view.shape[:3], -1)

        return accumulate

    def _depthwise(self, bias: IntArray) -> Product:
        channels = self.weight.shape[0]
        multiplier = channels // self.groups
        centred = self.weight.centred.reshape(channels, *self.kernel)
        taps = np.ascontiguousarray(centred.transpose(1, 2, 0))

        def accumulate(images: IntArray) -> IntArray:
            if multiplier > 1:
                images = np.repeat(images, multiplier, axis=3)
            positions = windows(images, self.kernel, self.stride, self.dilation).shape[:3]
            out = np.empty((*positions, channels), np.int32)
            depthwise(np.ascontiguousarray(images), taps, self.stride, self.dilation, out)
            out += bias
            return out

        return accumulate

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        (x,), (y,) = inputs, outputs
        positions = y.elements // y.shape[3]
        is_copied = self.kernel != (1, 1) or self.stride != (1, 1)
        kind = "pointwise_conv2d" if self.kernel == (1, 1) and self.groups == 1 else self.kind
        return Workload(
            kind="depthwise_conv2d" if self.is_depthwise else kind,
            rows=self.weight.shape[0] // self.groups,
            columns=positions,
            height=y.shape[1],
            depth=self.weight.matrix.shape[1],
            groups=self.groups,
            window=self.kernel,
            stride=self.stride,
            dilation=self.dilation,
            taps=positions * self.kernel[0] * self.kernel[1] if is_copied else 0,
            output_elements=y.elements,
            input_elements=x.elements,
        )
