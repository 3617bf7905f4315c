"""Read the messages of an ONNX file, and constants that lie beside it; sizes are checked first."""

from __future__ import annotations

import os
from functools import cache
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto

from hwsim.errors import InterchangeError
from hwsim.limits import GRAPH_NODES, MODEL_BYTES, expanded, require_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from onnx import ModelProto, NodeProto

# Functions within functions; exporters make two or three levels.
_MOST_LEVELS = 32


def model_of(path: Path) -> ModelProto:
    """Return the model of an .onnx file, its constants in it.

    Raises:
        InterchangeError: It is larger than `hwsim.limits` allow, or names files that are not
            beside it.
        DecodeError: It is damaged; or what else protobuf raises.
    """
    require_file(path, MODEL_BYTES, InterchangeError)
    model = onnx.load(path, load_external_data=False)  # pyright: ignore[reportUnknownMemberType]
    _require_few_nodes(model, path.name)
    outside = [t for t in _tensors(model) if t.data_location == TensorProto.EXTERNAL]
    sizes = {_file_of(tensor, path): 0 for tensor in outside}
    for file in sizes:
        sizes[file] = file.stat().st_size
    left = expanded(sum(sizes.values()))
    for tensor in outside:
        file = _file_of(tensor, path)
        offset, length = _span(tensor, sizes[file], path.name)
        left -= length
        if left < 0:
            raise InterchangeError(f"{path.name}: constants in {file.name} overlap too often")
        with file.open("rb") as content:
            content.seek(offset)
            tensor.raw_data = content.read(length)
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    return model


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Yield the constants of a model; those of graphs within nodes are never read."""
    yield from model.graph.initializer
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in nodes:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t


def _file_of(tensor: TensorProto, path: Path) -> Path:
    """Return the file that holds a constant: beside the model, or in a folder there."""
    location = next((e.value for e in tensor.external_data if e.key == "location"), "")
    pure = PurePosixPath(location)
    is_away = pure.is_absolute() or PureWindowsPath(location).is_absolute() or ".." in pure.parts
    file = path.parent / location
    folder = os.path.realpath(path.parent)
    if is_away or not location or os.path.commonpath([folder, os.path.realpath(file)]) != folder:
        raise InterchangeError(
            f"{path.name}: constant {tensor.name!r}: expected a file beside the model, "
            f"got {location!r}"
        )
    if not file.is_file():
        raise InterchangeError(
            f"{path.name}: constant {tensor.name!r}: no such file beside the model: {location!r}"
        )
    return file


def _span(tensor: TensorProto, size: int, where: str) -> tuple[int, int]:
    """Return where a constant's bytes begin in its file, and how many there are."""
    given = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset = int(given.get("offset", "0"))
        length = int(given.get("length", str(size - offset)))
    except ValueError as error:
        raise InterchangeError(f"{where}: constant {tensor.name!r}: {error}") from error
    if min(offset, length) < 0 or offset + length > size:
        raise InterchangeError(
            f"{where}: constant {tensor.name!r}: expected bytes within the {size} of its file, "
            f"got {offset}..{offset + length}"
        )
    return offset, length


def _require_few_nodes(model: ModelProto, where: str) -> None:
    """Refuse models that become huge when functions are written out: each may call others twice."""
    functions = {(f.domain, f.name): f.node for f in model.functions}
    under_way: list[tuple[str, str]] = []

    @cache
    def nodes_in(name: tuple[str, str]) -> int:
        if name in under_way or len(under_way) >= _MOST_LEVELS:
            raise InterchangeError(f"{where}: function {name[1]!r} calls itself, or nests too deep")
        under_way.append(name)
        count = written_out(functions[name])
        under_way.pop()
        return count

    def written_out(nodes: Iterable[NodeProto]) -> int:
        called = [(node.domain, node.op_type) for node in nodes]
        return sum(nodes_in(name) if name in functions else 1 for name in called)

    count = written_out(model.graph.node)
    if count > GRAPH_NODES:
        raise InterchangeError(f"{where}: expected at most {GRAPH_NODES} nodes, got {count}")
