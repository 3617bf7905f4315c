"""Read ONNX models (.onnx), float32 and quantized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwsim.errors import GraphError, InterchangeError
from hwsim.interchange.onnx.read_file import model_of
from hwsim.interchange.onnx.read_graph import read
from hwsim.limits import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hwsim.graph import Graph
    from hwsim.interchange.onnx.read_graph import Reading


def read_onnx(path: Path) -> Graph:
    """Return the graph of an .onnx file, tensor names kept; constants may lie in files beside it.

    Raises:
        InterchangeError: The file is damaged, or holds an operator or type that is not supported.
    """
    return _reading(path).graph


def onnx_axis_orders(path: Path) -> Mapping[str, tuple[int, ...]]:
    """Return how the axes of each tensor of `read_onnx(path)` lie in the file.

    Axis i of tensor t of the graph is axis orders[t][i] in the file: images lie channels last in a
    graph.

    Raises:
        InterchangeError: See `read_onnx`.
    """
    return _reading(path).orders


def _reading(path: Path) -> Reading:
    try:
        model = model_of(path)
        if not model.opset_import or not model.graph.output:
            raise InterchangeError(f"{path.name}: not an ONNX file: has no operator set or output")
        # What is computed while reading takes time too.
        return read(model, path.stem, expanded(path.stat().st_size) // 4)
    except InterchangeError:
        raise
    except GraphError as error:
        raise InterchangeError(f"{path.name}: {error}") from error
    except Exception as error:
        # Protobuf checks types only; whatever a damaged file says may lead anywhere.
        problem = " ".join(str(error).split())
        raise InterchangeError(
            f"{path.name}: damaged ONNX file ({type(error).__name__}: {problem})"
        ) from error
