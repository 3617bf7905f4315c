"""Images of another height and width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hwsim.errors import GraphError, UnsupportedError
from hwsim.op import Weightless, Workload
from hwsim.ops._float_island import float_island, quants_of
from hwsim.ops._interpolation import (
    interpolate_reals,
    mix_float32,
    mix_tflite,
    mix_weights,
    mix_xnnpack,
    nearest,
)
from hwsim.ops._ort import decode_float32, encode_float32
from hwsim.ops._ort_resize import interpolate_float32

if TYPE_CHECKING:
    from hwsim.arrays import Array, FloatArray, Shape
    from hwsim.kernels.patches import Pair
    from hwsim.op import Kernel, Site
    from hwsim.ops._interpolation import Positions
    from hwsim.tensor import TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeNearest(Weightless):
    """Each pixel is a copy of one of the input's: of the one that its position falls into.

    Attributes:
        size: Height, width of the result.
        positions: Where pixels lie; with `align_corners` the nearest one is copied.
    """

    kind: ClassVar[str] = "resize_nearest"
    shares_encoding: ClassVar[bool] = True
    size: Pair
    positions: Positions = "half_pixel"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (_resized(self.kind, x, self.size),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        return (self._chosen(inputs[0]),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        inputs, outputs = quants_of(site, self)
        if inputs != outputs:
            return float_island(self, site)

        def run(x: Array) -> tuple[Array, ...]:
            return (self._chosen(x),)

        return run

    def _chosen(self, x: Array) -> Array:
        rows, columns = (
            nearest(x.shape[2 + axis], self.size[axis], self.positions) for axis in range(2)
        )
        return x[:, :, rows][:, :, :, columns]

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        elements = outputs[0].elements
        return Workload(kind=self.kind, input_elements=elements, output_elements=elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeBilinear(Weightless):
    """Each pixel is interpolated between the four of the input around its position.

    Attributes:
        size: Height, width of the result.
        positions: Where pixels lie.
    """

    kind: ClassVar[str] = "resize_bilinear"
    shares_encoding: ClassVar[bool] = True
    size: Pair
    positions: Positions = "half_pixel"

    def infer(self, *shapes: Shape) -> tuple[Shape, ...]:
        """See `Op.infer`."""
        (x,) = shapes
        return (_resized(self.kind, x, self.size),)

    def reference(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """See `Op.reference`."""
        (x,) = inputs
        return (interpolate_reals(x, self.size, self.positions),)

    def prepare(self, site: Site) -> Kernel:
        """See `Op.prepare`."""
        (x_quant,), (y_quant,) = quants_of(site, self)
        if site.numerics.quantize == "ort":

            def run_reals(x: Array) -> tuple[Array, ...]:
                real = interpolate_float32(decode_float32(x, x_quant), self.size, self.positions)
                return (encode_float32(real, y_quant),)

            return run_reals
        if x_quant != y_quant:
            return float_island(self, site)
        scalar = mix_weights if site.numerics.conversion == "vectors" else mix_float32
        if scalar is mix_weights and not x_quant.signed:
            self._require_small(site)
        formulas = {"tflite": mix_tflite if x_quant.signed else scalar, "xnnpack": mix_xnnpack}
        mix = formulas[site.numerics.resize if x_quant.bits <= 8 else "tflite"]

        def run(x: Array) -> tuple[Array, ...]:
            return (mix(x, self.size, self.positions).astype(y_quant.dtype),)

        return run

    def _require_small(self, site: Site) -> None:
        """Refuse what LiteRT has a kernel of its own for: eightfold images of whole vectors."""
        _, height, width, channels = site.inputs[0].shape
        is_eightfold = self.size == (8 * height, 8 * width) and channels % 8 == 0
        if is_eightfold and self.positions == "half_pixel":
            raise UnsupportedError(
                f"{site.name}: how policy {site.numerics.name!r} rounds {self.kind} of unsigned "
                "codes to eight times the size is not known; quantize to signed ones"
            )

    def workload(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Workload:
        """See `Op.workload`."""
        elements = outputs[0].elements
        return Workload(kind=self.kind, input_elements=4 * elements, output_elements=elements)


def _resized(kind: str, x: Shape, size: Pair) -> Shape:
    if len(x) != 4:
        raise GraphError(f"{kind} expects [batch, height, width, channels], got {list(x)}")
    if min(size) < 1:
        raise GraphError(f"{kind} to {size}: extents are >= 1")
    return (x[0], *size, x[3])
