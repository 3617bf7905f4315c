"""Ask the messages of an ONNX file: values, attributes, types, and who reads what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import SparseTensorProto, TensorProto, helper, numpy_helper

from hwsim.errors import InterchangeError
from hwsim.interchange.onnx.read_fold import MOST_ELEMENTS
from hwsim.interchange.onnx.read_sparse import sparse_array_of

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, ValueInfoProto

    from hwsim.arrays import Array, Shape

# Ops that look at single elements, through which a flattened image may reach a linear layer.
_ELEMENTWISE = ("Clip", "DequantizeLinear", "Dropout", "Identity", "QuantizeLinear", "Relu")
_LINEAR = ("Gemm", "MatMul")


def domain_of(domain: str) -> str:
    """Return the domain, ONNX's own under its one name."""
    return "" if domain == "ai.onnx" else domain


def array_of(tensor: TensorProto, where: str) -> Array:
    """Return the values of a constant in the file.

    Raises:
        InterchangeError: It is of a type without values, or more than its bytes hold.
    """
    if tensor.data_location == TensorProto.EXTERNAL:
        raise InterchangeError(f"{where}: constant {tensor.name!r}: expected values")
    if math.prod(tensor.dims) > MOST_ELEMENTS * 64 or min(tensor.dims, default=0) < 0:
        raise InterchangeError(f"{where}: constant {tensor.name!r} of shape {list(tensor.dims)}")
    return _plain(numpy_helper.to_array(tensor))


def expanded(sparse: SparseTensorProto, where: str) -> Array:
    """Return the dense values of a sparse constant; see `sparse_array_of`."""
    return _plain(sparse_array_of(sparse, where))


def _plain(array: Array) -> Array:
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    return array


def attributes_of(node: NodeProto) -> dict[str, object]:
    """Return the attributes of `node` by name; text as text, tensors as arrays."""
    found: dict[str, object] = {}
    for attribute in node.attribute:
        value: object = helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        elif isinstance(value, TensorProto):
            value = array_of(value, node.name)
        elif isinstance(value, SparseTensorProto):
            value = expanded(value, node.name)
        found[attribute.name] = value
    return found


def input_shape(info: ValueInfoProto, where: str) -> Shape:
    """Return the shape of an input; a batch without fixed extent becomes one sample.

    Raises:
        InterchangeError: Another extent is left open.
    """
    if not info.type.tensor_type.HasField("shape"):
        raise InterchangeError(f"{where}: expected a tensor with a shape, got none")
    dims = info.type.tensor_type.shape.dim
    extents = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in dims]
    if extents and extents[0] < 1:
        extents[0] = 1
    if any(extent < 1 for extent in extents):
        named = ", ".join(dim.dim_param or str(dim.dim_value) for dim in dims)
        raise InterchangeError(
            f"{where}: expected fixed extents after the batch, got [{named}]; "
            "export with fixed ones"
        )
    return tuple(extents)


class Readers:
    """Which nodes read each tensor of a graph."""

    def __init__(self, graph: GraphProto) -> None:
        """Collect them, and what is constant."""
        self._outputs = {info.name for info in graph.output}
        self._nodes: dict[str, list[NodeProto]] = {}
        self._constant = {"", *(tensor.name for tensor in graph.initializer)}
        self._constant.update(sparse.values.name for sparse in graph.sparse_initializer)
        for node in graph.node:
            for name in node.input:
                self._nodes.setdefault(name, []).append(node)
            if self._constant.issuperset(node.input):
                self._constant.update(node.output)

    def of(self, tensor: str) -> list[NodeProto]:
        """Return the nodes that read `tensor`."""
        return self._nodes.get(tensor, [])

    def feed_linear(self, tensor: str) -> bool:
        """Return whether only linear layers read `tensor`, through ops on single elements."""
        waiting, seen = [tensor], {tensor}
        for name in waiting:
            readers = self.of(name)
            if name in self._outputs or not readers:
                return False
            for node in readers:
                rest = node.input[1:]
                if name in rest or not self._constant.issuperset(rest):
                    return False
                if node.op_type in _ELEMENTWISE:
                    waiting += [out for out in node.output[:1] if out not in seen]
                    seen.update(node.output[:1])
                elif node.op_type not in _LINEAR or any(a.name == "transA" for a in node.attribute):
                    return False
        return True
