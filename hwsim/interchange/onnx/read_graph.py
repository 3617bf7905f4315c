"""Walk an ONNX model in order and add its nodes to a graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from onnx import defs, inliner

from hwsim.errors import InterchangeError
from hwsim.interchange._axis_orders import identity
from hwsim.interchange._builder import Builder, Value
from hwsim.interchange.onnx.read_call import (
    Arriving,
    Call,
    Codes,
    Scaled,
    Sums,
    is_constant,
    shape_of,
)
from hwsim.interchange.onnx.read_dynamic import unscaled
from hwsim.interchange.onnx.read_encodings import input_encoding
from hwsim.interchange.onnx.read_fold import FOLDED, Left, folded
from hwsim.interchange.onnx.read_gelu import with_gelu
from hwsim.interchange.onnx.read_integers import integer_graph
from hwsim.interchange.onnx.read_operators import READERS
from hwsim.interchange.onnx.read_proto import (
    Readers,
    array_of,
    attributes_of,
    domain_of,
    expanded,
    input_shape,
)
from hwsim.interchange.onnx.read_shapes import VIEWS
from hwsim.interchange.onnx.read_sparse import require_sparse_sizes
from hwsim.ops import Dequantize
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto, NodeProto, ValueInfoProto

    from hwsim.arrays import Array
    from hwsim.graph import Graph
    from hwsim.interchange._axis_orders import Order
    from hwsim.interchange.onnx.read_call import Known

OLDEST = 7
"""Operator set from which on broadcasting is NumPy's."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What was read.

    Attributes:
        graph: Its tensors keep the names of the model's.
        orders: How the axes of each tensor lie: axis i is the model's axis orders[name][i].
    """

    graph: Graph
    orders: Mapping[str, Order]


def read(model: ModelProto, name: str, most_bytes: int) -> Reading:
    """Return the graph of `model`, called `name`, whose computed constants take `most_bytes`.

    Raises:
        InterchangeError: An operator or type of it is not supported, or it makes no sense.
        GraphError: Its parts do not fit each other.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    versions = _versions(model, name)
    require_sparse_sizes(model, name)
    builder = Builder(name)
    reader = _Reader(
        builder=builder,
        versions=versions,
        readers=Readers(model.graph),
        known={},
        left=Left(most_bytes),
    )
    for tensor in model.graph.initializer:
        reader.known[tensor.name] = array_of(tensor, name)
    for sparse in model.graph.sparse_initializer:
        if sparse.values.name in reader.known:
            raise InterchangeError(f"{name}: two constants are called {sparse.values.name!r}")
        reader.known[sparse.values.name] = expanded(sparse, name)
    # Constants first: inputs may ask what their scales are.
    nodes = sorted(enumerate(model.graph.node), key=lambda entry: entry[1].op_type != "Constant")
    constants = sum(node.op_type == "Constant" for _, node in nodes)
    for index, node in nodes[:constants]:
        reader.add_node(node, index)
    for info in model.graph.input:
        if info.name not in reader.known:
            reader.add_input(info)
    for index, node in nodes[constants:]:
        reader.add_node(node, index)
    outputs = [reader.output(info.name) for info in model.graph.output]
    graph = builder.graph(outputs)
    return Reading(graph=integer_graph(with_gelu(graph)), orders=dict(builder.orders))


