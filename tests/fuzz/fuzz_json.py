"""Fuzz the reader of tables of layer shapes, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from hwsim.interchange import load
from tests.fuzz.mutations import flipped, tree_damaged
from tests.fuzz.tables import WORDS, odd_tables, tables
from tests.fuzz.target import Target


def _seeds() -> Iterator[bytes]:
    yield from map(_written, tables())


def _odd() -> Iterator[bytes]:
    yield from map(_written, odd_tables())


def _written(rows: list[dict[str, str]]) -> bytes:
    return json.dumps({"layers": rows}).encode()


def _mutate(content: bytes, rng: Random) -> bytes:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return flipped(content, rng)
    if rng.random() < 0.1:
        return flipped(content, rng)
    return json.dumps(tree_damaged(tree, rng, WORDS)).encode()


TARGET = Target(
    name="json", suffix=".json", seeds=_seeds, read=load, mutate=_mutate, words=WORDS, odd=_odd
)
