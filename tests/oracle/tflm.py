"""TensorFlow Lite Micro as an oracle: outputs of a model for stacked inputs."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pytest

from hwsim.arrays import Array

runtime: Any = pytest.importorskip(
    "tflite_micro.python.tflite_micro.runtime", reason="needs tflite-micro"
)

_ARENA_BYTES: Final = 1 << 21


class LackingError(Exception):
    """The interpreter has no kernel for these types."""


@contextmanager
def _quiet() -> Generator[None]:
    """Leave out what the interpreter writes about models that it lacks a kernel for."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def outputs(content: bytes, x: Array) -> Array:
    """Return the first output for stacked inputs [samples, ...]: [samples, ...].

    Raises:
        LackingError: There is no kernel for this model.
    """
    results: list[Array] = []
    with _quiet():
        try:
            made = runtime.Interpreter.from_bytes(content, arena_size=_ARENA_BYTES)
            for sample in x.reshape(-1, *made.get_input_details(0)["shape"]):
                made.set_input(sample, 0)
                made.invoke()
                results.append(made.get_output(0))
        except RuntimeError as error:
            raise LackingError(str(error)) from None
    return np.stack(results)
