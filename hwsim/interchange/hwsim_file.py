"""Our own lossless file (.hwsim): a safetensors file whose metadata is the graph's manifest."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
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
    from collections.abc import Generator
    from pathlib import Path

    from hwsim.arrays import Array
    from hwsim.op import Op

# Readers refuse files of another version; raise it when the manifest changes its meaning.
VERSION = 1

Tree: TypeAlias = dict[str, Any]
_OPS = {op.kind: op for op in OPS}
# What a manifest of other types than expected leads to.
_MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
    OverflowError,
)


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
        version = manifest["version"]
        if type(version) is not int or version != VERSION:
            raise InterchangeError(f"{path.name}: manifest version {version!r}, expected {VERSION}")
        return validate(_graph(manifest, arrays))
    except InterchangeError:
        raise
    except (SafetensorError, OSError, HwsimError, *_MALFORMED) as error:
        raise InterchangeError(f"{path.name}: damaged .hwsim file ({_problem(error)})") from error


def _problem(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"key {text} is missing" if type(error) is KeyError else text


@contextmanager
def _within(where: str) -> Generator[None, None, None]:
    """Let what is malformed inside be reported with the place in the manifest."""
    try:
        yield
    except (HwsimError, *_MALFORMED) as error:
        raise ValueError(f"{where}: {_problem(error)}") from error


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


def _graph(manifest: Tree, arrays: dict[str, Array]) -> Graph:
    tensors: dict[str, TensorType] = {}
    if not isinstance(manifest["tensors"], dict) or not isinstance(manifest["nodes"], list):
        raise TypeError("expected a mapping of tensors and a list of nodes")
    for name, tree in cast("dict[str, Tree]", manifest["tensors"]).items():
        with _within(f"tensor {name!r}"):
            tensors[name] = _tensor_type(tree)
    nodes: list[Node] = []
    for index, tree in enumerate(cast("list[Tree]", manifest["nodes"])):
        with _within(f"node {index}"):
            nodes.append(_node(tree, arrays))
    return Graph(
        name=_text(manifest["name"]),
        inputs=_texts(manifest["inputs"]),
        outputs=_texts(manifest["outputs"]),
        tensors=tensors,
        nodes=tuple(nodes),
    )


def _tensor_type(tree: Tree) -> TensorType:
    quant = _quant(tree["quant"])
    if quant is not None and (len(quant.scale) > 1 or quant.group is not None):
        raise ValueError(f"an activation has one scale, got {len(quant.scale)}")
    return TensorType(shape=_integers(tree["shape"]), quant=quant)


def _node(tree: Tree, arrays: dict[str, Array]) -> Node:
    name = _text(tree["name"])
    with _within(repr(name)):
        return Node(
            name=name,
            op=_op(_text(tree["op"]), tree["fields"], arrays),
            inputs=_texts(tree["inputs"]),
            outputs=_texts(tree["outputs"]),
        )


def _op(kind: str, tree: Tree, arrays: dict[str, Array]) -> Op:
    if kind not in _OPS:
        raise ValueError(f"op {kind!r} is not known; known: {', '.join(_OPS)}")
    op = _OPS[kind]
    declared = {field.name: str(field.type) for field in fields(op)}  # pyright: ignore[reportArgumentType]
    if unknown := [name for name in tree if name not in declared]:
        raise ValueError(f"{kind} has no field {unknown[0]!r}; it has {', '.join(declared)}")
    values: Tree = {}
    for name, type_ in declared.items():
        value = tree[name]
        if isinstance(value, dict):
            with _within(name):
                value = _weight(cast("Tree", value), arrays)
        values[name] = checked_field(kind, name, type_, value)
    return op(**values)


def _weight(tree: Tree, arrays: dict[str, Array]) -> Weight:
    codes, quant = arrays[_text(tree["codes"])], _quant(tree["quant"])
    expected = np.dtype(np.float32) if quant is None else quant.dtype
    if codes.dtype != expected or codes.ndim < 1 or not _fits(quant, codes.shape):
        raise ValueError(f"{codes.dtype}{list(codes.shape)} does not fit the encoding {quant}")
    if (
        quant is not None
        and codes.size
        and not quant.low <= codes.min() <= codes.max() <= quant.high
    ):
        raise ValueError(f"codes {codes.min()}..{codes.max()} are not {quant.bits} bits wide")
    is_decoded = tree.get("is_decoded", False)
    if type(is_decoded) is not bool:
        raise TypeError(f"is_decoded is true or false, got {is_decoded!r}")
    return Weight(
        codes=codes,
        quant=quant,
        format=find_format(_text(tree["format"])),
        is_decoded=is_decoded,
    )


def _fits(quant: Quant | None, shape: tuple[int, ...]) -> bool:
    """Return whether there are as many scales as constants of this shape need."""
    if quant is None or len(quant.scale) == 1:
        return True
    per_row = 1 if quant.group is None else -(-math.prod(shape[1:]) // quant.group)
    return len(quant.scale) == shape[0] * per_row


def _quant(tree: Tree | None) -> Quant | None:
    if tree is None:
        return None
    scale, zero_point = tuple(cast("list[object]", tree["scale"])), _integers(tree["zero_point"])
    if not scale or not all(isinstance(s, float) and 0 < s < np.inf for s in scale):
        raise ValueError("scales must be positive reals")
    axis, bits, signed = tree["axis"], tree["bits"], tree["signed"]
    # One scale may name an axis, which then means nothing; several need one.
    is_axis_known = (axis is None and len(scale) == 1) or (type(axis) is int and 0 <= axis < 4)
    if type(bits) is not int or not 1 <= bits <= 64 or not is_axis_known:
        raise ValueError(f"an encoding of {bits!r} bits along axis {axis!r}")
    if type(signed) is not bool or len(scale) != len(zero_point):
        raise ValueError("an encoding needs `signed`, true or false, and a zero point per scale")
    group, scale_bits = tree.get("group"), tree.get("scale_bits", 32)
    if (type(group) is not int or group < 1 or axis != 0) and group is not None:
        raise ValueError(f"groups of {group!r} along axis {axis!r}; they need axis 0")
    if scale_bits not in (16, 32):
        raise ValueError(f"scales of groups take 16 or 32 bits, got {scale_bits!r}")
    quant = Quant(
        group=group,
        scale_bits=scale_bits,
        scale=cast("tuple[float, ...]", scale),
        zero_point=zero_point,
        axis=axis,
        bits=bits,
        signed=signed,
    )
    if not quant.low <= min(zero_point) <= max(zero_point) <= quant.high:
        raise ValueError(f"zero points {quant.low}..{quant.high} exist, got {list(zero_point)}")
    return quant


def _integers(values: object) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(
        type(v) is int for v in cast("list[object]", values)
    ):
        raise TypeError(f"expected a list of integers, got {values!r}")
    return tuple(cast("list[int]", values))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"expected a list of names, got {values!r}")
    return tuple(_text(value) for value in cast("list[object]", values))
