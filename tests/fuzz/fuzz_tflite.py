"""Fuzz the reader of TensorFlow Lite flatbuffers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hwsim.interchange import load
from tests.fuzz.models import written, written_of
from tests.fuzz.mutations import flipped, words_set
from tests.fuzz.target import Target

# Written as a constant that no operator makes, which the reader expects of each output.
REFUSED = frozenset({"constant_rows"})


def _seeds() -> Iterator[bytes]:
    yield from written(".tflite", "dense", "sparse", but=REFUSED)


def _odd() -> Iterator[bytes]:
    yield from written_of(REFUSED, ".tflite", "dense", "sparse")


def _mutate(content: bytes, rng: Random) -> bytes:
    return words_set(content, rng) if rng.random() < 0.8 else flipped(content, rng)


TARGET = Target(name="tflite", suffix=".tflite", seeds=_seeds, read=load, mutate=_mutate, odd=_odd)
