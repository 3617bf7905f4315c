"""Write ONNX models (.onnx), float32 and quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.interchange.onnx.write_graph import onnx_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from hwsim.graph import Graph


def write_onnx(graph: Graph, path: Path) -> None:
    """Write `graph` with QuantizeLinear and DequantizeLinear around real operators.

    Inputs and outputs keep names, shapes and types: images lie channels last, and integer models
    take and make codes. Equal graphs make equal bytes.

    Raises:
        InterchangeError: ONNX or ONNX Runtime has no such op.
    """
    path.write_bytes(onnx_bytes(graph, "qdq"))


def write_onnx_qoperator(graph: Graph, path: Path) -> None:
    """Write `graph` with operators of integers, ONNX's own and ONNX Runtime's; see `write_onnx`."""
    path.write_bytes(onnx_bytes(graph, "qoperator"))
