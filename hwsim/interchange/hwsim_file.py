"""Our own lossless file (.hwsim): a safetensors file whose metadata is the graph's manifest."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from hwsim.errors import HwsimError, InterchangeError
from hwsim.formats.find import find_format
from hwsim.graph import Graph, Node, validate
from hwsim.interchange._op_fields import checked_field
from hwsim.numerics import Quant
from hwsim.ops import OPS
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Array
    from hwsim.op import Op

# Readers refuse files of another version; raise it when the manifest changes its meaning.
VERSION = 1

Tree: TypeAlias = dict[str, Any]
_OPS = {op.kind: op for op in OPS}


def write_hwsim(graph: Graph, path: Path) -> None:
    """Write `graph`; `read_hwsim` gives the same one back, bit by bit."""
    arrays: dict[str, Array] = {}
    manifest = {
        "version": VERSION,
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


def read_hwsim(path: Path) -> Graph:
    """Return the graph of a .hwsim file.

    Raises:
        InterchangeError: The file is damaged, of another version, or its graph is not valid.
    """
    try:
        opened: Any = safe_open(path, framework="np")
        with opened as file:
            metadata = cast("dict[str, str] | None", file.metadata()) or {}
            arrays = {key: cast("Array", file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
        if "hwsim" not in metadata:
            raise InterchangeError(f"{path.name}: a safetensors file without an hwsim manifest")
        manifest = cast("Tree", json.loads(metadata["hwsim"]))
        if manifest["version"] != VERSION:
            raise InterchangeError(
                f"{path.name}: manifest version {manifest['version']!r}, expected {VERSION}"
            )
        return validate(_graph(manifest, arrays))
    except InterchangeError:
        raise
    except (HwsimError, SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    except (AttributeError, IndexError, RecursionError, OverflowError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InterchangeError:
    problem = " ".join(str(error).split())
    return InterchangeError(f"{path.name}: damaged .hwsim file ({type(error).__name__}: {problem})")


def _quant_tree(quant: Quant | None) -> Tree | None:
    if quant is None:
        return None
    return {
        "scale": quant.scale,
        "zero_point": quant.zero_point,
        "axis": quant.axis,
        "bits": quant.bits,
        "signed": quant.signed,
    }


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
            }
        else:
            tree[field.name] = value
    return tree


def _graph(manifest: Tree, arrays: dict[str, Array]) -> Graph:
    tensors = {
        name: TensorType(shape=_integers(tree["shape"]), quant=_quant(tree["quant"]))
        for name, tree in cast("dict[str, Tree]", manifest["tensors"]).items()
    }
    nodes = tuple(
        Node(
            name=_text(tree["name"]),
            op=_op(tree["op"], tree["fields"], arrays),
            inputs=_texts(tree["inputs"]),
            outputs=_texts(tree["outputs"]),
        )
        for tree in cast("list[Tree]", manifest["nodes"])
    )
    return Graph(
        name=_text(manifest["name"]),
        inputs=_texts(manifest["inputs"]),
        outputs=_texts(manifest["outputs"]),
        tensors=tensors,
        nodes=nodes,
    )


def _op(kind: str, tree: Tree, arrays: dict[str, Array]) -> Op:
    if kind not in _OPS:
        raise InterchangeError(f"op {kind!r} is not known; known: {', '.join(_OPS)}")
    op = _OPS[kind]
    values: Tree = {}
    for field in fields(op):  # pyright: ignore[reportArgumentType]
        value = tree[field.name]
        if isinstance(value, dict):
            value = _weight(cast("Tree", value), arrays)
        values[field.name] = checked_field(kind, field.name, str(field.type), value)
    return op(**values)


def _weight(tree: Tree, arrays: dict[str, Array]) -> Weight:
    codes, quant = arrays[tree["codes"]], _quant(tree["quant"])
    expected = np.dtype(np.float32) if quant is None else quant.dtype
    channels = 1 if quant is None else len(quant.scale)
    if codes.dtype != expected or channels not in (1, codes.shape[0]):
        raise ValueError(f"{tree['codes']}: {codes.dtype}{list(codes.shape)} for {quant}")
    return Weight(codes=codes, quant=quant, format=find_format(_text(tree["format"])))


def _quant(tree: Tree | None) -> Quant | None:
    if tree is None:
        return None
    scale = tuple(float(s) for s in tree["scale"])
    zero_point = _integers(tree["zero_point"])
    axis, bits = tree["axis"], int(tree["bits"])
    if len(scale) != len(zero_point) or not all(0 < s < np.inf for s in scale):
        raise ValueError("scales must be positive, and as many as zero points")
    # One scale may name an axis, which then means nothing; several need one.
    is_axis_known = axis in (0, 1, 2, 3) or (axis is None and len(scale) == 1)
    if not 1 <= bits <= 32 or not is_axis_known:
        raise ValueError(f"an encoding of {bits} bits along axis {axis}")
    return Quant(
        scale=scale, zero_point=zero_point, axis=axis, bits=bits, signed=bool(tree["signed"])
    )


def _integers(values: object) -> tuple[int, ...]:
    return tuple(int(value) for value in cast("list[int]", values))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _texts(values: object) -> tuple[str, ...]:
    return tuple(_text(value) for value in cast("list[object]", values))
