"""Fuzz the reader of recipe files."""

from __future__ import annotations

from collections.abc import Iterator

from compressors import COMPRESSORS, parse
from tests.fuzz.fuzz_spec import NEEDED, WORDS
from tests.fuzz.target import Target
from tests.fuzz.yaml_damage import damage


def _seeds() -> Iterator[bytes]:
    for step in COMPRESSORS:
        needed = NEEDED.get(step.name, "").replace("=", ": ")
        yield f"version: 1\nname: n\nsteps:\n- {step.name}: {{{needed}}}\n".encode()
    yield (
        b"version: 1\nsteps:\n- prune:\n    structure: unstructured\n    sparsity: 0.9\n"
        b"- quantize: {weights: 8, activations: 8}\n"
    )


def _odd() -> Iterator[bytes]:
    for name in NEEDED:
        yield f"version: 1\nname: n\nsteps:\n- {name}\n".encode()


TARGET = Target(
    name="recipe",
    suffix=".yaml",
    seeds=_seeds,
    read=parse,
    mutate=damage(WORDS),
    words=WORDS,
    odd=_odd,
)
