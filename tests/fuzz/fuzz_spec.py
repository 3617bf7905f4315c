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

NEEDED = {
    "factorize": "rank=2",
    "mixed_precision": "budget=0.5",
    "prune": "sparsity=0.5",
    "share": "bits=4",
}
"""The settings without which steps are refused, by step."""


def _seeds() -> Iterator[bytes]:
    """Give each step with what it needs, and each of its settings at its default."""
    for step in COMPRESSORS:
        needed = NEEDED.get(step.name)
        yield _spec(step.name, needed)
        for key, field in step.model_fields.items():
            if field.default is not None and not field.is_required():
                yield _spec(step.name, needed, f"{key}={field.default}")
    yield b"prune{structure=unstructured,sparsity=0.9}|quantize{weights=8,activations=8}"


def _odd() -> Iterator[bytes]:
    """Give numbers and switches that are words, and steps without what they need."""
    yield from map(str.encode, NEEDED)
    for step in COMPRESSORS:
        needed = NEEDED.get(step.name)
        for key, field in step.model_fields.items():
            if isinstance(field.default, int | float):
                yield _spec(step.name, needed, f"{key}=word")


def _spec(name: str, *settings: str | None) -> bytes:
    return f"{name}{{{','.join(each for each in settings if each)}}}".encode()


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


TARGET = Target(
    name="spec", suffix=".txt", seeds=_seeds, read=_read, mutate=_mutate, words=WORDS, odd=_odd
)
