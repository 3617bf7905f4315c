"""Names of nodes in a TFLite file, which names tensors alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from hwsim.errors import InterchangeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NODE_NAMES = "hwsim.node_names"
"""Metadata that tells the nodes' names where those of their results do not: a JSON object."""


def node_name(tensor: str, tensors: Sequence[str]) -> str:
    """Return a short name for the node that makes `tensor`.

    Converters join the names of everything they fused with semicolons; the last one is the
    layer's.

    Args:
        tensor: One of `tensors`.
        tensors: All names of the file.
    """
    short = tensor.rsplit(";", maxsplit=1)[-1]
    is_unique = sum(name.rsplit(";", maxsplit=1)[-1] == short for name in tensors) == 1
    return short if short and is_unique else tensor


def write_names(told: Mapping[str, str]) -> dict[str, bytes]:
    """Return the metadata that tells names of nodes by their first result."""
    return {NODE_NAMES: json.dumps(told).encode()} if told else {}


def read_names(where: str, model: Any) -> dict[str, str]:
    """Return the names of nodes by their first result, as far as the file tells them.

    Raises:
        InterchangeError: The metadata is not what `write_names` writes.
    """
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if (entry.Name() or b"").decode(errors="replace") != NODE_NAMES:
            continue
        content = model.Buffers(entry.Buffer()).DataAsNumpy()
        try:
            told = cast("object", json.loads(bytes(content)))
        except (TypeError, ValueError, RecursionError) as error:
            raise InterchangeError(f"{where}: damaged metadata {NODE_NAMES!r}") from error
        if isinstance(told, dict):
            names = cast("dict[str, object]", told)
            if all(isinstance(name, str) and name.isprintable() for name in names.values()):
                return cast("dict[str, str]", names)
        raise InterchangeError(f"{where}: metadata {NODE_NAMES!r} is no mapping of names")
    return {}


def unique_names(where: str, tensors: Sequence[Any]) -> list[str]:
    """Return a printable name for each tensor of the schema; those given twice get their index.

    Raises:
        InterchangeError: Even so they cannot be told apart.
    """
    names: dict[str, None] = {}
    for index, tensor in enumerate(tensors):
        name = (tensor.Name() or b"").decode(errors="replace") or f"tensor{index}"
        if not name.isprintable():
            name = name.encode("unicode_escape").decode()
        names[f"{name}#{index}" if name in names else name] = None
    if len(names) < len(tensors):
        raise InterchangeError(f"{where}: tensor names that cannot be told apart")
    return list(names)
