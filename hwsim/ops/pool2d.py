"""Maximum and average over image windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hwsim.errors import GraphError
from hwsim.kernels.patches import out_extent, pad_image, windows
from hwsim.op import Weightless, Workload
from hwsim.ops._activation import apply_fused, clamped_target
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._ort import bind_average, bind_image_mean, decode_float32

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, IntArray, Shape
    from hwsim.kernels.patches import Padding, Pair
    from hwsim.op import Kernel, Site
    from hwsim.ops._activation import Fused
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool2d(Weightless):
    """Largest element of each window; padding never wins.

    Attributes:
        kernel: Height, width.
        stride: Vertical, horizontal.
        padding: ((top, bottom), (left, right)).
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "max_pool2d"
    shares_encoding: ClassVar[bool] = True
    kernel: Pair
    stride: Pair
    padding: Padding = ((0, 0), (0, 0))
    activation: Fused = "none"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (_pooled(self.kind, x, self.kernel, self.stride, self.padding),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        view = _windows(inputs[0], self.kernel, self.stride, self.padding, -np.inf)
        return (apply_fused(self.activation, view.max(axis=(4, 5))),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        _, (y_quant,) = quants_of(site, self)
        if site.inputs[0].quant != y_quant:
            return float_island(self, site)
        target = clamped_target(self.activation, y_quant, site.numerics.quantize)

        def run(x: Array) -> tuple[Array, ...]:
            view = _windows(x, self.kernel, self.stride, self.padding, y_quant.low)
            return (np.clip(view.max(axis=(4, 5)), target.low, target.high),)

        return run

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return _workload(self.kind, self.kernel, self.stride, inputs, outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePool2d(Weightless):
    """Mean of each window.

    Attributes:
        kernel: Height, width.
        stride: Vertical, horizontal.
        padding: ((top, bottom), (left, right)).
        count_padding: Whether padding counts as zeros (PyTorch's default) or not at all (TFLite).
        activation: Clamp fused into the output.
    """

    kind: ClassVar[str] = "average_pool2d"
    shares_encoding: ClassVar[bool] = True
    kernel: Pair
    stride: Pair
    padding: Padding = ((0, 0), (0, 0))
    count_padding: bool = False
    activation: Fused = "none"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (_pooled(self.kind, x, self.kernel, self.stride, self.padding),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        view = _windows(inputs[0], self.kernel, self.stride, self.padding, 0.0)
        mean = view.sum(axis=(4, 5)) / self._counts(inputs[0].shape[2:4])
        return (apply_fused(self.activation, mean),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        _, (y_quant,) = quants_of(site, self)
        if site.numerics.average == "float32":
            return self._prepare_float32(site)
        if site.inputs[0].quant != y_quant:
            return float_island(self, site)
        # XNNPACK leaves integer averages to TFLite.
        target = clamped_target(self.activation, y_quant)
        counts = self._counts(site.inputs[0].shape[1:3])
        fill = y_quant.zero_point[0] if self.count_padding else 0

        def run(x: Array) -> tuple[Array, ...]:
            view = _windows(x, self.kernel, self.stride, self.padding, fill)
            total = view.sum(axis=(4, 5), dtype=np.int64)
            # Halves go away from zero, as in TFLite's integer AVERAGE_POOL_2D.
            mean = np.sign(total) * ((np.abs(total) + counts // 2) // counts)
            return (np.clip(mean, target.low, target.high).astype(target.dtype),)

        return run

    def _prepare_float32(self, site: Site) -> Kernel:
        """Return ONNX Runtime's average: of decoded windows, or of the codes of whole images."""
        (x_quant,), (y_quant,) = quants_of(site, self)
        extents = site.inputs[0].shape[1:3]
        if max(x_quant.bits, y_quant.bits) > 8:
            return float_island(self, site)
        target = clamped_target(self.activation, y_quant, "ort")
        if self.kernel == extents and not any(map(any, self.padding)):
            mean = bind_image_mean(x_quant, y_quant, extents[0] * extents[1])

            def run_whole(x: Array) -> tuple[Array, ...]:
                centred = x.astype(np.int32) - x_quant.zero_point[0]
                codes = mean(centred.sum(axis=(2, 3), keepdims=True, dtype=np.int32))
                return (np.clip(codes, target.low, target.high),)

            return run_whole
        average = bind_average(y_quant, self._counts(extents), target)

        def run(x: Array) -> tuple[Array, ...]:
            real = decode_float32(x, x_quant)
            return (average(_windows(real, self.kernel, self.stride, self.padding, 0.0)),)

        return run

    def _counts(self, extents: tuple[int, ...]) -> IntArray:
        """Return how many elements each window averages: [out height, out width, 1]."""
        fill = 1 if self.count_padding else 0
        ones = np.ones((1, 1, *extents, 1), np.int64)
        view = _windows(ones, self.kernel, self.stride, self.padding, fill)
        return view.sum(axis=(4, 5))[0, 0]

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        return _workload(self.kind, self.kernel, self.stride, inputs, outputs)


def _windows(x: Array, kernel: Pair, stride: Pair, padding: Padding, fill: float) -> Array:
    """Return [samples, batch, out height, out width, kernel height, kernel width, channels]."""
    images = pad_image(x.reshape(-1, *x.shape[2:]), padding, fill)
    view = windows(images, kernel, stride, (1, 1))
    return view.reshape(x.shape[0], x.shape[1], *view.shape[1:])


def _pooled(kind: str, x: Shape, kernel: Pair, stride: Pair, padding: Padding) -> Shape:
    if len(x) != 4:
        raise GraphError(f"{kind} expects [batch, height, width, channels], got {list(x)}")
    if any(max(padding[i]) >= kernel[i] for i in range(2)):
        raise GraphError(f"{kind}: a {kernel} window may lie in the padding {padding} alone")
    extents = [out_extent(x[i + 1], padding[i], kernel[i], stride[i], 1) for i in range(2)]
    if min(extents) < 1:
        raise GraphError(f"{kind}: a {kernel} window does not fit into {list(x)}")
    return (x[0], extents[0], extents[1], x[3])


def _workload(
    kind: str,
    kernel: Pair,
    stride: Pair,
    inputs: tuple[TensorType, ...],
    outputs: tuple[TensorType, ...],
) -> Workload:
    """Return the work of a pooling op: each output reads a whole window."""
    elements = outputs[0].elements
    return Workload(
        kind=kind,
        window=kernel,
        stride=stride,
        groups=outputs[0].shape[-1],
        input_elements=max(inputs[0].elements, elements * kernel[0] * kernel[1]),
        output_elements=elements,
    )
