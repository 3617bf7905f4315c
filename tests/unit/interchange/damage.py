"""Damage a file in ways that a disk, a network or an enemy would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

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
    """Return a .hwsim file with its manifest changed by `edit`."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    manifest = json.loads(header["__metadata__"]["hwsim"])
    edit(manifest)
    header["__metadata__"]["hwsim"] = json.dumps(manifest)
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + content[8 + length :]
