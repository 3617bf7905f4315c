"""Our own lossless file (.hwsim): a manifest, and weights as the bytes of their storage formats.

A safetensors file of two tensors: `manifest`, the deflated JSON of the graph, and `weights`, what
flash would hold, end to end. Files of version 1 (unpacked codes, the manifest as metadata) are
read too.
"""

from __future__ import annotations

import errno
import json
import zlib
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from hwsim.errors import HwsimError, InterchangeError
from hwsim.graph import Graph, validate
from hwsim.interchange._hwsim_blob import Arrays, BlobReader, BlobWriter
from hwsim.interchange._hwsim_graph import MALFORMED, graph_of, problem_of
from hwsim.interchange._hwsim_tree import tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.arrays import Array
    from hwsim.interchange._hwsim_graph import Source
    from hwsim.interchange._json_values import Tree

# Readers refuse versions that they do not know; raise it when the manifest changes its meaning.
VERSION = 2
# A manifest inflates to no more than this and so many times its bytes: small files stay small.
_MANIFEST_BYTES = 1 << 20
_MANIFEST_RATIO = 64


def write_hwsim(graph: Graph, path: Path) -> None:
    """Write `graph`; `read_hwsim` gives the same one back, bit by bit.

    Raises:
        OSError: The file cannot be written.
    """
    blob = BlobWriter()
    manifest = json.dumps(tree_of(graph, blob), separators=(",", ":")).encode()
    arrays = {"manifest": np.frombuffer(_deflated(manifest), np.uint8), "weights": blob.content}
    try:
        save_file(arrays, path, metadata={"hwsim": str(VERSION)})
    except SafetensorError as error:
        # So it calls a disk that is full, too.
        raise OSError(errno.EIO, str(error)) from error


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
        manifest, source = _parts(metadata["hwsim"], arrays, path)
        return validate(graph_of(manifest, source))
    except InterchangeError:
        raise
    except (SafetensorError, OSError, HwsimError, zlib.error, *MALFORMED) as error:
        raise InterchangeError(f"{path.name}: damaged .hwsim file ({problem_of(error)})") from error


def _parts(told: str, arrays: dict[str, Array], path: Path) -> tuple[Tree, Source]:
    """Return the manifest and what its weights are read from, as the file's version has them."""
    if not told.startswith("{"):
        if told != str(VERSION):
            raise InterchangeError(f"{path.name}: version {told!r}, expected 1 or {VERSION}")
        blob = BlobReader(_bytes_of(arrays["weights"]), path.stat().st_size)
        return cast("Tree", json.loads(_inflated(_bytes_of(arrays["manifest"])))), blob
    manifest = cast("Tree", json.loads(told))
    version = manifest["version"]
    if type(version) is not int or version != 1:
        raise InterchangeError(f"{path.name}: manifest version {version!r}, expected 1")
    return manifest, Arrays(arrays)


def _bytes_of(array: Array) -> Array:
    if array.dtype != np.uint8 or array.ndim != 1:
        raise ValueError(f"expected bytes, got {array.dtype}{list(array.shape)}")
    return array


def _deflated(manifest: bytes) -> bytes:
    small = zlib.compress(manifest, level=9)
    return small if len(manifest) <= _most(small) else zlib.compress(manifest, level=0)


def _inflated(packed: Array) -> bytes:
    content = packed.tobytes()
    inflater = zlib.decompressobj()
    manifest = inflater.decompress(content, _most(content))
    if not inflater.eof:
        raise ValueError(f"a manifest of {len(content)} bytes that inflates to too many, or is cut")
    return manifest


def _most(packed: bytes) -> int:
    return _MANIFEST_BYTES + _MANIFEST_RATIO * len(packed)
