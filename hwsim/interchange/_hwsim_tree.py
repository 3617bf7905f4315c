"""A graph as the JSON tree of a .hwsim manifest."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from hwsim.tensor import Weight

if TYPE_CHECKING:
    from hwsim.graph import Graph
    from hwsim.interchange._hwsim_blob import BlobWriter
    from hwsim.interchange._json_values import Tree
    from hwsim.numerics import Quant
    from hwsim.op import Op


def tree_of(graph: Graph, blob: BlobWriter) -> Tree:
    """Return the manifest of `graph`; what is long lies in `blob`, in the order of the nodes."""
    encodings = [type_.quant for type_ in graph.tensors.values() if type_.quant is not None]
    factors = tuple(dict.fromkeys(scale for quant in encodings for scale in quant.scale))
    return {
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "tensors": {
            name: {"shape": type_.shape, "quant": _quant_tree(type_.quant, blob, factors)}
            for name, type_ in graph.tensors.items()
        },
        "nodes": [
            {
                "name": node.name,
                "op": node.op.kind,
                "inputs": node.inputs,
                "outputs": node.outputs,
                "fields": _op_tree(node.op, blob, factors),
            }
            for node in graph.nodes
        ],
    }


def _quant_tree(quant: Quant | None, blob: BlobWriter, factors: tuple[float, ...]) -> Tree | None:
    if quant is None:
        return None
    tree: Tree = {
        "scale": blob.reals(quant.scale, factors),
        "zero_point": blob.integers(quant.zero_point),
        "axis": quant.axis,
        "bits": quant.bits,
        "signed": quant.signed,
    }
    if quant.group is not None:
        tree |= {"group": quant.group, "scale_bits": quant.scale_bits}
    if quant.is_bipolar:
        tree["is_bipolar"] = True
    return tree


def _op_tree(op: Op, blob: BlobWriter, factors: tuple[float, ...]) -> Tree:
    tree: Tree = {}
    for field in fields(op):  # pyright: ignore[reportArgumentType]
        value = getattr(op, field.name)
        if isinstance(value, Weight):
            value = {"quant": _quant_tree(value.quant, blob, factors)} | _weight_tree(value, blob)
        tree[field.name] = value
    return tree


def _weight_tree(weight: Weight, blob: BlobWriter) -> Tree:
    tree = blob.weight(weight)
    return tree | {"is_decoded": True} if weight.is_decoded else tree
