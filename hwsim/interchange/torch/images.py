"""Read what makes images larger or smaller: transposed convolutions, resizes, pixel shuffles."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hwsim.interchange._axis_orders import NHWC
from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange._layouts import permuted
from hwsim.interchange.torch.call import one_dimensional
from hwsim.ops import Conv2dTranspose, ResizeBilinear, ResizeNearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.interchange._builder import Builder
    from hwsim.interchange.torch.call import Call, Layer
    from hwsim.ops._interpolation import Positions


def image(builder: Builder, call: Call) -> Value:
    """Return the first operand as [batch, height, width, channels].

    Raises:
        InterchangeError: It is no image, or several.
    """
    x = call.x
    if len(x.shape) != 4 or x.shape[0] != 1:
        raise call.error("[1, channels, height, width]", str(list(x.shape)), "give a batch of 1")
    return builder.laid(x, NHWC)


def transposed_conv2d(builder: Builder, call: Call) -> Value:
    """Read conv_transpose2d, and convolution with transposed=True."""
    weight, bias = call.constant("weight"), call.constant("bias")
    if weight is None or weight.ndim != 4:
        raise call.error("a weight [in, out, height, width]", "another")
    groups = int(call.number("groups"))
    # Torch keeps [in, out / groups]; here it is [out, in / groups].
    parts = weight.reshape(groups, -1, *weight.shape[1:]).transpose(0, 2, 3, 4, 1)
    rows, columns = call.ints("padding", 2)
    down, across = call.ints("output_padding", 2)
    vertical, horizontal = call.ints("stride", 2)
    dilations = call.ints("dilation", 2)
    op = Conv2dTranspose(
        weight=as_weight(parts.reshape(-1, *parts.shape[2:])),
        bias=None if bias is None else as_weight(bias),
        stride=(vertical, horizontal),
        padding=((rows, rows), (columns, columns)),
        extra=(down, across),
        dilation=(dilations[0], dilations[1]),
        groups=groups,
    )
    return builder.emit(call.name, op, (image(builder, call),), NHWC)


def _require_whole_scales(call: Call) -> None:
    """Refuse scale factors other than result / operand: torch takes positions from them."""
    given = call.arguments.get("scale_factors")
    pairs = zip(call.x.shape[2:], call.shape[2:], strict=True)
    for factor, (before, after) in zip(cast("Sequence[float]", given or ()), pairs, strict=False):
        if before * factor != after:
            raise call.error(
                f"a scale factor of {after}/{before}", str(factor), "give size instead"
            )


def _resize_nearest(positions: Positions) -> Layer:
    def read(builder: Builder, call: Call) -> Value:
        _require_whole_scales(call)
        op = ResizeNearest(size=(call.shape[2], call.shape[3]), positions=positions)
        return builder.emit(call.name, op, (image(builder, call),), NHWC)

    return read


def _resize_bilinear(builder: Builder, call: Call) -> Value:
    _require_whole_scales(call)
    positions: Positions = "align_corners" if call.flag("align_corners") else "half_pixel"
    op = ResizeBilinear(size=(call.shape[2], call.shape[3]), positions=positions)
    return builder.emit(call.name, op, (image(builder, call),), NHWC)


def _pixel_shuffle(builder: Builder, call: Call) -> Value:
    """Channels become blocks of pixels; they lie last before and after."""
    block = int(call.number("upscale_factor"))
    x = image(builder, call)
    batch, channels, height, width = call.shape
    apart = (batch, channels, block, block, height // block, width // block)
    parts = permuted(builder.reshape(f"{call.name}.blocks", x, apart), (0, 1, 4, 2, 5, 3))
    moved = builder.laid(parts, (0, 2, 3, 4, 5, 1))
    return builder.reshape(call.name, moved, call.shape)


def _pixel_unshuffle(builder: Builder, call: Call) -> Value:
    """Blocks of pixels become channels."""
    block = int(call.number("downscale_factor"))
    x = image(builder, call)
    _, channels, height, width = x.shape
    apart = (1, channels, height // block, block, width // block, block)
    parts = permuted(builder.reshape(f"{call.name}.blocks", x, apart), (0, 1, 3, 5, 2, 4))
    moved = builder.laid(parts, (0, 4, 5, 1, 2, 3))
    return builder.reshape(call.name, moved, call.shape)


IMAGES: Mapping[str, Layer] = {
    "_upsample_nearest_exact2d": _resize_nearest("half_pixel"),
    "conv_transpose1d": one_dimensional(transposed_conv2d),
    "conv_transpose2d": transposed_conv2d,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "upsample_bilinear2d": _resize_bilinear,
    "upsample_nearest2d": _resize_nearest("asymmetric"),
}
