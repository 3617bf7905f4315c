"""Windows and means, as ONNX operators: channels first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hwsim.interchange.onnx.write_draft import CHANNELS_FIRST

if TYPE_CHECKING:
    from hwsim.interchange.onnx.write_place import Place
    from hwsim.ops import AveragePool2d, MaxPool2d, Mean

_IMAGE_AXES = (1, 2)


def write_average_pool(place: Place, op: AveragePool2d) -> None:
    """Write AveragePool."""
    _pool(place, "AveragePool", op, count_include_pad=int(op.count_padding))


def write_max_pool(place: Place, op: MaxPool2d) -> None:
    """Write MaxPool."""
    _pool(place, "MaxPool", op)


def _pool(place: Place, kind: str, op: AveragePool2d | MaxPool2d, **attributes: Any) -> None:
    (top, bottom), (left, right) = op.padding
    x = place.operand(0, CHANNELS_FIRST)
    wire = place.apply(
        kind,
        [x],
        tuple(place.output.shape[axis] for axis in CHANNELS_FIRST),
        order=CHANNELS_FIRST,
        activation=op.activation,
        kernel_shape=list(op.kernel),
        strides=list(op.stride),
        pads=[top, left, bottom, right],
        **attributes,
    )
    place.done(wire)


def write_mean(place: Place, op: Mean) -> None:
    """Write GlobalAveragePool for the mean of whole images, ReduceMean for all others."""
    rank = len(place.inputs[0].shape)
    if rank == len(CHANNELS_FIRST) and tuple(sorted(op.axes)) == _IMAGE_AXES:
        x = place.operand(0, CHANNELS_FIRST)
        shape = (*x.shape[:2], 1, 1)
        wire = place.apply("GlobalAveragePool", [x], shape, order=CHANNELS_FIRST)
        place.done(wire if op.keep_axes else place.reshaped(wire, place.output.shape))
        return
    axes = place.integers("axes", op.axes)
    wire = place.apply(
        "ReduceMean",
        [place.operand(0)],
        place.output.shape,
        extra=[axes],
        keepdims=int(op.keep_axes),
    )
    place.done(wire)
