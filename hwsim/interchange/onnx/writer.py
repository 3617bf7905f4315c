"""Write ONNX models (.onnx), float32 and quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange.onnx.write_graph import onnx_file

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.graph import Graph
    from hwsim.interchange.onnx.write_draft import Style


def write_onnx(graph: Graph, path: Path) -> tuple[str, ...]:
    """Write `graph` with QuantizeLinear and DequantizeLinear around real operators.

    Inputs and outputs keep names, shapes and types: images lie channels last, and integer models
    take and make codes. Equal graphs make equal bytes.

    Returns:
        What the file holds otherwise than it lies in memory, a line each.

    Raises:
        InterchangeError: ONNX or ONNX Runtime has no such op.
    """
    return _written(graph, path, "qdq")


def write_onnx_qoperator(graph: Graph, path: Path) -> tuple[str, ...]:
    """Write `graph` with operators of integers, ONNX's own and ONNX Runtime's; see `write_onnx`."""
    return _written(graph, path, "qoperator")


def write_onnx_sparse(graph: Graph, path: Path) -> tuple[str, ...]:
    """Write `graph` with weights that lie sparse as sparse constants; see `write_onnx`."""
    return _written(graph, path, "qdq", is_sparse=True)


def _written(graph: Graph, path: Path, style: Style, *, is_sparse: bool = False) -> tuple[str, ...]:
    content, notes = onnx_file(graph, style, is_sparse=is_sparse)
    path.write_bytes(content)
    return notes
