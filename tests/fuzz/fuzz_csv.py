"""Fuzz the reader of tables of layer shapes, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from random import Random

from hwsim.interchange import load
from tests.fuzz.mutations import flipped, text_damaged
from tests.fuzz.tables import WORDS, odd_tables, tables
from tests.fuzz.target import Target


def _seeds() -> Iterator[bytes]:
    yield from map(_written, tables())


def _odd() -> Iterator[bytes]:
    yield from map(_written, odd_tables())


def _written(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _mutate(content: bytes, rng: Random) -> bytes:
    if rng.random() < 0.1:
        return flipped(content, rng)
    lines = [line.split(",") for line in content.decode(errors="replace").split("\n")]
    if rng.random() < 0.3:
        return text_damaged(content, rng, WORDS)
    for _ in range(rng.choice((1, 1, 2, 3))):
        row = rng.choice(lines)
        row[rng.randrange(len(row))] = rng.choice(WORDS)
    if rng.random() < 0.2:
        lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return "\n".join(",".join(row) for row in lines).encode()


TARGET = Target(
    name="csv", suffix=".csv", seeds=_seeds, read=load, mutate=_mutate, words=WORDS, odd=_odd
)
