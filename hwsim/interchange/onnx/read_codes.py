"""Layers that move elements only: what their integers mean stays, so codes pass as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange._builder import Value
from hwsim.interchange.onnx.read_call import Codes, with_operands

if TYPE_CHECKING:
    from hwsim.interchange._builder import Builder
    from hwsim.interchange.onnx.read_call import Call, Known, Layer


def passing_codes(layer: Layer) -> Layer:
    """Return `layer`, which moves elements only, for codes too: what they mean stays."""

    def read(builder: Builder, call: Call) -> Known | tuple[Known, ...]:
        if not any(isinstance(operand, Codes) for operand in call.operands):
            return layer(builder, call)
        plain = [o.value if isinstance(o, Codes) else o for o in call.operands]
        made = layer(builder, with_operands(call, *plain))
        results = made if isinstance(made, tuple) else (made,)
        if any(not isinstance(value, Value) or value.quant is None for value in results):
            raise call.error("integers of one encoding", "several")
        return tuple(Codes(value) for value in results if isinstance(value, Value))

    return read
