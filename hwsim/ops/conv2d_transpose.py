"""Transposed convolution: the gradient of a convolution, which enlarges images."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError, UnsupportedError
from hwsim.formats import Dense, Signs
from hwsim.numerics.rounding import Float32Even
from hwsim.op import Workload
from hwsim.ops._product import encodings
from hwsim.ops.conv2d import Conv2d

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.op import Kernel, Site
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv2dTranspose:
    """Each input pixel adds its multiple of the kernel to the result, `stride` apart.

    It is the convolution, with the kernel turned by 180 degrees, of the image with stride - 1 zeros
    between its pixels (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
    arXiv 1603.07285, section 4).

    Attributes:
        weight: [out, kernel height, kernel width, in / groups].
        bias: [out], or None.
        stride: Vertical, horizontal.
        padding: ((top, bottom), (left, right)): how much of the result is cut off.
        extra: Rows below and columns to the right that are added to it.
        dilation: Vertical, horizontal.
        groups: Input and output channels are split into this many independent parts.
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "conv2d_transpose"
    shares_encoding: ClassVar[bool] = False
    weight: Weight
    bias: Weight | None = None
    stride: Pair = (1, 1)
    padding: Padding = ((0, 0), (0, 0))
    extra: tuple[int, ...] = (0, 0)
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

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        out, channels = self.weight.shape[0], self.weight.shape[3] * self.groups
        if len(x) != 4 or x[3] != channels or out % self.groups:
            raise GraphError(
                f"conv2d_transpose with weight {list(self.weight.shape)} and {self.groups} groups "
                f"expects [batch, height, width, {channels}], got {list(x)}"
            )
        if self.bias is not None and self.bias.shape != (out,):
            raise GraphError(
                f"conv2d_transpose expects a bias of [{out}], got {list(self.bias.shape)}"
            )
        if len(self.extra) != 2 or min(self.extra) < 0:
            raise GraphError(f"conv2d_transpose expects two extra extents >= 0, got {self.extra}")
        extents = [
            (x[i + 1] - 1) * self.stride[i]
            + (self.kernel[i] - 1) * self.dilation[i]
            + 1
            + self.extra[i]
            - sum(self.padding[i])
            for i in range(2)
        ]
        if min(extents) < 1:
            raise GraphError(f"conv2d_transpose of {list(x)} leaves nothing of its result")
        return ((x[0], extents[0], extents[1], out),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return self._convolution().reference(self._spread(inputs[0], 0.0))

    def patches(self, x: Array, fill: int) -> Array:
        """Return what each output sees: [samples, batch, i, j, groups, depth], as weights lie.

        Args:
            x: [samples, batch, height, width, channels].
            fill: What lies between and around pixels.
        """
        seen = self._convolution().patches(self._spread(x, fill), fill)
        taps = seen.reshape(*seen.shape[:-1], *self.kernel, -1)
        return taps[..., ::-1, ::-1, :].reshape(seen.shape)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        x_quant, _, _ = encodings(site, self.kind, self.weight)
        rounding = site.numerics.conv
        if x_quant.signed and site.numerics.transposed is not None:
            rounding = site.numerics.transposed
        if site.numerics.conversion == "vectors" and not x_quant.signed:
            raise UnsupportedError(
                f"{site.name}: how policy {site.numerics.name!r} rounds {self.kind} of unsigned "
                "codes is not known; quantize to signed ones"
            )
        if isinstance(rounding, Float32Even) and any(map(operator.lt, self.kernel, self.stride)):
            raise UnsupportedError(
                f"{site.name}: policy {site.numerics.name!r} has no {self.kind} with a "
                f"{self.kernel} kernel below its stride {self.stride}, which XNNPACK leaves to "
                "other kernels in some paddings only"
            )
        numerics = replace(site.numerics, conv=rounding, depthwise=rounding, grouped=rounding)
        convolve = self._convolution().prepare(replace(site, numerics=numerics))

        def run(x: Array) -> tuple[Array, ...]:
            return convolve(self._spread(x, x_quant.zero_point[0]))

        return run

    def _convolution(self) -> Conv2d:
        """Return the convolution of spread images."""
        turned = np.ascontiguousarray(self.weight.codes[:, ::-1, ::-1])
        # Turning a kernel may break the pattern of its storage format; that of signs has none.
        format_ = self.weight.format if isinstance(self.weight.format, Signs) else Dense()
        return Conv2d(
            weight=replace(self.weight, codes=turned, format=format_),
            bias=self.bias,
            dilation=self.dilation,
            groups=self.groups,
            activation=self.activation,
        )

    def _spread(self, x: Array, fill: float) -> Array:
        """Return images with zeros between pixels and around, so that no convolution pads."""
        samples, batch, height, width, channels = x.shape
        extents = [(n - 1) * by + 1 for n, by in zip((height, width), self.stride, strict=True)]
        image = np.full((samples, batch, *extents, channels), fill, x.dtype)
        image[:, :, :: self.stride[0], :: self.stride[1]] = x
        around = [(0, 0)] * 5
        for i in range(2):
            reach = (self.kernel[i] - 1) * self.dilation[i]
            before, after = self.padding[i]
            around[2 + i] = (reach - before, reach - after + self.extra[i])
        grown = np.pad(image, [(max(a, 0), max(b, 0)) for a, b in around], constant_values=fill)
        kept = tuple(
            slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(around, grown.shape, strict=True)
        )
        return grown[kept]

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`: the product of all pixels with all of the kernel, then added up."""
        (x,), (y,) = inputs, outputs
        positions = x.elements // x.shape[3]
        return Workload(
            kind=self.kind,
            rows=self.weight.shape[0] // self.groups,
            columns=positions,
            height=x.shape[1],
            depth=self.weight.matrix.shape[1],
            groups=self.groups,
            window=self.kernel,
            stride=self.stride,
            taps=positions * self.kernel[0] * self.kernel[1],
            output_elements=y.elements,
            input_elements=x.elements,
        )
