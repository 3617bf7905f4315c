"""The JSON tree of a .hwsim manifest as a graph: everything it says is checked."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from hwsim.errors import HwsimError
from hwsim.formats.find import find_format
from hwsim.graph import Graph, Node
from hwsim.interchange._json_values import Tree, integers, text, texts
from hwsim.interchange._op_fields import checked_field
from hwsim.numerics import Quant
from hwsim.ops import OPS
from hwsim.tensor import TensorType, Weight

if TYPE_CHECKING:
    from collections.abc import Generator

    from hwsim.arrays import Array
    from hwsim.op import Op

MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
    OverflowError,
)
"""What a manifest of other types than expected leads to."""

_OPS = {op.kind: op for op in OPS}


class Source(Protocol):
    """Where the numbers lie that do not stand in the manifest."""

    def codes(self, tree: Tree, dtype: np.dtype[Any], bits: int) -> Array:
        """Return the codes of the weight that `tree` describes."""
        ...

    def numbers(self, value: object) -> list[object]:
        """Return the list that `value` is, or says the place of."""
        ...


def problem_of(error: Exception) -> str:
    """Return what is wrong, in one line."""
    text = " ".join(str(error).split())
    return f"key {text} is missing" if type(error) is KeyError else text


@contextmanager
def _within(where: str) -> Generator[None, None, None]:
    """Let what is malformed inside be reported with the place in the manifest."""
    try:
        yield
    except (HwsimError, *MALFORMED) as error:
        raise ValueError(f"{where}: {problem_of(error)}") from error


def graph_of(manifest: Tree, source: Source) -> Graph:
    """Return the graph of `manifest`, its weights read from `source`.

    Raises:
        HwsimError: It makes no sense; or one of `MALFORMED`.
    """
    tensors: dict[str, TensorType] = {}
    if not isinstance(manifest["tensors"], dict) or not isinstance(manifest["nodes"], list):
        raise TypeError("expected a mapping of tensors and a list of nodes")
    for name, tree in cast("dict[str, Tree]", manifest["tensors"]).items():
        with _within(f"tensor {name!r}"):
            tensors[name] = _tensor_type(tree, source)
    nodes: list[Node] = []
    for index, tree in enumerate(cast("list[Tree]", manifest["nodes"])):
        with _within(f"node {index}"):
            nodes.append(_node(tree, source))
    return Graph(
        name=text(manifest["name"]),
        inputs=texts(manifest["inputs"]),
        outputs=texts(manifest["outputs"]),
        tensors=tensors,
        nodes=tuple(nodes),
    )


def _tensor_type(tree: Tree, source: Source) -> TensorType:
    quant = _quant(tree["quant"], source)
    if quant is not None and (len(quant.scale) > 1 or quant.group is not None):
        raise ValueError(f"an activation has one scale, got {len(quant.scale)}")
    return TensorType(shape=integers(tree["shape"]), quant=quant)


def _node(tree: Tree, source: Source) -> Node:
    name = text(tree["name"])
    with _within(repr(name)):
        return Node(
            name=name,
            op=_op(text(tree["op"]), tree["fields"], source),
            inputs=texts(tree["inputs"]),
            outputs=texts(tree["outputs"]),
        )


def _op(kind: str, tree: Tree, source: Source) -> Op:
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
                value = _weight(cast("Tree", value), source)
        values[name] = checked_field(kind, name, type_, value)
    return op(**values)


def _weight(tree: Tree, source: Source) -> Weight:
    quant = _quant(tree["quant"], source)
    expected = np.dtype(np.float32) if quant is None else quant.dtype
    codes = source.codes(tree, expected, 32 if quant is None else quant.bits)
    if codes.dtype != expected or codes.ndim < 1 or not _fits(quant, codes.shape):
        raise ValueError(f"{codes.dtype}{list(codes.shape)} does not fit the encoding {quant}")
    if (
        quant is not None
        and codes.size
        and not quant.low <= codes.min() <= codes.max() <= quant.high
    ):
        raise ValueError(f"codes {codes.min()}..{codes.max()} are not {quant.bits} bits wide")
    if quant is not None and quant.is_bipolar and not codes.all():
        raise ValueError("bipolar codes are -1 and +1, got 0 among them")
    is_decoded = tree.get("is_decoded", False)
    if type(is_decoded) is not bool:
        raise TypeError(f"is_decoded is true or false, got {is_decoded!r}")
    return Weight(
        codes=codes,
        quant=quant,
        format=find_format(text(tree["format"])),
        is_decoded=is_decoded,
    )


def _fits(quant: Quant | None, shape: tuple[int, ...]) -> bool:
    """Return whether there are as many scales as constants of this shape need."""
    if quant is None or len(quant.scale) == 1:
        return True
    per_row = 1 if quant.group is None else -(-math.prod(shape[1:]) // quant.group)
    return len(quant.scale) == shape[0] * per_row


def _quant(tree: Tree | None, source: Source) -> Quant | None:
    if tree is None:
        return None
    scale, zeros = tuple(source.numbers(tree["scale"])), tree["zero_point"]
    # One integer stands for all where there are several.
    alike = [zeros] * len(scale) if type(zeros) is int else source.numbers(zeros)
    zero_point = integers(alike)
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
    is_bipolar = tree.get("is_bipolar", False)
    if type(is_bipolar) is not bool:
        raise TypeError(f"is_bipolar is true or false, got {is_bipolar!r}")
    quant = Quant(
        is_bipolar=is_bipolar,
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
