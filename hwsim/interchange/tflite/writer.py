"""Write TensorFlow Lite flatbuffers (.tflite)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange.tflite.write_graph import tflite_file

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.graph import Graph


def write_tflite(graph: Graph, path: Path) -> tuple[str, ...]:
    """Write `graph`; LiteRT gives the integers that hwsim gives for it.

    Returns:
        What the file holds otherwise than it lies in memory, a line each.

    Raises:
        InterchangeError: TFLite has no such op, or not with these types or attributes.
    """
    return _written(graph, path, is_sparse=False)


def write_tflite_sparse(graph: Graph, path: Path) -> tuple[str, ...]:
    """Write `graph` with weights that lie sparse stored so; see `write_tflite`.

    TFLite Micro takes some of them for dense ones: run such files on LiteRT.
    """
    return _written(graph, path, is_sparse=True)


def _written(graph: Graph, path: Path, *, is_sparse: bool) -> tuple[str, ...]:
    content, notes = tflite_file(graph, is_sparse=is_sparse)
    path.write_bytes(content)
    return notes
