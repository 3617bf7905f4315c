"""Write .hwsim files of version 1: unpacked codes as tensors, and the manifest as metadata."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from hwsim.arrays import Array
from hwsim.graph import Graph
from hwsim.numerics import Quant
from hwsim.op import Op
from hwsim.tensor import Weight

Tree = dict[str, Any]


def write_version_1(graph: Graph, path: Path) -> None:
    """Write `graph` as hwsim 0.1 did until files held packed weights."""
    arrays: dict[str, Array] = {}
    manifest = {
        "version": 1,
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "tensors": {
            name: {"shape": type_.shape, "quant": _quant_tree(type_.quant)}
            for name, type_ in graph.tensors.items()
        },
        "nodes": [
            {
                "name": node.name,
                "op": node.op.kind,
                "inputs": node.inputs,
                "outputs": node.outputs,
                "fields": _op_tree(f"{index}", node.op, arrays),
            }
            for index, node in enumerate(graph.nodes)
        ],
    }
    contiguous = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    save_file(contiguous, path, metadata={"hwsim": json.dumps(manifest)})


def _quant_tree(quant: Quant | None) -> Tree | None:
    if quant is None:
        return None
    return {
        "scale": quant.scale,
        "zero_point": quant.zero_point,
        "axis": quant.axis,
        "bits": quant.bits,
        "signed": quant.signed,
        **_group_tree(quant),
    }


def _group_tree(quant: Quant) -> Tree:
    """Return what only encodings with groups say, so that other files stay as they were."""
    if quant.group is None:
        return {}
    return {"group": quant.group, "scale_bits": quant.scale_bits}


def _op_tree(key: str, op: Op, arrays: dict[str, Array]) -> Tree:
    tree: Tree = {}
    for field in fields(op):  # pyright: ignore[reportArgumentType]
        value = getattr(op, field.name)
        if isinstance(value, Weight):
            arrays[f"{key}.{field.name}"] = value.codes
            tree[field.name] = {
                "codes": f"{key}.{field.name}",
                "quant": _quant_tree(value.quant),
                "format": value.format.name,
                **({"is_decoded": True} if value.is_decoded else {}),
            }
        else:
            tree[field.name] = value
    return tree
