"""Fuzz the reader of samples: members of the archive are damaged, then packed again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from hwsim.data import load_data
from tests.fuzz.mutations import AWKWARD, flipped
from tests.fuzz.parts import MAGIC, joined, taken, unzipped, zipped
from tests.fuzz.target import Target

WORDS = ("'descr': '|O'", "'<f8'", "'<i8'", "'|S1000000000'", "(1, )", "()", "True", "(1 << 40,)")


def _seeds() -> Iterator[bytes]:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    y = np.arange(3)
    given: tuple[dict[str, Any], ...] = (
        {"x": x},
        {"x": x, "y": y},
        {"x": x.astype(np.int8), "y": y.astype(np.int8), "z": y},
        {"x": np.asfortranarray(x)},
    )
    for arrays in given:
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        yield unzipped(buffer.getvalue())
    packed = io.BytesIO()
    np.savez_compressed(packed, x=x)
    yield packed.getvalue()


def _mutate(content: bytes, rng: Random) -> bytes:
    if not content.startswith(MAGIC):
        return flipped(content, rng)
    parts = taken(content)
    if not parts:
        return content
    name = rng.choice(list(parts))
    part = parts[name]
    if rng.random() < 0.6:
        end = max(part.find(b"\n"), 1)
        head = part[:end].decode(errors="replace")
        old = rng.choice(("(3, 4)", "(3,)", "'<f4'", "'|i1'", "False", "descr", "3", "4"))
        numbers = [str(n) for n in AWKWARD if type(n) is int]
        shapes = [f"({a}, {b})" for a, b in (rng.sample(numbers, 2),)]
        new = rng.choice((*WORDS, *shapes, *numbers))
        changed = head.replace(old, new, 1)
        # The header says its own length.
        size = len(changed.encode()) - 10
        made = changed.encode()
        part = made[:8] + max(size + 1, 0).to_bytes(4, "little")[:2] + made[10:] + part[end:]
    else:
        part = flipped(part, rng)
    parts[name] = part
    return joined(parts)


TARGET = Target(
    name="npz", suffix=".npz", seeds=_seeds, read=load_data, mutate=_mutate, dressed=zipped,
    words=WORDS,
)  # fmt: skip
