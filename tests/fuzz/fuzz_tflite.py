"""Fuzz the reader of TensorFlow Lite flatbuffers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hwsim.interchange import load
from tests.fuzz.models import written
from tests.fuzz.mutations import flipped, words_set
from tests.fuzz.target import Target


def _seeds() -> Iterator[bytes]:
    yield from written(".tflite", "dense", "sparse")


def _mutate(content: bytes, rng: Random) -> bytes:
    return words_set(content, rng) if rng.random() < 0.8 else flipped(content, rng)


TARGET = Target(name="tflite", suffix=".tflite", seeds=_seeds, read=load, mutate=_mutate)
