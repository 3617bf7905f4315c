"""The windows of convolutions and pools: ONNX's attributes as two-dimensional settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from hwsim.interchange._axis_orders import NHWC
from hwsim.kernels.patches import same_padding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Shape
    from hwsim.interchange._builder import Builder, Value
    from hwsim.interchange.onnx.read_call import Call
    from hwsim.kernels.patches import Padding, Pair


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How windows lie in an image; signals are images of height 1.

    Attributes:
        kernel: Height, width.
        stride: Vertical, horizontal.
        dilation: Vertical, horizontal.
        padding: As the model says.
        reached: The same, and behind it as much as the last windows of ceil_mode reach.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Padding
    reached: Padding


def image(builder: Builder, call: Call, x: Value) -> Value:
    """Return `x`, an image or a signal, as an image that lies channels-last.

    Raises:
        InterchangeError: It has three spatial axes, or none.
    """
    if len(x.shape) == 3:
        x = builder.reshape(f"{call.name}.image", x, (*x.shape[:2], 1, x.shape[2]))
    if len(x.shape) != 4:
        raise call.error("an image or a signal [batch, channels, ...]", str(list(x.shape)))
    return builder.laid(x, NHWC)


def as_given(builder: Builder, call: Call, y: Value) -> Value:
    """Return the image `y` as a signal where the call's operand was one."""
    if len(call.x.shape) == 4:
        return y
    shape = (*y.shape[:2], y.shape[3])
    return builder.reshape(f"{call.name}.signal", y, shape)


def windows_of(call: Call, extents: Shape, kernel: Sequence[int]) -> Windows:
    """Return the windows of `call`.

    Args:
        call: With the attributes strides, dilations, pads, auto_pad and ceil_mode.
        extents: Of the model's spatial axes, one or two.
        kernel: As many.

    Raises:
        InterchangeError: The attributes are not as many, or out of range.
    """
    count = len(extents)
    strides = call.ints("strides", (1,) * count)
    dilations = call.ints("dilations", (1,) * count)
    if not len(kernel) == len(strides) == len(dilations) == count:
        raise call.error(f"{count} extents", f"kernel {list(kernel)}, strides {list(strides)}")
    if min(*kernel, *strides, *dilations) < 1:
        raise call.error("extents >= 1", f"kernel {list(kernel)}, strides {list(strides)}")
    axes = list(zip(extents, kernel, strides, dilations, strict=True))
    pads = _pads(call, axes)
    reached = tuple(
        (before, _behind(extent, (before, after), (size - 1) * dilation + 1, stride))
        if call.int_("ceil_mode")
        else (before, after)
        for (extent, size, stride, dilation), (before, after) in zip(axes, pads, strict=True)
    )
    # A signal is an image of height 1: what is vertical does nothing.
    return Windows(
        kernel=_two(kernel, 1),
        stride=_two(strides, 1),
        dilation=_two(dilations, 1),
        padding=_two(pads, (0, 0)),
        reached=_two(reached, (0, 0)),
    )


def _two(given: Sequence[_T], neutral: _T) -> tuple[_T, _T]:
    first, second = [neutral, *given][-2:]
    return first, second


def _pads(call: Call, axes: Sequence[tuple[int, int, int, int]]) -> list[Pair]:
    """Return (before, after) per axis."""
    automatic = call.text("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        pairs = [same_padding(*axis) for axis in axes]
        return [(b, a) for a, b in pairs] if automatic == "SAME_LOWER" else pairs
    if automatic not in ("NOTSET", "VALID", ""):
        raise call.error("auto_pad NOTSET, SAME_UPPER, SAME_LOWER or VALID", automatic)
    count = len(axes)
    given = call.ints("pads") if automatic != "VALID" else ()
    given = given or (0,) * 2 * count
    if len(given) != 2 * count or min(given) < 0:
        raise call.error(f"{2 * count} pads >= 0", str(list(given)))
    return list(zip(given[:count], given[count:], strict=True))


def _behind(extent: int, padding: Pair, reach: int, stride: int) -> int:
    """Return the padding behind that rounding the number of windows up needs.

    A window that would begin in the padding behind is left out.
    """
    before, after = padding
    positions = -(-(extent + before + after - reach) // stride) + 1
    if (positions - 1) * stride >= extent + before:
        positions -= 1
    return max(after, (positions - 1) * stride + reach - extent - before)


def transposed_windows(
    call: Call, extents: Shape, kernel: Sequence[int]
) -> tuple[Windows, tuple[int, ...]]:
    """Return the windows of a transposed convolution, and what is added behind its result.

    Its padding is what is cut off; output_shape says the result's extents instead.
    """
    plain = windows_of(replace(call, attributes={**call.attributes, **_NO_PADS}), extents, kernel)
    extra = _two(call.ints("output_padding", (0,) * len(extents)), 0)
    image_extents = _two(extents, 1)
    full = [
        (image_extents[i] - 1) * plain.stride[i]
        + (plain.kernel[i] - 1) * plain.dilation[i]
        + 1
        + extra[i]
        for i in range(2)
    ]
    automatic = call.text("auto_pad", "NOTSET")
    wanted = call.ints("output_shape")[-len(extents) :]
    if automatic in ("SAME_UPPER", "SAME_LOWER") and not wanted:
        wanted = tuple(n * s for n, s in zip(extents, plain.stride[-len(extents) :], strict=True))
    if not wanted:
        return windows_of(call, extents, kernel), extra
    totals = [size - new for size, new in zip(full, _two(wanted, full[0]), strict=True)]
    if min(totals) < 0:
        # The result is larger than its windows reach: zeros come behind.
        extra = tuple(e + max(-total, 0) for e, total in zip(extra, totals, strict=True))
        totals = [max(total, 0) for total in totals]
    halves = [(total // 2, total - total // 2) for total in totals]
    if automatic != "SAME_UPPER":
        halves = [(after, before) for before, after in halves]
    return replace(plain, padding=(halves[0], halves[1])), extra


_NO_PADS: dict[str, object] = {"auto_pad": "NOTSET", "pads": ()}
