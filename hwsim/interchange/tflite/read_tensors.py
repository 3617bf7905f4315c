"""The tensors of a TFLite flatbuffer: names, types, constants."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tflite

from hwsim.errors import InterchangeError
from hwsim.formats import Csr, Dense
from hwsim.graph import Node
from hwsim.interchange.tflite.names import node_name, read_names, unique_names
from hwsim.interchange.tflite.packing import PACKED_BITS
from hwsim.interchange.tflite.read_constants import buffer_bytes, constant_of, has_bytes
from hwsim.interchange.tflite.read_quant import bias_encoding, quant_of
from hwsim.interchange.tflite.read_sparsity import read_sparsity
from hwsim.ops import Constant
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwsim.arrays import Array
    from hwsim.formats import Format
    from hwsim.numerics import Quant

_DTYPES: dict[int, str] = {
    tflite.TensorType.FLOAT32: "<f4",
    **dict.fromkeys(PACKED_BITS, "<i1"),
    tflite.TensorType.INT8: "<i1",
    tflite.TensorType.UINT8: "<u1",
    tflite.TensorType.INT16: "<i2",
    tflite.TensorType.INT32: "<i4",
    tflite.TensorType.INT64: "<i8",
}
_ACTIVATIONS = (
    tflite.TensorType.FLOAT32,
    tflite.TensorType.INT8,
    tflite.TensorType.UINT8,
    tflite.TensorType.INT16,
)
_TYPE_NAMES: dict[int, str] = {
    code: name.lower()
    for name, code in vars(tflite.TensorType).items()
    if isinstance(code, int) and not name.startswith("_")
}
# LiteRT's own limits: its shapes have up to 8 axes, its offsets 32 bits.
_MAX_RANK = 8
_MAX_ELEMENTS = (1 << 31) - 1


def _type_name(code: int) -> str:
    return _TYPE_NAMES.get(code, f"number {code}")


class Tensors:
    """Read access to the tensors of one subgraph, by index."""

    def __init__(self, where: str, content: bytes, model: Any, subgraph: Any) -> None:
        """Read names and types; constants are read when asked for."""
        self._where = where
        self._content = content
        self._model = model
        self._tensors = [subgraph.Tensors(i) for i in range(subgraph.TensorsLength())]
        self._names = unique_names(where, self._tensors)
        self._told = read_names(where, model)
        self.types: dict[str, TensorType] = {}
        self._written: set[int] = set()
        self._sources: dict[int, int] = {}
        for index, tensor in enumerate(self._tensors):
            if tensor.Type() in _DTYPES:
                self.types[self._names[index]] = self._read_type(index)

    def name(self, index: int) -> str:
        """Return the tensor's name; names given twice get their index added."""
        if not 0 <= index < len(self._names):
            raise InterchangeError(
                f"{self._where}: tensor {index} does not exist; there are {len(self._names)}"
            )
        return self._names[index]

    def node_name(self, index: int) -> str:
        """Return the name of the node that makes the tensor: told by the file, or a short one."""
        name = self.name(index)
        return self._told.get(name) or node_name(name, self._names)

    def type(self, index: int) -> TensorType:
        """Return shape and encoding of an activation.

        Raises:
            InterchangeError: It is neither float32 nor 8-bit or 16-bit with one scale.
        """
        name = self.name(index)
        code = self._tensors[index].Type()
        if name not in self.types or code not in _ACTIVATIONS:
            raise InterchangeError(
                f"{self._where}: tensor {name!r} has type {_type_name(code)}; activations may be "
                f"{', '.join(map(_type_name, _ACTIVATIONS))}"
            )
        if code != tflite.TensorType.FLOAT32 and self.types[name].quant is None:
            raise InterchangeError(
                f"{self._where}: tensor {name!r} is {_type_name(code)}, but has not one scale"
            )
        return self.types[name]

    def _read_type(self, index: int) -> TensorType:
        shape = self._shape(index)
        quant = self._quant(index)
        if quant is not None and len(quant.scale) > 1:
            quant = None  # Per-channel encodings belong to weights, which are read apart.
        return TensorType(shape=shape, quant=quant)

    def _shape(self, index: int) -> tuple[int, ...]:
        tensor = self._tensors[index]
        if tensor.ShapeLength() > _MAX_RANK:
            raise InterchangeError(
                f"{self._where}: tensor {self.name(index)!r} has {tensor.ShapeLength()} axes; "
                f"at most {_MAX_RANK} are supported"
            )
        shape = tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        if math.prod(shape) > _MAX_ELEMENTS:
            raise InterchangeError(
                f"{self._where}: tensor {self.name(index)!r} has shape {list(shape)}, "
                "more elements than 32 bits can count"
            )
        return shape

    def _quant(self, index: int) -> Quant | None:
        tensor = self._tensors[index]
        where = f"{self._where}: tensor {self.name(index)!r}"
        return quant_of(tensor, np.dtype(_DTYPES[tensor.Type()]), where)

    def has_constant(self, index: int) -> bool:
        """Whether the tensor's values are in the file."""
        tensor = self._tensors[self._sources.get(index, index)]
        return has_bytes(self._model.Buffers(tensor.Buffer()))

    def expand(self, source: int, result: int) -> None:
        """Let the tensor `result` be the constant `source`, which DENSIFY expands.

        Raises:
            InterchangeError: It is computed, or of another shape or type.
        """
        where = f"{self._where}: tensor {self.name(result)!r}"
        if not self.has_constant(source):
            raise InterchangeError(f"{where}: DENSIFY expands constants, got {self.name(source)!r}")
        kinds = [(self._tensors[i].Type(), self._shape(i)) for i in (source, result)]
        if kinds[0] != kinds[1]:
            raise InterchangeError(
                f"{where}: expected the type and shape of {self.name(source)!r}, got others"
            )
        self._sources[result] = source

    def constant(self, index: int) -> Array:
        """Return the values of a constant tensor, in its shape.

        Raises:
            InterchangeError: There are none, too few, or of a type that is not supported.
        """
        source = self._sources.get(index, index)
        tensor = self._tensors[source]
        where = f"{self._where}: tensor {self.name(source)!r}"
        if tensor.Type() not in _DTYPES:
            raise InterchangeError(f"{where} has type {tensor.Type()}, which is not supported")
        buffer = self._model.Buffers(tensor.Buffer())
        raw = buffer_bytes(buffer, self._content) if has_bytes(buffer) else None
        dtype = np.dtype(_DTYPES[tensor.Type()])
        bits = PACKED_BITS.get(tensor.Type(), 8 * dtype.itemsize)
        return constant_of(tensor, raw, self._shape(source), dtype, bits, where)

    def weight(self, index: int) -> Weight:
        """Return a constant whose first axis is the output channels."""
        codes = self.constant(index)
        quant = self._quant(index)
        if codes.dtype.kind in "iu" and quant is None:
            raise InterchangeError(
                f"{self._where}: weight {self.name(index)!r} is {codes.dtype} without a scale"
            )
        channels = None if quant is None or quant.axis is None else len(quant.scale)
        if quant is not None and channels not in (None, *codes.shape[quant.axis :][:1]):
            raise InterchangeError(
                f"{self._where}: weight {self.name(index)!r} of shape {list(codes.shape)} has "
                f"{channels} scales along axis {quant.axis}"
            )
        return Weight(codes=codes, quant=quant, format=self._format(index))

    def _format(self, index: int) -> Format:
        """Return how a weight is stored: as here, where a format is like it."""
        tensor = self._tensors[self._sources.get(index, index)]
        sparsity = read_sparsity(tensor)
        return Dense() if sparsity is None else sparsity.format(tensor.ShapeLength())

    def depthwise_weight(self, index: int) -> Weight:
        """Return a depthwise weight [1, height, width, out] as [out, height, width, 1]."""
        weight = self.weight(index)
        quant = weight.quant
        if quant is not None and quant.axis is not None:
            quant = replace(quant, axis=0)
        codes = np.ascontiguousarray(weight.codes.transpose(3, 1, 2, 0))
        # Blocks there are none of these rows.
        form = Dense() if isinstance(weight.format, Dense) else Csr()
        return Weight(codes=codes, quant=quant, format=form)

    def bias(self, inputs: Sequence[int]) -> Weight | None:
        """Return the third operand of a heavy op, or None where it is left out.

        Raises:
            InterchangeError: It is computed, not constant.
        """
        if len(inputs) < 3 or inputs[2] < 0:
            return None
        codes = self.constant(inputs[2]).reshape(-1)
        if codes.dtype.kind == "f":
            return Weight(codes=codes)
        x, w = self._quant(inputs[0]), self._quant(inputs[1])
        if x is None or w is None:
            raise InterchangeError(
                f"{self._where}: bias {self.name(inputs[2])!r} is integer in a float32 layer"
            )
        return Weight(codes=codes, quant=bias_encoding(x, w, 8 * codes.dtype.itemsize))

    def constant_nodes(self, operands: Sequence[int]) -> list[Node]:
        """Return a node for each operand that is constant and has none yet."""
        nodes: list[Node] = []
        for index in operands:
            if index in self._written or not self.has_constant(index):
                continue
            self._written.add(index)
            name = self.name(index)
            value = self.weight(index)
            shape = self.types[name].shape or (1,)
            value = replace(value, codes=value.codes.reshape(shape), format=Dense())
            self.types[name] = TensorType(shape=shape, quant=value.quant)
            node = self._told.get(name) or name
            nodes.append(Node(name=node, op=Constant(value=value), inputs=(), outputs=(name,)))
        return nodes

    def flattened(self, index: int, features: int) -> str:
        """Return the name of a new tensor: `index` as [rest, features]."""
        type_ = self.type(index)
        name = f"{self.name(index)}/flat{features}"
        shape = (type_.elements // features, features)
        self.types[name] = replace(type_, shape=shape)
        return name
