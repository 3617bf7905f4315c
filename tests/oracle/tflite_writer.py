"""Write small .tflite files: a few ops between a few tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import flatbuffers
import numpy as np
import tflite

from hwsim.arrays import Array
from hwsim.numerics import Quant

# The generated modules are untyped.
schema: Any = tflite
flat: Any = flatbuffers

# The version of each op that takes int8: LiteRT looks kernels up by code and version.
VERSIONS: Final = {
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "DEPTH_TO_SPACE": 1,
    "ELU": 1,
    "EXPAND_DIMS": 1,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "RELU_0_TO_1": 1,
    "RELU_N1_TO_1": 1,
    "RESHAPE": 1,
    "SQUEEZE": 1,
}
_TYPES: Final = {
    "float32": schema.TensorType.FLOAT32,
    "int4": schema.TensorType.INT4,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}
FUSED: Final = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
PADDING: Final = {"same": schema.Padding.SAME, "valid": schema.Padding.VALID}


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A tensor of the file: its type, and its values where it is constant.

    One that is variable keeps its values from call to call.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    quant: Quant | None = None
    values: Array | None = None
    is_variable: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """An operator: operands and results are names, `options` the fields of table `table`.

    An operand "" is left out; intermediates only say how inner values are encoded.
    """

    code: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    table: str = ""
    options: dict[str, int | float | bool] = field(default_factory=dict[str, "int | float | bool"])
    intermediates: tuple[str, ...] = ()


def activation(name: str, shape: Sequence[int], quant: Quant | None = None) -> Tensor:
    """Return a tensor that travels between ops."""
    dtype = "float32" if quant is None else quant.dtype.name
    return Tensor(name=name, shape=tuple(shape), dtype=dtype, quant=quant)


def constant(name: str, values: Array, quant: Quant | None = None) -> Tensor:
    """Return a tensor whose values stand in the file."""
    return Tensor(
        name=name, shape=values.shape, dtype=values.dtype.name, quant=quant, values=values
    )


def tflite_bytes(
    tensors: Sequence[Tensor],
    calls: Sequence[Call],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> bytes:
    """Return the file."""
    builder = flat.Builder(1024)
    index = {tensor.name: i for i, tensor in enumerate(tensors)}
    # Buffer 0 is the empty one, which every computed tensor shares.
    filled = [tensor.values for tensor in tensors if tensor.values is not None]
    buffers = [_buffer(builder, values) for values in (None, *filled)]
    numbers = iter(range(1, len(buffers)))
    places = [0 if tensor.values is None else next(numbers) for tensor in tensors]
    written = [_tensor(builder, t, place) for t, place in zip(tensors, places, strict=True)]
    codes = sorted({call.code for call in calls})
    operators = [_operator(builder, call, codes.index(call.code), index) for call in calls]
    subgraph = _table(
        builder,
        "SubGraph",
        Name=builder.CreateString("main"),
        Tensors=_offsets(builder, "SubGraph", "Tensors", written),
        Operators=_offsets(builder, "SubGraph", "Operators", operators),
        Inputs=_integers(builder, [index[name] for name in inputs]),
        Outputs=_integers(builder, [index[name] for name in outputs]),
    )
    model = _table(
        builder,
        "Model",
        Version=3,
        Subgraphs=_offsets(builder, "Model", "Subgraphs", [subgraph]),
        Buffers=_offsets(builder, "Model", "Buffers", buffers),
        OperatorCodes=_offsets(
            builder, "Model", "OperatorCodes", [_code(builder, code) for code in codes]
        ),
    )
    builder.Finish(model, b"TFL3")
    return bytes(builder.Output())


def _table(builder: Any, name: str, /, **fields: Any) -> int:
    """Write a table of the schema; vectors and strings are written before, as offsets."""
    start: Callable[..., None] = getattr(schema, f"{name}Start")
    start(builder)
    for key, value in fields.items():
        getattr(schema, f"{name}Add{key}")(builder, value)
    end: Callable[..., int] = getattr(schema, f"{name}End")
    return end(builder)


def _offsets(builder: Any, table: str, name: str, offsets: Sequence[int]) -> int:
    getattr(schema, f"{table}Start{name}Vector")(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _integers(builder: Any, values: Sequence[int]) -> int:
    return builder.CreateNumpyVector(np.asarray(values, np.int32))


def _buffer(builder: Any, values: Array | None) -> int:
    if values is None:
        return _table(builder, "Buffer")
    raw = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    # LiteRT wants constants aligned; flatbuffers pads to what the first element asks for.
    builder.StartVector(1, len(raw), 16)
    builder.head = builder.head - len(raw)
    builder.Bytes[builder.head : builder.head + len(raw)] = raw.tobytes()
    return _table(builder, "Buffer", Data=builder.EndVector())


def _quantization(builder: Any, quant: Quant) -> int:
    scale = builder.CreateNumpyVector(np.asarray(quant.scale, np.float32))
    zero_point = builder.CreateNumpyVector(np.asarray(quant.zero_point, np.int64))
    return _table(
        builder,
        "QuantizationParameters",
        Scale=scale,
        ZeroPoint=zero_point,
        QuantizedDimension=quant.axis or 0,
    )


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    fields: dict[str, int] = {
        "Name": builder.CreateString(tensor.name),
        "Shape": _integers(builder, tensor.shape),
        "Type": _TYPES[tensor.dtype],
        "Buffer": buffer,
    }
    if tensor.is_variable:
        fields["IsVariable"] = True
    if tensor.quant is not None:
        fields["Quantization"] = _quantization(builder, tensor.quant)
    return _table(builder, "Tensor", **fields)


def _code(builder: Any, code: str) -> int:
    number: int = getattr(schema.BuiltinOperator, code)
    return _table(
        builder,
        "OperatorCode",
        DeprecatedBuiltinCode=min(number, 127),
        BuiltinCode=number,
        Version=VERSIONS.get(code, 2),
    )


def _operator(builder: Any, call: Call, code: int, index: dict[str, int]) -> int:
    fields: dict[str, int] = {
        "OpcodeIndex": code,
        "Inputs": _integers(builder, [index.get(name, -1) for name in call.inputs]),
        "Outputs": _integers(builder, [index[name] for name in call.outputs]),
    }
    if call.intermediates:
        fields["Intermediates"] = _integers(builder, [index[name] for name in call.intermediates])
    if call.table:
        fields["BuiltinOptionsType"] = getattr(schema.BuiltinOptions, call.table)
        fields["BuiltinOptions"] = _table(builder, call.table, **call.options)
    return _table(builder, "Operator", **fields)
