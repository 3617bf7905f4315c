"""Ops that look at single elements or rows of them, as ONNX operators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hwsim.interchange._axis_orders import identity
from hwsim.interchange.onnx.write_draft import CHANNELS_FIRST, Wire, raised
from hwsim.interchange.onnx.write_products import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwsim.interchange.onnx.write_place import Place
    from hwsim.ops import (
        Add,
        BatchNorm,
        Constant,
        Dequantize,
        Elementary,
        LayerNorm,
        Mul,
        Quantize,
        RmsNorm,
        Softmax,
    )
    from hwsim.ops._activation import Fused
    from hwsim.ops.elementary import Function

# One operator each, with its attributes.
_FUNCTIONS: Mapping[Function, tuple[str, dict[str, Any]]] = {
    "abs": ("Abs", {}),
    "ceil": ("Ceil", {}),
    "elu": ("Elu", {}),
    "erf": ("Erf", {}),
    "exp": ("Exp", {}),
    "floor": ("Floor", {}),
    "gelu": ("Gelu", {}),
    "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hard_swish": ("HardSwish", {}),
    "log": ("Log", {}),
    "logistic": ("Sigmoid", {}),
    "neg": ("Neg", {}),
    "round": ("Round", {}),
    "sqrt": ("Sqrt", {}),
    "tanh": ("Tanh", {}),
}
_CLAMPS: Mapping[Function, Fused] = {
    "relu": "relu",
    "relu6": "relu6",
    "relu_0_to_1": "relu_0_to_1",
    "relu_n1_to_1": "relu_n1_to_1",
}
# Two operators: the second takes the first one's result, and the operand again where it says so.
_PAIRS: Mapping[Function, tuple[str, str, bool]] = {
    "rsqrt": ("Sqrt", "Reciprocal", False),
    "silu": ("Sigmoid", "Mul", True),
}


def binary(kind: str) -> Callable[[Place, Any], None]:
    """Return the writer of an operator of two operands that broadcast."""

    def write(place: Place, op: Any) -> None:
        order = place.liked_order()
        operands = [place.spread(0, order), place.spread(1, order)]
        sizes = [type_.elements for type_ in place.inputs]
        # ONNX Runtime rounds a sum as its operands stand; see `_ort.is_spread`.
        if kind == "Add" and place.is_integer and len(order) == 4 and sizes[0] < sizes[1]:
            operands.reverse()
        shape = tuple(place.output.shape[axis] for axis in order)
        activation: Fused = getattr(op, "activation", "none")
        place.done(place.apply(kind, operands, shape, order=order, activation=activation))

    return write


write_add: Callable[[Place, Add], None] = binary("Add")
write_mul: Callable[[Place, Mul], None] = binary("Mul")


def write_constant(place: Place, op: Constant) -> None:
    """Write nothing but the values."""
    quant, values = op.value.quant, op.value.codes
    if quant is not None:
        values = raised(values, quant)
    name = place.draft.constant(place.stem, values)
    order = identity(values.ndim)
    place.done(Wire(name=name, shape=values.shape, order=order, quant=place.quant, values=values))


def write_elementary(place: Place, op: Elementary) -> None:
    """Write the operator of that name; bounds as Relu or Clip, others as two operators."""
    x = place.operand(0, place.liked_order())
    if op.function in _CLAMPS:
        place.done(_bounded(place, x, _CLAMPS[op.function]))
    elif op.function in _FUNCTIONS:
        kind, attributes = _FUNCTIONS[op.function]
        place.done(place.apply(kind, [x], x.shape, order=x.order, **attributes))
    else:
        place.done(_pair(place, x, op.function))


def _bounded(place: Place, x: Wire, activation: Fused) -> Wire:
    """Return clamped reals or codes; ONNX Runtime would merge a Relu between two encodings."""
    if x.quant is None:
        name = place.bounded(x.name, activation, place.stem)
        return replace(x, name=name)
    return place.clamped(recoded(place, x), activation)


def recoded(place: Place, x: Wire) -> Wire:
    """Return `x` in the encoding of the node's result.

    A Concat of one operand stands between: without it ONNX Runtime makes one encoding of the two.
    """
    if x.quant == place.quant:
        return x
    return place.apply("Concat", [x], x.shape, order=x.order, axis=0)


def _pair(place: Place, x: Wire, function: Function) -> Wire:
    real = replace(x, name=place.draft.real(x), quant=None)
    if function == "square":
        return place.apply("Mul", [real, real], x.shape, order=x.order)
    first, second, takes_both = _PAIRS[function]
    name = place.draft.emit(first, [real.name], f"{place.stem}.{first.lower()}")
    inner = replace(real, name=name)
    operands = [real, inner] if takes_both else [inner]
    return place.apply(second, operands, x.shape, order=x.order)


def write_quantize(place: Place, op: Quantize) -> None:
    """Write QuantizeLinear, or a change of encoding."""
    del op
    x = place.operand(0, place.liked_order())
    assert place.quant is not None
    if x.quant is not None:
        place.done(recoded(place, x))
        return
    name = place.draft.encoded(x.name, place.quant, place.stem)
    place.done(replace(x, name=name, quant=place.quant))


def write_dequantize(place: Place, op: Dequantize) -> None:
    """Write DequantizeLinear."""
    del op
    x = place.operand(0, place.liked_order())
    place.done(replace(x, name=place.draft.real(x), quant=None, values=None))


def write_softmax(place: Place, op: Softmax) -> None:
    """Write Softmax over the last axis; a factor is a product before it."""
    x = place.operand(0)
    if op.beta != 1.0:
        x = scaled(place, x, op.beta)
    place.done(place.apply("Softmax", [x], x.shape, axis=-1))


def write_layer_norm(place: Place, op: LayerNorm) -> None:
    """Write LayerNormalization over the last axis."""
    x = place.operand(0)
    parameters = [
        place.reals(what, weight.real()).name
        for what, weight in (("gamma", op.gamma), ("beta", op.beta))
    ]
    wire = place.apply(
        "LayerNormalization", [x], x.shape, extra=parameters, axis=-1, epsilon=op.epsilon
    )
    place.done(wire)


def write_rms_norm(place: Place, op: RmsNorm) -> None:
    """Write RMSNormalization over the last axis."""
    x = place.operand(0)
    gamma = place.reals("gamma", op.gamma.real()).name
    wire = place.apply("RMSNormalization", [x], x.shape, extra=[gamma], axis=-1, epsilon=op.epsilon)
    place.done(wire)


def write_batch_norm(place: Place, op: BatchNorm) -> None:
    """Write BatchNormalization where axis 1 holds the channels, else a product and a sum."""
    rank = len(place.output.shape)
    if rank not in (2, 4):
        scale, shift = op.affine()
        x = place.operand(0)
        product = place.apply("Mul", [x, place.reals("scale", scale)], x.shape)
        place.done(place.apply("Add", [product, place.reals("shift", shift)], x.shape))
        return
    order = CHANNELS_FIRST if rank == 4 else identity(rank)
    x = place.operand(0, order)
    parameters = [
        place.reals(what, weight.real()).name
        for what, weight in (
            ("gamma", op.gamma),
            ("beta", op.beta),
            ("mean", op.mean),
            ("variance", op.variance),
        )
    ]
    wire = place.apply(
        "BatchNormalization", [x], x.shape, extra=parameters, order=order, epsilon=op.epsilon
    )
    place.done(wire)
