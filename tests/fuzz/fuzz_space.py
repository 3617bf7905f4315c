"""Fuzz the reader of search spaces."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.cli.space_file import AxisFile, SpaceFile, SupernetFile, read_space
from tests.fuzz.target import Target
from tests.fuzz.yaml_damage import damage

WORDS = (
    *AxisFile.model_fields, *SpaceFile.model_fields, *SupernetFile.model_fields, "{width}",
    "{bits}", "prune{sparsity={width}}", "latency_s", "accuracy", "energy_j", "1e-300", "1e300",
    "1000000",
)  # fmt: skip


def _seeds() -> Iterator[bytes]:
    yield (
        b"version: 1\naxes:\n  width: {choices: [0.25, 0.5]}\n  bits: {low: 2, high: 8, step: 2}\n"
        b"recipe: prune{sparsity={width}}|quantize{weights={bits},activations=8}\n"
        b"objectives: [latency_s, accuracy]\nconstraints: {flash_bytes: 100000}\n"
    )
    yield (
        b"version: 1\naxes:\n  depth: {low: 1, high: 3}\n"
        b"supernet: {strides: [1, 2], drawn: 1, finetune: {epochs: 1}}\n"
    )
    yield b"version: 1\naxes:\n  wide: {choices: [true, a]}\ntrain: {epochs: 2}\n"


def _odd() -> Iterator[bytes]:
    # YAML reads the name of this axis as true.
    yield b"version: 1\naxes:\n  on: {choices: [true, a]}\ntrain: {epochs: 2}\n"


TARGET = Target(
    name="space",
    suffix=".yaml",
    seeds=_seeds,
    read=read_space,
    mutate=damage(WORDS),
    words=WORDS,
    odd=_odd,
)
