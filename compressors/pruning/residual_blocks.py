"""Residual blocks: the parts of a network that can go whole, because an identity goes past them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from hwsim.errors import RecipeError
from hwsim.graph import validate
from hwsim.ops import (
    Add,
    Constant,
    Elementary,
    MaxPool2d,
    Quantize,
    Reshape,
    ResizeNearest,
    Slice,
    Tile,
    Transpose,
)
from hwsim.ops._activation import BOUNDS
from hwsim.ops.elementary import CLAMPS

if TYPE_CHECKING:
    from collections.abc import Collection

    from hwsim.graph import Graph, Node
    from hwsim.op import Op
    from hwsim.ops._activation import Fused
    from hwsim.ops.elementary import Function

# Ops that choose among their operand's values: bounds hold of what they make.
_CHOOSING = (MaxPool2d, Reshape, ResizeNearest, Slice, Tile, Transpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBlock:
    """y = x + f(x), of equal shapes.

    Attributes:
        name: Of the node that sums.
        nodes: Names of the nodes of f, in order: those that nothing else needs.
        source: The tensor x.
        output: The tensor y.
    """

    name: str
    nodes: tuple[str, ...]
    source: str
    output: str


def find_residual_blocks(graph: Graph) -> tuple[ResidualBlock, ...]:
    """Return the residual blocks of `graph`, in order; one may lie within another.

    A block's branch f reads x; what else it reads (a mask, a memory) comes from elsewhere. A sum
    of two layers (a shortcut by projection) is none: no identity would be left.
    """
    ancestors = _ancestors(graph)
    blocks: list[ResidualBlock] = []
    for node in graph.nodes:
        if isinstance(node.op, Add):
            for source, branch in (node.inputs, node.inputs[::-1]):
                block = _block(graph, node, source, branch, ancestors)
                if block is not None:
                    blocks.append(block)
                    break
    return tuple(blocks)


def _ancestors(graph: Graph) -> dict[str, frozenset[str]]:
    """Return the names of all nodes that each tensor needs."""
    needed: dict[str, frozenset[str]] = {tensor: frozenset() for tensor in graph.inputs}
    for node in graph.nodes:
        own = frozenset([node.name]).union(*(needed[tensor] for tensor in node.inputs))
        needed.update(dict.fromkeys(node.outputs, own))
    return needed


def _block(
    graph: Graph,
    total: Node,
    source: str,
    branch: str,
    ancestors: dict[str, frozenset[str]],
) -> ResidualBlock | None:
    """Return the block whose branch ends in the tensor `branch`, if there is one."""
    maker = graph.producers.get(source)
    if source == branch or (maker is not None and isinstance(maker.op, Constant)):
        return None
    shapes = {graph.tensors[tensor].shape for tensor in (source, branch, total.outputs[0])}
    within = ancestors[branch] - ancestors[source]
    nodes = [node for node in graph.nodes if node.name in within]
    root = _root(graph, source)
    reads_source = any(_root(graph, tensor) == root for node in nodes for tensor in node.inputs)
    if len(shapes) > 1 or not reads_source:
        return None
    # Constants that others read too stay; nothing else of the branch may be read outside of it.
    own = within | {total.name}
    private = [node for node in nodes if _is_private(graph, node, own)]
    if any(not isinstance(n.op, Constant) for n in nodes if n not in private):
        return None
    names = tuple(node.name for node in private)
    return ResidualBlock(name=total.name, nodes=names, source=source, output=total.outputs[0])


def _root(graph: Graph, tensor: str) -> str:
    """Return the tensor whose elements `tensor` is, in another shape at most."""
    node = graph.producers.get(tensor)
    while node is not None and isinstance(node.op, Reshape):
        tensor = node.inputs[0]
        node = graph.producers.get(tensor)
    return tensor


def _is_private(graph: Graph, node: Node, own: Collection[str]) -> bool:
    return all(
        tensor not in graph.outputs and all(n.name in own for n in graph.consumers[tensor])
        for tensor in node.outputs
    )


def without_blocks(graph: Graph, names: Collection[str]) -> Graph:
    """Return `graph` with y = x instead of y = x + f(x) in the blocks named.

    A clamp fused into the sum, or right after it (ResNet: y = relu(x + f(x))), stays unless x is
    clamped by the same one already: clamping twice is clamping once, so that the block goes
    without a trace. In an integer graph whose x and y have encodings of their own, codes of one
    are made codes of the other where the sum was.

    Args:
        graph: What to shrink.
        names: Of `ResidualBlock`s of `graph`.

    Raises:
        RecipeError: No block has such a name, or nothing would be left between an input of the
            graph and an output.
    """
    blocks = find_residual_blocks(graph)
    known = [block.name for block in blocks]
    for name in names:
        if name not in known:
            raise RecipeError(
                f"{graph.name}: expected a sum with an identity path, y = x + f(x): "
                f"{', '.join(known) or 'there is none'}; got {name!r}, which cannot go without "
                "another shape or function of what is left"
            )
    inner = {name for block in blocks if block.name in names for name in block.nodes}
    for name in known:
        if name in names and name not in inner:
            # Those before it may have given it another source.
            block = next(b for b in find_residual_blocks(graph) if b.name == name)
            graph = _without_block(graph, block)
    return validate(graph)


def _without_block(graph: Graph, block: ResidualBlock) -> Graph:
    total = next(node for node in graph.nodes if node.name == block.name)
    left = _left_of(graph, total, block.source)
    gone = {*block.nodes, *(() if left is not None else (block.name,))}
    nodes = [
        replace(node, op=left, inputs=(block.source,))
        if left is not None and node.name == block.name
        else node
        for node in graph.nodes
        if node.name not in gone
    ]
    renamed: dict[str, str] = {}
    if left is None:
        repeated = _repeated_clamps(graph, block)
        nodes = [node for node in nodes if node.name not in {again.name for again in repeated}]
        renamed = _renamed(graph, block, [again.outputs[0] for again in repeated])
    nodes = [
        replace(
            node,
            inputs=tuple(renamed.get(tensor, tensor) for tensor in node.inputs),
            outputs=tuple(renamed.get(tensor, tensor) for tensor in node.outputs),
        )
        for node in nodes
    ]
    used = {*graph.inputs, *(tensor for node in nodes for tensor in node.outputs)}
    tensors = {name: type_ for name, type_ in graph.tensors.items() if name in used}
    return replace(graph, nodes=tuple(nodes), tensors=tensors)


def _left_of(graph: Graph, total: Node, source: str) -> Op | None:
    """Return what still stands between x and y: a clamp, or a change of encoding; None: nothing."""
    activation = total.op.activation if isinstance(total.op, Add) else "none"
    low, high = BOUNDS[activation]
    least, most = _bounds(graph, source)
    if low > least or high < most:
        return Elementary(function=cast("Function", activation))
    if graph.tensors[source].quant != graph.tensors[total.outputs[0]].quant:
        return Quantize()
    return None


def _bounds(graph: Graph, tensor: str) -> tuple[float, float]:
    """Return between which values clamps hold a tensor."""
    node = graph.producers.get(tensor)
    while node is not None and isinstance(node.op, _CHOOSING) and _clamp(node.op) == "none":
        node = graph.producers.get(node.inputs[0])
    return BOUNDS["none" if node is None else _clamp(node.op)]


def _clamp(op: Op) -> Fused:
    """Return the clamp that `op` is, or that is fused into it."""
    if isinstance(op, Elementary):
        return CLAMPS.get(op.function, "none")
    return cast("Fused", getattr(op, "activation", "none"))


def _repeated_clamps(graph: Graph, block: ResidualBlock) -> list[Node]:
    """Return the clamps right after a sum that hold x where it is already."""
    least, most = _bounds(graph, block.source)
    type_ = graph.tensors[block.output]
    found: list[Node] = []
    for node in graph.consumers[block.output]:
        if isinstance(node.op, Elementary) and node.op.function in CLAMPS:
            (low, high), made = BOUNDS[_clamp(node.op)], node.outputs[0]
            is_repeated = low <= least and most <= high and graph.tensors[made] == type_
            if is_repeated and made not in graph.outputs:
                found.append(node)
    return found


def _renamed(graph: Graph, block: ResidualBlock, repeated: list[str]) -> dict[str, str]:
    """Return the new names of tensors once x is y.

    Raises:
        RecipeError: An output of the graph would have to be an input, or another output.
    """
    if block.output not in graph.outputs:
        return dict.fromkeys([block.output, *repeated], block.source)
    if block.source in graph.inputs or block.source in graph.outputs:
        raise RecipeError(
            f"{graph.name}/{block.name}: without this block the output {block.output!r} would be "
            f"{block.source!r} itself, an input or another output; leave this block"
        )
    return dict.fromkeys([block.source, *repeated], block.output)
