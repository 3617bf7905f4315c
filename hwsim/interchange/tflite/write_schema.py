"""Tensors and operator calls as the bytes of a TFLite flatbuffer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import flatbuffers
import numpy as np
import tflite

from hwsim.interchange.tflite.packing import INT2, PACKED_BITS, packed
from hwsim.interchange.tflite.write_flatbuffer import integers, offsets, sparsity_table, table
from hwsim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwsim.arrays import Array
    from hwsim.interchange.tflite.sparsity import Sparsity
    from hwsim.numerics import Quant

Option: TypeAlias = "int | float | bool | tuple[int, ...]"

IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
# Older runtimes read one byte; what does not fit in it is this marker there.
_WIDE_CODE = 127
# LiteRT maps constants where they lie, and wants them aligned for its vector loads.
_ALIGNMENT = 16

# The generated modules are untyped.
_schema: Any = tflite
_flatbuffers: Any = flatbuffers


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """A tensor of the file.

    Attributes:
        name: Unique.
        shape: All axes.
        dtype: `float32`, `int8`, ..., `int4`, `int2`: as in the schema, in lower case.
        quant: Its encoding; None for reals and for integers that are no codes.
        axis: Of a per-channel encoding.
        values: Of a constant, or those that are stored of it; None for what travels between
            operators.
        sparsity: Which elements are stored; None where all are.
        is_variable: Whether it keeps its values from run to run.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None = None
    axis: int = 0
    values: Array | None = None
    sparsity: Sparsity | None = None
    is_variable: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """An operator between named tensors.

    Attributes:
        code: As in the schema: `CONV_2D`.
        version: Of the operator.
        inputs: Names; an empty one is an operand that is left out.
        outputs: Names.
        table: Of the attributes: `Conv2DOptions`; empty where there are none.
        options: Fields of that table.
        intermediates: Names of tensors that say how the kernel encodes what it never shows.
    """

    code: str
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    table: str = ""
    options: Mapping[str, Option] = field(default_factory=dict[str, "Option"])
    intermediates: tuple[str, ...] = ()


def model_bytes(
    tensors: Sequence[Tensor],
    calls: Sequence[Call],
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Mapping[str, bytes],
) -> bytes:
    """Return the flatbuffer of a model of one subgraph.

    Args:
        tensors: All of them; their names are unique.
        calls: In an order in which they can run.
        inputs: Names of what the user gives.
        outputs: Names of what the user gets.
        metadata: What runtimes pass over, by name.
    """
    builder = _flatbuffers.Builder(1 << 16)
    index = {tensor.name: i for i, tensor in enumerate(tensors)} | {"": -1}
    codes = list(dict.fromkeys((call.code, call.version) for call in calls))
    # Buffer 0 is empty by convention; every tensor without values names it.
    contents = [b"", *(_content(t) for t in tensors if t.values is not None), *metadata.values()]
    places = iter(range(1, len(contents)))
    buffers = [_buffer(builder, content) for content in contents]
    written = [
        _tensor(builder, tensor, 0 if tensor.values is None else next(places)) for tensor in tensors
    ]
    notes = [_metadata(builder, name, next(places)) for name in metadata]
    operators = [
        _operator(builder, call, codes.index((call.code, call.version)), index) for call in calls
    ]
    subgraph = table(
        builder,
        "SubGraph",
        Name=builder.CreateString("main"),
        Tensors=offsets(builder, "SubGraph", "Tensors", written),
        Operators=offsets(builder, "SubGraph", "Operators", operators),
        Inputs=integers(builder, [index[name] for name in inputs]),
        Outputs=integers(builder, [index[name] for name in outputs]),
    )
    model = table(
        builder,
        "Model",
        Version=_SCHEMA_VERSION,
        Description=builder.CreateString(f"hwsim {__version__}"),
        Subgraphs=offsets(builder, "Model", "Subgraphs", [subgraph]),
        Buffers=offsets(builder, "Model", "Buffers", buffers),
        OperatorCodes=offsets(
            builder, "Model", "OperatorCodes", [_code(builder, *code) for code in codes]
        ),
        Metadata=offsets(builder, "Model", "Metadata", notes),
    )
    builder.Finish(model, IDENTIFIER)
    return bytes(builder.Output())


def _content(tensor: Tensor) -> bytes:
    values = np.ascontiguousarray(tensor.values)
    code = _type_code(tensor)
    if code in PACKED_BITS:
        return packed(values, PACKED_BITS[code])
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def _type_code(tensor: Tensor) -> int:
    return INT2 if tensor.dtype == "int2" else getattr(_schema.TensorType, tensor.dtype.upper())


def _buffer(builder: Any, content: bytes) -> int:
    if not content:
        return table(builder, "Buffer")
    builder.StartVector(1, len(content), _ALIGNMENT)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    return table(builder, "Buffer", Data=builder.EndVector())


def _quantization(builder: Any, quant: Quant, axis: int) -> int:
    scale = builder.CreateNumpyVector(np.asarray(quant.scale, np.float32))
    zero_point = builder.CreateNumpyVector(np.asarray(quant.zero_point, np.int64))
    return table(
        builder,
        "QuantizationParameters",
        Scale=scale,
        ZeroPoint=zero_point,
        QuantizedDimension=axis if len(quant.scale) > 1 else 0,
    )


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    fields: dict[str, int] = {
        "Name": builder.CreateString(tensor.name),
        "Shape": integers(builder, tensor.shape),
        "Type": _type_code(tensor),
        "Buffer": buffer,
        "IsVariable": tensor.is_variable,
    }
    if tensor.quant is not None:
        fields["Quantization"] = _quantization(builder, tensor.quant, tensor.axis)
    if tensor.sparsity is not None:
        fields["Sparsity"] = sparsity_table(builder, tensor.sparsity)
    return table(builder, "Tensor", **fields)


def _metadata(builder: Any, name: str, buffer: int) -> int:
    return table(builder, "Metadata", Name=builder.CreateString(name), Buffer=buffer)


def _code(builder: Any, code: str, version: int) -> int:
    number: int = getattr(_schema.BuiltinOperator, code)
    return table(
        builder,
        "OperatorCode",
        DeprecatedBuiltinCode=min(number, _WIDE_CODE),
        BuiltinCode=number,
        Version=version,
    )


def _operator(builder: Any, call: Call, code: int, index: Mapping[str, int]) -> int:
    fields: dict[str, int] = {
        "OpcodeIndex": code,
        "Inputs": integers(builder, [index[name] for name in call.inputs]),
        "Outputs": integers(builder, [index[name] for name in call.outputs]),
    }
    if call.intermediates:
        fields["Intermediates"] = integers(builder, [index[name] for name in call.intermediates])
    if call.table:
        options = {
            key: integers(builder, value) if isinstance(value, tuple) else value
            for key, value in call.options.items()
        }
        fields["BuiltinOptionsType"] = getattr(_schema.BuiltinOptions, call.table)
        fields["BuiltinOptions"] = table(builder, call.table, **options)
    return table(builder, "Operator", **fields)
