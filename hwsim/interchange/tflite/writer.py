"""Write TensorFlow Lite flatbuffers (.tflite)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange.tflite.write_graph import tflite_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.graph import Graph


def write_tflite(graph: Graph, path: Path) -> None:
    """Write `graph`; LiteRT gives the integers that hwsim gives for it.

    Raises:
        InterchangeError: TFLite has no such op, or not with these types or attributes.
    """
    path.write_bytes(tflite_bytes(graph))
