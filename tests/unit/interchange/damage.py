"""Damage a file in ways that a disk, a network or an enemy would."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as safetensors_arrays  # pyright: ignore[reportUnknownVariableType]
from safetensors.numpy import save as safetensors_bytes  # pyright: ignore[reportUnknownVariableType]

from hwsim.errors import InterchangeError
from hwsim.graph import Graph, validate
from hwsim.interchange import load

# A reader that needs longer for a file of some kilobytes hangs, or makes something huge.
LONGEST_S = 2.0


def truncations(content: bytes, count: int) -> Iterator[bytes]:
    """Give the file cut off at `count` places, its first bytes among them."""
    for length in sorted({*range(9), *np.linspace(9, len(content) - 1, count, dtype=int).tolist()}):
        yield content[:length]


def flips(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Give the file with one to four bytes replaced, half of them by awkward ones."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        damaged = bytearray(content)
        for place in rng.integers(0, len(damaged), rng.integers(1, 5)):
            awkward = (0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256)), int(rng.integers(256)))
            damaged[place] = awkward[rng.integers(len(awkward))]
        yield bytes(damaged)


def read(path: Path, content: bytes) -> Graph | str:
    """Return the graph, or the message: one line. Anything else that is raised is a bug."""
    path.write_bytes(content)
    start = time.perf_counter()
    try:
        result: Graph | str = validate(load(path))
    except InterchangeError as error:
        result = str(error)
        assert "\n" not in result, result
        assert result.isprintable(), result
    assert time.perf_counter() - start < LONGEST_S
    return result


def manifest_edited(content: bytes, edit: Callable[[Any], object]) -> bytes:
    """Return a .hwsim file, of either version, with its manifest changed by `edit`."""
    tensors: dict[str, Any] = safetensors_arrays(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata: dict[str, str] = header["__metadata__"]
    is_old = metadata["hwsim"].startswith("{")
    told = metadata["hwsim"] if is_old else zlib.decompress(tensors["manifest"].tobytes())
    manifest = json.loads(told)
    edit(manifest)
    written = json.dumps(manifest)
    if is_old:
        metadata["hwsim"] = written
    else:
        packed = zlib.compress(written.encode())
        tensors["manifest"] = np.frombuffer(packed, np.uint8)
    return safetensors_bytes(tensors, metadata=metadata)
