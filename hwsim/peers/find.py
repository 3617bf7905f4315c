"""Every runtime that can be compared with, by the word of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hwsim.peers.litert import litert_tensors
from hwsim.peers.onnxruntime import onnxruntime_tensors
from hwsim.peers.tflite_micro import tflite_micro_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hwsim.arrays import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A runtime that gives its tensors.

    Attributes:
        name: As the command line spells it.
        suffix: Of the files that it runs.
        policy: Which of our numerics claims to be it.
        run: File, stacked inputs as the model takes them, and the names of the tensors wanted, to
            tensors by name: [samples, ...] each, perhaps not all that are wanted, perhaps more.
    """

    name: str
    suffix: str
    policy: str
    run: Callable[[Path, Array, Sequence[str]], dict[str, Array]]


PEERS: tuple[Peer, ...] = (
    Peer(name="litert", suffix=".tflite", policy="xnnpack", run=partial(litert_tensors, "AUTO")),
    Peer(
        name="litert-ref",
        suffix=".tflite",
        policy="tflite-ref",
        run=partial(litert_tensors, "BUILTIN_REF"),
    ),
    Peer(
        name="litert-ruy",
        suffix=".tflite",
        policy="tflite-ruy",
        run=partial(litert_tensors, "BUILTIN_WITHOUT_DEFAULT_DELEGATES"),
    ),
    Peer(name="tflite-micro", suffix=".tflite", policy="tflm", run=tflite_micro_tensors),
    Peer(name="onnxruntime", suffix=".onnx", policy="ort", run=onnxruntime_tensors),
)
"""A new runtime is an entry here."""


def find_peer(name: str) -> Peer | None:
    """Return the runtime of that name; None where there is none."""
    return next((peer for peer in PEERS if peer.name == name), None)
