"""Fuzz the reader of .hwsim files: manifest and weights are damaged, then packed again."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import load as arrays_of  # pyright: ignore[reportUnknownVariableType]
from safetensors.numpy import save as bytes_of  # pyright: ignore[reportUnknownVariableType]

from hwsim.interchange import load
from tests.fuzz.models import written
from tests.fuzz.mutations import flipped, tree_damaged, words_set
from tests.fuzz.parts import MAGIC, joined, taken
from tests.fuzz.target import Target

WORDS = (
    "dense", "csr", "csc", "bsr4x4", "bsr256x256", "bitmask", "nm2:4", "2:4", "rle", "huffman",
    "codebook", "relative", "signs", "trits", "float64", "int64", "conv2d", "linear", "relu",
)  # fmt: skip


_EVERY = 40


def _seeds() -> Iterator[bytes]:
    for i, content in enumerate(written(".hwsim")):
        if i % _EVERY == 0:
            yield content  # As it is: its header can be damaged too.
        tensors: Any = arrays_of(content)
        manifest = zlib.decompress(tensors["manifest"].tobytes())
        yield joined({"manifest": manifest, "weights": tensors["weights"].tobytes()})


def _dressed(content: bytes) -> bytes:
    if not content.startswith(MAGIC):
        return content
    parts = taken(content)
    packed = {
        "manifest": np.frombuffer(zlib.compress(parts.get("manifest", b""), 1), np.uint8),
        "weights": np.frombuffer(parts.get("weights", b""), np.uint8),
    }
    return bytes_of(packed, metadata={"hwsim": "2"})


def _mutate(content: bytes, rng: Random) -> bytes:
    if not content.startswith(MAGIC):
        return flipped(content, rng)
    parts = taken(content)
    manifest, weights = parts.get("manifest", b""), parts.get("weights", b"")
    if rng.random() < 0.3:
        weights = rng.choice((flipped, words_set))(weights, rng)
    else:
        try:
            tree = json.loads(manifest)
        except ValueError:
            manifest = flipped(manifest, rng)
        else:
            manifest = json.dumps(tree_damaged(tree, rng, WORDS)).encode()
    return joined({"manifest": manifest, "weights": weights})


TARGET = Target(
    name="hwsim",
    suffix=".hwsim",
    seeds=_seeds,
    read=load,
    mutate=_mutate,
    dressed=_dressed,
    words=WORDS,
)
