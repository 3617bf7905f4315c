"""Fuzz the reader of recipes as spec strings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from compressors import COMPRESSORS, parse
from tests.fuzz.mutations import flipped, text_damaged
from tests.fuzz.target import Target

WORDS = (
    *(step.name for step in COMPRESSORS),
    *sorted({key for step in COMPRESSORS for key in step.model_fields}),
    "|", "{", "}", "=", ",", '"', "\\", "2:4", "unstructured", "0.5", "8", "1e999", "nan", "true",
    '"a|b"', ".yaml", "none",
)  # fmt: skip


def _seeds() -> Iterator[bytes]:
    for step in COMPRESSORS:
        yield step.name.encode()
        for key in step.model_fields:
            for value in ("1", "0.5", "true", "dense", "2:4"):
                yield f"{step.name}{{{key}={value}}}".encode()
    yield b"prune{structure=unstructured,sparsity=0.9}|quantize{weights=8,activations=8}"


def _read(path: Path) -> object:
    text = path.read_bytes().decode("utf-8", errors="replace")
    if "/" in text or text.strip().lower().endswith((".yaml", ".yml")):
        return None  # It names a file; see the fuzzer of recipe files.
    recipe = parse(text)
    assert parse(str(recipe)) == recipe, str(recipe)
    return recipe


def _mutate(content: bytes, rng: Random) -> bytes:
    if rng.random() < 0.1:
        return flipped(content, rng)
    return text_damaged(content, rng, WORDS)


TARGET = Target(name="spec", suffix=".txt", seeds=_seeds, read=_read, mutate=_mutate, words=WORDS)
