"""Read recurrent layers, and the norm that goes with transformers of today, of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from hwsim.interchange._axis_orders import identity
from hwsim.interchange._builder import as_weight
from hwsim.ops import Lstm, RmsNorm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder, Value
    from hwsim.interchange.torch.call import Call, Layer

# torch's rms_norm adds this where no eps is given.
_FLOAT32_EPS = float(np.finfo(np.float32).eps)


def _lstm(builder: Builder, call: Call) -> tuple[Value, ...]:
    """Return the hidden states of all steps; the last states are not results here."""
    call.refuse_unless("bidirectional", False)
    layers = int(call.number("num_layers"))
    # torch orders gates as we do: input, forget, cell, output.
    per_layer = 4 if call.flag("has_biases") else 2
    parameters = _constants(call, "params")
    if len(parameters) != layers * per_layer:
        raise call.error(f"{per_layer} parameters per layer", "others, as of a projection")
    if any(array.any() for array in _constants(call, "hx")):
        raise call.error("states that start at zero", "others", "leave them out")
    if len(call.x.shape) != 3:
        raise call.error("a batch of sequences", f"{list(call.x.shape)}")
    x = builder.laid(call.x, identity(3))
    for layer in range(layers):
        weights = parameters[layer * per_layer : (layer + 1) * per_layer]
        bias = weights[2] + weights[3] if per_layer == 4 else np.zeros(len(weights[0]))
        op = Lstm(
            input_weight=as_weight(weights[0]),
            recurrent_weight=as_weight(weights[1]),
            bias=as_weight(bias),
            time_major=not call.flag("batch_first"),
        )
        name = call.name if layers == 1 else f"{call.name}.{layer}"
        x = builder.emit(name, op, (x,), x.order)
    return (x,)


def _constants(call: Call, key: str) -> list[Array]:
    given = cast("Sequence[object]", call.arguments[key])
    if not all(isinstance(item, np.ndarray) for item in given):
        raise call.error(f"constant {key}", "some that depend on the input", "leave them out")
    return cast("list[Array]", list(given))


def _rms_norm(builder: Builder, call: Call) -> Value:
    x = call.x
    last = len(x.shape) - 1
    features = x.shape[last]
    if call.ints("normalized_shape", 1) != (features,):
        raise call.error(
            f"normalized_shape=[{features}], the last axis",
            str(list(call.ints("normalized_shape", 1))),
        )
    gamma = call.constant("weight")
    op = RmsNorm(
        gamma=as_weight(np.ones(features) if gamma is None else gamma),
        epsilon=call.number("eps", _FLOAT32_EPS),
    )
    x = builder.laid(x, (*(axis for axis in x.order if axis != last), last))
    return builder.emit(call.name, op, (x,), x.order)


RECURRENT: Mapping[str, Layer] = {"lstm": _lstm, "rms_norm": _rms_norm}
