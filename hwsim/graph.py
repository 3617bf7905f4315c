"""The graph: named ops in execution order, and the types of the tensors between them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

from hwsim.errors import GraphError
from hwsim.tensor import Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hwsim.op import Op, Workload
    from hwsim.tensor import TensorType


# As many as 32 bits can count, and as many axes as files of networks have, with some to spare.
_MOST_ELEMENTS, _MOST_AXES = 1 << 31, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One op under a name, between named tensors."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A model: nodes in topological order; compressors return a new one.

    Attributes:
        name: For reports.
        inputs: Tensors that the user gives.
        outputs: Tensors that the user gets.
        tensors: Type of every tensor.
        nodes: In an order in which they can run.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, TensorType]
    nodes: tuple[Node, ...]

    def __repr__(self) -> str:
        """Return one line; `to_text` gives them all."""
        return f"<Graph {self.name}: {len(self.nodes)} nodes, {self.storage_bytes} bytes>"

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The node that makes each tensor; graph inputs have none."""
        return {tensor: node for node in self.nodes for tensor in node.outputs}

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read each tensor, in order."""
        readers: dict[str, tuple[Node, ...]] = dict.fromkeys(self.tensors, ())
        for node in self.nodes:
            for tensor in dict.fromkeys(node.inputs):
                readers[tensor] += (node,)
        return readers

    @property
    def storage_bytes(self) -> int:
        """Bytes of all constants, as encoded."""
        return sum(weight.storage_bytes for node in self.nodes for weight in node.op.constants)

    def input_types(self, node: Node) -> tuple[TensorType, ...]:
        """Return the types of the operands of `node`."""
        return tuple(self.tensors[tensor] for tensor in node.inputs)

    def output_types(self, node: Node) -> tuple[TensorType, ...]:
        """Return the types of the results of `node`."""
        return tuple(self.tensors[tensor] for tensor in node.outputs)

    def workload(self, node: Node) -> Workload:
        """Return how much work `node` is."""
        return node.op.workload(self.input_types(node), self.output_types(node))

    def with_ops(self, ops: Mapping[str, Op]) -> Graph:
        """Return the graph with the ops of the nodes named in `ops` replaced."""
        nodes = tuple(
            replace(node, op=ops[node.name]) if node.name in ops else node for node in self.nodes
        )
        return replace(self, nodes=nodes)

    def to_text(self) -> str:
        """Return one line per node: results = kind{attributes}(operands)."""
        inputs = ", ".join(f"%{name}: {self.tensors[name]}" for name in self.inputs)
        lines = [f"graph {self.name}({inputs}) {{"]
        for node in self.nodes:
            results = ", ".join(f"%{name}: {self.tensors[name]}" for name in node.outputs)
            operands = ", ".join(f"%{name}" for name in node.inputs)
            lines.append(f"  {results} = {node.op.kind}{_attributes(node.op)}({operands})")
        returned = ", ".join(f"%{name}" for name in self.outputs)
        return "\n".join([*lines, f"  return {returned}", "}"])


def _attributes(op: Op) -> str:
    """Return the settings of `op` that differ from their default, weights by shape."""
    shown: list[str] = []
    for field in fields(op):  # pyright: ignore[reportArgumentType]
        value = getattr(op, field.name)
        if isinstance(value, Weight):
            sparsity = 1.0 - float(value.nonzero.mean())
            dtype = "float32" if value.quant is None else value.quant.name
            note = f", {value.format.name}, {sparsity:.0%} zeros" if sparsity > 0.01 else ""
            shown.append(f"{field.name}={dtype}{list(value.shape)}{note}")
        elif value != field.default:
            shown.append(f"{field.name}={value}")
    return "{" + ", ".join(shown) + "}" if shown else ""


def validate(graph: Graph) -> Graph:
    """Return `graph` if it keeps every rule.

    Raises:
        GraphError: A tensor is undefined, defined twice, used before it is made (a cycle, or
            nodes out of order), or of another shape than its op makes.
    """
    repeated = [name for name, times in Counter(n.name for n in graph.nodes).items() if times > 1]
    if repeated:
        raise GraphError(f"{graph.name}: two nodes are named {repeated[0]!r}; names are unique")
    if not graph.outputs:
        raise GraphError(f"{graph.name}: has no outputs; a model makes at least one tensor")
    made = set(graph.inputs)
    for name in graph.inputs:
        _require_type(graph, graph.name, name)
    for node in graph.nodes:
        where = f"{graph.name}/{node.name}"
        for tensor in node.inputs:
            if tensor not in made:
                later = tensor in graph.producers
                raise GraphError(
                    f"{where}: reads tensor {tensor!r}, which "
                    + ("a later node makes (a cycle?)" if later else "nobody makes")
                )
        for tensor in node.outputs:
            _require_type(graph, where, tensor)
            if tensor in made:
                raise GraphError(f"{where}: makes tensor {tensor!r}, which exists already")
            made.add(tensor)
        _check_shapes(graph, node, where)
    for tensor in graph.outputs:
        if tensor not in made:
            raise GraphError(f"{graph.name}: output {tensor!r} is made by no node")
    return graph


def _check_shapes(graph: Graph, node: Node, where: str) -> None:
    try:
        shapes = node.op.infer(*(graph.tensors[tensor].shape for tensor in node.inputs))
    except GraphError as error:
        raise GraphError(f"{where}: {error}") from error
    except (IndexError, ValueError) as error:
        # `(x,) = shapes` met another number of operands, or a weight has other axes.
        taken = _shown(graph.tensors[tensor].shape for tensor in node.inputs) or "nothing"
        raise GraphError(f"{where}: this {node.op.kind} does not take {taken}") from error
    got = tuple(graph.tensors[tensor].shape for tensor in node.outputs)
    if shapes != got:
        raise GraphError(
            f"{where}: {node.op.kind} makes {_shown(shapes)}, but its tensors are {_shown(got)}"
        )


def _shown(shapes: Iterable[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)


def _require_type(graph: Graph, where: str, tensor: str) -> None:
    if tensor not in graph.tensors:
        raise GraphError(f"{where}: tensor {tensor!r} has no type")
    shape = list(graph.tensors[tensor].shape)
    if any(extent < 1 for extent in shape):
        raise GraphError(f"{where}: tensor {tensor!r} has shape {shape}; extents are >= 1")
    if math.prod(shape) > _MOST_ELEMENTS or len(shape) > _MOST_AXES:
        raise GraphError(
            f"{where}: tensor {tensor!r} has shape {shape}; expected at most {_MOST_AXES} axes "
            f"and {_MOST_ELEMENTS} elements"
        )


def topological(nodes: Iterable[Node], inputs: Iterable[str], name: str) -> tuple[Node, ...]:
    """Return `nodes` in an order in which they can run, stable where several would do.

    Raises:
        GraphError: There is none: some nodes wait for each other.
    """
    waiting = list(nodes)
    made = set(inputs)
    ordered: list[Node] = []
    while waiting:
        ready = [node for node in waiting if all(tensor in made for tensor in node.inputs)]
        if not ready:
            names = ", ".join(node.name for node in waiting[:3])
            raise GraphError(f"{name}: a cycle, or a tensor that nobody makes, near {names}")
        ordered += ready
        made.update(tensor for node in ready for tensor in node.outputs)
        done = {id(node) for node in ready}
        waiting = [node for node in waiting if id(node) not in done]
    return tuple(ordered)
