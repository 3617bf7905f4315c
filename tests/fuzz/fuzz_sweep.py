"""Fuzz the reader of sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hwsim.cli.sweep_file import SweepFile, read_sweep
from hwsim.interchange import save
from tests.fuzz.target import Target
from tests.fuzz.yaml_damage import damage
from tests.graphs import mlp

MODEL = "model.hwsim"
WORDS = (
    *SweepFile.model_fields, MODEL, "corstone300_tflm", "hardware.clock_hz", "scale.clock", "from",
    "to", "steps", "scale", "log", "whole", "random", "latin_hypercube", "count", "seed", "none",
    "a < b", "prune{sparsity={a}}", "os:getcwd", "1000000", "80e6",
)  # fmt: skip


def _seeds() -> Iterator[bytes]:
    head = f"version: 1\nmodels: [{MODEL}]\ndevices: [corstone300_tflm]\n".encode()
    yield head
    yield head + b"recipes: [none, 'prune{sparsity={a}}']\naxes:\n  a: [0.5, 0.9]\n"
    yield head + b"axes:\n  hardware.clock_hz: {from: 80.0e+6, to: 200.0e+6, steps: 3}\n"
    yield head + b"axes: {scale.clock: {from: 1.0, to: 9.0}}\nsampling: random\nsamples: 5\n"


def _odd() -> Iterator[bytes]:
    *_, last = _seeds()
    yield last.replace(b"random\nsamples: 5", b"{random: 5}")
    yield last.replace(b"random", b"grid")
    yield last.replace(b"samples: 5", b"samples: 0")


def _read(path: Path) -> object:
    model = path.parent / MODEL
    if not model.exists():
        save(mlp(), model)
    return read_sweep(path, [])


TARGET = Target(
    name="sweep",
    suffix=".yaml",
    seeds=_seeds,
    read=_read,
    mutate=damage(WORDS),
    words=WORDS,
    odd=_odd,
)