def _versions(model: ModelProto, name: str) -> dict[str, int]:
    """Return the operator set of each domain.

    Raises:
        InterchangeError: ONNX's own is older or newer than what is known here.
    """
    versions = {domain_of(opset.domain): opset.version for opset in model.opset_import}
    newest = defs.onnx_opset_version()
    if not OLDEST <= versions.get("", 0) <= newest:
        raise InterchangeError(
            f"{name}: expected operator set {OLDEST}..{newest}, got {versions.get('', 'none')}; "
            "onnx.version_converter changes it"
        )
    return versions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reader:
    """The state of a walk.

    Attributes:
        builder: Of the graph that is made.
        versions: Operator set of each domain.
        readers: Nodes that read each tensor.
        known: What is known of each tensor so far.
        left: How many bytes constants that are computed may still take.
    """

    builder: Builder
    versions: Mapping[str, int]
    readers: Readers
    known: dict[str, Known]
    left: Left

    def add_input(self, info: ValueInfoProto) -> None:
        where = f"{self.builder.name}: input {info.name!r}"
        shape = input_shape(info, where)
        quant = input_encoding(info, self.readers, self.known, where)
        value = self.builder.input(_printable(info.name), shape, quant)
        self.known[info.name] = value if quant is None else Codes(value)

    def add_node(self, node: NodeProto, index: int) -> None:
        """Fold or translate one node."""
        first = next(iter(node.output), "")
        title = _printable(node.name or first or f"{node.op_type}_{index}")
        domain = domain_of(node.domain)
        call = Call(
            where=f"{self.builder.name}/{title}",
            name=_printable(first or title),
            op=f"{domain}.{node.op_type}" if domain else node.op_type,
            version=self.versions.get(domain, 1),
            operands=tuple(self._operand(name, title) for name in node.input),
            attributes=attributes_of(node),
            results=len(node.output),
            feeds_linear=partial(self.readers.feed_linear, first),
        )
        # Results beside the first may be missing if nobody reads them.
        for name, made in zip(node.output, self._results(node, call), strict=False):
            if name in self.known:
                raise InterchangeError(f"{call.where}: makes tensor {name!r}, which exists already")
            if name:
                self.known[name] = made

    def _operand(self, name: str, title: str) -> Known | None:
        if name and name not in self.known:
            raise InterchangeError(
                f"{self.builder.name}/{title}: reads tensor {_printable(name)!r}, "
                "which no earlier node makes, or as a further result that is not supported"
            )
        return self.known[name] if name else None

    def _results(self, node: NodeProto, call: Call) -> tuple[Known, ...]:
        if call.op in ("Shape", "Size"):
            return (_shaped(call),)
        if call.op == "Constant" and "sparse_value" in call.attributes:
            return (cast("Array", call.attributes["sparse_value"]),)
        if call.op in FOLDED and _is_constant(call):
            try:
                made = folded(node, call.version, [_values(o) for o in call.operands])
                self.left.take(sum(array.nbytes for array in made))
                return tuple(made)
            except InterchangeError as error:
                raise InterchangeError(f"{call.where}: {error}") from error
        if call.op not in READERS:
            raise InterchangeError(
                f"{call.where}: operator {_printable(call.op)} is not supported; docs/onnx.md "
                "lists those that are"
            )
        made = READERS[call.op](self.builder, call)
        return made if isinstance(made, tuple) else (made,)

    def output(self, name: str) -> Value:
        """Return the tensor that the user gets under `name`."""
        known = self._operand(name, "outputs")
        tensor = _printable(name)
        if isinstance(known, Codes):
            return known.value
        if isinstance(known, Value):
            if known.quant is None:
                return known
            codes = self.builder.laid(known, identity(len(known.shape)))
            return self.builder.emit(tensor, Dequantize(), (codes,), codes.order)
        if isinstance(known, Sums):
            return unscaled(self.builder, tensor, known)
        if known is None or isinstance(known, Arriving | Scaled):
            raise InterchangeError(
                f"{self.builder.name}: output {tensor!r} is no tensor that can be read; expected "
                "reals, or codes with one scale"
            )
        return self.builder.constant(tensor, known, identity(len(known.shape)))


def _is_constant(call: Call) -> bool:
    """Return whether `call` computes values of constants; codes that only move stay codes."""
    if not all(is_constant(operand) for operand in call.operands):
        return False
    return not (isinstance(next(iter(call.operands), None), Weight) and call.op in VIEWS)


def _values(constant: Known | None) -> Array | None:
    if isinstance(constant, Weight):
        return constant.real().astype(np.float32)
    return cast("Array | None", constant)


def _shaped(call: Call) -> Array:
    """Return the result of a node that asks for no more than a shape."""
    if not call.given(0):
        raise call.error("operand 0", "none")
    shape = shape_of(cast("Known", call.operands[0]))
    if call.op == "Size":
        return np.array(math.prod(shape), np.int64)
    end = call.int_("end") if "end" in call.attributes else None
    return np.array(shape[call.int_("start") : end], np.int64)


def _printable(name: str) -> str:
    """Return `name` as it can stand in a line."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()
