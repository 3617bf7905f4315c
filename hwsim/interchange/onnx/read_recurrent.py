"""Read recurrent layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwsim.interchange._axis_orders import identity
from hwsim.interchange._builder import Value, as_weight
from hwsim.interchange._layouts import along, cut, joined
from hwsim.interchange.onnx.read_parts import picked
from hwsim.ops import Lstm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hwsim.arrays import Array
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Layer

# ONNX stacks the gates as input, output, forget, cell; the op takes input, forget, cell, output.
_GATES = (0, 2, 3, 1)
_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
_STATES = {"sequence_lens": 4, "initial_h": 5, "initial_c": 6, "peepholes": 7}


def _lstm(builder: Builder, call: Call) -> tuple[Value, ...]:
    """Return all hidden states, and the last ones; the last cell states are not known."""
    _refuse_variants(call)
    x = builder.laid(call.x, identity(3))
    directions = _DIRECTIONS.get(call.text("direction", "forward"))
    if directions is None:
        raise call.error(f"direction {', '.join(_DIRECTIONS)}", call.text("direction", ""))
    time, batch = (1, 0) if call.int_("layout") else (0, 1)
    hidden: list[Value] = []
    final: list[Value] = []
    for i, is_reverse in enumerate(directions):
        name = call.name if i == 0 else f"{call.name}.{i}"
        y = _one_way(builder, call, x, i, name, time, is_reverse=is_reverse)
        last = 0 if is_reverse else y.shape[time] - 1
        end = cut(builder, f"{name}.last", y, along(3, time, slice(last, last + 1)))
        # The axis of directions comes before the batch, or behind it and the time.
        place = 2 if time else 1
        shape = (*y.shape[:place], 1, *y.shape[place:])
        hidden.append(builder.reshape(f"{name}.direction", y, shape))
        shape = (y.shape[0], 1, y.shape[2]) if time else (1, y.shape[batch], y.shape[2])
        final.append(builder.reshape(f"{name}.end", end, shape))
    if len(directions) == 1:
        return hidden[0], final[0]
    both = joined(builder, f"{call.name}.both", hidden, 2 if time else 1)
    return both, joined(builder, f"{call.name}.ends", final, 1 if time else 0)


def _refuse_variants(call: Call) -> None:
    """Refuse what the op has no setting for."""
    call.refuse_unless("activations", [], *(["Sigmoid", "Tanh", "Tanh"] * n for n in (1, 2)))
    call.refuse_unless("clip", 0.0)
    call.refuse_unless("input_forget", 0)
    for name, place in _STATES.items():
        state = call.array(place)
        if state is None:
            continue
        length = call.x.shape[1 if call.int_("layout") else 0]
        if np.any(state != (length if name == "sequence_lens" else 0)):
            raise call.error(f"no {name}", "some")


def _one_way(
    builder: Builder, call: Call, x: Value, index: int, name: str, time: int, *, is_reverse: bool
) -> Value:
    """Return the hidden states of one direction, in the order of `x`."""
    backwards = range(x.shape[time])[::-1]
    if is_reverse:
        x = picked(builder, f"{name}.back", x, time, backwards)
    bias = call.array(3)
    weight, recurrent = _gates(call.needed(1)[index]), _gates(call.needed(2)[index])
    both = np.zeros(2 * len(weight)) if bias is None else bias[index]
    op = Lstm(
        input_weight=as_weight(weight),
        recurrent_weight=as_weight(recurrent),
        bias=as_weight(_gates(both[: len(weight)]) + _gates(both[len(weight) :])),
        time_major=time == 0,
    )
    y = builder.emit(name, op, (x,), identity(3))
    return picked(builder, f"{name}.forth", y, time, backwards) if is_reverse else y


def _gates(rows: Array) -> Array:
    parts = np.split(rows, 4)
    return np.concatenate([parts[gate] for gate in _GATES])


RECURRENT: Mapping[str, Layer] = {"LSTM": _lstm}
